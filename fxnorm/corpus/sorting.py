"""Sort the files of one song into tracks by their names, without opening them."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from fxnorm.corpus.pairs import find_pairs
from fxnorm.corpus.roles import ROLES, SKIP, STEM_OF_ROLE, classify_role, split_words
from fxnorm.corpus.stems import STEMS
from fxnorm.corpus.track import LEFT_RIGHT, Track

MIXTURE = "mixture"
RESULT_SUFFIX = "normalized"  # of stems that fxnorm normalize usually writes beside their sources
RECORD_SUFFIX = ".json"

Overrides = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class SortedFiles:
    """Files of one song by purpose.

    Attributes
    ----------
    tracks : tuple of Track
        In the order of `STEMS`, then by path. A pair such as "OH L" and "OH R" is one track.
    mixture : Path or None
    skipped : tuple of Path
        Mixes, helper tracks and results of fxnorm.
    unused : tuple of Path
        Files whose stem or name another file takes.
    """

    tracks: tuple[Track, ...]
    mixture: Path | None
    skipped: tuple[Path, ...]
    unused: tuple[Path, ...]


def sort_files(
    folder: Path,
    files: Sequence[Path],
    *,
    suffix: str = "",
    overrides: Overrides | None = None,
    records: frozenset[Path] = frozenset(),
) -> SortedFiles:
    """Sort the audio files of a song.

    The rules, first to last:

    1. Of files whose names differ in format only, the first in `files` is used.
    2. A pattern of `overrides` decides.
    3. `vocals`, `bass`, `drums`, `other` and `mixture` in the song's own folder are that stem or the mixture.
    4. The words of the name and of its subfolders decide (`roles.classify_role`). A subfolder with the name of a stem
       outranks the words of the file, and everything in a subfolder of mixes is skipped. A name without a known word
       is taken as other. Words that all names of the song begin with (artist, title) are ignored.

    A file of rule 3 is the whole of its stem: files that rule 4 would add to it are unused. A song with all four is
    therefore exactly these four files.

    Parameters
    ----------
    folder : Path
        The song's folder.
    files : sequence of Path
        Audio files in it and in its subfolders, the preferred format first.
    suffix : str
        If given, only files named `STEM_SUFFIX`, and the mixture, are used.
    overrides : mapping of str to sequence of str, optional
        Patterns of file names or paths in the song (`Kick*.wav`, `Room/*`), by role, stem or `skip`.
    records : frozenset of Path
        JSON files in these folders. Audio with a record of the same name is a result of fxnorm, which rule 4 skips.
    """
    exact_names = {f"{stem}_{suffix}".lower() if suffix else stem: stem for stem in STEMS}
    claims: dict[str, Path] = {}
    duplicates = [path for path in files if claims.setdefault(_key(path, folder), path) is not path]
    roles: dict[Path, tuple[str, str | None]] = {}  # stem and role
    mixture: Path | None = None
    skipped: list[Path] = []
    remaining: dict[Path, list[str]] = {}
    words = _without_common_start([split_words(path.stem) for path in claims.values()])
    for (key, path), own_words in zip(claims.items(), words, strict=True):
        override = _override(path, folder, overrides or {})
        if override == SKIP:
            skipped.append(path)
        elif override is not None:
            roles[path] = STEM_OF_ROLE.get(override, override), _role_of(override)
        elif key in exact_names:
            roles[path] = exact_names[key], _role_of(exact_names[key])
        elif key == MIXTURE:
            mixture = path
        else:
            remaining[path] = own_words
    complete_stems = {stem for stem, name in _inverted(exact_names) if claims.get(name) in roles}
    unused = list(duplicates)
    for path, own_words in remaining.items():
        role = SKIP if _is_result(path, records) else _classify(path.relative_to(folder), own_words)
        stem = STEM_OF_ROLE.get(role or "", "other")
        if suffix or (role != SKIP and stem in complete_stems):
            unused.append(path)
        elif role == SKIP:
            skipped.append(path)
        else:
            roles[path] = stem, role
    return SortedFiles(make_tracks(folder, roles), mixture, tuple(sorted(skipped)), tuple(sorted(unused)))


def unmatched_patterns(files: Iterable[tuple[Path, Path]], overrides: Overrides) -> list[str]:
    """Return the patterns that match none of the files, given as pairs (song folder, file)."""
    pairs = list(files)
    patterns = [pattern for group in overrides.values() for pattern in group]
    return [pattern for pattern in patterns if not any(_matches(path, folder, pattern) for folder, path in pairs)]


def has_exact_name(path: Path, suffix: str = "") -> bool:
    """Whether a file has the name of a stem."""
    return path.stem.lower() in {f"{stem}_{suffix}".lower() if suffix else stem for stem in STEMS}


def make_tracks(folder: Path, roles: Mapping[Path, tuple[str, str | None]]) -> tuple[Track, ...]:
    """Make tracks of files; those of a left and a right channel become one.

    Parameters
    ----------
    folder : Path
        The song's folder. A file elsewhere is named without its folder.
    roles : mapping of Path to (str, str or None)
        Stem and role of each file.

    Returns
    -------
    tuple of Track
        In the order of `STEMS`, then by path; names differ.
    """
    paths = sorted(roles, key=lambda path: (STEMS.index(roles[path][0]), path))
    named: dict[str, Path] = {}
    for path in paths:
        name = path.relative_to(folder).with_suffix("").as_posix() if path.is_relative_to(folder) else path.stem
        names = itertools.chain([name], (f"{name} {number}" for number in itertools.count(2)))
        named[next(free for free in names if free not in named)] = path
    pairs = {
        left: (right, name)
        for (left, right), name in find_pairs(named).items()
        if roles[named[left]] == roles[named[right]]
    }
    joined = {right for right, _ in pairs.values()}
    tracks = []
    for name, path in named.items():
        stem, role = roles[path]
        if name in pairs:
            right, pair_name = pairs[name]
            tracks.append(Track(pair_name, stem, (path, named[right]), role=role, layout=LEFT_RIGHT))
        elif name not in joined:
            tracks.append(Track(name, stem, (path,), role=role))
    return tuple(tracks)


def _role_of(name: str) -> str:
    """Return the role of a file of which the role or only the stem is known."""
    return name if name in STEM_OF_ROLE else next(reversed(ROLES[name]))


def _key(path: Path, folder: Path) -> str:
    """Return the path of a file in the song without its format."""
    return path.relative_to(folder).with_suffix("").as_posix().lower()


def _inverted(exact_names: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    return ((stem, name) for name, stem in exact_names.items())


def _classify(path: Path, words: Sequence[str]) -> str | None:
    """Return the role of a file from its path in the song and the words of its name."""
    folders = PurePosixPath(path.as_posix()).parts[:-1]
    own_role = classify_role(words)
    if own_role == SKIP or SKIP in map(classify_role, map(split_words, folders)):
        return SKIP
    stem = next((name.lower() for name in folders if name.lower() in STEMS), None)
    if stem is not None:
        return own_role if own_role and STEM_OF_ROLE[own_role] == stem else _role_of(stem)
    return classify_role([*(word for name in folders for word in split_words(name)), *words])


def _is_result(path: Path, records: frozenset[Path]) -> bool:
    return path.with_suffix(RECORD_SUFFIX) in records or has_exact_name(path, RESULT_SUFFIX)


def _without_common_start(names: list[list[str]]) -> list[list[str]]:
    if len(names) < 2:
        return names
    common = 0
    while all(len(words) > common + 1 for words in names) and len({words[common] for words in names}) == 1:
        common += 1
    return [words[common:] for words in names]


def _override(path: Path, folder: Path, overrides: Overrides) -> str | None:
    return next(
        (stem for stem, patterns in overrides.items() if any(_matches(path, folder, pattern) for pattern in patterns)),
        None,
    )


def _matches(path: Path, folder: Path, pattern: str) -> bool:
    names = (path.name, path.relative_to(folder).as_posix())
    return pattern in names or any(fnmatchcase(name.lower(), pattern.lower()) for name in names)
