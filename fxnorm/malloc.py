"""What becomes of memory that is freed: glibc's choice, made anew where it costs time or room."""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4  # in glibc's malloc.h
_KEEPING = {_TRIM_THRESHOLD: -1, _MMAP_MAX: 0}  # never give back, never ask for a piece by itself
# What glibc itself arrives at in a process that uses large arrays; it stops adapting once it was told anything.
_AS_BEFORE = {_TRIM_THRESHOLD: 64 << 20, _MMAP_THRESHOLD: 32 << 20, _MMAP_MAX: 65_536}


@contextmanager
def kept() -> Iterator[None]:
    """Keep what is freed until the block ends, for the next array or tensor.

    glibc gives every large array back to the system when it is freed, and the next one comes back as pages that have
    to be cleared: a third of the CPU time of training a small network for a sixth less memory, a tenth of that of
    normalising for none. With another C library nothing changes.
    """
    library = _glibc()
    if library is None:
        yield
        return
    for option, value in _KEEPING.items():
        library.mallopt(option, value)
    try:
        yield
    finally:
        for option, value in _AS_BEFORE.items():
            library.mallopt(option, value)
        library.malloc_trim(0)


def give_back() -> None:
    """Give what is free back to the system at once, also where glibc would keep it: what threads have freed."""
    if (library := _glibc()) is not None:
        library.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    return library if hasattr(library, "mallopt") and hasattr(library, "malloc_trim") else None
