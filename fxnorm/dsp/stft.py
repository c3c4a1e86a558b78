"""Short-time Fourier transform: sqrt(periodic Hann), no centring, unscaled, float32."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import scipy.fft

from fxnorm.audio import Audio
from fxnorm.dsp.windows import frames, sqrt_hann, sqrt_hann_double
from fxnorm.kernels.spectra import add_magnitude

_BATCH_SAMPLES = 262_144  # transforms in one call share the vector units: half the time of single ones


def transforms(
    audio: Audio, n_fft: int, hop: int, *, sum_and_difference: bool = False, double: bool = False
) -> Iterator[npt.NDArray[np.complexfloating]]:
    """Transform the complete frames of all channels, in batches of frames.

    Audio shorter than a frame is padded with zeros.

    Parameters
    ----------
    audio : ndarray, shape (channels, samples), float32
    n_fft, hop : int
        Frame length and hop in samples.
    sum_and_difference : bool
        Transform L + R and L - R instead of L and R.
    double : bool
        Work in double precision.

    Yields
    ------
    ndarray, shape (channels, frames, bins)
    """
    window: npt.NDArray[np.floating] = sqrt_hann_double(n_fft) if double else sqrt_hann(n_fft)
    if audio.shape[1] < n_fft:
        audio = np.pad(audio, ((0, 0), (0, n_fft - audio.shape[1])))
    framed = frames(audio, n_fft, hop)
    batch = max(1, _BATCH_SAMPLES // (n_fft * len(audio)))
    for first in range(0, framed.shape[1], batch):
        block = framed[:, first : first + batch]
        if not audio[:, first * hop : (first + block.shape[1] - 1) * hop + n_fft].any():
            yield np.zeros((*block.shape[:2], n_fft // 2 + 1), np.result_type(window.dtype, np.complex64))
            continue
        if sum_and_difference:
            left, right = block
            windowed = np.empty(block.shape, dtype=window.dtype)
            np.add(left, right, out=windowed[0], dtype=window.dtype)
            np.subtract(left, right, out=windowed[1], dtype=window.dtype)
            windowed *= window
        else:
            windowed = block * window
        yield scipy.fft.rfft(windowed, overwrite_x=True)


def mean_magnitude(audio: Audio, n_fft: int, hop: int) -> npt.NDArray[np.float64]:
    """Return the mean magnitude over the frames of each channel, shape (channels, bins)."""
    out = np.zeros((audio.shape[0], n_fft // 2 + 1))
    count = 0
    for spectra in transforms(audio, n_fft, hop):
        add_magnitude(spectra, out)
        count += spectra.shape[1]
    return out / count


def smooth(curve: npt.NDArray[np.floating], bins: int) -> npt.NDArray[np.float64]:
    """Apply a Savitzky-Golay filter of order 1 in mirror mode, the moving average over an odd number of bins."""
    total = np.cumsum(np.pad(np.asarray(curve, dtype=np.float64), (bins // 2 + 1, bins // 2), mode="reflect"))
    return (total[bins:] - total[:-bins]) / bins
