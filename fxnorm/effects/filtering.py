"""Convolution of stems of any length, a piece at a time."""

import numpy as np
import numpy.typing as npt

from fxnorm.audio import Audio

_PIECE = 1 << 19  # samples: the transforms of a piece stay small whatever the length of the stem


def convolve_centred(audio: Audio, kernels: npt.NDArray[np.floating]) -> Audio:
    """Convolve with filters of odd length, without delay.

    Parameters
    ----------
    audio : ndarray, shape (channels, samples), float32
    kernels : ndarray, shape (channels or 1, taps)
        Symmetric about their middle if the result shall have zero phase.

    Returns
    -------
    ndarray, shape (channels, samples), float32
    """
    from scipy.signal import oaconvolve

    kernels = kernels.astype(np.float32)
    reach = kernels.shape[1] // 2
    samples = audio.shape[1]
    out = np.empty_like(audio)
    for start in range(0, samples, _PIECE):
        stop = min(start + _PIECE, samples)
        low, high = max(start - reach, 0), min(stop + reach, samples)
        whole = oaconvolve(audio[:, low:high], kernels, axes=1)
        out[:, start:stop] = whole[:, start - low + reach : stop - low + reach]
    return out
