"""Files appear whole or not at all."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fxnorm.errors import InputError

TEMPORARY_PREFIX = ".fxnorm-"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place when the block ends well.

    The temporary keeps the suffix, so that writers which look at it choose the right format. If the block
    raises, nothing is left behind and whatever stood at `path` is untouched.
    """
    temporary = path.with_name(f"{TEMPORARY_PREFIX}{uuid.uuid4().hex}{path.suffix}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file whole; names that are no UTF-8 go through as they are."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="surrogateescape")


def require_writable(folder: Path) -> None:
    """Make sure that files can be made in a folder, before work is done that would be lost.

    Raises
    ------
    InputError
        If the folder does not exist or nothing can be written to it.
    """
    probe = folder / f"{TEMPORARY_PREFIX}{uuid.uuid4().hex}"
    try:
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise InputError(f"{folder}: cannot be written to ({error.strerror}); choose another folder") from error
