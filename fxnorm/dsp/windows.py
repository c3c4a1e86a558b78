"""Windows and frames of short-time transforms."""

from functools import cache
from typing import TypeVar

import numpy as np
import numpy.typing as npt

Scalar = TypeVar("Scalar", bound=np.generic)


@cache
def hann(length: int) -> npt.NDArray[np.float32]:
    """Return the periodic Hann window."""
    return _read_only(_hann(length).astype(np.float32))


@cache
def sqrt_hann(length: int) -> npt.NDArray[np.float32]:
    """Return the square root of the periodic Hann window."""
    return _read_only(sqrt_hann_double(length).astype(np.float32))


@cache
def sqrt_hann_double(length: int) -> npt.NDArray[np.float64]:
    """Return the square root of the periodic Hann window in double precision."""
    return _read_only(np.sqrt(_hann(length)))


def frames(signal: npt.NDArray[Scalar], length: int, hop: int) -> npt.NDArray[Scalar]:
    """Return a read-only view of the complete frames: (..., samples) -> (..., frames, length)."""
    return np.lib.stride_tricks.sliding_window_view(signal, length, axis=-1)[..., ::hop, :]


def _hann(length: int) -> npt.NDArray[np.float64]:
    window: npt.NDArray[np.float64] = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(length) / length)
    return window


def _read_only(window: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
    window.flags.writeable = False
    return window
