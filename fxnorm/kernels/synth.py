"""Kernels of the synthetic corpus: a harmonic bank and the smoothing of a compressor."""

import math

import numba
import numpy as np
import numpy.typing as npt

from fxnorm.kernels.silence import SPAN, TINY

Float64 = npt.NDArray[np.float64]


@numba.njit(cache=True)
def add_harmonics(phase: Float64, amplitudes: Float64, hop: int, out: Float64) -> None:
    """Add the harmonics of a phase to `out`, with amplitudes interpolated between frames.

    Parameters
    ----------
    phase : ndarray, shape (samples,), float64
        Phase of the fundamental in cycles.
    amplitudes : ndarray, shape (frames, harmonics), float64
        Amplitude of harmonic k + 1 at sample frame * hop; at least ceil(samples / hop) + 1 frames.
    hop : int
        Number of samples between frames.
    out : ndarray, shape (samples,), float64
        Signal to add to.
    """
    harmonics = amplitudes.shape[1]
    previous = np.empty(hop)
    current = np.empty(hop)
    twice_cosine = np.empty(hop)
    for frame in range((phase.size + hop - 1) // hop):
        start = frame * hop
        count = min(hop, phase.size - start)
        for i in range(count):
            cycle = phase[start + i]
            angle = 2.0 * math.pi * (cycle - math.floor(cycle))
            previous[i] = 0.0
            current[i] = math.sin(angle)
            twice_cosine[i] = 2.0 * math.cos(angle)
        for k in range(harmonics):
            level = amplitudes[frame, k]
            slope = (amplitudes[frame + 1, k] - level) / hop
            # sin((k+1)a) = 2 cos(a) sin(ka) - sin((k-1)a)
            for i in range(count):
                sine = current[i]
                out[start + i] += (level + slope * i) * sine
                current[i] = twice_cosine[i] * sine - previous[i]
                previous[i] = sine


@numba.njit(cache=True)
def smooth_reduction(reduction_db: Float64, attack: float, release: float, out: Float64) -> None:
    """Smooth a gain reduction with one pole: `attack` while it rises, `release` while it falls.

    Parameters
    ----------
    reduction_db : ndarray, shape (samples,), float64
        Gain reduction in dB.
    attack, release : float
        Pole exp(-1 / (time * sample rate)) of each direction.
    out : ndarray, shape (samples,), float64
        Overwritten with the smoothed reduction in dB.
    """
    state = 0.0
    for start in range(0, reduction_db.size, SPAN):
        if state < TINY:
            state = 0.0
        for i in range(start, min(start + SPAN, reduction_db.size)):
            coefficient = attack if reduction_db[i] > state else release
            state = coefficient * state + (1.0 - coefficient) * reduction_db[i]
            out[i] = state
