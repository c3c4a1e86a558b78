"""Half-band filter of resampling by two."""

import numba
import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.floating]


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
        channel, result = padded[c], out[c]
        for n in range(result.size):
            result[n] = 0.0
        for j in range(reach):  # the samples within, so that they share the vector units
            tap, before, after = taps[j], reach - 1 - j, reach + j
            for n in range(result.size):
                result[n] += tap * (channel[n + before] + channel[n + after])
