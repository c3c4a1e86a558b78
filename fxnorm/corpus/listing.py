"""List the audio and the records of a folder."""

import os
from dataclasses import dataclass
from pathlib import Path

from fxnorm.audio_files import SUFFIXES
from fxnorm.corpus.sorting import RECORD_SUFFIX
from fxnorm.errors import InputError

_MACOS_METADATA = "__MACOSX"


@dataclass(frozen=True)
class Listing:
    """Visible content of a folder.

    Attributes
    ----------
    audio : list of Path
        In the order of `audio_files.SUFFIXES`, then by name.
    folders : list of str
        Names, sorted.
    records : list of Path
        JSON files.
    """

    audio: list[Path]
    folders: list[str]
    records: list[Path]


def list_folder(folder: Path) -> Listing:
    """List the audio, the folders and the records of a folder, hidden ones and `__MACOSX` left out.

    Raises
    ------
    InputError
        If the folder cannot be listed.
    """
    ranked: list[tuple[int, Path]] = []
    folders: list[str] = []
    records: list[Path] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name == _MACOS_METADATA:
                    continue
                path = folder / entry.name
                suffix = path.suffix.lower()
                if entry.is_dir():
                    folders.append(entry.name)
                elif suffix in SUFFIXES and entry.is_file():
                    ranked.append((SUFFIXES.index(suffix), path))
                elif suffix == RECORD_SUFFIX:
                    records.append(path)
    except OSError as error:
        raise InputError(f"{folder}: cannot be listed ({error.strerror}); check its permissions") from error
    return Listing([path for _, path in sorted(ranked)], sorted(folders), records)


def list_tree(folder: Path, ancestors: tuple[str, ...] = ()) -> Listing:
    """List the audio and the records of a folder and of all folders below it."""
    resolved = os.path.realpath(folder)
    if resolved in ancestors:
        return Listing([], [], [])
    listing = list_folder(folder)
    subfolders = [list_tree(folder / name, (*ancestors, resolved)) for name in listing.folders]
    return Listing(
        [*listing.audio, *(path for content in subfolders for path in content.audio)],
        listing.folders,
        [*listing.records, *(path for content in subfolders for path in content.records)],
    )
