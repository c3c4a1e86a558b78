"""Shared and exclusive locks on open files, which the system drops with the process, on POSIX and on Windows.

Packages with portable locks know exclusive ones alone, or keep shared ones in a database that network file systems do
not carry.
"""

import ctypes
import sys
from typing import IO, Any

if sys.platform == "win32":
    import msvcrt
    from ctypes import wintypes
else:
    import fcntl

_FAIL_IMMEDIATELY, _EXCLUSIVE = 1, 2  # flags of LockFileEx
_LOCK_VIOLATION, _IO_PENDING = 33, 997  # Windows error codes


def try_lock(file: IO[bytes], *, exclusive: bool) -> bool:
    """Lock an open file, or change its lock, without waiting.

    Parameters
    ----------
    file : binary file
        Holds the lock until it is closed.
    exclusive : bool
        Admit no other lock; a shared one admits shared ones.

    Returns
    -------
    bool
        False if the locks of others forbid it; a lock held before may be lost then.

    Raises
    ------
    OSError
        If the file system has no locks.
    """
    return _try_lock(file, exclusive)


if sys.platform == "win32":

    class _Overlapped(ctypes.Structure):
        """OVERLAPPED: the offset of the locked byte, far beyond any content, which stays readable."""

        _fields_ = (
            ("Internal", ctypes.c_void_p),
            ("InternalHigh", ctypes.c_void_p),
            ("Offset", wintypes.DWORD),
            ("OffsetHigh", wintypes.DWORD),
            ("hEvent", wintypes.HANDLE),
        )

    def _try_lock(file: IO[bytes], exclusive: bool) -> bool:
        kernel: Any = ctypes.WinDLL("kernel32", use_last_error=True)
        handle = wintypes.HANDLE(msvcrt.get_osfhandle(file.fileno()))
        flags = _FAIL_IMMEDIATELY | (_EXCLUSIVE if exclusive else 0)
        region = _Overlapped(OffsetHigh=0x7FFFFFFF)
        kernel.UnlockFileEx(handle, 0, 1, 0, ctypes.byref(region))  # fails where nothing is locked yet
        if kernel.LockFileEx(handle, flags, 0, 1, 0, ctypes.byref(region)):
            return True
        code = ctypes.get_last_error()
        if code in (_LOCK_VIOLATION, _IO_PENDING):
            return False
        raise ctypes.WinError(code)

else:

    def _try_lock(file: IO[bytes], exclusive: bool) -> bool:
        try:
            fcntl.flock(file, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            return False
        return True
