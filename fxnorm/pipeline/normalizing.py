"""A corpus of stems into a corpus of normalised stems: one read, one pass, one write a stem, and a card beside it."""

import hashlib
import json
import os
import shutil
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fxnorm import __version__, audio, files
from fxnorm.corpus import TrackRef
from fxnorm.errors import InputError
from fxnorm.normalize import Normalizer, Settings
from fxnorm.pipeline.responses import Responses
from fxnorm.pipeline.workers import Failure, Progress, explain, run, silent_progress
from fxnorm.stats import FxStats
from fxnorm.stems import STEMS
from fxnorm.units import amplitude_to_db

CARD_FORMAT = "fxnorm-card"
CARD_VERSION = 1  # part of what a result is recognised by: raise it when the chain computes something else
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

    def target(self, track: TrackRef, stem: str) -> Path:
        """The file that a normalised stem becomes."""
        if self.out is None:
            return track.folder / f"{stem}_{self.suffix}.{self.format}"
        return self.out / track.location / f"{stem}.{self.format}"


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


@dataclass(frozen=True)
class Result:
    """What a run did: stems normalised, stems found done, and failures by name."""

    done: int
    kept: int
    failures: tuple[Failure, ...]


def normalize_corpus(
    tracks: Sequence[TrackRef], plan: Plan, *, jobs: int = 1, progress: Progress = silent_progress
) -> Result:
    """Normalise every stem of every track.

    A stem whose card says that it came from the same source by the same settings is left alone, so a run that was
    interrupted goes on where it stopped, and a changed setting redoes what it touches. In a folder of its own each
    song whose stems are all there gets its mixture too, linked where the file system can.

    Parameters
    ----------
    tracks : sequence of TrackRef
    plan : Plan
    jobs : int
        Worker processes.
    progress : callable
        Called with (stems done, stems in all, what was just done).

    Returns
    -------
    Result
        A failed stem leaves no file of its own behind, and stops no other.

    Raises
    ------
    InputError
        If the output would overwrite the input, or cannot be written to; nothing is done.
    """
    every = [Job(plan, track, stem) for track in tracks for stem in track.stems]
    _check_output(every, plan.layout)
    plan.normalizer()  # what it needs is there, or nothing begins
    queue = [job for job in every if plan.force or not _is_done(job)]
    kept = len(every) - len(queue)
    failures: list[Failure] = []
    done = 0
    for position, (job, error) in enumerate(run(normalize_stem, queue, jobs=jobs), start=1):
        if error is None:
            done += 1
        else:
            failures.append(Failure(job.track.id, job.stem, explain(error)))
        progress(kept + position, len(every), f"{job.track.id} {job.stem}")
    incomplete = {failure.track for failure in failures}
    for track in tracks:
        if track.id not in incomplete:
            try:
                _link_mixture(track, plan.layout)
            except OSError as error:
                failures.append(Failure(track.id, "mixture", explain(error)))
    return Result(done, kept, tuple(failures))


def normalize_stem(job: Job) -> None:
    """Normalise one stem, write it, and write its card."""
    source, rate = audio.read(job.source)
    rng = np.random.default_rng([job.plan.seed, zlib.crc32(job.track.id.encode()), STEMS.index(job.stem)])
    normalized, steps = job.plan.normalizer()(source, rate, job.stem, rng=rng)
    job.target.parent.mkdir(parents=True, exist_ok=True)
    job.card.unlink(missing_ok=True)  # from here until the new card is there, nothing vouches for the audio
    audio.write(job.target, normalized, rate, subtype=job.plan.layout.subtype)
    card = {
        "format": CARD_FORMAT,
        "version": CARD_VERSION,
        "fxnorm": __version__,
        "signature": _signature(job),
        "track": job.track.id,
        "stem": job.stem,
        "source": {
            "file": job.source.name,
            "rate_hz": rate,
            "channels": source.shape[0],
            "samples": source.shape[1],
            "peak_db": _peak_db(source),
        },
        "output": {"file": job.target.name, "bytes": job.target.stat().st_size, "peak_db": _peak_db(normalized)},
        "stats": {"title": job.plan.stats.title, "signature": job.plan.stats.signature},
        "strength": {effect: job.plan.settings.strength_of(effect) for effect in job.plan.settings.effects},
        "steps": [step.to_dict() for step in steps],
    }
    files.write_text(job.card, json.dumps(card, ensure_ascii=False, indent=2) + "\n")


def _signature(job: Job) -> str:
    """Hash of all that decides what a stem becomes."""
    state = job.source.stat()
    content: dict[str, Any] = {
        "version": CARD_VERSION,
        "source": [str(job.source.name), state.st_size, state.st_mtime_ns],
        "chain": job.plan.settings.deciding(job.stem),
        "targets": {
            effect: _plain(job.plan.stats.target(effect, job.stem))
            for effect in job.plan.settings.active
            if effect != "reverb"
        },
        "layout": [job.plan.layout.format, job.plan.layout.subtype],
    }
    if "reverb" in job.plan.settings.active:
        content["reverb"] = [job.plan.seed, str(job.plan.responses)]
    if job.plan.rooms:
        content["rooms"] = [job.plan.seed, str(job.plan.rooms)]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def _is_done(job: Job) -> bool:
    """Whether a card says that the result is there already."""
    try:
        card = json.loads(job.card.read_text(encoding="utf-8"))
        return bool(card["signature"] == _signature(job) and card["output"]["bytes"] == job.target.stat().st_size)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _check_output(queue: Sequence[Job], layout: Layout) -> None:
    sources = {job.source.resolve() for job in queue}
    for job in queue:
        if job.target.resolve() in sources:
            raise InputError(f"{job.target}: would overwrite the original; choose another output folder")
    if layout.out is not None:
        try:
            layout.out.mkdir(parents=True, exist_ok=True)
            with files.replacing(layout.out / ".fxnorm-writable") as probe:
                probe.touch()
            (layout.out / ".fxnorm-writable").unlink()
        except OSError as error:
            raise InputError(f"{layout.out}: cannot be written to ({error.strerror}); choose another folder") from error


def _link_mixture(track: TrackRef, layout: Layout) -> None:
    if layout.out is None or track.mixture is None:
        return
    target = layout.out / track.location / track.mixture.name
    if target.exists() and target.stat().st_size == track.mixture.stat().st_size:
        return
    with files.replacing(target) as temporary:
        try:
            os.link(track.mixture, temporary)
        except OSError:  # another file system, or one without links
            shutil.copyfile(track.mixture, temporary)


def _plain(feature: Any) -> Any:
    if hasattr(feature, "to_dict"):
        return feature.to_dict()
    return feature.tolist() if isinstance(feature, np.ndarray) else feature


def _peak_db(samples: audio.Audio) -> float:
    return round(float(amplitude_to_db(audio.peak(samples))), 2)
