"""A corpus of stems into average features, one pass over the corpus for each effect.

What a pass finds out about a stem is kept in a file: a later pass does not look for it again, and an interrupted run
goes on with it.
"""

import hashlib
import json
import shutil
import tempfile
import zipfile
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fxnorm import __version__, audio, effects, files
from fxnorm.corpus import TrackRef
from fxnorm.effects import MEASURED
from fxnorm.effects.compression import Peaks
from fxnorm.errors import InputError, StatsError
from fxnorm.normalize import Normalizer, Settings, pad
from fxnorm.pipeline.workers import Failure, Progress, explain, run, silent_progress
from fxnorm.stats import FxStats, MeasuredOn, Sums


@dataclass(frozen=True)
class Job:
    """One stem to be measured: some effects' features, after the chain of those before the first of them."""

    track: TrackRef
    stem: str
    settings: Settings
    before: FxStats | None
    measured: tuple[str, ...]
    record: Path

    @property
    def key(self) -> str:
        """What this measurement depends on, the file apart."""
        return f"{', '.join(self.measured)} after {self.before.signature if self.before else 'nothing'}"


def compute_stats(
    tracks: Sequence[TrackRef],
    *,
    title: str,
    settings: Settings | None = None,
    measured_on: MeasuredOn = "progressive",
    jobs: int = 1,
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
    jobs : int
        Worker processes.
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
    """
    settings = settings or Settings.preset()
    place = nullcontext(str(workspace)) if workspace else tempfile.TemporaryDirectory(prefix="fxnorm-")
    with place as folder:
        _open_workspace(Path(folder), tracks, settings)
        return _measure(tracks, title, settings, measured_on, Path(folder), jobs, progress)


def _measure(
    tracks: Sequence[TrackRef],
    title: str,
    settings: Settings,
    measured_on: MeasuredOn,
    workspace: Path,
    jobs: int,
    progress: Progress,
) -> tuple[FxStats, tuple[Failure, ...]]:
    passes = [(effect,) for effect in MEASURED] if measured_on == "progressive" else [MEASURED]
    wanted = [(track, stem) for track in tracks for stem in track.stems]
    records = {pair: workspace / f"{number:06d}-{pair[1]}.npz" for number, pair in enumerate(wanted)}
    total = len(passes) * len(wanted)
    position = 0
    sums = Sums()
    failures: dict[tuple[TrackRef, str], Failure] = {}
    averages: dict[str, Any] = {effect: {} for effect in MEASURED}
    for measured in passes:
        before = None
        if measured_on == "progressive":
            before = FxStats(title=title, source="", measured_on=measured_on, averages=averages)
        queue = [Job(*pair, settings, before, measured, records[pair]) for pair in wanted if pair not in failures]
        for job, outcome in run(measure_stem, queue, jobs=jobs):
            position += 1
            if isinstance(outcome, Exception):
                failures[job.track, job.stem] = Failure(job.track.id, job.stem, explain(outcome))
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


def measure_stem(job: Job) -> dict[str, Any]:
    """Features of one stem, from its record if they are there; a silent stem has none."""
    record = _read_record(job.record)
    key = f"key {job.measured[0]}"
    if str(record.get(key, "")) != job.key:
        source, rate = audio.read(job.track.stems[job.stem])
        memos: dict[str, effects.Memo] = {effect: {} for effect in MEASURED}
        for name in record:
            kind, effect, *detail = name.split(" ", 2)
            if kind == "memo":
                memos[effect][detail[0]] = record[name]
        features = {} if audio.is_silent(source) else _features(job, source, rate, memos)
        found = {f"feature {name}": _to_array(value) for name, value in features.items() if value is not None}
        known = {f"memo {effect} {what}": array for effect, memo in memos.items() for what, array in memo.items()}
        record |= known | found | {key: np.array(job.key)}
        with files.replacing(job.record) as temporary:
            np.savez(temporary, allow_pickle=False, **record)
    present = [effect for effect in job.measured if f"feature {effect}" in record]
    return {effect: _from_array(effect, record[f"feature {effect}"]) for effect in present}


def _features(job: Job, source: audio.Audio, rate: int, memos: dict[str, effects.Memo]) -> dict[str, Any]:
    worked = pad(audio.resample(audio.to_stereo(source), rate, audio.RATE))
    if job.before is not None:
        chain = Normalizer(job.before, job.settings)
        worked, _steps = chain.run(worked, job.stem, until=job.measured[0], memos=memos)
    features = {}
    for effect in job.measured:
        module = effects.MODULES[effect]
        # what is found of an untouched stem is of no use for matching one that other effects have worked on
        memo = memos[effect] if job.before is not None else None
        feature = module.measure(worked, audio.RATE, settings=getattr(job.settings, effect), memo=memo)
        average = getattr(module, "average", None)
        features[effect] = average(feature, job.stem) if average and feature is not None else feature
    return features


def _open_workspace(folder: Path, tracks: Sequence[TrackRef], settings: Settings) -> None:
    """Make sure that what a workspace holds is of these files by these settings; clear it if it is not."""
    content: list[Any] = [__version__, settings.model_dump(mode="json")]
    for track in tracks:
        for path in track.stems.values():
            state = path.stat() if path.exists() else None
            content.append([str(path.resolve()), state and state.st_size, state and state.st_mtime_ns])
    digest = hashlib.sha256(json.dumps(content).encode(errors="surrogateescape")).hexdigest()
    mark = folder / "of.txt"
    try:
        if mark.exists() and mark.read_text(encoding="utf-8").strip() == digest:
            return
        if folder.exists() and any(folder.iterdir()) and not mark.exists():
            raise InputError(f"{folder}: is in the way, it holds something else; move it or choose another output")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        files.write_text(mark, digest + "\n")
    except OSError as error:
        raise InputError(f"{folder}: cannot be written to ({error.strerror}); choose another folder") from error


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
