"""Freed memory is retained and reused."""

import ctypes
import sys

import numpy as np
import pytest

from fxnorm import malloc

resource = pytest.importorskip("resource", reason="counts page faults as POSIX does")


def faults() -> int:
    """Count the page faults of a few large arrays."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        np.full(10_000_000, 0.5)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "mallopt"), reason="the C library is not glibc"
)
def test_what_is_freed_is_kept_until_the_end():
    before = faults()
    with malloc.retain_freed_memory():
        faults()
        retained = faults()
    assert retained < 0.02 * before
    assert faults() > 0.05 * before  # returned at the end, so at least the first array faults again
