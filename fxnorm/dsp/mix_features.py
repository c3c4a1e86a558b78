"""Features of a finished mix: brightness, spectral slope, width and balance of frequencies."""

from dataclasses import asdict, dataclass

import numpy as np
import scipy.fft

from fxnorm.audio import SAMPLE_RATE, Audio, resample, to_stereo
from fxnorm.dsp import loudness
from fxnorm.dsp.biquads import Band, biquad
from fxnorm.dsp.ltas import third_octave_levels
from fxnorm.dsp.windows import frames, hann
from fxnorm.kernels.biquads import filter_cascade
from fxnorm.kernels.features import energies
from fxnorm.units import THIRD_OCTAVES_HZ, amplitude_to_db, bin_frequencies, db_to_power, power_to_db

CENTROID_FFT, CENTROID_HOP = 2048, 512
CENTROID_TOP_HZ = 16_000.0
CENTROID_GATE_DB = -60.0
TILT_HZ = (89.0, 4500.0)
LOW_HZ = 150.0
BALANCE_HZ = (250.0, 4000.0)  # low | mid | high
BALANCE_FFT = 4096
_FRAMES = 256  # transformed together
_EMPTY_DB = -200.0


@dataclass(frozen=True)
class MixFeatures:
    """What `measure` finds.

    Attributes
    ----------
    loudness_lufs : float
    centroid_hz : float
    tilt_db_per_octave : float
    mid_share : float
    side_to_mid_db : float
    correlation, correlation_low : float
        Of the whole, and below 150 Hz.
    frequency_balance : tuple of float
        Shares of low, mid and high energy.
    """

    loudness_lufs: float
    centroid_hz: float
    tilt_db_per_octave: float
    mid_share: float
    side_to_mid_db: float
    correlation: float
    correlation_low: float
    frequency_balance: tuple[float, float, float]

    def to_dict(self) -> dict[str, float | list[float]]:
        """Return plain JSON values."""
        return {
            name: [round(item, 4) for item in value] if isinstance(value, tuple) else round(value, 4)
            for name, value in asdict(self).items()
        }


def measure(audio: Audio, sample_rate: int) -> MixFeatures | None:
    """Measure all features of a mix.

    Parameters
    ----------
    audio : ndarray, shape (channels, samples), float32
        Mono is measured as two equal channels, its loudness as one.
    sample_rate : int
        In Hz.

    Returns
    -------
    MixFeatures or None
        None if the mix has no loudness: it is silent or shorter than 400 ms.
    """
    lufs = loudness.measure(audio, sample_rate)
    centroid = centroid_hz(audio, sample_rate)
    share = mid_share(audio)
    if lufs is None or centroid is None or share is None:
        return None
    return MixFeatures(
        lufs, centroid, tilt_db_per_octave(audio, sample_rate), share, side_to_mid_db(share), correlation(audio),
        correlation_low(audio, sample_rate), frequency_balance(audio, sample_rate),
    )  # fmt: skip


def centroid_hz(audio: Audio, sample_rate: int) -> float | None:
    """Measure the spectral centroid, weighted by magnitude.

    The mono sum at 44.1 kHz is transformed in Hann frames of 2,048 samples every 512; frames over 60 dB weaker than the
    strongest are left out; the centroid is the sum of f |X(f)| over that of |X(f)|, over all frames and frequencies up
    to 16 kHz.

    Returns
    -------
    float or None
        None for silence.
    """
    mono = resample(audio.mean(axis=0, keepdims=True), sample_rate, SAMPLE_RATE)[0]
    if mono.size < CENTROID_FFT:
        mono = np.pad(mono, (0, CENTROID_FFT - mono.size))
    bins = int(CENTROID_TOP_HZ * CENTROID_FFT / SAMPLE_RATE) + 1
    frequencies = bin_frequencies(SAMPLE_RATE, CENTROID_FFT)[:bins].astype(np.float32)
    framed = frames(mono, CENTROID_FFT, CENTROID_HOP)
    sums = np.zeros((3, len(framed)))  # of |X|, f |X| and |X|² per frame
    for first in range(0, len(framed), _FRAMES):
        span = slice(first, first + _FRAMES)
        magnitude = np.abs(scipy.fft.rfft(framed[span] * hann(CENTROID_FFT)))[:, :bins].astype(np.float32)
        sums[:, span] = magnitude.sum(axis=1), magnitude @ frequencies, np.einsum("fb,fb->f", magnitude, magnitude)
    chosen = sums[2] > sums[2].max() * db_to_power(CENTROID_GATE_DB)
    total, weighted, _ = sums[:, chosen].sum(axis=1)
    return float(weighted / total) if total > 0.0 else None


def tilt_db_per_octave(audio: Audio, sample_rate: int) -> float:
    """Measure the slope of the long-term spectrum from 89 Hz to 4.5 kHz.

    A straight line over the logarithm of frequency is fitted to the power density of third-octave bands: 0 for white
    noise, -3 for pink noise, -4.5 for the average of popular music (A. Elowsson and A. Friberg, 2017).
    """
    chosen = (TILT_HZ[0] <= THIRD_OCTAVES_HZ) & (TILT_HZ[1] >= THIRD_OCTAVES_HZ)
    octaves = np.log2(THIRD_OCTAVES_HZ[chosen])
    density_db = third_octave_levels(audio, sample_rate)[chosen] - power_to_db(THIRD_OCTAVES_HZ[chosen])
    return float(np.polyfit(octaves, np.maximum(density_db, _EMPTY_DB), 1)[0])


def mid_share(audio: Audio) -> float | None:
    """Measure the share of the mid signal in the energy of mid and side.

    E_M / (E_M + E_S) with M = (L + R) / 2 and S = (L - R) / 2: 1 for mono, 0.5 for uncorrelated channels, 0 for
    opposite ones.

    Returns
    -------
    float or None
        None for silence.
    """
    _, _, mid, side = energies(np.ascontiguousarray(to_stereo(audio)))
    return float(mid / (mid + side)) if mid + side > 0.0 else None


def side_to_mid_db(share: float) -> float:
    """Convert a mid share to the level of the side signal relative to the mid signal; -240 for mono."""
    return float(amplitude_to_db(np.sqrt((1.0 - share) / max(share, 1e-24))))


def correlation(audio: Audio) -> float:
    """Measure the correlation of left and right at lag 0, -1 to 1; 0 if a channel is silent."""
    left, right, mid, _ = energies(np.ascontiguousarray(to_stereo(audio)))
    # sum and difference are not halved: E(L + R) = E(L) + E(R) + 2 E(LR)
    return float(0.5 * (mid - left - right) / np.sqrt(left * right)) if left * right > 0.0 else 0.0


def correlation_low(audio: Audio, sample_rate: int) -> float:
    """Measure the correlation of left and right below 150 Hz (low-pass of fourth order)."""
    section = biquad(Band("low_pass", LOW_HZ), sample_rate)
    source = np.ascontiguousarray(to_stereo(audio))
    filtered = np.empty_like(source)
    filter_cascade(source, np.stack((section, section)), np.zeros((2, 3, 2)), 0, filtered)
    return correlation(filtered)


def frequency_balance(audio: Audio, sample_rate: int) -> tuple[float, float, float]:
    """Measure the shares of energy below 250 Hz, from there to 4 kHz, and above; they add up to 1."""
    power = np.zeros(BALANCE_FFT // 2 + 1)
    source = np.pad(audio, ((0, 0), (0, max(0, BALANCE_FFT - audio.shape[1]))))
    framed = frames(source, BALANCE_FFT, BALANCE_FFT // 2)
    for first in range(0, framed.shape[1], _FRAMES):
        spectra = scipy.fft.rfft(framed[:, first : first + _FRAMES] * hann(BALANCE_FFT))
        power += (spectra.real**2 + spectra.imag**2).sum(axis=(0, 1), dtype=np.float64)
    edges = np.searchsorted(bin_frequencies(sample_rate, BALANCE_FFT), BALANCE_HZ)
    shares = np.array([part.sum() for part in np.split(power, edges)]) / max(float(power.sum()), 1e-30)
    low, mid, high = (float(share) for share in shares)
    return low, mid, high
