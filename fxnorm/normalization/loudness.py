"""Loudness: integrated LUFS, matched by a gain."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fxnorm.audio import Audio, peak
from fxnorm.dsp import loudness
from fxnorm.normalization.effect import Analysis, AppliedEffect, Arrays, Effect, EffectSettings
from fxnorm.normalization.feature import ScalarFeature
from fxnorm.normalization.processor import Facts, Processor, format_db
from fxnorm.units import amplitude_to_db, db_to_amplitude


class LoudnessSettings(EffectSettings):
    """Loudness has no settings: the target is the average, the ceiling is full scale."""


PRESETS = {"published": LoudnessSettings(), "default": LoudnessSettings()}


@dataclass(frozen=True)
class Loudness(ScalarFeature):
    """Integrated loudness in LUFS."""

    key: ClassVar[str] = "loudness_lufs"
    unit: ClassVar[str] = "LUFS"
    measures: ClassVar[Mapping[str, str]] = {"loudness": "LU"}
    columns: ClassVar[tuple[str, ...]] = ("LUFS",)


@dataclass(frozen=True)
class LoudnessAnalysis(Analysis):
    """Integrated loudness in LUFS (NaN if there is none) and the peak."""

    lufs: float
    peak: float


class Gain(Processor):
    """A gain for all channels.

    Attributes
    ----------
    gain : float
        Amplitude ratio.
    limited_db : float
        Part of the wanted gain that was left out to stay within full scale.
    """

    kind: ClassVar[str] = "gain"
    title: ClassVar[str] = "Gain"
    gain: float
    limited_db: float = 0.0

    @property
    def gain_db(self) -> float:
        """The gain in dB."""
        return float(amplitude_to_db(self.gain))

    def process(self, audio: Audio, sample_rate: int, *, overwrite: bool = False) -> Audio:
        """Multiply by the gain."""
        return np.multiply(audio, np.float32(self.gain), out=audio if overwrite else None)

    def facts(self) -> Facts:
        """Return the gain and its limitation."""
        limited = format_db(self.limited_db) if round(self.limited_db, 4) else None
        return [("Gain", format_db(self.gain_db)), ("Less, to stay within full scale", limited)]


class LoudnessEffect(Effect[Loudness, LoudnessSettings, LoudnessAnalysis]):
    """Bring a stem to a loudness, and lower it again if its peak would exceed full scale."""

    name = "loudness"
    title = "Gain"
    feature = Loudness
    settings = LoudnessSettings
    presets = PRESETS
    processors = (Gain,)

    def measure(self, audio: Audio, sample_rate: int) -> Loudness | None:
        """Measure the integrated loudness; None if no block of 400 ms exceeds -70 LUFS."""
        lufs = loudness.measure(audio, sample_rate)
        return Loudness(lufs) if lufs is not None else None

    def analyze(
        self, audio: Audio, sample_rate: int, *, settings: LoudnessSettings, arrays: Arrays | None = None
    ) -> LoudnessAnalysis:
        """Measure loudness and peak."""
        if arrays is not None:
            return LoudnessAnalysis(float(arrays["lufs"]), float(arrays["peak"]))
        lufs = loudness.measure(audio, sample_rate)
        return LoudnessAnalysis(np.nan if lufs is None else lufs, peak(audio))

    def choose(
        self,
        analysis: LoudnessAnalysis,
        target: Loudness,
        *,
        stem: str,
        settings: LoudnessSettings,
        strength: float = 1.0,
    ) -> AppliedEffect:
        """Choose the gain."""
        if np.isnan(analysis.lufs):
            return AppliedEffect(self.name, skipped="no block of 400 ms is louder than -70 LUFS")
        gain_db = strength * (target.value - analysis.lufs)
        largest = analysis.peak * db_to_amplitude(gain_db)
        gain = db_to_amplitude(gain_db) / (max(1.0, largest + 1e-6) if strength > 0.0 else 1.0)
        processor = Gain(gain=gain, limited_db=gain_db - float(amplitude_to_db(gain)))
        return AppliedEffect(
            self.name,
            processor,
            before=Loudness(analysis.lufs).to_dict(),
            after=Loudness(analysis.lufs + processor.gain_db).to_dict(),
        )


LOUDNESS = LoudnessEffect()
