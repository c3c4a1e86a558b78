"""The frequency grid of the features: a long STFT, and every 32nd of its bins.

A feature is measured at the 32,769 bins of a transform of 65,536 points; averages are kept at 1,025 of them.
"""

import numpy as np
import numpy.typing as npt

from fxnorm import units
from fxnorm.audio import SAMPLE_RATE
from fxnorm.errors import InputError

N_FFT = 65_536
HOP = 16_384
BINS = N_FFT // 2 + 1
GRID_STEP = 32
GRID_POINTS = BINS // GRID_STEP + 1
BAND_HZ = (50.0, 16_000.0)  # where curves are compared


def grid_frequencies() -> npt.NDArray[np.float64]:
    """Return the 1,025 frequencies in Hz at which averages are kept."""
    return np.arange(GRID_POINTS, dtype=np.float64) * (GRID_STEP * SAMPLE_RATE / N_FFT)


def bin_frequencies() -> npt.NDArray[np.float64]:
    """Return the 32,769 frequencies in Hz of a measured curve."""
    return units.bin_frequencies(SAMPLE_RATE, N_FFT)


def band_mask() -> npt.NDArray[np.bool_]:
    """Return the grid points between 50 Hz and 16 kHz, shape (1025,)."""
    frequencies = grid_frequencies()
    return (frequencies >= BAND_HZ[0]) & (frequencies <= BAND_HZ[1])


def require_sample_rate(sample_rate: int, name: str) -> None:
    """Raise `InputError` if audio is not at the sample rate of the grid."""
    if sample_rate != SAMPLE_RATE:
        raise InputError(
            f"{name}: expected audio at {SAMPLE_RATE} Hz, got {sample_rate} Hz; use fxnorm.audio.resample first"
        )
