"""Conversions between decibels, amplitudes, powers, frequencies and bins."""

from typing import TypeVar

import numpy as np
import numpy.typing as npt

T = TypeVar("T", float, npt.NDArray[np.float64], npt.NDArray[np.float32], npt.NDArray[np.floating])

# centres of the third-octave bands from 31.5 Hz to 16 kHz (base-ten series)
THIRD_OCTAVES_HZ = np.round(1000.0 * 10.0 ** (np.arange(-15, 13) / 10.0), 1)


def db_to_amplitude(db: T) -> T:
    """Convert a level in dB to an amplitude ratio."""
    return 10.0 ** (db / 20.0)


def db_to_power(db: T) -> T:
    """Convert a level in dB to a power ratio."""
    return 10.0 ** (db / 10.0)


def power_to_db(power: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Convert a power ratio above 0 to dB."""
    level_db: npt.NDArray[np.float64] = 10.0 * np.log10(power)
    return level_db


def amplitude_to_db(amplitude: npt.ArrayLike, *, floor_db: float = -240.0) -> npt.NDArray[np.float64]:
    """Convert an amplitude ratio to dB, with `floor_db` as the lowest value."""
    floor = db_to_amplitude(floor_db)
    return 20.0 * np.log10(np.maximum(np.asarray(amplitude, dtype=np.float64), floor))


def hz_to_bin(frequency_hz: float, sample_rate: int, n_fft: int) -> int:
    """Return the index of the spectrum bin closest to a frequency."""
    return round(frequency_hz * n_fft / sample_rate)


def bin_frequencies(sample_rate: int, n_fft: int) -> npt.NDArray[np.float64]:
    """Return the frequencies in Hz of the `n_fft // 2 + 1` bins of a real spectrum."""
    return np.arange(n_fft // 2 + 1, dtype=np.float64) * (sample_rate / n_fft)
