"""Songs to mix: which files make which stem, and reading them one stem at a time."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from pathlib import Path

from fxnorm import audio, audio_files
from fxnorm.audio import Audio
from fxnorm.audio_files import AudioInfo
from fxnorm.corpus import roles
from fxnorm.corpus.stems import STEMS, require_stem
from fxnorm.errors import AudioError, InputError

_log = logging.getLogger("fxnorm")


@dataclass(frozen=True)
class Song(Mapping[str, Audio]):
    """A song's stems by name; each is read when it is asked for, several files of one stem are added.

    Attributes
    ----------
    name : str
        Where its mix belongs, relative to the output folder: `NAME` or `train/NAME`.
    files : dict of str to tuple of Path
        The recordings of each stem.
    skipped : tuple of Path
        Audio in its folder that is no stem.
    guessed : tuple of Path
        Recordings whose names said nothing: they count as other.
    """

    name: str
    files: Mapping[str, tuple[Path, ...]]
    skipped: tuple[Path, ...] = ()
    guessed: tuple[Path, ...] = ()

    @classmethod
    def of_files(cls, name: str, files: Mapping[str, Sequence[Path]]) -> "Song":
        """A song of named files.

        Raises
        ------
        InputError
            If there are none, or one is named twice.
        """
        chosen = {require_stem(stem): tuple(map(Path, files[stem])) for stem in files if files[stem]}
        every = [path.resolve() for paths in chosen.values() for path in paths]
        if not every:
            raise InputError(f"expected at least one of the stems {', '.join(STEMS)}, got none; add --vocals FILE")
        if twice := [path for path in every if every.count(path) > 1]:
            raise InputError(f"{twice[0]}: named twice; a recording counts once")
        return cls(name, {stem: chosen[stem] for stem in STEMS if stem in chosen})

    @cached_property
    def infos(self) -> dict[Path, AudioInfo]:
        """What the headers say.

        Raises
        ------
        AudioError
            If a file cannot be used.
        """
        found = {path: audio_files.probe(path) for paths in self.files.values() for path in paths}
        for path, info in found.items():
            if info.channels > 2:
                raise AudioError(f"{path}: expected 1 or 2 channels, got {info.channels}; mix it down to stereo first")
            if info.samples == 0:
                raise AudioError(f"{path}: has no samples; remove it or record it again")
        return found

    @property
    def rate(self) -> int:
        """The highest rate of its files, in Hz, which is the mix's."""
        return max(info.rate for info in self.infos.values())

    @property
    def samples(self) -> int:
        """Length of the longest stem at `rate`, which is the mix's."""
        return max(self._length(path) for path in self.infos)

    @property
    def missing(self) -> tuple[str, ...]:
        """Stems without a file."""
        return tuple(stem for stem in STEMS if stem not in self.files)

    @property
    def rates(self) -> tuple[int, ...]:
        """All rates of its files, in Hz, the highest first."""
        return tuple(sorted({info.rate for info in self.infos.values()}, reverse=True))

    def __getitem__(self, stem: str) -> Audio:
        def read(path: Path) -> Audio:
            recorded, rate = audio_files.read(path)
            return audio.resample(recorded, rate, self.rate, samples=self._length(path))

        return reduce(_add, map(read, self.files[stem]))

    def __iter__(self) -> Iterator[str]:
        return iter(self.files)

    def __len__(self) -> int:
        return len(self.files)

    def _length(self, path: Path) -> int:
        info = self.infos[path]
        return info.samples if info.rate == self.rate else round(info.samples * self.rate / info.rate)


def _add(one: Audio, other: Audio) -> Audio:
    """The sum of two recordings, in the place of the longer."""
    if one.shape[0] != other.shape[0]:
        one, other = audio.to_stereo(one), audio.to_stereo(other)
    longer, shorter = (one, other) if one.shape[1] >= other.shape[1] else (other, one)
    longer[:, : shorter.shape[1]] += shorter
    return longer


def find_songs(roots: Sequence[Path], overrides: Mapping[str, Sequence[str]] | None = None) -> list[Song]:
    """Find the songs in folders.

    A folder that holds audio is a song, and what its files are called says what they are; a folder that holds folders
    is looked through. Hidden files and folders are passed over.

    Parameters
    ----------
    roots : sequence of Path
    overrides : mapping, optional
        Patterns of file names by stem or `skip`, as `naming.assign` takes them.

    Returns
    -------
    list of Song
        At least one.

    Raises
    ------
    InputError
        If a folder is missing or holds no stems, two songs have one name, or a pattern fits no file.
    """
    folders = [(root, *found) for root in map(Path, roots) for found in _song_folders(root)]
    overrides = overrides or {}
    if lost := roles.unmatched([path for _, _, files in folders for path in files], overrides):
        raise InputError(f"map: expected patterns of file names, {lost[0]!r} fits none; write it as the file is called")
    songs: dict[str, Song] = {}
    for root, folder, files in folders:
        found = roles.assign(files, overrides)
        inside = folder.relative_to(root).as_posix()
        name = folder.resolve().name if inside == "." else inside
        if not found.stems:
            _log.warning("%s: passed over, no stem in it (%s)", folder, ", ".join(path.name for path in files[:3]))
            continue
        if name in songs:
            raise InputError(f"{folder}: a second song called {name!r}; mix them into different folders")
        songs[name] = Song(
            name,
            {stem: tuple(paths) for stem, paths in found.stems.items()},
            tuple(found.skipped),
            tuple(found.guessed),
        )
    if not songs:
        raise InputError(f"{roots[0]}: expected a folder of stems, or of songs, found none; name files by instrument")
    return list(songs.values())


def _song_folders(root: Path) -> list[tuple[Path, list[Path]]]:
    if not root.is_dir():
        what = "a file; name its folder, or use --vocals, --bass, --drums, --other" if root.exists() else "nothing"
        raise InputError(f"{root}: expected a folder of stems, found {what}")
    seen = [path for path in sorted(root.iterdir()) if not path.name.startswith(".")]
    files = [path for path in seen if path.suffix.lower() in audio_files.SUFFIXES and path.is_file()]
    if files:
        return [(root, files)]
    return [found for path in seen if path.is_dir() for found in _song_folders(path)]
