"""Write a synthetic corpus to disk, its songs in parallel."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from fxnorm.choices import ENGINEERS
from fxnorm.errors import InputError
from fxnorm.parallel import Jobs, Progress, run, silent_progress
from fxnorm.synth.multitrack_songs import check_engineer
from fxnorm.synth.multitrack_writing import write_indexed_multitrack
from fxnorm.synth.seeding import SeedBranch
from fxnorm.synth.songs import seed_tree
from fxnorm.synth.writing import check_seed, split_of, write_indexed_song


def synthesize_corpus(
    out: Path,
    *,
    songs: int = 20,
    seconds: float = 30.0,
    seed: int = 0,
    multitrack: bool = False,
    engineers: Sequence[str] = (),
    test_engineers: Sequence[str] = (),
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
    engineers : sequence of {"balanced", "dark", "close", "loud"}
        Families of the engineers who mix multitracks, drawn for each song; balanced if none. The dry tracks do not
        depend on them.
    test_engineers : sequence of str
        Families who mix the songs of the split test instead.
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
        If a number is out of range, an engineer is unknown, or the folder holds songs of another seed or kind.
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
    for engineer in (*engineers, *test_engineers):
        check_engineer(engineer)
        if not multitrack:
            raise InputError(f"expected multitracks for the engineer {engineer!r}, got stems; ask for multitracks")
    check_seed(out, seed, multitrack=multitrack)
    write: Callable[[int], Path] = partial(_write_song, out, seed, seconds)
    if multitrack:
        write = partial(_write_multitrack, out, seed, seconds, tuple(engineers), tuple(test_engineers))
    folders = []
    for index, folder in run(write, range(songs), jobs=jobs):
        if isinstance(folder, Exception):
            raise folder
        folders.append(folder)
        progress(index + 1, songs, folder.name)
    return folders


def deal_engineer(seed: int, index: int, engineers: Sequence[str], test_engineers: Sequence[str] = ()) -> str:
    """Draw the family of engineers who mix a song.

    Parameters
    ----------
    seed, index : int
        Seed of the corpus and index of the song.
    engineers : sequence of str
        Families to draw from; balanced if none.
    test_engineers : sequence of str
        Families of the songs of the split test, if they differ.
    """
    is_test = split_of(index) == "test"
    families = (test_engineers if is_test else ()) or engineers or ENGINEERS[:1]
    return families[int(seed_tree(seed, index).generator(SeedBranch.FAMILY).integers(len(families)))]


def _write_song(out: Path, seed: int, seconds: float, index: int) -> Path:
    return write_indexed_song(out, seed, index, seconds)


def _write_multitrack(
    out: Path, seed: int, seconds: float, engineers: Sequence[str], test_engineers: Sequence[str], index: int
) -> Path:
    return write_indexed_multitrack(out, seed, index, seconds, deal_engineer(seed, index, engineers, test_engineers))
