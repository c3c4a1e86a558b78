"""FIR filters: design by frequency sampling, and block convolution without delay."""

import numpy as np
import numpy.typing as npt
import scipy.fft

from fxnorm.audio import Audio
from fxnorm.dsp.windows import frames

_POINTS = 32_768  # of the transforms, for filters of up to an eighth of it
_BATCH = 4  # transforms in one call share the vector units


def linear_phase(gains: npt.NDArray[np.floating], taps: int) -> npt.NDArray[np.float64]:
    """Design a linear-phase filter by frequency sampling and a Hamming window.

    Parameters
    ----------
    gains : ndarray, shape (points,)
        Gains at equally spaced frequencies from 0 to half the sample rate; straight lines in between.
    taps : int
        Length; odd.

    Returns
    -------
    ndarray, shape (taps,)
        Symmetric.
    """
    half = 2 ** int(np.ceil(np.log2(taps)))
    interpolated = np.interp(np.linspace(0.0, 1.0, half + 1), np.linspace(0.0, 1.0, gains.size), gains)
    return np.roll(scipy.fft.irfft(interpolated), taps // 2)[:taps] * np.hamming(taps)


def convolve_centred(audio: Audio, kernels: npt.NDArray[np.floating], *, overwrite: bool = False) -> Audio:
    """Convolve with filters of odd length without delay, by overlap-save.

    Parameters
    ----------
    audio : ndarray, shape (channels, samples), float32
    kernels : ndarray, shape (channels or 1, taps)
        Zero phase if symmetric.
    overwrite : bool
        Write the result into the input.

    Returns
    -------
    ndarray, shape (channels, samples), float32
    """
    channels, samples = audio.shape
    taps = kernels.shape[1]
    reach = taps // 2
    points = max(_POINTS, scipy.fft.next_fast_len(8 * taps, real=True))
    hop = points - taps + 1
    chunk = hop * max(1, _BATCH // channels)
    response = scipy.fft.rfft(kernels.astype(np.float32), points)[:, np.newaxis]
    out = audio if overwrite else np.empty_like(audio)
    padded = np.zeros((channels, chunk + 2 * reach), dtype=np.float32)  # a chunk with its context
    history = np.zeros((channels, reach), dtype=np.float32)  # input before the chunk, perhaps overwritten
    for start in range(0, samples, chunk):
        stop = min(start + chunk, samples)
        input_chunk = audio[:, start : stop + reach]
        padded[:, :reach] = history
        padded[:, reach : reach + input_chunk.shape[1]] = input_chunk
        padded[:, reach + input_chunk.shape[1] :] = 0.0
        history = padded[:, chunk : chunk + reach].copy()
        if not padded.any():
            out[:, start:stop] = 0.0
            continue
        spectra = scipy.fft.rfft(frames(padded, points, hop))
        spectra *= response
        result = scipy.fft.irfft(spectra, points, overwrite_x=True)[:, :, taps - 1 :]
        out[:, start:stop] = result.reshape(channels, -1)[:, : stop - start]
    return out
