"""Folder, names and format of normalised stems."""

from dataclasses import dataclass
from pathlib import Path

from fxnorm.choices import SUBTYPES
from fxnorm.corpus import Multitrack
from fxnorm.errors import InputError


@dataclass(frozen=True)
class OutputLayout:
    """Folder, names and format of the results.

    Attributes
    ----------
    out : Path or None
        Folder for results in the layout of the corpus; None writes them beside the originals.
    suffix : str
        Suffix after the stem in the name of a result beside its original.
    format : {"wav", "flac"}
    subtype : str
        A libsndfile subtype; the format's first of `SUBTYPES` if empty.
    """

    out: Path | None
    suffix: str = "normalized"
    format: str = "wav"
    subtype: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "subtype", choose_subtype(self.format, self.subtype))
        if self.out is None and not self.suffix:
            raise InputError("expected a suffix for results beside the originals, got none")

    @property
    def clips(self) -> bool:
        """Whether the sample format clips at full scale."""
        return self.subtype not in ("FLOAT", "DOUBLE")

    def target(self, track: Multitrack, stem: str) -> Path:
        """Return the path of a normalised stem."""
        if self.out is None:
            return track.folder / f"{stem}_{self.suffix}.{self.format}"
        return self.out / track.location / f"{stem}.{self.format}"

    def lock_folder(self, track: Multitrack) -> Path:
        """Return the folder that a run locks while it writes the results of a track."""
        return track.folder.parent if self.out is None else self.out


def choose_subtype(file_format: str, subtype: str) -> str:
    """Return the subtype, or the default one of the format if it is empty.

    Raises
    ------
    InputError
        If the format is unknown or has no such subtype.
    """
    if file_format not in SUBTYPES:
        raise InputError(f"expected the format {' or '.join(SUBTYPES)}, got {file_format or 'no suffix'!r}")
    if subtype and subtype not in SUBTYPES[file_format]:
        raise InputError(f"expected a subtype of {file_format} ({', '.join(SUBTYPES[file_format])}), got {subtype!r}")
    return subtype or SUBTYPES[file_format][0]
