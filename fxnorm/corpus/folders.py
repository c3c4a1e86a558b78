"""Songs and where their stems lie: found by name alone, without opening any audio."""

import difflib
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fxnorm.audio_files import SUFFIXES
from fxnorm.corpus.stems import STEMS
from fxnorm.errors import InputError

SPLITS = ("train", "valid", "test")
MIXTURE = "mixture"

# The songs of MUSDB18's train/ that its authors set aside for validation.
VALIDATION_SONGS = frozenset(
    {
        "ANiMAL - Rockshow",
        "Actions - One Minute Smile",
        "Alexander Ross - Goodbye Bolero",
        "Clara Berry And Wooldog - Waltz For My Victims",
        "Fergessen - Nos Palpitants",
        "James May - On The Line",
        "Johnny Lokke - Promises & Lies",
        "Leaf - Summerghost",
        "Meaxic - Take A Step",
        "Patrick Talbot - A Reason To Leave",
        "Skelpolu - Human Mistakes",
        "Traffic Experiment - Sirens",
        "Triviul - Angelsaint",
        "Young Griffo - Pennies",
    }
)

_log = logging.getLogger("fxnorm")


class StemPaths(Mapping[str, Path]):
    """Paths by stem, in the order of `STEMS`: a mapping that cannot change, so it can be hashed and sent to workers."""

    __slots__ = ("_paths",)

    def __init__(self, paths: Mapping[str, Path]) -> None:
        self._paths = {stem: paths[stem] for stem in sorted(paths, key=STEMS.index)}

    def __getitem__(self, stem: str) -> Path:
        return self._paths[stem]

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)

    def __hash__(self) -> int:
        return hash(tuple(self._paths.items()))

    def __repr__(self) -> str:
        return f"StemPaths({self._paths})"


@dataclass(frozen=True)
class TrackRef:
    """A song: names and paths, no audio.

    Attributes
    ----------
    location : PurePosixPath
        The song's folder relative to the corpus, which is also where its results belong: `train/NAME`. The
        validation songs of MUSDB18 stand in `train/` like any other.
    split : str or None
        One of `SPLITS`; None where the corpus holds songs directly.
    folder : Path
        Where the files are.
    stems : StemPaths
        The file of each stem that the song has: `track.stems["vocals"]`.
    mixture : Path or None
    unused : tuple of Path
        Audio that is neither: unknown names, and second claims to a stem.
    """

    location: PurePosixPath
    split: str | None
    folder: Path
    stems: StemPaths
    mixture: Path | None = None
    unused: tuple[Path, ...] = ()

    @property
    def name(self) -> str:
        """The song's name, that of its folder."""
        return self.location.name

    @property
    def id(self) -> str:
        """The song's name within the corpus, the same on every system: `train/NAME`."""
        return self.location.as_posix()

    @property
    def missing(self) -> tuple[str, ...]:
        """Stems that the song does not have."""
        return tuple(stem for stem in STEMS if stem not in self.stems)

    def __lt__(self, other: "TrackRef") -> bool:
        return self._order < other._order

    @property
    def _order(self) -> tuple[int, str, str]:
        return (None, *SPLITS).index(self.split), self.name, self.id


def scan(root: Path, *, split: str | None = None, suffix: str = "") -> list[TrackRef]:
    """Find the songs of a corpus.

    Hidden files and folders are passed over, unfinished files (`files.TEMPORARY_PREFIX`) with them. A folder that
    holds audio but no stem is named in the log and passed over. Of two files for one stem the first in the order
    of `audio_files.SUFFIXES` is taken.

    Parameters
    ----------
    root : Path
        A folder of songs, a folder of splits, or a single song.
    split : str, optional
        Return the songs of this split only: train, valid or test.
    suffix : str
        What follows the stem in the file names: with `"normalized"`, vocals are in `vocals_normalized.wav`.

    Returns
    -------
    list of TrackRef
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
    names = {f"{stem}_{suffix}".lower() if suffix else stem: stem for stem in STEMS}
    strangers: list[Path] = []
    tracks = sorted(_tracks(root, PurePosixPath(), names, strangers))
    if not tracks:
        raise InputError(_no_songs(root, names, strangers))
    for stranger in strangers:
        _log.warning("%s: passed over, not the name of a stem; expected %s", stranger, ", ".join(names))
    chosen = [track for track in tracks if split in (None, track.split)]
    if not chosen:
        splits = {track.split or "no split" for track in tracks}
        raise InputError(
            f"{root}: expected songs of the split {split!r}, found {len(tracks)} of {' and '.join(sorted(splits))}; "
            f"ask for another split, or for all"
        )
    return chosen


def _tracks(root: Path, location: PurePosixPath, names: Mapping[str, str], strangers: list[Path]) -> Iterator[TrackRef]:
    """The songs at and below a location; `strangers` receives audio of folders that are not songs."""
    folder = root / location
    audio, folders = _listing(folder)
    claims: dict[str, Path] = {}
    unused = [path for path in audio if claims.setdefault(path.stem.lower(), path) is not path]
    stems = {stem: claims.pop(name) for name, stem in names.items() if name in claims}
    if stems:
        mixture = claims.pop(MIXTURE, None)
        yield TrackRef(
            location=location if location.parts else PurePosixPath(root.resolve().name),
            split=_split(location),
            folder=folder,
            stems=StemPaths(stems),
            mixture=mixture,
            unused=tuple(sorted([*claims.values(), *unused])),
        )
        return
    strangers.extend(audio[:1])
    if not location.parts or location.as_posix().lower() in SPLITS:
        for name in folders:
            yield from _tracks(root, location / name, names, strangers)


def _listing(folder: Path) -> tuple[list[Path], list[str]]:
    """Audio files, in the order in which they are preferred, and the names of folders."""
    audio: list[tuple[int, Path]] = []
    folders: list[str] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                path = folder / entry.name
                if entry.is_dir():
                    folders.append(entry.name)
                elif path.suffix.lower() in SUFFIXES and entry.is_file():
                    audio.append((SUFFIXES.index(path.suffix.lower()), path))
    except OSError as error:
        raise InputError(f"{folder}: cannot be listed ({error.strerror}); check its permissions") from error
    return [path for _, path in sorted(audio)], folders


def _split(location: PurePosixPath) -> str | None:
    if len(location.parts) < 2:
        return None
    split = location.parts[0].lower()
    return "valid" if split == "train" and location.name in VALIDATION_SONGS else split


def _require(kind: str, name: str, allowed: Sequence[str]) -> str:
    if name in allowed:
        return name
    nearest = difflib.get_close_matches(name.lower(), allowed, n=1, cutoff=0.5)
    hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
    raise InputError(f"expected a {kind} ({', '.join(allowed)}), got {name!r}{hint}")


def _not_a_folder(path: Path) -> str:
    if not path.exists():
        return f"{path}: expected a folder of songs, there is nothing of that name; check the path"
    if path.suffix.lower() == ".zip":
        return f"{path}: expected a folder of songs, got an archive; extract it first"
    return f"{path}: expected a folder of songs, got a file; give the folder that holds it"


def _no_songs(root: Path, names: Mapping[str, str], strangers: Sequence[Path]) -> str:
    wanted = ", ".join(names)
    if strangers:
        return (
            f"{root}: expected songs with files named {wanted}, "
            f"found audio of other names ({strangers[0].relative_to(root).as_posix()}); rename it to the stem it is"
        )
    packed = next((path for pattern in ("*.stem.mp4", "*/*.stem.mp4") for path in root.glob(pattern)), None)
    if packed is not None:
        return (
            f"{root}: expected songs with files named {wanted}, found packed stems ({packed.name}); unpack them first"
        )
    found = "folders without audio in them" if _listing(root)[1] else "nothing in it"
    return (
        f"{root}: expected a folder of songs, or of {', '.join(f'{split}/' for split in SPLITS)} with songs, "
        f"found {found}; a song is a folder with files named {wanted}"
    )
