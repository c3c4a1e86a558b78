"""A synthetic corpus written to disk, its songs in parallel."""

from functools import partial
from pathlib import Path

from fxnorm.errors import InputError
from fxnorm.parallel import Jobs, Progress, run, silent_progress
from fxnorm.synth.writing import check_seed, write_indexed_song


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
    check_seed(out, seed)
    make = partial(_write_song, out, seed, seconds)
    folders = []
    for index, folder in run(make, range(songs), jobs=jobs):
        if isinstance(folder, Exception):
            raise folder
        folders.append(folder)
        progress(index + 1, songs, folder.name)
    return folders


def _write_song(out: Path, seed: int, seconds: float, index: int) -> Path:
    return write_indexed_song(out, seed, index, seconds)
