"""The compressor that matches onset peaks: an input gain and a gain reduction for each group of channels."""

from typing import ClassVar

import numpy as np
from pydantic import BaseModel

from fxnorm.audio import Audio
from fxnorm.dsp.compressor import attenuate, levels_db, smoothing_coefficient
from fxnorm.kernels import dynamics
from fxnorm.normalization.processor import Facts, Processor, format_db
from fxnorm.units import db_to_amplitude


class GainReduction(BaseModel, frozen=True, extra="forbid", allow_inf_nan=False):
    """Parameters of a hard-knee compressor; the detector reads the input times `detector_gain`."""

    detector_gain: float
    threshold_db: float
    ratio: float
    attack_ms: float
    release_ms: float


class CompressorStrip(BaseModel, frozen=True, extra="forbid", allow_inf_nan=False):
    """Input gain and gain reduction of channels that share a compressor."""

    channels: tuple[int, ...]
    input_gain_db: float
    reduction: GainReduction | None = None


class Compressor(Processor):
    """One compressor for all channels, or one for each.

    Attributes
    ----------
    strips : tuple of CompressorStrip
    """

    kind: ClassVar[str] = "compressor"
    title: ClassVar[str] = "Compressor"
    strips: tuple[CompressorStrip, ...]

    def process(self, audio: Audio, sample_rate: int, *, overwrite: bool = False) -> Audio:
        """Compress the channels of every strip."""
        out = audio if overwrite else audio.copy()
        for strip in self.strips:
            channels = slice(strip.channels[0], strip.channels[-1] + 1)
            _process_strip(strip, out[channels], sample_rate)
        return out

    def facts(self) -> Facts:
        """Return gain, threshold, ratio and time constants of every strip."""
        facts: Facts = []
        for strip in self.strips:
            mark = f", {('left', 'right')[strip.channels[0]]}" if len(self.strips) > 1 else ""
            facts.append((f"Input gain{mark}", format_db(strip.input_gain_db)))
            if (reduction := strip.reduction) is not None:
                facts += [
                    (f"Threshold{mark}", format_db(reduction.threshold_db, "dBFS", plus=False)),
                    (f"Ratio{mark}", f"{reduction.ratio:g}:1"),
                    (f"Attack{mark}", f"{reduction.attack_ms:g} ms"),
                    (f"Release{mark}", f"{reduction.release_ms:g} ms"),
                ]
        return facts


def _process_strip(strip: CompressorStrip, audio: Audio, sample_rate: int) -> None:
    """Process channels in place."""
    gain = db_to_amplitude(strip.input_gain_db)
    if (reduction := strip.reduction) is None:
        np.multiply(audio, np.float32(gain), out=audio)
        return
    level_db = levels_db(audio, reduction.detector_gain, louder=True)[0]
    attack = smoothing_coefficient(reduction.attack_ms, sample_rate)
    release = smoothing_coefficient(reduction.release_ms, sample_rate)
    slope = 1.0 - 1.0 / reduction.ratio
    dynamics.reduce_gain(level_db, reduction.threshold_db, slope, attack, release, level_db)
    attenuate(audio, level_db, gain, out=audio)
