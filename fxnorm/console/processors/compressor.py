"""Compressor."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fxnorm.console.parameter import parameter
from fxnorm.console.processor import Float64, Gradients, Processor, Pullback, Samples, Stream
from fxnorm.console.settings import Choice
from fxnorm.kernels.ballistics import smooth, smooth_gradient
from fxnorm.kernels.knee import soft_knee, soft_knee_gradient

FLOOR = 1e-6  # level of silence: -120 dBFS
TO_DB = 20.0 / np.log(10.0)


@dataclass(frozen=True)
class Compressor(Processor):
    """Feed-forward compressor with a soft knee, exact attack and release, makeup gain and a dry/wet share.

    All channels are reduced by one gain. Its level is that of the louder channel, or of the mean of their magnitudes.

    Notes
    -----
    Level x = 20 log10(max |x_c|) in dBFS; reduction r = (1 - 1/R) k(x - T) with the soft knee k of D. Giannoulis, M.
    Massberg and J. D. Reiss, "Digital dynamic range compressor design" (2012), eq. (4); r is smoothed with one pole
    for attack and another for release, exp(-1 / (time constant * sample rate)).
    """

    KIND: ClassVar[str] = "compressor"
    CHOICES: ClassVar[dict[str, tuple[Choice, ...]]] = {"detector": ("louder", "mean")}

    threshold_db: float = parameter("dB", -60.0, 0.0, 0.0)
    ratio: float = parameter("", 1.0, 20.0, 1.0, "log")
    attack_ms: float = parameter("ms", 0.1, 250.0, 10.0, "log")
    release_ms: float = parameter("ms", 10.0, 2500.0, 150.0, "log")
    knee_db: float = parameter("dB", 0.0, 12.0, 6.0)
    makeup_db: float = parameter("dB", 0.0, 12.0, 0.0)
    wet: float = parameter("", 0.0, 1.0, 1.0)
    detector: str = "louder"
    key: str = ""

    @property
    def is_neutral(self) -> bool:
        """Whether nothing is reduced or made up."""
        return self.wet == 0.0 or (self.ratio == 1.0 and self.makeup_db == 0.0)

    def stream(self, sample_rate: int, channels: int) -> Stream:
        """Begin a recording."""
        return _CompressorStream(self, sample_rate, channels)

    def vjp(self, audio: Samples, sample_rate: int, *, key: Samples | None = None) -> tuple[Samples, Pullback]:
        """Process a recording, and return a function that carries a gradient back."""
        source = audio if key is None else key
        magnitude = self.detect(source)
        level_db = to_level_db(magnitude)
        excess_db = self.excess_db(level_db)
        slope = 1.0 - 1.0 / self.ratio
        reduction_db = excess_db * audio.dtype.type(slope)
        attack, release = self.poles(sample_rate)
        smoothed_db = np.empty_like(reduction_db)
        smooth(reduction_db, attack, release, 0.0, 0, smoothed_db)
        gain = self.gain(smoothed_db)
        out = audio * self._blend(gain)

        def pullback(gradient: Samples) -> Gradients:
            per_sample = np.einsum("cn,cn->n", gradient, audio)
            to_wet = np.vdot(per_sample, gain - 1.0)
            to_gain_db = per_sample * gain * gain.dtype.type(self.wet / TO_DB)
            makeup = to_gain_db.sum(dtype=np.float64)
            carried = -to_gain_db
            to_attack, to_release = smooth_gradient(reduction_db, smoothed_db, attack, release, carried)
            to_ratio = np.vdot(carried, excess_db) / self.ratio**2
            carried *= carried.dtype.type(slope)
            kind = level_db.dtype.type
            to_threshold, to_knee = soft_knee_gradient(level_db, kind(self.threshold_db), kind(self.knee_db), carried)
            values = [
                to_threshold,
                to_ratio,
                to_attack * attack * _pole_slope(self.attack_ms, sample_rate),
                to_release * release * _pole_slope(self.release_ms, sample_rate),
                to_knee,
                makeup,
                to_wet,
            ]
            # d level / d magnitude = TO_DB / magnitude, and nothing below the floor
            audible = magnitude > FLOOR
            carried = np.where(audible, carried * magnitude.dtype.type(TO_DB) / np.maximum(magnitude, FLOOR), 0.0)
            to_source = self._detect_gradient(source, carried.astype(source.dtype))
            direct = gradient * self._blend(gain)
            if key is None:
                return Gradients(direct + to_source, np.array(values, dtype=np.float64))
            return Gradients(direct, np.array(values, dtype=np.float64), to_source)

        return out, pullback

    def detect(self, audio: Samples) -> Samples:
        """Return the magnitude that the reduction follows, shape (samples,)."""
        magnitudes = np.abs(audio)
        if len(audio) == 1:
            return magnitudes[0]
        if self.detector == "mean":
            return (magnitudes[0] + magnitudes[1]) * magnitudes.dtype.type(0.5)
        return np.maximum(magnitudes[0], magnitudes[1])

    def excess_db(self, level_db: Samples) -> Samples:
        """Return by how many dB a level lies above the threshold, rounded over the knee; 0 or more."""
        out = np.empty_like(level_db)
        soft_knee(level_db, level_db.dtype.type(self.threshold_db), level_db.dtype.type(self.knee_db), out)
        return out

    def gain(self, smoothed_db: Samples) -> Samples:
        """Return the gain of a smoothed reduction, makeup included."""
        exponent = smoothed_db * smoothed_db.dtype.type(-1.0 / TO_DB)
        if self.makeup_db:
            exponent += smoothed_db.dtype.type(self.makeup_db / TO_DB)
        return np.exp(exponent, out=exponent)

    def poles(self, sample_rate: int) -> tuple[float, float]:
        """Return the poles of attack and release."""
        attack, release = (float(np.exp(-1000.0 / (sample_rate * ms))) for ms in (self.attack_ms, self.release_ms))
        return attack, release

    def describe(self) -> str:
        """Describe the settings: "-18.0 dB, 4:1, 10/150 ms, knee 6 dB, makeup +2.0 dB, wet 50 %"."""
        parts = [f"{self.threshold_db:.1f} dB", f"{self.ratio:.3g}:1", f"{self.attack_ms:.3g}/{self.release_ms:.3g} ms"]
        parts += [f"knee {self.knee_db:.3g} dB"] if self.knee_db else []
        parts += [f"makeup {self.makeup_db:+.1f} dB"] if self.makeup_db else []
        parts += [f"wet {100.0 * self.wet:.0f} %"] if self.wet < 1.0 else []
        parts += [f"keyed by {self.key}"] if self.key else []
        return ", ".join(parts)

    def _blend(self, gain: Samples) -> Samples:
        if self.wet == 1.0:
            return gain
        return gain * gain.dtype.type(self.wet) + gain.dtype.type(1.0 - self.wet)

    def _detect_gradient(self, audio: Samples, gradient: Samples) -> Samples:
        """Carry a gradient back through `detect`."""
        if len(audio) == 1:
            return np.sign(audio) * gradient
        if self.detector == "mean":
            return np.sign(audio) * (gradient * gradient.dtype.type(0.5))
        first = np.abs(audio[0]) >= np.abs(audio[1])
        return np.sign(audio) * np.stack((np.where(first, gradient, 0.0), np.where(first, 0.0, gradient)))


class _CompressorStream(Stream):
    def __init__(self, settings: Compressor, sample_rate: int, channels: int) -> None:
        super().__init__(channels)
        self._settings = settings
        self._attack, self._release = settings.poles(sample_rate)
        self._slope = 1.0 - 1.0 / settings.ratio
        self._state = 0.0
        self._position = 0

    def push(self, block: Samples, key: Samples | None = None) -> Samples:
        settings = self._settings
        level_db = to_level_db(settings.detect(block if key is None else key))
        reduction_db = settings.excess_db(level_db)
        reduction_db *= reduction_db.dtype.type(self._slope)
        self._state = smooth(reduction_db, self._attack, self._release, self._state, self._position, reduction_db)
        self._position += block.shape[1]
        return block * settings._blend(settings.gain(reduction_db))


def to_level_db(magnitude: Samples) -> Float64 | Samples:
    """Return the level of a magnitude in dBFS, at least -120 dB."""
    level = np.maximum(magnitude, magnitude.dtype.type(FLOOR))
    np.log(level, out=level)
    level *= level.dtype.type(TO_DB)
    return level


def _pole_slope(time_ms: float, sample_rate: int) -> float:
    """Return the derivative of the logarithm of a pole with respect to its time constant."""
    return 1000.0 / (sample_rate * time_ms**2)
