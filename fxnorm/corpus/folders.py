"""Find the songs of a corpus by the names of files and folders, without opening any audio."""

import difflib
import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from fxnorm.choices import SPLITS
from fxnorm.corpus.listing import Listing, list_folder, list_tree
from fxnorm.corpus.multitrack import Multitrack
from fxnorm.corpus.roles import SKIP, classify, is_group, split_words
from fxnorm.corpus.sorting import Overrides, has_exact_name, sort_files, unmatched_patterns
from fxnorm.corpus.splits import split_of
from fxnorm.corpus.stems import STEMS
from fxnorm.errors import InputError

ARCHIVE_SUFFIX = ".zip"

_log = logging.getLogger("fxnorm")


@dataclass
class _Search:
    """Settings of a walk, and the audio it passes over."""

    root: Path
    suffix: str = ""
    overrides: Overrides = field(default_factory=dict)
    passed_over: list[Path] = field(default_factory=list)


def scan(
    root: Path, *, split: str | None = None, suffix: str = "", overrides: Overrides | None = None
) -> list[Multitrack]:
    """Find the songs of a corpus.

    A folder is a song if it holds

    - a file with the name of a stem (`vocals.wav`): the layout of MUSDB, or
    - audio whose name contains the word of an instrument (`01_KickIn.wav`), and no folder of the layout of MUSDB, or
    - any other audio, if all its subfolders with audio are named after instruments or mixes (`Drums/`, `Lead Vox/`).
      The audio may lie in these subfolders alone.

    A folder of mixes (`Mixes/`) is a song by the first rule only. Any other folder is searched for songs, at every
    depth. `sorting.sort_files` assigns the files of a song to stems. The subfolders of a song belong to it, except
    those that hold a song of the layout of MUSDB: their files are unused. Hidden files and folders and `__MACOSX` are
    ignored. Folders that hold audio but no stem are named in the log.

    Parameters
    ----------
    root : Path
        A folder of songs, a folder of splits, or a single song.
    split : str, optional
        Return the songs of this split only: train, valid or test.
    suffix : str
        Find results that `fxnorm normalize --suffix` wrote beside their sources: with `"normalized"`, vocals are in
        `vocals_normalized.wav`. Only files of such names are used.
    overrides : mapping of str to sequence of str, optional
        Patterns of file names by stem or `skip`; they outrank the names.

    Returns
    -------
    list of Multitrack
        At least one, sorted by split and name.

    Raises
    ------
    InputError
        If the folder is missing or holds no songs, or the split is unknown or empty.
    """
    root = Path(root)
    if split is not None:
        _require("split", split, SPLITS)
    if not root.is_dir():
        raise InputError(_not_a_folder(root))
    search = _Search(root, suffix, overrides or {})
    songs = _find(search)
    if not songs:
        raise InputError(_no_songs(search))
    selected = [song for song in songs if split in (None, song.split)]
    if not selected:
        splits = {song.split or "no split" for song in songs}
        raise InputError(
            f"{root}: expected songs of the split {split!r}, found {len(songs)} of {' and '.join(sorted(splits))}; "
            f"ask for another split, or for all"
        )
    return selected


def scan_folders(roots: Sequence[Path], overrides: Overrides | None = None) -> list[Multitrack]:
    """Find the songs of several folders, as `scan` does for each of them.

    Parameters
    ----------
    roots : sequence of Path
    overrides : mapping of str to sequence of str, optional
        Patterns of file names by stem or `skip`.

    Returns
    -------
    list of Multitrack
        At least one.

    Raises
    ------
    InputError
        If a folder is missing, there are no songs, two songs have the same name, or a pattern matches no file.
    """
    overrides = overrides or {}
    songs: dict[str, Multitrack] = {}
    for root in map(Path, roots):
        if not root.is_dir():
            kind = "a file; name its folder, or use --vocals, --bass, --drums, --other" if root.exists() else "nothing"
            raise InputError(f"{root}: expected a folder of stems, found {kind}")
        for song in _find(_Search(root, overrides=overrides)):
            if song.id in songs:
                raise InputError(f"{song.folder}: a second song called {song.id!r}; mix them into different folders")
            songs[song.id] = song
    if unmatched := unmatched_patterns(_files(songs.values()), overrides):
        raise InputError(
            f"map: expected patterns of file names, {unmatched[0]!r} fits none; write it as the file is called"
        )
    if not songs:
        raise InputError(f"{roots[0]}: expected a folder of stems, or of songs, found none; name files by instrument")
    return list(songs.values())


def _find(search: _Search) -> list[Multitrack]:
    """Find all songs below the root, sorted; audio that is passed over is logged."""
    songs = sorted(_walk(search, PurePosixPath(), ()))
    if songs:
        for path in search.passed_over:
            _log.warning("%s: passed over, no stem in its folder; name files by instrument", path)
    return songs


def _walk(search: _Search, location: PurePosixPath, ancestors: tuple[str, ...]) -> Iterator[Multitrack]:
    folder = search.root / location
    resolved = os.path.realpath(folder)
    if resolved in ancestors:  # a link to a folder above it
        return
    listing = list_folder(folder)
    nested = [name for name in listing.folders if _is_nested(search, location, name)]
    if _is_song(search, folder, listing, nested):
        song = _song(search, location, listing, nested)
        if song.tracks:
            yield song
            return
    search.passed_over.extend(listing.audio[:1])
    for name in listing.folders:
        yield from _walk(search, location / name, (*ancestors, resolved))


def _is_nested(search: _Search, location: PurePosixPath, name: str) -> bool:
    """Whether a subfolder holds songs of its own: a split, or files with the names of stems."""
    if not location.parts and name.lower() in SPLITS:
        return True
    listing = list_folder(search.root / location / name)
    stems = {path.stem.lower() for path in listing.audio if has_exact_name(path, search.suffix)}
    return len(stems) > (1 if is_group(name) else 0)  # Drums/drums.wav is a track in a group


def _is_song(search: _Search, folder: Path, listing: Listing, nested: Sequence[str]) -> bool:
    if any(has_exact_name(path, search.suffix) for path in listing.audio):
        return True
    if nested or search.suffix or (folder != search.root and _holds_mixes(folder.name)):
        return False
    tracks = sort_files(folder, listing.audio, overrides=search.overrides, records=frozenset(listing.records)).tracks
    if any(track.role is not None for track in tracks):
        return True
    groups = [name for name in listing.folders if is_group(name)]
    if not tracks and not groups:
        return False
    return not any(_holds_audio(folder / name) for name in listing.folders if name not in groups)


def _song(search: _Search, location: PurePosixPath, listing: Listing, nested: Sequence[str]) -> Multitrack:
    folder = search.root / location
    groups = [] if search.suffix else [name for name in listing.folders if name not in nested]
    subfolders = [list_tree(folder / name) for name in groups]
    result = sort_files(
        folder,
        [*listing.audio, *(path for content in subfolders for path in content.audio)],
        suffix=search.suffix,
        overrides=search.overrides,
        records=frozenset([*listing.records, *(path for content in subfolders for path in content.records)]),
    )
    nested_songs = [] if search.suffix else [path for name in nested for path in list_tree(folder / name).audio]
    return Multitrack(
        location=location if location.parts else PurePosixPath(search.root.resolve().name),
        folder=folder,
        tracks=result.tracks,
        split=split_of(location),
        mixture=result.mixture,
        skipped=result.skipped,
        unused=tuple(sorted((*result.unused, *nested_songs))),
    )


def _holds_mixes(name: str) -> bool:
    return is_group(name) and classify(split_words(name)) == SKIP


def _holds_audio(folder: Path) -> bool:
    return bool(list_tree(folder).audio)


def _files(songs: Iterable[Multitrack]) -> Iterator[tuple[Path, Path]]:
    """Return every audio file of songs, with the folder of its song."""
    for song in songs:
        paths = [path for track in song.tracks for path in track.files]
        yield from ((song.folder, path) for path in (*paths, *song.left_out))
        if song.mixture is not None:
            yield song.folder, song.mixture


def _require(kind: str, name: str, allowed: Sequence[str]) -> str:
    if name in allowed:
        return name
    nearest = difflib.get_close_matches(name.lower(), allowed, n=1, cutoff=0.5)
    hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
    raise InputError(f"expected a {kind} ({', '.join(allowed)}), got {name!r}{hint}")


def _not_a_folder(path: Path) -> str:
    if not path.exists():
        return f"{path}: expected a folder of songs, there is nothing of that name; check the path"
    if path.suffix.lower() == ARCHIVE_SUFFIX:
        return f"{path}: expected a folder of songs, got an archive; extract it first"
    return f"{path}: expected a folder of songs, got a file; give the folder that holds it"


def _no_songs(search: _Search) -> str:
    root = search.root
    names = ", ".join(f"{stem}_{search.suffix}" if search.suffix else stem for stem in STEMS)
    if search.passed_over:
        example = search.passed_over[0].relative_to(root).as_posix()
        return (
            f"{root}: expected songs with files named {names}, "
            f"found audio of other names ({example}); rename it to the stem it is"
        )
    packed = next((path for pattern in ("*.stem.mp4", "*/*.stem.mp4") for path in root.glob(pattern)), None)
    if packed is not None:
        return f"{root}: expected songs with files named {names}, found packed stems ({packed.name}); unpack them first"
    content = "folders without audio in them" if list_folder(root).folders else "nothing in it"
    return (
        f"{root}: expected a folder of songs, or of {', '.join(f'{split}/' for split in SPLITS)} with songs, "
        f"found {content}; a song is a folder with files named {names}"
    )
