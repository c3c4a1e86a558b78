"""Songs and their mixes on disk: found by name, and matched with what people made of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from fxnorm import audio_files
from fxnorm.errors import InputError

_MIXES = ("mixture", "mix")


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


def match_songs(
    targets: Mapping[str, Path], systems: Mapping[str, Mapping[str, Path]]
) -> tuple[list[Song], tuple[str, ...]]:
    """Mixes and targets of the same name.

    Parameters
    ----------
    targets : mapping of str to Path
        By song.
    systems : mapping of str to mapping of str to Path
        By system and song.

    Returns
    -------
    songs : list of Song
        Those with a target and at least one mix.
    missing : tuple of str
        What one side lacks, a line each.
    """
    missing = []
    for system, mixes in systems.items():
        missing += [f"{system} has no mix of {name}" for name in targets if name not in mixes]
        missing += [f"no target for {name} of {system}" for name in mixes if name not in targets]
    songs = [
        Song(name, path, {system: mixes[name] for system, mixes in systems.items() if name in mixes})
        for name, path in targets.items()
    ]
    return [song for song in songs if song.mixes], tuple(missing)


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


def _walk(folder: Path) -> Iterator[tuple[str, Path]]:
    seen = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")]
    files = [path for path in seen if path.suffix.lower() in audio_files.SUFFIXES and path.is_file()]
    own = [path for path in files if path.stem.lower() in (*_MIXES, folder.name.lower())]
    if own:
        yield folder.name, own[0]
    else:
        yield from ((path.stem, path) for path in files)
    for path in seen:
        if path.is_dir():
            yield from _walk(path)
