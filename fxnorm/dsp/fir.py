"""Filters with wanted gains, and their convolution with stems of any length, a piece at a time."""

import numpy as np
import numpy.typing as npt
import scipy.fft

from fxnorm.audio import Audio
from fxnorm.kernels.silence import is_zero

_POINTS = 32_768  # of the transforms, for filters of up to an eighth of it
_TOGETHER = 4  # transforms in one call share the vector units


def linear_phase(gains: npt.NDArray[np.floating], taps: int) -> npt.NDArray[np.float64]:
    """Filter of odd length with wanted gains, by frequency sampling and a Hamming window.

    Parameters
    ----------
    gains : ndarray, shape (points,)
        At equally spaced frequencies from 0 to half the rate; straight lines in between.
    taps : int

    Returns
    -------
    ndarray, shape (taps,)
        Symmetric about its middle.
    """
    half = 2 ** int(np.ceil(np.log2(taps)))
    fine = np.interp(np.linspace(0.0, 1.0, half + 1), np.linspace(0.0, 1.0, gains.size), gains)
    return np.roll(scipy.fft.irfft(fine), taps // 2)[:taps] * np.hamming(taps)


def convolve_centred(audio: Audio, kernels: npt.NDArray[np.floating], *, overwrite: bool = False) -> Audio:
    """Convolve with filters of odd length, without delay, by overlap-save.

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
    channels, samples = audio.shape
    taps = kernels.shape[1]
    reach = taps // 2
    points = max(_POINTS, scipy.fft.next_fast_len(8 * taps, real=True))
    hop = points - taps + 1
    piece = hop * max(1, _TOGETHER // channels)
    response = scipy.fft.rfft(kernels.astype(np.float32), points)[:, np.newaxis]
    out = audio if overwrite else np.empty_like(audio)
    given = np.zeros((channels, piece + 2 * reach), dtype=np.float32)  # the piece, and what is on both sides of it
    behind = np.zeros((channels, reach), dtype=np.float32)  # where the result stands in the input's place, it is gone
    for start in range(0, samples, piece):
        stop = min(start + piece, samples)
        ahead = audio[:, start : stop + reach]
        given[:, :reach] = behind
        given[:, reach : reach + ahead.shape[1]] = ahead
        given[:, reach + ahead.shape[1] :] = 0.0
        behind = given[:, piece : piece + reach].copy()
        if is_zero(given):
            out[:, start:stop] = 0.0
            continue
        blocks = np.lib.stride_tricks.sliding_window_view(given, points, axis=1)[:, ::hop]
        spectra = scipy.fft.rfft(blocks)
        spectra *= response
        whole = scipy.fft.irfft(spectra, points, overwrite_x=True)[:, :, taps - 1 :]
        out[:, start:stop] = whole.reshape(channels, -1)[:, : stop - start]
    return out
