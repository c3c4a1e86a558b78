"""Long-term average spectrum in third-octave bands."""

import numpy as np
import numpy.typing as npt

from fxnorm.audio import Audio
from fxnorm.dsp.stft import transforms
from fxnorm.units import THIRD_OCTAVES_HZ, amplitude_to_db, bin_frequencies

N_FFT = 16_384  # 2.7 Hz at 44,100 Hz: two bins in the lowest band, which is 7 Hz wide


def third_octave_levels(audio: Audio, sample_rate: int) -> npt.NDArray[np.float64]:
    """Measure the level of each band of `THIRD_OCTAVES_HZ`, with the power of all channels added.

    Parameters
    ----------
    audio : ndarray, shape (channels, samples), float32
    sample_rate : int
        In Hz.

    Returns
    -------
    ndarray, shape (28,)
        dB relative to the level of the whole; -240 for an empty band.
    """
    power = np.zeros(N_FFT // 2 + 1)
    for spectra in transforms(audio, N_FFT, N_FFT // 2):
        power += np.einsum("cfb,cfb->b", spectra.real, spectra.real, dtype=np.float64)
        power += np.einsum("cfb,cfb->b", spectra.imag, spectra.imag, dtype=np.float64)
    edges_hz = THIRD_OCTAVES_HZ[:, None] * 10.0 ** np.array([-0.05, 0.05])
    edges = np.searchsorted(bin_frequencies(sample_rate, N_FFT), edges_hz)
    bands = np.array([power[low:high].sum() for low, high in edges])
    levels: npt.NDArray[np.float64] = amplitude_to_db(np.sqrt(bands / max(power.sum(), 1e-30)))
    return levels
