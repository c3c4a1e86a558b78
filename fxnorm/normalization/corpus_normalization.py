"""Normalise a corpus of stems: one read, one pass and one write per stem, with a card beside each result."""

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
from fxnorm.corpus import Multitrack
from fxnorm.corpus.stems import STEMS
from fxnorm.errors import InputError
from fxnorm.normalization.chain import Chain
from fxnorm.normalization.feature import Feature
from fxnorm.normalization.impulse_responses import ImpulseResponses
from fxnorm.normalization.normalizer import Normalizer, replay
from fxnorm.normalization.record import CARD, load_record
from fxnorm.normalization.reverb import STEMS_WITH_REVERB
from fxnorm.normalization.settings import ChainSettings
from fxnorm.normalization.statistics import FxStats
from fxnorm.parallel.runner import Failure, Jobs, Progress, explain, run, silent_progress
from fxnorm.units import amplitude_to_db

CHAIN = "chain.json"
SUBTYPES = {"wav": ("FLOAT", "PCM_24", "PCM_16", "PCM_32", "DOUBLE"), "flac": ("PCM_24", "PCM_16")}


@dataclass(frozen=True)
class OutputLayout:
    """Folder, names and format of the results.

    Attributes
    ----------
    out : Path or None
        Folder for results in the layout of the corpus; None writes them beside the originals.
    suffix : str
        Suffix after the stem in the name of a result beside its original.
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
        """Whether the sample format clips at full scale."""
        return self.subtype not in ("FLOAT", "DOUBLE")

    def target(self, track: Multitrack, stem: str) -> Path:
        """Return the path of a normalised stem."""
        if self.out is None:
            return track.folder / f"{stem}_{self.suffix}.{self.format}"
        return self.out / track.location / f"{stem}.{self.format}"

    def lock_folder(self, track: Multitrack) -> Path:
        """Return the folder that a run locks while it writes the results of a track."""
        return track.folder.parent if self.out is None else self.out


@dataclass(frozen=True)
class NormalizationPlan:
    """Everything that decides a run, apart from the songs.

    Attributes
    ----------
    stats : FxStats
    settings : ChainSettings
    layout : OutputLayout
    responses : ImpulseResponses
        Impulse responses of the reverb, used if the settings have one.
    rooms : ImpulseResponses or None
        Rooms that dry stems are put into before the chain.
    seed : int
        Of stem_jobsthing drawn at random; a stem's own generator is seeded by (seed, track, stem).
    force : bool
        Overwrite results that are up to date.
    """

    stats: FxStats
    settings: ChainSettings
    layout: OutputLayout
    responses: ImpulseResponses = field(default_factory=ImpulseResponses)
    rooms: ImpulseResponses | None = None
    seed: int = 0
    force: bool = False

    @property
    def sources(self) -> dict[str, ImpulseResponses]:
        """Sources of the impulse responses that are used, by processor."""
        sources = {"reverb": self.responses if self.settings.reverb is not None else None, "room": self.rooms}
        return {name: source.pinned() for name, source in sources.items() if source is not None}

    def random_parts(self, stem: str) -> dict[str, Any]:
        """Return what decides the draws for a stem; empty if nothing is drawn for it."""
        if not (sources := self.sources) or stem not in STEMS_WITH_REVERB:
            return {}
        return {"seed": self.seed} | {name: list(source.identities) for name, source in sources.items()}

    def chain(self) -> Chain:
        """Return the chain, with the identities of its impulse responses."""
        return Chain(self.stats, self.settings, self.responses if self.settings.reverb is not None else None)

    def normalizer(self) -> Normalizer:
        """Return the normaliser; loads impulse responses if it needs them."""
        return self.chain().normalizer(rooms=self.rooms.load() if self.rooms else ())


@dataclass(frozen=True)
class StemJob:
    """One stem to normalise."""

    plan: NormalizationPlan
    track: Multitrack
    stem: str

    @property
    def sources(self) -> tuple[Path, ...]:
        return self.track.stems[self.stem]

    @property
    def target(self) -> Path:
        return self.plan.layout.target(self.track, self.stem)

    @property
    def card(self) -> Path:
        return self.target.with_suffix(".json")

    @property
    def lock_folder(self) -> Path:
        return self.plan.layout.lock_folder(self.track)


@dataclass(frozen=True)
class NormalizationResult:
    """Result of a run.

    Attributes
    ----------
    normalized, up_to_date : int
        Number of stems that were written, and that were there already.
    failures : tuple of Failure
    """

    normalized: int
    up_to_date: int
    failures: tuple[Failure, ...]


def normalize_corpus(
    tracks: Sequence[Multitrack], plan: NormalizationPlan, *, jobs: Jobs = 1, progress: Progress = silent_progress
) -> NormalizationResult:
    """Normalise every stem of every track.

    A stem whose card has the signature of the same source and settings is up to date, so an interrupted run resumes
    where it stopped, and a changed setting repeats what it affects. An output folder also gets the mixture of each
    complete song, linked if the file system can, and `chain.json`, by which further stems are normalised.

    Parameters
    ----------
    tracks : sequence of Multitrack
    plan : NormalizationPlan
    jobs : int or Runner
        Number of worker processes, or a runner.
    progress : callable
        Called with (stems finished, number of stems, name of the last one).

    Returns
    -------
    NormalizationResult
        A failed stem does not stop the others, and leaves no partial file.

    Raises
    ------
    InputError
        If results would overwrite originals or files of other origin, or cannot be written, or another run is writing
        there; nothing is written.
    RunError
        If the disk is full, or no worker can be started; finished stems stay.
    """
    stem_jobs = [StemJob(plan, track, stem) for track in tracks for stem in track.stems]
    plan.normalizer()  # raises before anything is written if impulse responses are missing
    _check_output(stem_jobs, plan)
    with ExitStack() as stack:
        for lock_folder in sorted({job.lock_folder for job in stem_jobs}):
            folders = {job.target.parent for job in stem_jobs if job.lock_folder == lock_folder}
            stack.enter_context(files.lock_folder(lock_folder, sweeping={lock_folder, *folders}))
        if plan.layout.out is not None:
            plan.chain().save(plan.layout.out / CHAIN)
        return _normalize(tracks, stem_jobs, plan, jobs, progress)


def _normalize(
    tracks: Sequence[Multitrack], stem_jobs: Sequence[StemJob], plan: NormalizationPlan, jobs: Jobs, progress: Progress
) -> NormalizationResult:
    queue = [(job.track, job.stem) for job in stem_jobs if plan.force or not _is_up_to_date(job)]
    up_to_date = len(stem_jobs) - len(queue)
    failures: list[Failure] = []
    normalized = 0
    for position, ((track, stem), error) in enumerate(run(partial(normalize_stem, plan), queue, jobs=jobs), start=1):
        if error is None:
            normalized += 1
        else:
            failures.append(Failure(track.id, stem, explain(error)))
        progress(up_to_date + position, len(stem_jobs), f"{track.id} {stem}")
    incomplete = {failure.track for failure in failures}
    for track in tracks:
        if track.id not in incomplete:
            try:
                _link_mixture(track, plan)
            except OSError as error:
                failures.append(Failure(track.id, "mixture", explain(error)))
    return NormalizationResult(normalized, up_to_date, tuple(failures))


def normalize_stem(plan: NormalizationPlan, item: tuple[Multitrack, str]) -> None:
    """Normalise one stem and write it with its card."""
    job = StemJob(plan, *item)
    with files.share_folder(job.lock_folder):
        _normalize_stem(job)


def replay_stem(
    card: Path, source: Path, target: Path, *, subtype: str = "", folder: Path | None = None, force: bool = False
) -> None:
    """Apply the processors of a card to an audio file and write the result.

    Parameters
    ----------
    card : Path
        Card of a normalised stem.
    source : Path
        The stem before it was normalised.
    target : Path
        The suffix chooses the format, .wav or .flac.
    subtype : str
        A libsndfile subtype; the first of the format if empty.
    folder : Path, optional
        Folder of the impulse responses, if they are no longer in the folder that the card names.
    force : bool
        Overwrite the target.

    Raises
    ------
    InputError
        If the card cannot be replayed, or the target exists or has another suffix.
    AudioError
        If the source cannot be used, or the target cannot be written.
    """
    layout = OutputLayout(target.parent, format=target.suffix.lower().lstrip("."), subtype=subtype)
    if target.resolve() == source.resolve() or (target.exists() and not force):
        raise InputError(f"{target}: exists already; choose another name, or --force")
    applied = load_record(card, folder=folder)
    samples, sample_rate = audio_files.read(source)
    result, _scaled_db = _fit(replay(applied, samples, sample_rate), layout)
    audio_files.write(target, result, sample_rate, subtype=layout.subtype)


def _fit(samples: audio.Audio, layout: OutputLayout) -> tuple[audio.Audio, float]:
    """Scale samples to full scale if the format clips them; returns them with the gain in dB."""
    if layout.clips and (largest := audio.peak(samples)) > 1.0:
        return samples / np.float32(largest), -_peak_db(samples)
    return samples, 0.0


def _normalize_stem(job: StemJob) -> None:
    signature = _signature(job)  # before reading: the source may change meanwhile
    source, sample_rate = job.track.read_native(job.stem)
    track = zlib.crc32(job.track.id.encode(errors="surrogateescape"))
    rng = np.random.default_rng([job.plan.seed, track, STEMS.index(job.stem)])
    normalized, applied = job.plan.normalizer()(source, sample_rate, job.stem, rng=rng)
    normalized, scaled_db = _fit(normalized, job.plan.layout)
    job.target.parent.mkdir(parents=True, exist_ok=True)
    # Until the card is complete it names the audio files of this run, without a signature.
    ours = {job.target.name, *_audio_of(CARD.find(job.card))}
    CARD.write(job.card, CARD.wrap({"signature": None, "ours": sorted(ours)}))
    audio_files.write(job.target, normalized, sample_rate, subtype=job.plan.layout.subtype)
    for name in ours - {job.target.name}:  # of another format
        (job.target.parent / name).unlink(missing_ok=True)
    card = {
        "fxnorm": __version__,
        "signature": signature,
        "track": job.track.id,
        "stem": job.stem,
        "source": {
            "files": [job.track.label(path) for path in job.sources],
            "sample_rate_hz": sample_rate,
            "channels": source.shape[0],
            "samples": source.shape[1],
            "peak_db": _peak_db(source),
        },
        "output": {
            "file": job.target.name,
            "bytes": job.target.stat().st_size,
            "peak_db": _peak_db(normalized),
            "scaled_db": scaled_db,
        },
        "stats": {"title": job.plan.stats.title, "signature": job.plan.stats.signature},
        "chain": job.plan.settings.effective_settings(job.stem),
        "strength": {effect: job.plan.settings.strength_of(effect) for effect in job.plan.settings.effects},
        "impulse_responses": {name: source.to_dict() for name, source in job.plan.sources.items()},
        "steps": [step.to_dict() for step in applied],
    }
    CARD.write(job.card, CARD.wrap(card))


def _signature(job: StemJob) -> str:
    """Return the hash of everything that decides the result of a stem."""
    states = [(path.name, path.stat()) for path in job.sources]
    content: dict[str, Any] = {
        "version": CARD.version,
        "source": [[name, state.st_size, state.st_mtime_ns] for name, state in states],
        "chain": job.plan.settings.effective_settings(job.stem),
        "targets": {effect: _plain(job.plan.stats.target(effect, job.stem)) for effect in job.plan.settings.active},
        "random": job.plan.random_parts(job.stem),
        "layout": [job.plan.layout.format, job.plan.layout.subtype],
    }
    return documents.signature(content)


def _is_up_to_date(job: StemJob) -> bool:
    """Whether the card of a result has the present signature."""
    card = CARD.find(job.card)
    try:
        return bool(card["signature"] == _signature(job) and card["output"]["bytes"] == job.target.stat().st_size)
    except (OSError, KeyError, TypeError):
        return False


def _audio_of(card: dict[str, Any]) -> set[str]:
    """Return the names of the audio files that a record, complete or not, belongs to."""
    output = card.get("output")
    names = [*card.get("ours", ()), *([output["file"]] if isinstance(output, dict) and "file" in output else [])]
    return {Path(str(name)).name for name in names}


def _check_output(queue: Sequence[StemJob], plan: NormalizationPlan) -> None:
    sources = {path.resolve() for job in queue for path in job.sources}
    for job in queue:
        beside = job.target.parent.resolve() == job.track.folder.resolve()
        if job.target.resolve() in sources or (beside and plan.layout.out is not None):
            raise InputError(f"{job.target}: would overwrite the original; choose another output folder")
        if job.target.exists() and not plan.force and not job.card.exists():
            raise InputError(f"{job.target}: was not made by fxnorm; choose another output folder, or --force")
    if plan.layout.out is not None:
        files.make_folder(plan.layout.out)


def _link_mixture(track: Multitrack, plan: NormalizationPlan) -> None:
    """Link the mixture of a normalised song, or copy it if the file system has no links."""
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


def _plain(target: Feature | None) -> dict[str, Any] | None:
    return target.to_dict() if target is not None else None


def _peak_db(samples: audio.Audio) -> float:
    return round(float(amplitude_to_db(audio.peak(samples))), 2)
