"""Normalise one stem of a corpus, or replay the record of one: read, process, and write with a record beside it."""

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fxnorm import __version__, audio, audio_files, documents, files
from fxnorm.corpus import Multitrack
from fxnorm.corpus.stems import STEMS
from fxnorm.errors import InputError
from fxnorm.normalization.feature import Feature
from fxnorm.normalization.normalizer import replay
from fxnorm.normalization.output_layout import OutputLayout
from fxnorm.normalization.plan import NormalizationPlan
from fxnorm.normalization.record import RECORD, load_record
from fxnorm.units import amplitude_to_db


@dataclass(frozen=True)
class StemJob:
    """One stem to normalise."""

    plan: NormalizationPlan
    track: Multitrack
    stem: str

    @property
    def sources(self) -> tuple[Path, ...]:
        """Files that are summed to the stem."""
        return self.track.stems[self.stem]

    @property
    def target(self) -> Path:
        """Path of the normalised stem."""
        return self.plan.layout.target(self.track, self.stem)

    @property
    def record(self) -> Path:
        """Path of its record."""
        return self.target.with_suffix(".json")

    @property
    def lock_folder(self) -> Path:
        """Folder that a run locks while it writes the results of the track."""
        return self.plan.layout.lock_folder(self.track)


def normalize_stem(plan: NormalizationPlan, item: tuple[Multitrack, str]) -> None:
    """Normalise one stem and write it with its record."""
    job = StemJob(plan, *item)
    with files.share_folder(job.lock_folder):
        _normalize_stem(job)


def replay_stem(
    record: Path, source: Path, target: Path, *, subtype: str = "", folder: Path | None = None, force: bool = False
) -> None:
    """Apply the processors of a record to an audio file and write the result.

    Parameters
    ----------
    record : Path
        Record of a normalised stem.
    source : Path
        The stem before it was normalised.
    target : Path
        The suffix chooses the format, .wav or .flac.
    subtype : str
        A libsndfile subtype; the first of the format if empty.
    folder : Path, optional
        Folder of the impulse responses, if they are no longer in the folder that the record names.
    force : bool
        Overwrite the target.

    Raises
    ------
    InputError
        If the record cannot be replayed, or the target exists or has another suffix.
    AudioError
        If the source cannot be used, or the target cannot be written.
    """
    layout = OutputLayout(target.parent, format=target.suffix.lower().lstrip("."), subtype=subtype)
    if target.resolve() == source.resolve() or (target.exists() and not force):
        raise InputError(f"{target}: exists already; choose another name, or --force")
    applied = load_record(record, folder=folder)
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
    # An unfinished record has no signature, and names the audio files that it belongs to.
    names = {job.target.name, *_audio_of(RECORD.find(job.record))}
    RECORD.write(job.record, RECORD.wrap({"signature": None, "ours": sorted(names)}))
    audio_files.write(job.target, normalized, sample_rate, subtype=job.plan.layout.subtype)
    for name in names - {job.target.name}:  # of another format
        (job.target.parent / name).unlink(missing_ok=True)
    record = {
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
    RECORD.write(job.record, RECORD.wrap(record))


def _signature(job: StemJob) -> str:
    """Return the hash of everything that decides the result of a stem."""
    states = [(path.name, path.stat()) for path in job.sources]
    content: dict[str, Any] = {
        "version": RECORD.version,
        "source": [[name, state.st_size, state.st_mtime_ns] for name, state in states],
        "chain": job.plan.settings.effective_settings(job.stem),
        "targets": {effect: _to_dict(job.plan.stats.target(effect, job.stem)) for effect in job.plan.settings.active},
        "random": job.plan.random_parts(job.stem),
        "layout": [job.plan.layout.format, job.plan.layout.subtype],
    }
    return documents.signature(content)


def is_up_to_date(job: StemJob) -> bool:
    """Whether the record of a result has the current signature."""
    record = RECORD.find(job.record)
    try:
        return bool(record["signature"] == _signature(job) and record["output"]["bytes"] == job.target.stat().st_size)
    except (OSError, KeyError, TypeError):
        return False


def _audio_of(record: dict[str, Any]) -> set[str]:
    """Return the names of the audio files that a record, complete or not, belongs to."""
    output = record.get("output")
    names = [*record.get("ours", ()), *([output["file"]] if isinstance(output, dict) and "file" in output else [])]
    return {Path(str(name)).name for name in names}


def _to_dict(target: Feature | None) -> dict[str, Any] | None:
    return target.to_dict() if target is not None else None


def _peak_db(samples: audio.Audio) -> float:
    return round(float(amplitude_to_db(audio.peak(samples))), 2)
