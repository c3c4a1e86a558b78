"""The four stems, in the order that files, tables and network channels use."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from fxnorm.errors import InputError

STEMS = ("vocals", "bass", "drums", "other")


def require_stem(name: str) -> str:
    """Return `name` if it is a stem; otherwise raise `InputError` naming the nearest one."""
    if name in STEMS:
        return name
    nearest = difflib.get_close_matches(name.lower(), STEMS, n=1)
    hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
    raise InputError(f"unknown stem {name!r}: expected one of {', '.join(STEMS)}{hint}")


class StemFiles(Mapping[str, tuple[Path, ...]]):
    """Files by stem, in the order of `STEMS`: immutable and hashable."""

    __slots__ = ("_files",)

    def __init__(self, files: Mapping[str, Sequence[Path]]) -> None:
        self._files = {stem: tuple(files[stem]) for stem in sorted(files, key=STEMS.index)}

    def __getitem__(self, stem: str) -> tuple[Path, ...]:
        return self._files[stem]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def __hash__(self) -> int:
        return hash(tuple(self._files.items()))

    def __repr__(self) -> str:
        return f"StemFiles({self._files})"
