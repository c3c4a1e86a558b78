"""Half-band filter of resampling by two."""

import numba
import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.floating]

SPAN = 256  # samples that stay in the nearest cache from tap to tap


@numba.njit(cache=True, nogil=True)
def filter_halfband(padded: Samples, taps: Samples, out: Samples) -> None:
    """Sum pairs of samples at equal distances from the middle: out[n] = sum of taps[j] (p[n+M-1-j] + p[n+M+j]).

    Parameters
    ----------
    padded : ndarray, shape (channels, samples + 2 M - 1)
    taps : ndarray, shape (M,)
        Half of a symmetric filter of even length.
    out : ndarray, shape (channels, samples)
    """
    reach = taps.size
    for c in range(out.shape[0]):
        for start in range(0, out.shape[1], SPAN):
            result = out[c, start : start + SPAN]
            channel = padded[c, start : start + SPAN + 2 * reach - 1]
            for n in range(result.size):
                result[n] = 0.0
            for j in range(reach):  # the samples within, so that they share the vector units
                tap, before, after = taps[j], channel[reach - 1 - j :], channel[reach + j :]
                for n in range(result.size):
                    result[n] += tap * (before[n] + after[n])
