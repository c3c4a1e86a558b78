"""EQ: the mean spectrum of a stem, matched to the average spectrum by a zero-phase filter."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

from fxnorm.audio import Audio, is_silent, peak
from fxnorm.dsp import loudness
from fxnorm.dsp.fir import convolve_centred, linear_phase
from fxnorm.dsp.stft import mean_magnitude, smooth
from fxnorm.normalization.effect import Analysis, AppliedEffect, Arrays, Effect, EffectSettings
from fxnorm.normalization.feature import CurveFeature, PlotStyle, band_rms
from fxnorm.normalization.grid import (
    BAND_HZ,
    GRID_POINTS,
    GRID_STEP,
    HOP,
    N_FFT,
    SAMPLE_RATE,
    grid_frequencies,
    require_sample_rate,
)
from fxnorm.normalization.processor import Processor, Response, frequency_response
from fxnorm.units import amplitude_to_db, db_to_amplitude

REFERENCE_LUFS = -30.0
SMOOTHING_BINS = {"vocals": 401, "bass": 151, "drums": 151, "other": 401}
TABLE_HZ = (63, 125, 250, 500, 1000, 2000, 4000, 8000, 16_000)


class EqSettings(EffectSettings):
    """Reading of the spectra and design of the filter.

    Attributes
    ----------
    linked : bool
        Use one curve for both channels, which keeps the stereo balance; otherwise one for each channel.
    smoothing_octaves : float
        Width over which both spectra are averaged before they are compared; 0 reads single bins.
    range_db : float or None
        Largest distance of the gain from its median between 50 Hz and 16 kHz, with equal weight for each octave.
    taps : int
        Length of the filter that is run forwards and backwards; odd.
    """

    linked: bool = True
    smoothing_octaves: float = 1.0 / 6.0
    range_db: float | None = 40.0
    taps: int = 3001


PRESETS = {
    "published": EqSettings(linked=False, smoothing_octaves=0.0, range_db=None, taps=1001),
    "default": EqSettings(),
}


class SpectrumFeature(CurveFeature):
    """Mean STFT magnitude of a stem at -30 LUFS; files hold it in dB."""

    key: ClassVar[str] = "eq_db"
    unit: ClassVar[str] = (
        "dB of the mean STFT magnitude (65,536 points, hop 16,384, sqrt periodic Hann, unscaled, stem at -30 LUFS)"
    )
    measures: ClassVar[Mapping[str, str]] = {"eq": "dB RMS"}
    columns: ClassVar[tuple[str, ...]] = tuple(f"{hz} Hz" for hz in TABLE_HZ)
    plot_style: ClassVar[PlotStyle | None] = PlotStyle("Average spectrum at -30 LUFS", "mean magnitude, dB")

    def encode(self) -> npt.NDArray[np.float64]:
        """Return the magnitudes in dB."""
        return np.round(amplitude_to_db(self.values), 4)

    @classmethod
    def decode(cls, values: npt.NDArray[np.float64]) -> Self:
        """Create a spectrum from dB."""
        return cls(db_to_amplitude(values))

    def distance(self, other: Self) -> dict[str, float]:
        """Return the root mean square of the level difference from 50 Hz to 16 kHz in dB."""
        return {"eq": band_rms(amplitude_to_db(self.values) - amplitude_to_db(other.values))}

    def cells(self) -> tuple[str, ...]:
        """Return the levels at `TABLE_HZ`."""
        nearest = [int(np.argmin(np.abs(self.frequencies - hz))) for hz in TABLE_HZ]
        return tuple(f"{level_db:.1f}" for level_db in amplitude_to_db(self.values[nearest]))

    def plot_values(self) -> npt.NDArray[np.float64]:
        """Return the levels in dB."""
        return amplitude_to_db(self.values)


@dataclass(frozen=True)
class SpectrumAnalysis(Analysis):
    """Spectra of the channels that are filtered, as matching reads them.

    Attributes
    ----------
    channels : ndarray of int
        Channels to filter; empty if all are silent.
    spectra : ndarray, shape (channels or 1, 1025)
        One for all channels if they are linked.
    """

    channels: npt.NDArray[np.int64]
    spectra: npt.NDArray[np.float64]


class ZeroPhaseEq(Processor):
    """A filter with given gains that moves nothing in time.

    Attributes
    ----------
    gains_db : tuple of tuple of float
        Gains at the 1,025 grid frequencies: one curve for each of `channels`, or one for all of them.
    channels : tuple of int
        Channels to filter.
    taps : int
        Length of the filter that is run forwards and backwards.
    """

    kind: ClassVar[str] = "zero_phase_eq"
    title: ClassVar[str] = "EQ"
    gains_db: tuple[tuple[float, ...], ...]
    channels: tuple[int, ...]
    taps: int

    def process(self, audio: Audio, sample_rate: int, *, overwrite: bool = False) -> Audio:
        """Filter the channels."""
        require_sample_rate(sample_rate, self.kind)
        gains_db = np.array(self.gains_db)
        if len(self.channels) == len(audio):
            return filter_zero_phase(audio, gains_db, self.taps, overwrite=overwrite)
        out = audio if overwrite else audio.copy()
        channels = list(self.channels)
        out[channels] = filter_zero_phase(audio[channels], gains_db, self.taps)
        return out

    def responses(self) -> dict[str, Response]:
        """Return the response of each curve."""
        names = [("left", "right")[channel] for channel in self.channels] if len(self.gains_db) > 1 else ["gain"]
        kernels = zero_phase_kernels(np.array(self.gains_db), self.taps)
        return {name: frequency_response(kernel, SAMPLE_RATE) for name, kernel in zip(names, kernels, strict=True)}


class EqEffect(Effect[SpectrumFeature, EqSettings, SpectrumAnalysis]):
    """Filter a stem so that its mean spectrum becomes the target, level included."""

    name = "eq"
    title = "EQ"
    feature = SpectrumFeature
    settings = EqSettings
    presets = PRESETS
    processors = (ZeroPhaseEq,)

    def measure(self, audio: Audio, sample_rate: int) -> SpectrumFeature | None:
        """Measure the mean magnitude spectrum of a stem at -30 LUFS.

        Returns
        -------
        SpectrumFeature or None
            32,769 bins: mean over frames and channels, silent frames included. None if the stem has no loudness.

        Raises
        ------
        InputError
            If the sample rate is not 44,100 Hz.
        """
        require_sample_rate(sample_rate, self.name)
        level = loudness.measure(audio, sample_rate)
        return _spectrum(audio, level, mean_magnitude(audio, N_FFT, HOP)) if level is not None else None

    def analyze(
        self, audio: Audio, sample_rate: int, *, settings: EqSettings, arrays: Arrays | None = None
    ) -> SpectrumAnalysis:
        """Measure the spectra of the channels that are not silent."""
        require_sample_rate(sample_rate, self.name)
        if arrays is not None:
            return SpectrumAnalysis(arrays["channels"], arrays["spectra"])
        channels = _audible_channels(audio)
        if not channels:
            return SpectrumAnalysis(np.empty(0, dtype=np.int64), np.empty((0, GRID_POINTS)))
        spectra = mean_magnitude(audio if len(channels) == len(audio) else audio[channels], N_FFT, HOP)
        return _analysis(spectra, channels, len(audio), settings)

    def measure_and_analyze(
        self, audio: Audio, sample_rate: int, *, settings: EqSettings
    ) -> tuple[SpectrumFeature | None, SpectrumAnalysis]:
        """Measure feature and analysis from the same transforms."""
        require_sample_rate(sample_rate, self.name)
        level = loudness.measure(audio, sample_rate)
        channels = _audible_channels(audio)
        if level is None or not channels:
            return None, self.analyze(audio, sample_rate, settings=settings)
        spectra = mean_magnitude(audio, N_FFT, HOP)
        return _spectrum(audio, level, spectra), _analysis(spectra[channels], channels, len(audio), settings)

    def choose(
        self,
        analysis: SpectrumAnalysis,
        target: SpectrumFeature,
        *,
        stem: str,
        settings: EqSettings,
        strength: float = 1.0,
    ) -> AppliedEffect:
        """Choose the filter whose gain is target over spectrum to the power of the strength."""
        if analysis.channels.size == 0:
            return AppliedEffect(self.name, skipped="silent")
        gains_db = [strength * wanted_gain_db(spectrum, target.values, settings) for spectrum in analysis.spectra]
        processor = ZeroPhaseEq(
            gains_db=tuple(tuple(curve.tolist()) for curve in gains_db),
            channels=tuple(analysis.channels.tolist()),
            taps=settings.taps,
        )
        return AppliedEffect(self.name, processor)

    def smooth(self, feature: SpectrumFeature, stem: str) -> SpectrumFeature:
        """Smooth the 32,769 bins and keep every 32nd, shape (1025,)."""
        return SpectrumFeature(smooth(feature.values, SMOOTHING_BINS[stem])[::GRID_STEP])

    def from_published(self, values: npt.NDArray[np.float64]) -> SpectrumFeature:
        """Keep every 32nd of 32,769 bins, which are smoothed already."""
        return SpectrumFeature(values[::GRID_STEP])


EQ = EqEffect()


def wanted_gain_db(
    spectrum: npt.NDArray[np.float64], target: npt.NDArray[np.float64], settings: EqSettings
) -> npt.NDArray[np.float64]:
    """Return the gain in dB at the 1,025 grid frequencies that turns a spectrum into the target."""
    goal = _octave_mean(target, settings.smoothing_octaves, 1) if settings.smoothing_octaves > 0.0 else target
    gain_db = amplitude_to_db(goal) - amplitude_to_db(np.maximum(spectrum, 1e-10 * spectrum.max()))
    if settings.range_db is not None:
        middle = _middle(gain_db)
        gain_db = np.clip(gain_db, middle - settings.range_db, middle + settings.range_db)
    return gain_db


def filter_zero_phase(audio: Audio, gains_db: npt.NDArray[np.float64], taps: int, *, overwrite: bool = False) -> Audio:
    """Apply gains given at the grid frequencies without delay.

    A linear-phase filter of half the gain in dB, run forwards and backwards, is one convolution with its
    autocorrelation.
    """
    return convolve_centred(audio, zero_phase_kernels(gains_db, taps), overwrite=overwrite)


def zero_phase_kernels(gains_db: npt.NDArray[np.float64], taps: int) -> npt.NDArray[np.float64]:
    """Design one zero-phase filter for each row of gains, shape (rows, 2 * taps - 1)."""
    halves = [linear_phase(db_to_amplitude(gain_db / 2.0), taps) for gain_db in gains_db]
    return np.stack([np.convolve(half, half) for half in halves])


def _audible_channels(audio: Audio) -> list[int]:
    return [c for c in range(audio.shape[0]) if not is_silent(audio[c])]


def _spectrum(audio: Audio, lufs: float, spectra: npt.NDArray[np.float64]) -> SpectrumFeature:
    gain = db_to_amplitude(REFERENCE_LUFS - lufs)
    gain /= max(1.0, gain * peak(audio) + 1e-6)
    return SpectrumFeature(gain * spectra.mean(axis=0))


def _analysis(
    spectra: npt.NDArray[np.float64], channels: list[int], count: int, settings: EqSettings
) -> SpectrumAnalysis:
    """Create the analysis from the spectra of the audible channels; a linked filter acts on the silent ones too."""
    filtered = list(range(count)) if settings.linked else channels
    return SpectrumAnalysis(np.array(filtered, dtype=np.int64), _read_spectra(spectra, settings))


def _read_spectra(spectra: npt.NDArray[np.float64], settings: EqSettings) -> npt.NDArray[np.float64]:
    """Smooth spectra of 32,769 bins and sample them at the grid, shape (channels or 1, 1025)."""
    if settings.linked:
        spectra = spectra.mean(axis=0, keepdims=True)
    if settings.smoothing_octaves == 0.0:
        return spectra[:, ::GRID_STEP]
    return np.stack([_octave_mean(spectrum, settings.smoothing_octaves, GRID_STEP) for spectrum in spectra])


def _middle(gain_db: npt.NDArray[np.float64]) -> float:
    """Compute the median from 50 Hz to 16 kHz with equal weight for each octave."""
    frequencies = grid_frequencies()
    (band,) = np.nonzero((frequencies >= BAND_HZ[0]) & (frequencies <= BAND_HZ[1]))
    ranked = band[np.argsort(gain_db[band])]
    weight = np.cumsum(1.0 / frequencies[ranked])
    return float(gain_db[ranked[np.searchsorted(weight, weight[-1] / 2.0)]])


def _octave_mean(curve: npt.NDArray[np.float64], octaves: float, step: int) -> npt.NDArray[np.float64]:
    """Average over a band around each grid point, at least one grid step wide; `step` is that of the grid in points."""
    centres = np.arange(GRID_POINTS) * step
    half_width = np.maximum(centres * (2.0 ** (octaves / 2.0) - 2.0 ** (-octaves / 2.0)) / 2.0, step / 2.0)
    low = np.maximum(np.floor(centres - half_width + 0.5).astype(int), 0)
    high = np.minimum(np.floor(centres + half_width + 0.5).astype(int), curve.size - 1) + 1
    total = np.concatenate([[0.0], np.cumsum(curve)])
    return (total[high] - total[low]) / (high - low)
