"""Peaks between samples, by a polyphase interpolator."""

import numba
import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]

TAPS = 20  # of each phase; a constant, so that the loop over them is unrolled and the one over samples vectorised


@numba.njit(cache=True, nogil=True)
def interpolated_peaks(window: Float32, phases: Float32, out: Float32) -> None:
    """Find the largest magnitude from each sample to the next, of all channels and four phases.

    Parameters
    ----------
    window : ndarray, shape (channels, samples + TAPS - 1)
    phases : ndarray, shape (4, TAPS)
        Weights of the quarters of the interval between the samples `TAPS / 2 - 1` and `TAPS / 2` of the taps; those of
        the first phase are zero but for one, since it lies on a sample.
    out : ndarray, shape (samples,)
    """
    centre = TAPS // 2 - 1
    out[:] = np.float32(0.0)
    for c in range(window.shape[0]):
        channel = window[c]
        for n in range(out.size):
            first = second = third = np.float32(0.0)
            for tap in range(TAPS):
                sample = channel[n + tap]
                first += sample * phases[1, tap]
                second += sample * phases[2, tap]
                third += sample * phases[3, tap]
            between = max(abs(first), max(abs(second), abs(third)))
            out[n] = max(out[n], max(between, abs(channel[n + centre] * phases[0, centre])))
