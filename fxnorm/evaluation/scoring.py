"""Mixes on disk against their targets: one job a song, so that what is known of a target serves all systems."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from fxnorm import audio_files
from fxnorm.audio import RATE
from fxnorm.errors import InputError
from fxnorm.evaluation import metrics
from fxnorm.evaluation.alignment import pair
from fxnorm.evaluation.ltas import third_octave_levels
from fxnorm.evaluation.songs import Song
from fxnorm.normalization import loudness
from fxnorm.parallel import Failure, Progress, explain, run, silent_progress

TARGET = "target"


@dataclass(frozen=True)
class Score:
    """What is found of one system's mix of one song; or of the target itself, which has nothing to be compared with.

    Attributes
    ----------
    song, system : str
        `TARGET` is the system of the target.
    values : dict of str to float or None
        By the names of `metrics.METRICS`; None where a metric has nothing to say.
    measured : dict of str to float or None
        Absolute figures: `metrics.measure`.
    bands_db : tuple of float
        Levels of the third-octave bands against the whole.
    short_term_lufs : tuple of float
        Loudness over time, once a second.
    lag : int
        Samples by which the mix came late.
    notices : tuple of str
        What had to be done to compare it.
    """

    song: str
    system: str
    values: Mapping[str, float | None] = field(default_factory=dict)
    measured: Mapping[str, float | None] = field(default_factory=dict)
    bands_db: tuple[float, ...] = ()
    short_term_lufs: tuple[float, ...] = ()
    lag: int = 0
    notices: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Job:
    song: Song
    align: bool


def score_songs(
    songs: Sequence[Song], *, align: bool = False, jobs: int = 1, progress: Progress = silent_progress
) -> tuple[list[Score], tuple[Failure, ...]]:
    """Compare every mix with its target.

    Parameters
    ----------
    songs : sequence of Song
    align : bool
        Move mixes that come early or late.
    jobs : int
        Worker processes.
    progress : callable
        Called with (songs done, songs in all, the last song's name).

    Returns
    -------
    scores : list of Score
        In the order of the songs; of each song the target first.
    failures : tuple of Failure
        Mixes that could not be scored, with the system's name in the place of the stem.

    Raises
    ------
    InputError
        If there is nothing to score.
    """
    if not songs:
        raise InputError("expected at least one song that has a target and a mix, got none; compare the names")
    scores: list[Score] = []
    failures: list[Failure] = []
    for number, (job, outcome) in enumerate(run(_score, [_Job(song, align) for song in songs], jobs=jobs), start=1):
        if isinstance(outcome, Exception):
            failures.append(Failure(job.song.name, TARGET, explain(outcome)))
        else:
            scores += outcome[0]
            failures += outcome[1]
        progress(number, len(songs), job.song.name)
    return scores, tuple(failures)


def _score(job: _Job) -> tuple[list[Score], list[Failure]]:
    song = job.song
    target, rate = audio_files.read(song.target)
    scores: list[Score] = []
    failures: list[Failure] = []
    known: metrics.Measured | None = None
    for system, path in song.mixes.items():
        try:
            both = pair(target, rate, *audio_files.read(path), align=job.align)
            if known is None or not np.array_equal(known.audio, both.target):  # cut to a shorter mix, say
                known = metrics.Measured(both.target, RATE)
            own = metrics.Measured(both.mix, RATE)
            if not scores:
                scores.append(_describe(song.name, TARGET, known))
            score = _describe(song.name, system, own)
            scores.append(replace(score, values=known.compare(own), lag=both.lag, notices=both.notices))
        except Exception as error:  # one bad mix never stops the others
            failures.append(Failure(song.name, system, explain(error)))
    return scores, failures


def _describe(song: str, system: str, mix: metrics.Measured) -> Score:
    return Score(
        song,
        system,
        measured=mix.levels,
        bands_db=tuple(np.round(third_octave_levels(mix.audio, RATE), 2).tolist()),
        short_term_lufs=tuple(np.round(loudness.short_term(mix.audio, RATE)[::10], 2).tolist()),
    )
