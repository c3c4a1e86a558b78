"""Mixes on disk against their targets: one job a song, so that what is known of a target serves all systems."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from fxnorm import audio
from fxnorm.audio import RATE
from fxnorm.effects import loudness
from fxnorm.errors import InputError
from fxnorm.evaluation import metrics
from fxnorm.evaluation.pairing import pair
from fxnorm.evaluation.spectrum import third_octave_levels
from fxnorm.pipeline import Failure, Progress, explain, run, silent_progress

TARGET = "target"


@dataclass(frozen=True)
class Song:
    """A song and its mixes.

    Attributes
    ----------
    name : str
    target : Path
        The mix that a person made.
    mixes : dict of str to Path
        By system.
    """

    name: str
    target: Path
    mixes: Mapping[str, Path]


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
    target, rate = audio.read(song.target)
    scores: list[Score] = []
    failures: list[Failure] = []
    known: metrics.Measured | None = None
    for system, path in song.mixes.items():
        try:
            both = pair(target, rate, *audio.read(path), align=job.align)
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


def find_mixes(folder: Path) -> dict[str, Path]:
    """Finished mixes by the name of their song.

    `SONG.wav` is a mix, and so is `SONG/mixture.wav` (or `mix`, or `SONG`'s own name), in any folder below. What else
    lies beside such a mixture is not: a corpus of stems and mixtures is a folder of targets.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    dict of str to Path
        At least one.

    Raises
    ------
    InputError
        If there is no such folder, no mix in it, or two of one name.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: expected a folder of mixes, there is none; check the path")
    mixes: dict[str, Path] = {}
    for name, path in _walk(folder):
        if name in mixes:
            raise InputError(f"{folder}: two mixes of {name!r}: {mixes[name].name} and {path.name}; keep one")
        mixes[name] = path
    if not mixes:
        raise InputError(f"{folder}: expected mixes, SONG.wav or SONG/mixture.wav, found none")
    return mixes


_MIXES = ("mixture", "mix")


def _walk(folder: Path) -> Iterator[tuple[str, Path]]:
    seen = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")]
    files = [path for path in seen if path.suffix.lower() in audio.SUFFIXES and path.is_file()]
    own = [path for path in files if path.stem.lower() in (*_MIXES, folder.name.lower())]
    if own:
        yield folder.name, own[0]
    else:
        yield from ((path.stem, path) for path in files)
    for path in seen:
        if path.is_dir():
            yield from _walk(path)
