"""A corpus of stems into a corpus of normalised stems: one read, one pass, one write a stem, and a card beside it."""

import os
import shutil
import zlib
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from fxnorm import __version__, audio, audio_files, documents, files
from fxnorm.corpus import TrackRef
from fxnorm.corpus.stems import STEMS
from fxnorm.errors import InputError
from fxnorm.normalization.impulse_responses import Responses
from fxnorm.normalization.normalizer import Chain, Normalizer, Settings
from fxnorm.normalization.reverb import STEMS_WITH_REVERB
from fxnorm.normalization.statistics import FxStats
from fxnorm.parallel.runner import Failure, Jobs, Progress, explain, run, silent_progress
from fxnorm.units import amplitude_to_db

# Its version is part of every result's signature: raise it when the chain computes something else.
CARD = documents.DocumentType(
    "fxnorm-card", 1, noun="the card of a stem", remedy="normalise the corpus again", indent=2
)
CHAIN = "chain.json"
SUBTYPES = {"wav": ("FLOAT", "PCM_24", "PCM_16", "PCM_32", "DOUBLE"), "flac": ("PCM_24", "PCM_16")}


@dataclass(frozen=True)
class Layout:
    """Where results go and what files they become.

    Attributes
    ----------
    out : Path or None
        A folder of its own, shaped as the corpus is; None puts results beside the originals.
    suffix : str
        What follows the stem in the name of a result beside its original.
    format : {"wav", "flac"}
    subtype : str
        A libsndfile subtype; the format's first of `SUBTYPES` if empty.
    """

    out: Path | None
    suffix: str = "normalized"
    format: str = "wav"
    subtype: str = ""

    def __post_init__(self) -> None:
        if self.format not in SUBTYPES:
            raise InputError(f"expected the format {' or '.join(SUBTYPES)}, got {self.format!r}")
        object.__setattr__(self, "subtype", self.subtype or SUBTYPES[self.format][0])
        if self.subtype not in SUBTYPES[self.format]:
            raise InputError(
                f"expected a subtype of {self.format} ({', '.join(SUBTYPES[self.format])}), got {self.subtype!r}"
            )
        if self.out is None and not self.suffix:
            raise InputError("expected a suffix for results beside the originals, got none")

    @property
    def clips(self) -> bool:
        """Whether the files hold nothing beyond full scale."""
        return self.subtype not in ("FLOAT", "DOUBLE")

    def target(self, track: TrackRef, stem: str) -> Path:
        """The file that a normalised stem becomes."""
        if self.out is None:
            return track.folder / f"{stem}_{self.suffix}.{self.format}"
        return self.out / track.location / f"{stem}.{self.format}"

    def place(self, track: TrackRef) -> Path:
        """The folder that a run keeps for itself while it writes the results of a track."""
        return track.folder.parent if self.out is None else self.out


@dataclass(frozen=True)
class Plan:
    """Everything that a run has decided, the songs apart.

    Attributes
    ----------
    stats : FxStats
    settings : Settings
    layout : Layout
    responses : Responses
        Used only if reverb is among the effects.
    rooms : Responses or None
        Rooms that really dry stems are put into first.
    seed : int
        Of everything drawn at random; a stem's own generator is seeded by (seed, track, stem).
    force : bool
        Redo what is done already.
    """

    stats: FxStats
    settings: Settings
    layout: Layout
    responses: Responses = field(default_factory=Responses)
    rooms: Responses | None = None
    seed: int = 0
    force: bool = False

    def random_parts(self, stem: str) -> dict[str, Any]:
        """What decides the random part of a stem's fate; empty where nothing is drawn for it."""
        parts = {"reverb": self.responses if "reverb" in self.settings.active else None, "rooms": self.rooms}
        drawn = {name: responses.identity() for name, responses in parts.items() if responses is not None}
        return {"seed": self.seed, **drawn} if drawn and stem in STEMS_WITH_REVERB else {}

    def normalizer(self) -> Normalizer:
        """The chain; loads impulse responses if it needs them."""
        responses = self.responses.load() if "reverb" in self.settings.active else ()
        rooms = self.rooms.load() if self.rooms else ()
        return Normalizer(self.stats, self.settings, responses=responses, rooms=rooms)


@dataclass(frozen=True)
class Job:
    """One stem to be normalised."""

    plan: Plan
    track: TrackRef
    stem: str

    @property
    def source(self) -> Path:
        return self.track.stems[self.stem]

    @property
    def target(self) -> Path:
        return self.plan.layout.target(self.track, self.stem)

    @property
    def card(self) -> Path:
        return self.target.with_suffix(".json")

    @property
    def place(self) -> Path:
        return self.plan.layout.place(self.track)


@dataclass(frozen=True)
class Result:
    """What a run did: stems normalised, stems found done, and failures by name."""

    done: int
    kept: int
    failures: tuple[Failure, ...]


def normalize_corpus(
    tracks: Sequence[TrackRef], plan: Plan, *, jobs: Jobs = 1, progress: Progress = silent_progress
) -> Result:
    """Normalise every stem of every track.

    A stem whose card says that it came from the same source by the same settings is left alone, so a run that was
    interrupted goes on where it stopped, and a changed setting redoes what it touches. In a folder of its own each
    song whose stems are all there gets its mixture too, linked where the file system can, and `chain.json` says how
    dry stems are normalised the same way.

    Parameters
    ----------
    tracks : sequence of TrackRef
    plan : Plan
    jobs : int or Runner
        Worker processes, or another way to run.
    progress : callable
        Called with (stems done, stems in all, what was just done).

    Returns
    -------
    Result
        A failed stem stops no other, and nothing half-written is left of it.

    Raises
    ------
    InputError
        If results would overwrite originals or files that fxnorm did not make, or cannot be written, or another run
        is writing there; nothing is done.
    RunError
        If the disk is full, or no worker can be had; what is finished is kept.
    """
    every = [Job(plan, track, stem) for track in tracks for stem in track.stems]
    plan.normalizer()  # what it needs is there, or nothing begins
    _check_output(every, plan)
    with ExitStack() as stack:
        for place in sorted({job.place for job in every}):
            folders = {job.target.parent for job in every if job.place == place}
            stack.enter_context(files.lock_folder(place, sweeping={place, *folders}))
        if plan.layout.out is not None:
            Chain(plan.stats, plan.settings).save(plan.layout.out / CHAIN)
        return _normalize(tracks, every, plan, jobs, progress)


def _normalize(tracks: Sequence[TrackRef], every: Sequence[Job], plan: Plan, jobs: Jobs, progress: Progress) -> Result:
    queue = [(job.track, job.stem) for job in every if plan.force or not _is_done(job)]
    kept = len(every) - len(queue)
    failures: list[Failure] = []
    done = 0
    for position, ((track, stem), error) in enumerate(run(partial(normalize_stem, plan), queue, jobs=jobs), start=1):
        if error is None:
            done += 1
        else:
            failures.append(Failure(track.id, stem, explain(error)))
        progress(kept + position, len(every), f"{track.id} {stem}")
    incomplete = {failure.track for failure in failures}
    for track in tracks:
        if track.id not in incomplete:
            try:
                _link_mixture(track, plan)
            except OSError as error:
                failures.append(Failure(track.id, "mixture", explain(error)))
    return Result(done, kept, tuple(failures))


def normalize_stem(plan: Plan, item: tuple[TrackRef, str]) -> None:
    """Normalise one stem, write it, and write its card."""
    job = Job(plan, *item)
    with files.share_folder(job.place):
        _normalize_stem(job)


def _normalize_stem(job: Job) -> None:
    signature = _signature(job)  # of the source as it is before it is read: it may change meanwhile
    source, rate = audio_files.read(job.source)
    track = zlib.crc32(job.track.id.encode(errors="surrogateescape"))
    rng = np.random.default_rng([job.plan.seed, track, STEMS.index(job.stem)])
    normalized, steps = job.plan.normalizer()(source, rate, job.stem, rng=rng)
    peak_db, scaled_db = _peak_db(normalized), 0.0
    if job.plan.layout.clips and (largest := audio.peak(normalized)) > 1.0:
        normalized = normalized / np.float32(largest)
        peak_db, scaled_db = 0.0, -peak_db
    job.target.parent.mkdir(parents=True, exist_ok=True)
    # From here until the card is whole it says which audio is ours, and vouches for none.
    ours = {job.target.name, *_audio_of(CARD.find(job.card))}
    CARD.write(job.card, CARD.wrap({"signature": None, "ours": sorted(ours)}))
    audio_files.write(job.target, normalized, rate, subtype=job.plan.layout.subtype)
    for name in ours - {job.target.name}:  # of another format
        (job.target.parent / name).unlink(missing_ok=True)
    card = {
        "fxnorm": __version__,
        "signature": signature,
        "track": job.track.id,
        "stem": job.stem,
        "source": {
            "file": job.source.name,
            "rate_hz": rate,
            "channels": source.shape[0],
            "samples": source.shape[1],
            "peak_db": _peak_db(source),
        },
        "output": {
            "file": job.target.name,
            "bytes": job.target.stat().st_size,
            "peak_db": peak_db,
            "scaled_db": scaled_db,
        },
        "stats": {"title": job.plan.stats.title, "signature": job.plan.stats.signature},
        "chain": job.plan.settings.deciding(job.stem),
        "strength": {effect: job.plan.settings.strength_of(effect) for effect in job.plan.settings.effects},
        "steps": [step.to_dict() for step in steps],
    }
    CARD.write(job.card, CARD.wrap(card))


def _signature(job: Job) -> str:
    """Hash of all that decides what a stem becomes."""
    state = job.source.stat()
    content: dict[str, Any] = {
        "version": CARD.version,
        "source": [str(job.source.name), state.st_size, state.st_mtime_ns],
        "chain": {k: v for k, v in job.plan.settings.deciding(job.stem).items() if _touches(k, job.stem)},
        "targets": {
            effect: _plain(job.plan.stats.target(effect, job.stem))
            for effect in job.plan.settings.active
            if effect != "reverb"
        },
        "random": job.plan.random_parts(job.stem),
        "layout": [job.plan.layout.format, job.plan.layout.subtype],
    }
    return documents.signature(content)


def _is_done(job: Job) -> bool:
    """Whether a card says that the result is there already."""
    card = CARD.find(job.card)
    try:
        return bool(card["signature"] == _signature(job) and card["output"]["bytes"] == job.target.stat().st_size)
    except (OSError, KeyError, TypeError):
        return False


def _audio_of(card: dict[str, Any]) -> set[str]:
    """Names of the files that a card, finished or not, says are of fxnorm's making."""
    output = card.get("output")
    names = [*card.get("ours", ()), *([output["file"]] if isinstance(output, dict) and "file" in output else [])]
    return {Path(str(name)).name for name in names}


def _touches(effect: str, stem: str) -> bool:
    return effect != "reverb" or stem in STEMS_WITH_REVERB


def _check_output(queue: Sequence[Job], plan: Plan) -> None:
    sources = {job.source.resolve() for job in queue}
    for job in queue:
        beside = job.target.parent.resolve() == job.track.folder.resolve()
        if job.target.resolve() in sources or (beside and plan.layout.out is not None):
            raise InputError(f"{job.target}: would overwrite the original; choose another output folder")
        if job.target.exists() and not plan.force and not job.card.exists():
            raise InputError(f"{job.target}: was not made by fxnorm; choose another output folder, or --force")
    if plan.layout.out is not None:
        try:
            plan.layout.out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"{plan.layout.out}: cannot be written to ({error.strerror}); choose another folder"
            ) from error
        files.require_writable(plan.layout.out)


def _link_mixture(track: TrackRef, plan: Plan) -> None:
    """Give a normalised song its mixture: a link to the file where the file system can, a copy otherwise."""
    if plan.layout.out is None or track.mixture is None:
        return
    source = track.mixture.resolve()
    target = plan.layout.out / track.location / track.mixture.name
    if target.exists() and not plan.force:
        ours, theirs = target.stat(), source.stat()
        if (ours.st_size, ours.st_mtime_ns) == (theirs.st_size, theirs.st_mtime_ns):
            return
    with files.replacing(target) as temporary:
        try:
            os.link(source, temporary)
        except OSError:  # another file system, or one without links
            shutil.copy2(source, temporary)


def _plain(feature: Any) -> Any:
    if hasattr(feature, "to_dict"):
        return feature.to_dict()
    return feature.tolist() if isinstance(feature, np.ndarray) else feature


def _peak_db(samples: audio.Audio) -> float:
    return round(float(amplitude_to_db(audio.peak(samples))), 2)
