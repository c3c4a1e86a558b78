"""Measure a track: level, spectrum and dynamics, none of which depends on the level of its recording but the first."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fxnorm.audio import Audio, is_silent, peak
from fxnorm.dsp import loudness
from fxnorm.dsp.stft import transforms
from fxnorm.units import THIRD_OCTAVES_HZ, amplitude_to_db, bin_frequencies, power_to_db

N_FFT = 16_384
HALF_BAND = 2.0 ** (1.0 / 6.0)  # ratio of the edge of a third-octave to its centre
FLOOR_DB = -80.0  # of a band relative to the whole: nothing is there
SIDE_DB = -50.0  # of the side signal relative to the mid signal: the channels are alike
MOMENTARY_S = 0.4
RANGE_GATE_LU = -20.0
QUANTILES = 0.10, 0.95  # of the momentary loudness: as for the loudness range of EBU Tech 3342
PEAK_QUANTILE = 0.999  # of the magnitude of samples

Levels = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Measurement:
    """A track that is not silent.

    Attributes
    ----------
    loudness_lufs : float
    levels_db : ndarray, shape (28,)
        Of the bands of `THIRD_OCTAVES_HZ`, relative to the whole.
    power : ndarray, shape (bins,)
        Long-term power spectrum, of sum 1.
    frequency_hz : ndarray, shape (bins,)
    median_hz : float
        Half of the power lies below it.
    range_lu : float
        Between the quantiles 10 and 95 % of the momentary loudness.
    crest_db : float
        Level of the 99.9th percentile of the samples above the loudness.
    side_db : float
        Energy of the side signal relative to the mid signal; `SIDE_DB` or less for mono.
    balance_db : float
        Level of the left channel above the right one; 0 for mono.
    """

    loudness_lufs: float
    levels_db: Levels
    power: Levels
    frequency_hz: Levels
    median_hz: float
    range_lu: float
    crest_db: float
    side_db: float
    balance_db: float

    @property
    def is_mono(self) -> bool:
        """One channel, or two that are alike."""
        return self.side_db <= SIDE_DB

    def share_below_db(self, frequency_hz: float) -> float:
        """Return the level of everything below a frequency, relative to the whole."""
        return float(power_to_db(max(self.power[self.frequency_hz < frequency_hz].sum(), 1e-12)))


def measure(audio: Audio, sample_rate: int) -> Measurement | None:
    """Measure a track.

    Parameters
    ----------
    audio : ndarray, shape (1 or 2, samples), float32
    sample_rate : int
        In Hz.

    Returns
    -------
    Measurement or None
        None for silence, and for what no loudness meter hears.
    """
    if is_silent(audio):
        return None
    largest = peak(audio)
    shortest = round(MOMENTARY_S * sample_rate) + 1
    scaled = audio * np.float32(1.0 / largest)  # so that no gate depends on the level of the recording
    if scaled.shape[1] < shortest:
        scaled = np.pad(scaled, ((0, 0), (0, shortest - scaled.shape[1])))
    own_lufs = loudness.measure(scaled, sample_rate)
    if own_lufs is None:
        return None
    power = long_term_power(scaled)
    frequency_hz = bin_frequencies(sample_rate, N_FFT)
    energies = np.einsum("cn,cn->c", scaled, scaled, dtype=np.float64)
    side_db = _side_db(scaled)
    return Measurement(
        loudness_lufs=own_lufs + float(amplitude_to_db(largest)),
        levels_db=third_octaves(power, frequency_hz),
        power=power,
        frequency_hz=frequency_hz,
        median_hz=float(frequency_hz[np.searchsorted(np.cumsum(power), 0.5)]),
        range_lu=_loudness_range(scaled, sample_rate, own_lufs),
        crest_db=float(amplitude_to_db(_quantile(np.abs(scaled).max(axis=0), PEAK_QUANTILE))) - own_lufs,
        side_db=side_db,
        balance_db=0.0 if side_db <= SIDE_DB else float(np.subtract(*power_to_db(np.maximum(energies, 1e-12)))),
    )


def bands_between(low_hz: float, high_hz: float) -> npt.NDArray[np.bool_]:
    """Choose the bands of `THIRD_OCTAVES_HZ` that a range of frequencies touches."""
    centres_hz = THIRD_OCTAVES_HZ
    return (centres_hz * HALF_BAND >= low_hz) & (centres_hz <= high_hz * HALF_BAND)


def octave_means(levels_db: Levels) -> Levels:
    """Average third-octave levels over an octave: single notes do not call for an equaliser."""
    padded = np.pad(levels_db, 1, mode="edge")
    means: Levels = (padded[:-2] + padded[1:-1] + padded[2:]) / 3.0
    return means


def long_term_power(audio: Audio) -> Levels:
    """Return the power spectrum of all frames and channels, scaled to the sum 1; the mean (DC) is left out."""
    power = np.zeros(N_FFT // 2 + 1)
    for spectra in transforms(audio, N_FFT, N_FFT // 2):
        power += np.einsum("cfb,cfb->b", spectra.real, spectra.real, dtype=np.float64)
        power += np.einsum("cfb,cfb->b", spectra.imag, spectra.imag, dtype=np.float64)
    power[:2] = 0.0
    return power / max(power.sum(), 1e-30)


def third_octaves(power: Levels, frequency_hz: Levels) -> Levels:
    """Add a power spectrum up in the bands of `THIRD_OCTAVES_HZ`, in dB; bands without bins are at the floor."""
    edges_hz = THIRD_OCTAVES_HZ[:, None] * 10.0 ** np.array([-0.05, 0.05])
    edges = np.searchsorted(frequency_hz, edges_hz)
    bands = np.array([power[low:high].sum() for low, high in edges])
    return np.maximum(power_to_db(np.maximum(bands, 1e-30)), FLOOR_DB)


def _loudness_range(audio: Audio, sample_rate: int, own_lufs: float) -> float:
    momentary = loudness.short_term(audio, sample_rate, seconds=MOMENTARY_S)
    active = momentary[momentary > own_lufs + RANGE_GATE_LU]
    return float(np.subtract(*np.quantile(active, QUANTILES[::-1]))) if active.size else 0.0


def _quantile(magnitudes: npt.NDArray[np.float32], quantile: float) -> float:
    """Return a quantile of the magnitudes that are not silent."""
    active = magnitudes[magnitudes > 1e-4]
    return float(np.quantile(active, quantile)) if active.size else 1.0


def _side_db(audio: Audio) -> float:
    """Return the energy of the side signal relative to the mid signal in dB; `SIDE_DB` if there is no side signal."""
    if len(audio) == 1:
        return SIDE_DB
    mid, side = audio[0] + audio[1], audio[0] - audio[1]
    energy = float(np.vdot(side, side)) / max(float(np.vdot(mid, mid)), 1e-12)
    return max(SIDE_DB, float(power_to_db(max(energy, 1e-12))))
