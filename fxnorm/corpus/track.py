"""Tracks: the recordings of a song."""

from dataclasses import dataclass
from pathlib import Path

from fxnorm.corpus.stems import require_stem


@dataclass(frozen=True)
class Track:
    """One recording of a song.

    Attributes
    ----------
    name : str
        Path in the song's folder without the format: `Drums/kick`.
    stem : str
        One of `STEMS`: the group that the track is summed into.
    files : tuple of Path
        Summed.
    role : str or None
        What the name says the track is; None if it says nothing and the stem is a guess.
    offset : int
        Position of the first sample in the song, in samples of each file.
    """

    name: str
    stem: str
    files: tuple[Path, ...]
    role: str | None = None
    offset: int = 0

    def __post_init__(self) -> None:
        require_stem(self.stem)
