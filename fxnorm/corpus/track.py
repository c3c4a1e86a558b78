"""Tracks: the recordings of a song."""

from dataclasses import dataclass
from pathlib import Path

from fxnorm.corpus.stems import require_stem
from fxnorm.errors import InputError

SUM, LEFT_RIGHT = "sum", "left_right"
LAYOUTS = (SUM, LEFT_RIGHT)


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
        Summed, or one for each channel; see `layout`.
    role : str or None
        One of `roles.ALL_ROLES`, by the name; None if the name says nothing and the stem is a guess.
    offset : int
        Position of the first sample in the song, in samples of each file.
    layout : {"sum", "left_right"}
        Meaning of several files: `left_right` takes the left channel from the first of two files and the right channel
        from the second. Of a stereo file, that is the channel of its side.
    """

    name: str
    stem: str
    files: tuple[Path, ...]
    role: str | None = None
    offset: int = 0
    layout: str = SUM

    def __post_init__(self) -> None:
        require_stem(self.stem)
        if self.layout not in LAYOUTS or (self.layout == LEFT_RIGHT and len(self.files) != 2):
            raise InputError(
                f"{self.name}: expected files to be summed, or two as left and right, got {len(self.files)} as "
                f"{self.layout!r}; correct the layout"
            )
