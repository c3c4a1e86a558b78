"""A synthetic corpus made, and any corpus looked over, in parallel."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from fxnorm import corpus
from fxnorm.corpus import TrackRef, TrackReport
from fxnorm.errors import InputError
from fxnorm.pipeline.workers import Jobs, Progress, run, silent_progress


def synthesize_corpus(
    out: Path, *, songs: int, seconds: float, seed: int, jobs: Jobs = 1, progress: Progress = silent_progress
) -> list[Path]:
    """Make the songs of a synthetic corpus; those that are there already are kept.

    Parameters
    ----------
    out : Path
        Gets `wet/` and `dry/`, each with splits.
    songs : int
    seconds : float
        Length of each song.
    seed : int
        The same seed always gives the same songs.
    jobs : int or Runner
        Worker processes, or another way to run.
    progress : callable
        Called with (songs done, songs in all, folder of the last).

    Returns
    -------
    list of Path
        Folders of the wet songs.

    Raises
    ------
    InputError
        If a number is out of range, or the folder holds songs of another seed.
    AudioError
        If a file cannot be written.
    """
    if songs < 1:
        raise InputError(f"expected at least 1 song, got {songs}; ask for more")
    from fxnorm import synth

    synth.check_seed(out, seed)
    make = partial(_write_song, out, seed, seconds)
    folders = []
    for index, folder in run(make, range(songs), jobs=jobs):
        if isinstance(folder, Exception):
            raise folder
        folders.append(folder)
        progress(index + 1, songs, folder.name)
    return folders


def inspect_corpus(
    tracks: Sequence[TrackRef], *, jobs: Jobs = 1, progress: Progress = silent_progress
) -> list[TrackReport]:
    """Look over the files of every track, in the order of the tracks."""
    reports = []
    for track, report in run(corpus.inspect, tracks, jobs=jobs):
        if isinstance(report, Exception):
            raise report
        reports.append(report)
        progress(len(reports), len(tracks), track.id)
    return reports


def _write_song(out: Path, seed: int, seconds: float, index: int) -> Path:
    from fxnorm import synth

    return synth.write_indexed_song(out, seed, index, seconds)
