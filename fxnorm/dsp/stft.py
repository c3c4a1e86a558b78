"""Short-time spectra as the features define them: sqrt(periodic Hann), no centring, unscaled, float32."""

from collections.abc import Iterator
from functools import cache

import numpy as np
import numpy.typing as npt
import scipy.fft

from fxnorm.audio import RATE, Audio
from fxnorm.errors import InputError
from fxnorm.kernels.silence import is_zero
from fxnorm.kernels.spectra import add_magnitude
from fxnorm.units import bin_frequencies

N_FFT = 65_536
HOP = 16_384
BINS = N_FFT // 2 + 1
GRID_STEP = 32  # averages are kept, and matching reads them, at every 32nd bin
GRID_POINTS = BINS // GRID_STEP + 1
_TOGETHER = 4 * N_FFT  # samples; transforms in one call share the vector units: half the time of one after the other


def grid_frequencies() -> npt.NDArray[np.float64]:
    """The 1,025 frequencies in Hz at which averages are kept."""
    return np.arange(GRID_POINTS, dtype=np.float64) * (GRID_STEP * RATE / N_FFT)


def bin_frequencies_of_features() -> npt.NDArray[np.float64]:
    """The 32,769 frequencies in Hz of a measured curve."""
    return bin_frequencies(RATE, N_FFT)


def require_rate(rate: int, what: str) -> None:
    """Refuse audio that is not at the rate on which the frequency grid is defined."""
    if rate != RATE:
        raise InputError(f"{what}: expected audio at {RATE} Hz, got {rate} Hz; use fxnorm.audio.resample first")


@cache
def sqrt_hann(length: int, *, double: bool = False) -> npt.NDArray[np.floating]:
    """Square root of the periodic Hann window."""
    window = np.sqrt(0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(length) / length))
    window = window.astype(np.float64 if double else np.float32)
    window.flags.writeable = False
    return window


def transforms(
    audio: Audio, n_fft: int, hop: int, *, sum_and_difference: bool = False, double: bool = False
) -> Iterator[npt.NDArray[np.complexfloating]]:
    """Spectra of the windowed frames that lie wholly inside the audio, a few frames of all channels at a time.

    Audio shorter than a frame is filled with zeros to one.

    Parameters
    ----------
    audio : ndarray, shape (channels, samples), float32
    n_fft, hop : int
        Samples of a frame, and from one to the next.
    sum_and_difference : bool
        Of the two channels, instead of the channels themselves.
    double : bool
        In double precision.

    Yields
    ------
    ndarray, shape (channels, frames, bins)
    """
    window = sqrt_hann(n_fft, double=double)
    if audio.shape[1] < n_fft:
        audio = np.pad(audio, ((0, 0), (0, n_fft - audio.shape[1])))
    framed = np.lib.stride_tricks.sliding_window_view(audio, n_fft, axis=1)[:, ::hop]
    few = max(1, _TOGETHER // (n_fft * len(audio)))
    for first in range(0, framed.shape[1], few):
        frames = framed[:, first : first + few]
        if is_zero(audio[:, first * hop : (first + frames.shape[1] - 1) * hop + n_fft]):
            yield np.zeros((*frames.shape[:2], n_fft // 2 + 1), np.result_type(window.dtype, np.complex64))
            continue
        if sum_and_difference:
            left, right = frames
            windowed = np.empty(frames.shape, dtype=window.dtype)
            np.add(left, right, out=windowed[0], dtype=window.dtype)
            np.subtract(left, right, out=windowed[1], dtype=window.dtype)
            windowed *= window
        else:
            windowed = frames * window
        yield scipy.fft.rfft(windowed, overwrite_x=True)


def mean_magnitude(audio: Audio) -> npt.NDArray[np.float64]:
    """Mean magnitude of each channel's spectrum over the frames, shape (channels, `BINS`)."""
    out = np.zeros((audio.shape[0], BINS))
    count = 0
    for spectra in transforms(audio, N_FFT, HOP):
        add_magnitude(spectra, out)
        count += spectra.shape[1]
    return out / count


def smooth(curve: npt.NDArray[np.floating], bins: int) -> npt.NDArray[np.float64]:
    """Savitzky-Golay filter of order 1 in mirror mode, over an odd number of bins: there it is the plain mean."""
    total = np.cumsum(np.pad(np.asarray(curve, dtype=np.float64), (bins // 2 + 1, bins // 2), mode="reflect"))
    return (total[bins:] - total[:-bins]) / bins
