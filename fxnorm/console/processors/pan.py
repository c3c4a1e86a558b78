"""Panorama."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fxnorm.console.parameter import parameter
from fxnorm.console.processor import Float64, Gradients, Memoryless, Processor, Pullback, Samples, Stream


@dataclass(frozen=True)
class Pan(Processor):
    """Place a track between left (-1) and right (1) at constant power.

    The channels of a stereo track are balanced by sqrt(2) cos(a) and sqrt(2) sin(a), a = (1 + pan) pi / 4: the middle
    is unchanged, and a channel alone gains 3 dB. A mono track has been spread to two channels at -3 dB each, so that
    it is panned by cos(a) and sin(a): -3 dB in the middle, 0 dB at either end.
    """

    KIND: ClassVar[str] = "pan"
    NEEDS_STEREO: ClassVar[bool] = True

    pan: float = parameter("", -1.0, 1.0, 0.0)

    @property
    def is_neutral(self) -> bool:
        """Whether the track is in the middle."""
        return self.pan == 0.0

    def stream(self, sample_rate: int, channels: int) -> Stream:
        """Begin a recording."""
        del sample_rate
        return Memoryless(channels, self.apply)

    def vjp(self, audio: Samples, sample_rate: int, *, key: Samples | None = None) -> tuple[Samples, Pullback]:
        """Process a recording, and return a function that carries a gradient back."""
        del sample_rate, key

        def pullback(gradient: Samples) -> Gradients:
            angle = self._angle
            slopes = 0.25 * np.pi * np.sqrt(2.0) * np.array([-np.sin(angle), np.cos(angle)])
            position = sum(slope * np.vdot(*pair) for slope, *pair in zip(slopes, gradient, audio, strict=True))
            return Gradients(self.apply(gradient), np.array([position], dtype=np.float64))

        return self.apply(audio), pullback

    def describe(self) -> str:
        """Describe the position as mixing desks do: C, L30, R100."""
        return "C" if not self.pan else f"{'L' if self.pan < 0.0 else 'R'}{100.0 * abs(self.pan):.0f}"

    @property
    def _angle(self) -> float:
        return 0.25 * np.pi * (1.0 + self.pan)

    @property
    def _gains(self) -> Float64:
        return np.sqrt(2.0) * np.array([[np.cos(self._angle)], [np.sin(self._angle)]])

    def apply(self, audio: Samples) -> Samples:
        """Weight left and right of stereo audio."""
        return audio if self.is_neutral else audio * self._gains.astype(audio.dtype)
