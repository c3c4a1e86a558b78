"""Harmonic bank of the synthetic instruments."""

import math

import numba
import numpy as np
import numpy.typing as npt

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
