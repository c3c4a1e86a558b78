"""Convolution of stems of any length, a piece at a time."""

import numpy as np
import numpy.typing as npt

from fxnorm.audio import Audio

_PIECE = 1 << 19  # samples: the transforms of a piece stay small whatever the length of the stem


def convolve_centred(audio: Audio, kernels: npt.NDArray[np.floating], *, overwrite: bool = False) -> Audio:
    """Convolve with filters of odd length, without delay.

    Parameters
    ----------
    audio : ndarray, shape (channels, samples), float32
    kernels : ndarray, shape (channels or 1, taps)
        Symmetric about their middle if the result shall have zero phase.
    overwrite : bool
        The result takes the place of the input.

    Returns
    -------
    ndarray, shape (channels, samples), float32
    """
    from scipy.signal import oaconvolve

    kernels = kernels.astype(np.float32)
    reach = kernels.shape[1] // 2
    samples = audio.shape[1]
    out = audio if overwrite else np.empty_like(audio)
    before = np.zeros((audio.shape[0], reach), dtype=np.float32)  # what stood ahead of the piece: it may be gone by now
    for start in range(0, samples, _PIECE):
        stop = min(start + _PIECE, samples)
        piece = np.concatenate([before, audio[:, start : min(stop + reach, samples)]], axis=1)
        before = piece[:, stop - start : stop - start + reach]
        out[:, start:stop] = oaconvolve(piece, kernels, axes=1)[:, 2 * reach : 2 * reach + stop - start]
    return out
