"""The long-term spectrum in third-octave bands, for pictures."""

import numpy as np
import numpy.typing as npt

from fxnorm.audio import Audio
from fxnorm.dsp.stft import transforms
from fxnorm.units import THIRD_OCTAVES_HZ, amplitude_to_db, bin_frequencies

N_FFT = 16_384  # 2.7 Hz at 44,100 Hz: the lowest band, 7 Hz wide, has its bins


def third_octave_levels(audio: Audio, rate: int) -> npt.NDArray[np.float64]:
    """Level of each band of `THIRD_OCTAVES_HZ` over the whole, both channels together.

    Parameters
    ----------
    audio : ndarray, shape (channels, samples), float32
    rate : int
        Sampling rate in Hz.

    Returns
    -------
    ndarray, shape (28,)
        dB against the level of the whole; -240 where there is nothing.
    """
    power = np.zeros(N_FFT // 2 + 1)
    for spectra in transforms(audio, N_FFT, N_FFT // 2):
        power += np.einsum("cfb,cfb->b", spectra.real, spectra.real, dtype=np.float64)
        power += np.einsum("cfb,cfb->b", spectra.imag, spectra.imag, dtype=np.float64)
    edges = np.searchsorted(bin_frequencies(rate, N_FFT), THIRD_OCTAVES_HZ[:, None] * 10.0 ** np.array([-0.05, 0.05]))
    bands = np.array([power[low:high].sum() for low, high in edges])
    levels: npt.NDArray[np.float64] = amplitude_to_db(np.sqrt(bands / max(power.sum(), 1e-30)))
    return levels
