"""Smoothing of the reduction of a limiter."""

import numba
import numpy as np
import numpy.typing as npt

from fxnorm.kernels.silence import SPAN, TINY

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]


@numba.njit(cache=True, nogil=True)
def smooth_held(held: Float32, first: int, second: int, release: float, state: float, out: Float64) -> float:
    """Smooth a held reduction with two moving averages, then let it fall with one pole.

    s[n] is the mean of held[n - first - second + 2 .. n], weighted by the convolution of two rectangles;
    y[n] = max(s[n], release * y[n-1]).

    Parameters
    ----------
    held : ndarray, shape (first + second - 2 + samples,), float32
        Multiples of 2**-24 between 0 and 1: the moving sums are then exact, and a reduction at rest is exactly 0.
    first, second : int
        Lengths of the averages.
    release : float
        Pole, exp(-1 / (time constant * sample rate)).
    state : float
        Last output before these samples.
    out : ndarray, shape (samples,), float64

    Returns
    -------
    float
        Last output.
    """
    sums = np.empty(out.size + second - 1)
    total = 0.0
    for n in range(first - 1):
        total += held[n]
    for n in range(sums.size):
        total += held[n + first - 1]
        sums[n] = total
        total -= held[n]
    total = 0.0
    for n in range(second - 1):
        total += sums[n]
    scale = 1.0 / (float(first) * float(second))
    for start in range(0, out.size, SPAN):
        if state < TINY:
            state = 0.0
        for n in range(start, min(start + SPAN, out.size)):
            total += sums[n + second - 1]
            state = max(total * scale, release * state)
            out[n] = state
            total -= sums[n]
    return state
