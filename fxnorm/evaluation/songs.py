"""Songs to evaluate: find finished mixes by name and match them with their targets."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from fxnorm.corpus.listing import list_folder
from fxnorm.errors import InputError

_MIX_NAMES = ("mixture", "mix")


@dataclass(frozen=True)
class EvaluationSong:
    """A song with its target and its mixes.

    Attributes
    ----------
    name : str
    target : Path
        The human mix.
    mixes : dict of str to Path
        By system.
    """

    name: str
    target: Path
    mixes: Mapping[str, Path]


def match_songs(
    targets: Mapping[str, Path], systems: Mapping[str, Mapping[str, Path]]
) -> tuple[list[EvaluationSong], tuple[str, ...]]:
    """Match mixes with targets of the same name.

    Parameters
    ----------
    targets : mapping of str to Path
        By song.
    systems : mapping of str to mapping of str to Path
        By system and song.

    Returns
    -------
    songs : list of EvaluationSong
        Those with a target and at least one mix.
    missing : tuple of str
        Mixes without a target and targets without a mix, one line each.
    """
    missing = []
    for system, mixes in systems.items():
        missing += [f"{system} has no mix of {name}" for name in targets if name not in mixes]
        missing += [f"no target for {name} of {system}" for name in mixes if name not in targets]
    songs = [
        EvaluationSong(name, path, {system: mixes[name] for system, mixes in systems.items() if name in mixes})
        for name, path in targets.items()
    ]
    return [song for song in songs if song.mixes], tuple(missing)


def find_mixes(folder: Path) -> dict[str, Path]:
    """Find finished mixes by the name of their song.

    A mix is `SONG.wav`, or `SONG/mixture.wav` (or `mix`, or `SONG`'s own name), in any folder below. Other audio files
    beside such a mixture are ignored, so a corpus of stems and mixtures serves as a folder of targets.

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
        If the folder does not exist, holds no mix, or holds two of the same name.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: expected a folder of mixes, there is none; check the path")
    mixes: dict[str, Path] = {}
    for name, path in _walk(folder):
        if name in mixes:
            raise InputError(f"{folder}: two mixes of {name!r}: {mixes[name].name} and {path.name}; keep one")
        mixes[name] = path
    if not mixes:
        raise InputError(f"{folder}: expected mixes, SONG.wav or SONG/mixture.wav, found none; check the path")
    return mixes


def _walk(folder: Path) -> Iterator[tuple[str, Path]]:
    listing = list_folder(folder)
    files = sorted(listing.audio)
    mixtures = [path for path in files if path.stem.lower() in (*_MIX_NAMES, folder.name.lower())]
    if mixtures:
        yield folder.name, mixtures[0]
    else:
        yield from ((path.stem, path) for path in files)
    for name in listing.folders:
        yield from _walk(folder / name)
