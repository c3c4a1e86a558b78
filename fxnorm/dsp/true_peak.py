"""True peak after ITU-R BS.1770-4, Annex 2: the largest magnitude on and between the samples."""

from functools import cache

import numpy as np
import numpy.typing as npt

from fxnorm.audio import Audio, peak
from fxnorm.kernels.true_peak import TAPS, interpolated_peaks
from fxnorm.units import amplitude_to_db

OVERSAMPLING = 4
HISTORY = TAPS - 1  # samples before a block that its first interpolated sample is made of
_BLOCK = 8192


def true_peak(audio: Audio) -> float:
    """Measure the largest magnitude on and between the samples, 4 times oversampled.

    Parameters
    ----------
    audio : ndarray, shape (channels, samples), float32
        Of any sample rate. What rings before the first sample and after the last counts, too.

    Returns
    -------
    float
        Amplitude; full scale is 1.

    Notes
    -----
    The interpolator is a low-pass of 80 taps with a Kaiser window, longer than the one of 48 taps that the standard
    gives as an example.
    """
    meter = TruePeakMeter(len(audio))
    for start in range(0, audio.shape[1], _BLOCK):
        meter.push(audio[:, start : start + _BLOCK])
    return meter.finish()


def true_peak_db(audio: Audio) -> float:
    """Measure the true peak in dBTP; -240 for silence."""
    return float(amplitude_to_db(true_peak(audio)))


class TruePeakMeter:
    """True peak of audio that comes in blocks.

    Parameters
    ----------
    channels : int

    Attributes
    ----------
    largest : float
        Amplitude of the true peak so far; after `finish` that of the whole.
    """

    def __init__(self, channels: int) -> None:
        self.largest = 0.0
        self._history = np.zeros((channels, HISTORY), dtype=np.float32)

    def push(self, block: Audio) -> None:
        """Measure the next samples, shape (channels, samples)."""
        window = np.concatenate((self._history, block), axis=1, dtype=np.float32)
        self._history = window[:, -HISTORY:]
        sample_peak = peak(window)
        self.largest = max(self.largest, sample_peak)
        if block.shape[1] and sample_peak * largest_ratio() > self.largest:
            self.largest = max(self.largest, float(peaks_between(window).max()))

    def finish(self) -> float:
        """Measure what rings after the last sample, and return the true peak of the whole."""
        self.push(np.zeros_like(self._history))
        return self.largest


def peaks_between(window: Audio) -> npt.NDArray[np.float32]:
    """Find the true peak of every interval between two samples.

    Parameters
    ----------
    window : ndarray, shape (channels, HISTORY + samples), float32

    Returns
    -------
    ndarray, shape (samples,), float32
        Value k is the largest magnitude, of all channels, from sample `k + TAPS / 2 - 1` of the window to the next.
    """
    out = np.empty(window.shape[1] - HISTORY, dtype=np.float32)
    interpolated_peaks(window, interpolator(), out)
    return out


@cache
def largest_ratio() -> float:
    """Return the most by which a true peak can exceed the sample peak, as an amplitude ratio."""
    return float(np.abs(interpolator()).sum(axis=1).max())


@cache
def interpolator() -> npt.NDArray[np.float32]:
    """Design the polyphase filter, shape (4, TAPS)."""
    from scipy.signal import firwin

    # an odd number of taps makes one phase the samples themselves; the last tap is 0
    taps = firwin(OVERSAMPLING * TAPS + 1, 1.0 / OVERSAMPLING, window=("kaiser", 5.0))[:-1] * OVERSAMPLING
    return np.ascontiguousarray(taps.reshape(TAPS, OVERSAMPLING).T[:, ::-1], dtype=np.float32)
