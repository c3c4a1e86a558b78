"""Measure the average features of a corpus of stems, in one pass over the corpus for each effect.

Features, analyses and decisions of a stem are stored in a record file: a later pass does not compute them again, and an
interrupted run resumes from them.
"""

import hashlib
import json
import tempfile
import zipfile
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fxnorm import __version__, audio, files
from fxnorm.corpus import Multitrack
from fxnorm.errors import InputError, StatsError
from fxnorm.normalization.effect import AppliedEffect
from fxnorm.normalization.effects import MATCHED_EFFECTS, applied_from_dict
from fxnorm.normalization.feature import Feature
from fxnorm.normalization.normalizer import Normalizer, pad
from fxnorm.normalization.running_mean import RunningMean
from fxnorm.normalization.settings import ChainSettings
from fxnorm.normalization.statistics import FxStats, MeasuredOn
from fxnorm.parallel.runner import Failure, Jobs, Progress, explain, run, silent_progress, worker_pool

MARK = "of.txt"  # file in a workspace with a hash of the stems and settings of its records

Record = dict[str, npt.NDArray[Any]]  # arrays of a record file by name


@dataclass(frozen=True)
class Pass:
    """Effects whose features are measured, after the chain of the effects before the first of them."""

    settings: ChainSettings
    preceding_stats: FxStats | None
    effects: tuple[str, ...]
    workspace: Path

    @property
    def key(self) -> str:
        """Everything that this measurement depends on, apart from the file."""
        return (
            f"{', '.join(self.effects)} after {self.preceding_stats.signature if self.preceding_stats else 'nothing'}"
        )


@dataclass(frozen=True)
class MeasuringJob:
    """One stem to measure, and the name of its record file."""

    track: Multitrack
    stem: str
    record: str


def compute_stats(
    tracks: Sequence[Multitrack],
    *,
    title: str,
    settings: ChainSettings | None = None,
    measured_on: MeasuredOn = "progressive",
    jobs: Jobs = 1,
    workspace: Path | None = None,
    progress: Progress = silent_progress,
) -> tuple[FxStats, tuple[Failure, ...]]:
    """Measure the average features of the stems of a corpus.

    Parameters
    ----------
    tracks : sequence of Multitrack
    title : str
        Title of the statistics.
    settings : ChainSettings, optional
        Settings by which effects are normalised before the next is measured; the default preset if not given.
    measured_on : {"progressive", "raw"}
        Progressive: measure each feature after the effects before it were normalised to the averages so far. Raw:
        measure all of them on the untouched stem.
    jobs : int or Runner
        Number of worker processes, or a runner.
    workspace : Path, optional
        Folder for record files of about 50 kB per stem. An interrupted run resumes from them; the caller removes the
        folder once the averages are safe. A temporary folder if not given.
    progress : callable
        Called with (stems measured, stems to measure in all passes, name of the last one).

    Returns
    -------
    stats : FxStats
    failures : tuple of Failure
        Stems that could not be read; they are left out of every average.

    Raises
    ------
    StatsError
        If no stem at all could be measured.
    InputError
        If the workspace cannot be written to, holds something else, or another run is at work in it.
    RunError
        If the disk is full, or no worker can be started; record files stay.
    """
    settings = settings or ChainSettings.preset()
    context = nullcontext(str(workspace)) if workspace else tempfile.TemporaryDirectory(prefix="fxnorm-")
    with context as folder:
        workspace = Path(folder)
        _prepare(workspace)
        with files.lock_folder(workspace, sweeping=[workspace]), worker_pool(jobs) as runner:
            _clear(workspace, tracks, settings)
            return _measure(tracks, title, settings, measured_on, workspace, runner, progress)


def _measure(
    tracks: Sequence[Multitrack],
    title: str,
    settings: ChainSettings,
    measured_on: MeasuredOn,
    workspace: Path,
    jobs: Jobs,
    progress: Progress,
) -> tuple[FxStats, tuple[Failure, ...]]:
    passes = [(effect,) for effect in MATCHED_EFFECTS] if measured_on == "progressive" else [tuple(MATCHED_EFFECTS)]
    pairs = [(track, stem) for track in tracks for stem in track.stems]
    stem_jobs = [MeasuringJob(*pair, f"{number:06d}-{pair[1]}.npz") for number, pair in enumerate(pairs)]
    total = len(passes) * len(stem_jobs)
    completed = 0
    means = RunningMean()
    failures: dict[MeasuringJob, Failure] = {}
    averages: dict[str, Any] = {effect: {} for effect in MATCHED_EFFECTS}
    for effects in passes:
        preceding_stats = None
        if measured_on == "progressive":
            preceding_stats = FxStats(title=title, source="", measured_on=measured_on, averages=averages)
        queue = [job for job in stem_jobs if job not in failures]
        measure = partial(measure_stem, Pass(settings, preceding_stats, effects, workspace))
        for job, outcome in run(measure, queue, jobs=jobs):
            completed += 1
            if isinstance(outcome, Exception):
                failures[job] = Failure(job.track.id, job.stem, explain(outcome))
            else:
                for effect, feature in outcome.items():
                    means.add(effect, job.stem, feature)
            progress(completed, total, f"{job.track.id} {job.stem}: {', '.join(effects)}")
        for effect in effects:
            averages[effect] = means.means()[effect]
        completed += len(stem_jobs) - len(queue)
    if not any(averages.values()):
        failure = next(iter(failures.values()), None)
        reason = f" ({failure.track} {failure.stem}: {failure.reason})" if failure else ""
        raise StatsError(
            f"expected stems that sound, got none that could be measured{reason}; look at 'fxnorm corpus check'"
        )
    stats = FxStats(
        title=title,
        source="measured with fxnorm",
        measured_on=measured_on,
        averages=averages,
        counts=means.counts(),
        settings=settings.model_dump(mode="json") if measured_on == "progressive" else None,
        corpus={"songs": len(tracks), "splits": sorted({track.split for track in tracks if track.split})},
    )
    return stats, tuple(failures.values())


def measure_stem(task: Pass, job: MeasuringJob) -> dict[str, Feature]:
    """Measure the features of one stem, or read them from its record file; a silent stem has none."""
    with files.share_folder(task.workspace):
        return _measure_stem(task, job)


def _measure_stem(task: Pass, job: MeasuringJob) -> dict[str, Feature]:
    path = task.workspace / job.record
    record = _read_record(path)
    key = f"key {task.effects[0]}"
    if str(record.get(key, "")) != task.key:
        source, sample_rate = job.track.read_native(job.stem)
        if not audio.is_silent(source):
            _measure_record(task, job.stem, source, sample_rate, record)
        record[key] = np.array(task.key)
        with files.replacing(path) as temporary:
            np.savez(temporary, allow_pickle=False, **record)
    return {
        effect: MATCHED_EFFECTS[effect].feature.from_array(record[f"feature {effect}"])
        for effect in task.effects
        if f"feature {effect}" in record
    }


def _measure_record(task: Pass, stem: str, source: audio.Audio, sample_rate: int, record: Record) -> None:
    """Measure features into a record, with the decisions before them and the analyses that go with them."""
    padded = pad(audio.resample(audio.to_stereo(source), sample_rate, audio.SAMPLE_RATE))
    if task.preceding_stats is not None:
        padded = _normalize(task, task.preceding_stats, stem, padded, record)
    for name in task.effects:
        effect = MATCHED_EFFECTS[name]
        if task.preceding_stats is None:  # an analysis of the untouched stem is of no use for matching
            feature = effect.measure(padded, audio.SAMPLE_RATE)
        else:
            settings = task.settings.matching[name]
            feature, analysis = effect.measure_and_analyze(padded, audio.SAMPLE_RATE, settings=settings)
            record |= {f"analysis {name} {key}": array for key, array in analysis.to_arrays().items()}
        if feature is not None:
            record[f"feature {name}"] = effect.smooth(feature, stem).to_array()


def _normalize(task: Pass, stats: FxStats, stem: str, padded: audio.Audio, record: Record) -> audio.Audio:
    """Match the effects before those that are measured, by stored decisions where their targets are the same."""
    names = [name for name in task.settings.effects if name in _preceding(task)]
    targets = {name: _to_json(stats.target(name, stem)) for name in names}
    decisions = {name: applied for name in names if (applied := _stored_decision(record, name, targets[name]))}
    analyses = {name: arrays for name in names if (arrays := _stored_analysis(record, name))}
    normalizer = Normalizer(stats, task.settings)
    padded, steps = normalizer.run(padded, stem, stop_before=task.effects[0], decisions=decisions, analyses=analyses)
    for step in steps:
        content = json.dumps({"target": targets[step.effect], "applied": step.to_dict()})
        record[f"decision {step.effect}"] = np.array(content)
        for name in [name for name in record if name.startswith(f"analysis {step.effect} ")]:
            del record[name]
    return padded


def _preceding(task: Pass) -> tuple[str, ...]:
    """Return the effects before the first measured one."""
    names = tuple(MATCHED_EFFECTS)
    return names[: names.index(task.effects[0])]


def _stored_decision(record: Record, effect: str, target: Any) -> AppliedEffect | None:
    if f"decision {effect}" not in record:
        return None
    content = json.loads(str(record[f"decision {effect}"]))
    return applied_from_dict(content["applied"], {}) if content["target"] == target else None


def _stored_analysis(record: Record, effect: str) -> Record:
    prefix = f"analysis {effect} "
    return {name.removeprefix(prefix): array for name, array in record.items() if name.startswith(prefix)}


def _to_json(target: Feature | None) -> Any:
    """Convert a target to plain JSON values and back."""
    return json.loads(json.dumps(target.to_dict())) if target is not None else None


def _prepare(workspace: Path) -> None:
    """Create the workspace; raise `InputError` if it cannot be written to or holds other files."""
    try:
        workspace.mkdir(parents=True, exist_ok=True)
        foreign = [path for path in workspace.iterdir() if not path.name.startswith(".fxnorm")]
    except OSError as error:
        raise InputError(f"{workspace}: cannot be written to ({error.strerror}); choose another output") from error
    if foreign and not (workspace / MARK).exists():
        raise InputError(f"{workspace}: is in the way, it holds something else; move it or choose another output")
    files.require_writable(workspace)


def _clear(workspace: Path, tracks: Sequence[Multitrack], settings: ChainSettings) -> None:
    """Delete the records of a workspace unless they are of these files and settings."""
    content: list[Any] = [__version__, settings.model_dump(mode="json")]
    for track in tracks:
        for path in [path for paths in track.stems.values() for path in paths]:
            state = path.stat() if path.exists() else None
            content.append([str(path.resolve()), state and state.st_size, state and state.st_mtime_ns])
    digest = hashlib.sha256(json.dumps(content).encode(errors="surrogateescape")).hexdigest()
    mark = workspace / MARK
    if not mark.exists() or mark.read_text(encoding="utf-8").strip() != digest:
        for record in workspace.glob("*.npz"):
            record.unlink()
        files.write_text(mark, digest + "\n")


def _read_record(path: Path) -> Record:
    """Read a record file; empty if it is missing or damaged."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return dict(arrays)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return {}
