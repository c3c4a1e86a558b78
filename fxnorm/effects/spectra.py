"""Short-time spectra as the features define them: sqrt(periodic Hann), no centring, unscaled, float32."""

from collections.abc import Iterator
from functools import cache

import numpy as np
import numpy.typing as npt
import scipy.fft

from fxnorm.audio import RATE, Audio
from fxnorm.errors import InputError
from fxnorm.kernels.spectrum import add_magnitude
from fxnorm.units import bin_frequencies

N_FFT = 65_536
HOP = 16_384
BINS = N_FFT // 2 + 1
GRID_STEP = 32  # averages are kept, and matching reads them, at every 32nd bin
GRID_POINTS = BINS // GRID_STEP + 1


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


def frames(
    channel: npt.NDArray[np.float32], n_fft: int, hop: int, *, double: bool = False
) -> Iterator[npt.NDArray[np.floating]]:
    """Windowed frames that lie wholly inside a channel; one frame, filled with zeros, if the channel is shorter."""
    window = sqrt_hann(n_fft, double=double)
    if channel.size < n_fft:
        channel = np.pad(channel, (0, n_fft - channel.size))
    for start in range(0, channel.size - n_fft + 1, hop):
        yield channel[start : start + n_fft] * window


def mean_magnitude(audio: Audio) -> npt.NDArray[np.float64]:
    """Mean magnitude of each channel's spectrum over the frames, shape (channels, `BINS`)."""
    out = np.zeros((audio.shape[0], BINS))
    for channel, total in zip(audio, out, strict=True):
        count = 0
        for frame in frames(channel, N_FFT, HOP):
            add_magnitude(scipy.fft.rfft(frame), total)
            count += 1
        total /= count
    return out


def smooth(curve: npt.NDArray[np.floating], bins: int) -> npt.NDArray[np.float64]:
    """Savitzky-Golay filter of order 1 in mirror mode, over an odd number of bins."""
    from scipy.signal import savgol_filter

    return savgol_filter(np.asarray(curve, dtype=np.float64), bins, 1, mode="mirror")
