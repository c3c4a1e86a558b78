"""Write a synthetic corpus to disk, its songs in parallel."""

from functools import partial
from pathlib import Path

from fxnorm.errors import InputError
from fxnorm.parallel import Jobs, Progress, run, silent_progress
from fxnorm.synth.multitrack_songs import check_engineer
from fxnorm.synth.multitrack_writing import write_indexed_multitrack
from fxnorm.synth.writing import check_seed, write_indexed_song


def synthesize_corpus(
    out: Path,
    *,
    songs: int = 20,
    seconds: float = 30.0,
    seed: int = 0,
    multitrack: bool = False,
    engineer: str = "balanced",
    jobs: Jobs = 1,
    progress: Progress = silent_progress,
) -> list[Path]:
    """Synthesize the songs of a corpus and write them as `fxnorm corpus synth` does.

    Complete songs that are already in the folder are left as they are.

    Parameters
    ----------
    out : Path
        Folder of the corpus. Wet songs go to `out/wet/SPLIT/NAME`, dry stems to `out/dry/SPLIT/NAME`, with the
        splits train, valid and test.
    songs : int
        Number of songs, at least 1.
    seconds : float
        Duration of each song in seconds, at least `songs.MIN_DURATION_S`.
    seed : int
        Random seed, 0 or more. The same seed gives the same songs, and a larger corpus begins with the songs of a
        smaller one.
    multitrack : bool
        Record 6 to 16 dry tracks per song, `out/dry/SPLIT/NAME/*.flac`, instead of four dry stems.
    engineer : {"balanced", "dark", "close", "loud"}
        Family of the engineer who mixes multitracks; the dry tracks do not depend on it.
    jobs : int or Runner
        Number of worker processes, or another runner.
    progress : callable
        Called with the number of finished songs, the number of songs and the name of the last finished song.

    Returns
    -------
    list of Path
        Folders of the wet songs, in the order of their indices.

    Raises
    ------
    InputError
        If a number is out of range, the engineer is unknown, or the folder holds songs of another seed or kind.
    AudioError
        If a file cannot be written.

    Examples
    --------
    >>> from pathlib import Path
    >>> from fxnorm.synth import synthesize_corpus
    >>> folders = synthesize_corpus(Path("songs"), songs=20, seconds=30.0, seed=7, jobs=4)  # doctest: +SKIP
    >>> sorted(path.name for path in folders[0].iterdir())  # doctest: +SKIP
    ['bass.flac', 'drums.flac', 'mixture.flac', 'other.flac', 'song.console.json', 'song.json', 'vocals.flac']
    """
    if songs < 1:
        raise InputError(f"expected at least 1 song, got {songs}; ask for more")
    check_engineer(engineer)
    if engineer != "balanced" and not multitrack:
        raise InputError(f"expected multitracks for the engineer {engineer!r}, got stems; ask for multitracks")
    check_seed(out, seed, multitrack=multitrack)
    write = partial(write_indexed_song, out, seed, seconds=seconds)
    if multitrack:
        write = partial(write_indexed_multitrack, out, seed, seconds=seconds, engineer=engineer)
    folders = []
    for index, folder in run(write, range(songs), jobs=jobs):
        if isinstance(folder, Exception):
            raise folder
        folders.append(folder)
        progress(index + 1, songs, folder.name)
    return folders
