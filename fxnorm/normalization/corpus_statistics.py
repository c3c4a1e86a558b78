"""A corpus of stems into average features, one pass over the corpus for each effect.

What a pass finds out about a stem is kept in a file: a later pass does not look for it again, and an interrupted run
goes on with it.
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

from fxnorm import __version__, audio, audio_files, files
from fxnorm.corpus import TrackRef
from fxnorm.errors import InputError, StatsError
from fxnorm.normalization import effects
from fxnorm.normalization.compression import Peaks
from fxnorm.normalization.effects import MEASURED
from fxnorm.normalization.normalizer import Normalizer, Settings, pad
from fxnorm.normalization.statistics import FxStats, MeasuredOn, Sums
from fxnorm.parallel.runner import Failure, Jobs, Progress, crew, explain, run, silent_progress

MARK = "of.txt"  # in a workspace: which files its records are of, and by which settings


@dataclass(frozen=True)
class Pass:
    """What is measured of every stem: some effects' features, after the chain of those before the first of them."""

    settings: Settings
    before: FxStats | None
    measured: tuple[str, ...]
    workspace: Path

    @property
    def key(self) -> str:
        """What this measurement depends on, the file apart."""
        return f"{', '.join(self.measured)} after {self.before.signature if self.before else 'nothing'}"


@dataclass(frozen=True)
class Job:
    """One stem to be measured, and the name of its record."""

    track: TrackRef
    stem: str
    record: str


def compute_stats(
    tracks: Sequence[TrackRef],
    *,
    title: str,
    settings: Settings | None = None,
    measured_on: MeasuredOn = "progressive",
    jobs: Jobs = 1,
    workspace: Path | None = None,
    progress: Progress = silent_progress,
) -> tuple[FxStats, tuple[Failure, ...]]:
    """Average the features of the stems of a corpus.

    Parameters
    ----------
    tracks : sequence of TrackRef
    title : str
        What the statistics are of.
    settings : Settings, optional
        How effects are normalised before the next is measured; the `default` preset if not given.
    measured_on : {"progressive", "raw"}
        Progressive: each feature after the effects before it were normalised to the averages found so far. Raw: all
        of them on the untouched stem.
    jobs : int or Runner
        Worker processes, or another way to run.
    workspace : Path, optional
        Folder for what is found on the way, about 30 kB a stem. A run that was interrupted goes on with what is in it;
        it is the caller's to remove once the averages are safe. A temporary folder if not given.
    progress : callable
        Called with (stems measured, stems to measure in all passes, what was just measured).

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
        If the disk is full, or no worker can be had; what is found is kept.
    """
    settings = settings or Settings.preset()
    place = nullcontext(str(workspace)) if workspace else tempfile.TemporaryDirectory(prefix="fxnorm-")
    with place as folder:
        workspace = Path(folder)
        _prepare(workspace)
        with files.lock_folder(workspace, sweeping=[workspace]), crew(jobs) as runner:
            _clear(workspace, tracks, settings)
            return _measure(tracks, title, settings, measured_on, workspace, runner, progress)


def _measure(
    tracks: Sequence[TrackRef],
    title: str,
    settings: Settings,
    measured_on: MeasuredOn,
    workspace: Path,
    jobs: Jobs,
    progress: Progress,
) -> tuple[FxStats, tuple[Failure, ...]]:
    passes = [(effect,) for effect in MEASURED] if measured_on == "progressive" else [MEASURED]
    pairs = [(track, stem) for track in tracks for stem in track.stems]
    wanted = [Job(*pair, f"{number:06d}-{pair[1]}.npz") for number, pair in enumerate(pairs)]
    total = len(passes) * len(wanted)
    position = 0
    sums = Sums()
    failures: dict[Job, Failure] = {}
    averages: dict[str, Any] = {effect: {} for effect in MEASURED}
    for measured in passes:
        before = None
        if measured_on == "progressive":
            before = FxStats(title=title, source="", measured_on=measured_on, averages=averages)
        queue = [job for job in wanted if job not in failures]
        measure = partial(measure_stem, Pass(settings, before, measured, workspace))
        for job, outcome in run(measure, queue, jobs=jobs):
            position += 1
            if isinstance(outcome, Exception):
                failures[job] = Failure(job.track.id, job.stem, explain(outcome))
            else:
                for effect, feature in outcome.items():
                    sums.add(effect, job.stem, feature)
            progress(position, total, f"{job.track.id} {job.stem}: {', '.join(measured)}")
        for effect in measured:
            averages[effect] = sums.means()[effect]
        position += len(wanted) - len(queue)
    if not any(averages.values()):
        first = next(iter(failures.values()), None)
        why = f" ({first.track} {first.stem}: {first.reason})" if first else ""
        raise StatsError(
            f"expected stems that sound, got none that could be measured{why}; look at 'fxnorm corpus check'"
        )
    stats = FxStats(
        title=title,
        source="measured with fxnorm",
        measured_on=measured_on,
        averages=averages,
        counts=sums.counts(),
        settings=settings.model_dump(mode="json") if measured_on == "progressive" else None,
        corpus={"songs": len(tracks), "splits": sorted({track.split for track in tracks if track.split})},
    )
    return stats, tuple(failures.values())


def measure_stem(step: Pass, job: Job) -> dict[str, Any]:
    """Features of one stem, from its record if they are there; a silent stem has none."""
    with files.share_folder(step.workspace):
        return _measure_stem(step, job)


def _measure_stem(step: Pass, job: Job) -> dict[str, Any]:
    path = step.workspace / job.record
    record = _read_record(path)
    key = f"key {step.measured[0]}"
    if str(record.get(key, "")) != step.key:
        source, rate = audio_files.read(job.track.stems[job.stem])
        memos: dict[str, effects.Memo] = {effect: {} for effect in MEASURED}
        for name in record:
            kind, effect, *detail = name.split(" ", 2)
            if kind == "memo":
                memos[effect][detail[0]] = record[name]
        features = {} if audio.is_silent(source) else _features(step, job.stem, source, rate, memos)
        found = {f"feature {name}": _to_array(value) for name, value in features.items() if value is not None}
        known = {f"memo {effect} {what}": array for effect, memo in memos.items() for what, array in memo.items()}
        record |= known | found | {key: np.array(step.key)}
        with files.replacing(path) as temporary:
            np.savez(temporary, allow_pickle=False, **record)
    present = [effect for effect in step.measured if f"feature {effect}" in record]
    return {effect: _from_array(effect, record[f"feature {effect}"]) for effect in present}


def _features(step: Pass, stem: str, source: audio.Audio, rate: int, memos: dict[str, effects.Memo]) -> dict[str, Any]:
    worked = pad(audio.resample(audio.to_stereo(source), rate, audio.RATE))
    if step.before is not None:
        chain = Normalizer(step.before, step.settings)
        worked, _steps = chain.run(worked, stem, until=step.measured[0], memos=memos)
    features = {}
    for effect in step.measured:
        module = effects.MODULES[effect]
        # what is found of an untouched stem is of no use for matching one that other effects have worked on
        memo = memos[effect] if step.before is not None else None
        feature = module.measure(worked, audio.RATE, settings=getattr(step.settings, effect), memo=memo)
        average = getattr(module, "average", None)
        features[effect] = average(feature, stem) if average and feature is not None else feature
    return features


def _prepare(workspace: Path) -> None:
    """Make sure that there is a workspace, or room for one, before it is claimed."""
    try:
        workspace.mkdir(parents=True, exist_ok=True)
        strangers = [path for path in workspace.iterdir() if not path.name.startswith(".fxnorm")]
    except OSError as error:
        raise InputError(f"{workspace}: cannot be written to ({error.strerror}); choose another output") from error
    if strangers and not (workspace / MARK).exists():
        raise InputError(f"{workspace}: is in the way, it holds something else; move it or choose another output")
    files.require_writable(workspace)


def _clear(workspace: Path, tracks: Sequence[TrackRef], settings: Settings) -> None:
    """Empty a workspace, unless what it holds is of these files by these settings."""
    content: list[Any] = [__version__, settings.model_dump(mode="json")]
    for track in tracks:
        for path in track.stems.values():
            state = path.stat() if path.exists() else None
            content.append([str(path.resolve()), state and state.st_size, state and state.st_mtime_ns])
    digest = hashlib.sha256(json.dumps(content).encode(errors="surrogateescape")).hexdigest()
    mark = workspace / MARK
    if not mark.exists() or mark.read_text(encoding="utf-8").strip() != digest:
        for record in workspace.glob("*.npz"):
            record.unlink()
        files.write_text(mark, digest + "\n")


def _read_record(path: Path) -> dict[str, npt.NDArray[Any]]:
    """What is known of a stem; nothing if its file is missing or damaged."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return dict(arrays)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return {}


def _to_array(feature: Any) -> npt.NDArray[np.float64]:
    return np.array([feature.peak_db, feature.spread_db] if isinstance(feature, Peaks) else feature)


def _from_array(effect: str, array: npt.NDArray[np.float64]) -> Any:
    if effect == "compression":
        return Peaks(*array.tolist())
    return array if array.ndim else float(array)
