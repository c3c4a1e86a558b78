"""Atomic writing of files, and locks on folders."""

import errno
import logging
import os
import platform
import time
import uuid
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from fxnorm import locks
from fxnorm.errors import InputError, RunError

TEMPORARY_PREFIX = ".fxnorm-"
LOCK = ".fxnorm.lock"

_PATIENCE_S = 60.0  # for remote workers that are still at a stem when their run ends early
_GRACE_S = 2.0  # workers of a killed run release the folder well within this time
_IS_WINDOWS = os.name == "nt"
_OPEN_ELSEWHERE_S = 2.0  # for virus scanners and indexers, which open new files on Windows
# Errors that would hold for every further file; not every system has every code.
_NO_ROOM = tuple(getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EROFS") if hasattr(errno, name))

_log = logging.getLogger("fxnorm")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path that replaces `path` when the block ends without an error.

    The temporary keeps the suffix, so that writers which look at it choose the right format. If the block
    raises, nothing is left behind and whatever stood at `path` is untouched.

    Raises
    ------
    RunError
        If the disk is full or has become read-only.
    OSError
        If `path` cannot be replaced: on Windows, as long as another program has it open.
    """
    temporary = path.with_name(f"{TEMPORARY_PREFIX}{uuid.uuid4().hex}{path.suffix}")
    try:
        yield temporary
        _rename(temporary, path)
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise no_room(path, str(error.strerror)) from error
        raise
    finally:
        with suppress(OSError):  # a disk that has become read-only keeps it; the reason is on its way already
            temporary.unlink(missing_ok=True)


def _rename(temporary: Path, path: Path) -> None:
    """Replace `path` by a finished file; an error names `path`, since the temporary is gone when it is read."""
    until = time.monotonic() + _OPEN_ELSEWHERE_S
    while True:
        try:
            temporary.replace(path)
            return
        except PermissionError as error:
            if not _IS_WINDOWS or time.monotonic() > until:
                hint = "; is it open in another program?" if _IS_WINDOWS else ""
                raise PermissionError(error.errno, f"{error.strerror}{hint}", str(path)) from error
            time.sleep(0.05)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(path)) from error


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file atomically; file names that are not UTF-8 are kept byte for byte."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="surrogateescape", newline="\n")


def no_room(path: Path, reason: str) -> RunError:
    """Return the error to raise when the disk is full or read-only."""
    return RunError(
        f"{path}: cannot be written ({reason}); finished work is kept: make room, and run the same command again"
    )


def require_writable(folder: Path) -> None:
    """Check that a folder is writable, before starting work that would be lost.

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


def make_folder(folder: Path) -> None:
    """Create a folder and the folders above it, and make sure that files can be made in it.

    Raises
    ------
    InputError
        If that is not possible.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written to ({error.strerror}); choose another folder") from error
    require_writable(folder)


@contextmanager
def lock_folder(folder: Path, *, sweeping: Collection[Path] = ()) -> Iterator[None]:
    """Lock a folder for this run and for the workers that `share_folder` admits, until the block ends.

    The system drops the lock with the process, even if it is killed. Where there are no locks, a warning is logged.

    Parameters
    ----------
    folder : Path
    sweeping : collection of Path
        Folders that the run writes in; partial files of killed runs and workers are removed from them.

    Raises
    ------
    InputError
        If another run is at work there, or the folder cannot be written to.
    """
    path = folder / LOCK
    file = _lock(path)
    try:
        _sweep(sweeping)
        yield
    finally:
        with file:
            alone = _wait_for(lambda: _try_lock(file, exclusive=True), _PATIENCE_S)  # until all workers are done
            if alone:
                _sweep(sweeping)
                with suppress(OSError):  # Windows removes no open file
                    path.unlink()
        if alone and _IS_WINDOWS:
            with suppress(OSError):  # or another run has opened it
                path.unlink()


@contextmanager
def share_folder(folder: Path) -> Iterator[None]:
    """Share the lock of the run that has locked a folder: until the block ends, no other run gets it.

    Raises
    ------
    RunError
        If another run is about to get it, since this one is over, or the claim cannot be seen from this machine.
    """
    try:
        file = (folder / LOCK).open("rb")
    except OSError as error:
        raise RunError(
            f"{folder / LOCK}: cannot be opened on {platform.node()} ({error.strerror}); expected a run at work there, "
            "on a file system that all its machines share"
        ) from error
    with file:
        if not _try_lock(file, exclusive=False):
            raise RunError(f"{folder}: another run has begun there; this one is over")
        yield


def _sweep(folders: Collection[Path]) -> None:
    for folder in folders:
        for path in folder.glob(f"{TEMPORARY_PREFIX}*"):
            with suppress(OSError):
                path.unlink()


def _lock(path: Path) -> IO[bytes]:
    """Open and lock the lock file: exclusively at first, to detect other runs, then shared with joining workers."""
    file = None

    def attempt() -> bool:
        nonlocal file
        file = path.open("ab")
        if _try_lock(file, exclusive=True, warn=True) and _is_at(file, path) and _try_lock(file, exclusive=False):
            return True
        file.close()
        return False

    try:
        if _wait_for(attempt, _GRACE_S) and file is not None:
            return file
    except OSError as error:
        raise InputError(f"{path.parent}: cannot be written to ({error.strerror}); choose another folder") from error
    raise InputError(f"{path.parent}: another run is at work there; wait for it to end, or choose another output")


def _wait_for(succeeds: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not succeeds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _try_lock(file: IO[bytes], *, exclusive: bool, warn: bool = False) -> bool:
    """Return whether the lock was acquired; without lock support, return True, with a warning if requested."""
    try:
        return locks.try_lock(file, exclusive=exclusive)
    except OSError as error:
        if warn:
            _log.warning("%s: cannot be locked (%s); let no other run write there", file.name, error.strerror)
        return True


def _is_at(file: IO[bytes], path: Path) -> bool:
    """Return whether an open file still has its name, and was not removed by another run."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
