"""Score mixes on disk against their targets: one job per song, so that a target is measured once for all systems."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from fxnorm import audio_files
from fxnorm.audio import SAMPLE_RATE, Audio
from fxnorm.dsp import loudness
from fxnorm.dsp.ltas import third_octave_levels
from fxnorm.errors import InputError
from fxnorm.evaluation import metrics
from fxnorm.evaluation.alignment import align_pair
from fxnorm.evaluation.songs import EvaluationSong
from fxnorm.parallel import Failure, Progress, explain, run, silent_progress

TARGET = "target"


@dataclass(frozen=True)
class MixScore:
    """Scores of one system on one song, or the absolute figures of the target.

    Attributes
    ----------
    song, system : str
        The system of the target is `TARGET`.
    values : dict of str to float or None
        By the names of `metrics.METRICS`; None where a metric is undefined. Empty for the target.
    levels : dict of str to float or None
        Absolute figures: `metrics.levels.measure`.
    bands_db : tuple of float
        Third-octave levels relative to the whole.
    short_term_lufs : tuple of float
        Once per second.
    lag : int
        Delay of the mix in samples.
    notices : tuple of str
        Differences from the target in format, length and time.
    """

    song: str
    system: str
    values: Mapping[str, float | None] = field(default_factory=dict)
    levels: Mapping[str, float | None] = field(default_factory=dict)
    bands_db: tuple[float, ...] = ()
    short_term_lufs: tuple[float, ...] = ()
    lag: int = 0
    notices: tuple[str, ...] = ()


@dataclass(frozen=True)
class _ScoringJob:
    song: EvaluationSong
    align: bool
    families: tuple[str, ...]


def score_songs(
    songs: Sequence[EvaluationSong], *, align: bool = False, jobs: int = 1, progress: Progress = silent_progress
) -> tuple[list[MixScore], tuple[Failure, ...]]:
    """Compare every mix with its target.

    Parameters
    ----------
    songs : sequence of EvaluationSong
    align : bool
        Shift mixes that are early or late.
    jobs : int
        Worker processes.
    progress : callable
        Called with (songs done, songs in all, name of the last song).

    Returns
    -------
    scores : list of MixScore
        In the order of the songs; the target of a song comes first.
    failures : tuple of Failure
        Mixes that could not be scored, with the system's name as the stem.

    Raises
    ------
    InputError
        If there are no songs.
    """
    if not songs:
        raise InputError("expected at least one song that has a target and a mix, got none; compare the names")
    scores: list[MixScore] = []
    failures: list[Failure] = []
    queue = [_ScoringJob(song, align, tuple(metrics.FAMILIES)) for song in songs]
    for number, (job, outcome) in enumerate(run(_score_song, queue, jobs=jobs), start=1):
        if isinstance(outcome, Exception):
            failures.append(Failure(job.song.name, TARGET, explain(outcome)))
        else:
            scores += outcome[0]
            failures += outcome[1]
        progress(number, len(songs), job.song.name)
    return scores, tuple(failures)


def _score_song(job: _ScoringJob) -> tuple[list[MixScore], list[Failure]]:
    for family in job.families:
        metrics.register(family)  # a worker process knows only the families of fxnorm
    target, sample_rate = audio_files.read(job.song.target)
    target_features: metrics.Measurements | None = None
    scores: list[MixScore] = []
    failures: list[Failure] = []
    for system, path in job.song.mixes.items():
        try:
            pair = align_pair(target, sample_rate, *audio_files.read(path), remove_lag=job.align)
            if target_features is None or not np.array_equal(
                target_features.recording.audio, pair.target
            ):  # a shorter mix
                target_features = _measure(pair.target)
            mix = _measure(pair.mix)
            score = replace(
                _describe(job.song.name, system, mix),
                values=target_features.compare(mix),
                lag=pair.lag,
                notices=pair.notices,
            )
            scores += [score] if scores else [_describe(job.song.name, TARGET, target_features), score]
        except Exception as error:  # one bad mix never stops the others
            failures.append(Failure(job.song.name, system, explain(error)))
    return scores, failures


def _measure(mix: Audio) -> metrics.Measurements:
    return metrics.Measurements(metrics.Recording(mix, SAMPLE_RATE))


def _describe(song: str, system: str, mix: metrics.Measurements) -> MixScore:
    samples = mix.recording.audio
    return MixScore(
        song,
        system,
        levels=mix.levels,
        bands_db=tuple(np.round(third_octave_levels(samples, SAMPLE_RATE), 2).tolist()),
        short_term_lufs=tuple(np.round(loudness.short_term(samples, SAMPLE_RATE)[::10], 2).tolist()),
    )
