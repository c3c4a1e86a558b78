"""On a CPU, memory that one step of training leaves to the next."""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

TRIM_THRESHOLD, MMAP_MAX = -1, -4  # in glibc's malloc.h
FOR_TRAINING = {TRIM_THRESHOLD: -1, MMAP_MAX: 0}  # never give back, never ask for a piece by itself
BY_DEFAULT = {TRIM_THRESHOLD: 128 * 1024, MMAP_MAX: 65_536}


@contextmanager
def kept() -> Iterator[None]:
    """Keep what is freed until the block ends.

    glibc gives every large tensor back to the system when it is freed, and the next one comes back as pages that have
    to be cleared: a third of the CPU time of a step of the small TDCN, for a sixth less memory. With another C
    library nothing changes.
    """
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    if library is None or not hasattr(library, "mallopt"):
        yield
        return
    for option, value in FOR_TRAINING.items():
        library.mallopt(option, value)
    try:
        yield
    finally:
        for option, value in BY_DEFAULT.items():
            library.mallopt(option, value)
        library.malloc_trim(0)
