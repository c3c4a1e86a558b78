"""A corpus of stems into average features, one pass over the corpus for each effect."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fxnorm import audio, effects
from fxnorm.corpus import TrackRef
from fxnorm.effects import MEASURED
from fxnorm.errors import StatsError
from fxnorm.normalize import Normalizer, Settings, pad
from fxnorm.pipeline.workers import Failure, Progress, explain, run, silent_progress
from fxnorm.stats import FxStats, MeasuredOn, Sums


@dataclass(frozen=True)
class Job:
    """One stem to be measured: some effects' features, after the chain of those before the first of them."""

    track: TrackRef
    stem: str
    normalizer: Normalizer | None
    measured: tuple[str, ...]


def compute_stats(
    tracks: Sequence[TrackRef],
    *,
    title: str,
    settings: Settings | None = None,
    measured_on: MeasuredOn = "progressive",
    jobs: int = 1,
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
    passes = [(effect,) for effect in MEASURED] if measured_on == "progressive" else [MEASURED]
    wanted = [(track, stem) for track in tracks for stem in track.stems]
    total = len(passes) * len(wanted)
    position = 0
    sums = Sums()
    failures: dict[tuple[TrackRef, str], Failure] = {}
    averages: dict[str, Any] = {effect: {} for effect in MEASURED}
    for measured in passes:
        before = FxStats(title=title, source="", measured_on=measured_on, averages=averages)
        chain = Normalizer(before, settings) if measured_on == "progressive" else None
        queue = [Job(track, stem, chain, measured) for track, stem in wanted if (track, stem) not in failures]
        for job, outcome in run(measure_stem, queue, jobs=jobs):
            position += 1
            if isinstance(outcome, Exception):
                failures[job.track, job.stem] = Failure(job.track.id, job.stem, explain(outcome))
            else:
                for effect, feature in outcome.items():
                    sums.add(effect, job.stem, feature)
            progress(position, total, f"{job.track.id} {job.stem}: {', '.join(measured)}")
        for effect in measured:
            averages[effect] = sums.averages(effect)
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
    """Features of one stem; a silent stem has none."""
    source, rate = audio.read(job.track.stems[job.stem])
    if audio.is_silent(source):
        return {}
    worked = pad(audio.resample(audio.to_stereo(source), rate, audio.RATE))
    if job.normalizer is not None:
        worked, _steps = job.normalizer.run(worked, job.stem, until=job.measured[0])
    return {effect: effects.MODULES[effect].measure(worked, audio.RATE) for effect in job.measured}
