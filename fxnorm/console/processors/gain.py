"""Gain."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fxnorm.console.parameter import parameter
from fxnorm.console.processor import Gradients, Memoryless, Processor, Pullback, Samples, Stream
from fxnorm.units import db_to_amplitude

DB_TO_LOG = np.log(10.0) / 20.0  # derivative of the logarithm of an amplitude with respect to its level in dB


@dataclass(frozen=True)
class Gain(Processor):
    """Change the level: the input trim of a strip, or its fader."""

    KIND: ClassVar[str] = "gain"

    gain_db: float = parameter("dB", -60.0, 24.0, 0.0)

    @property
    def is_neutral(self) -> bool:
        """Whether the gain is 0 dB."""
        return self.gain_db == 0.0

    def stream(self, sample_rate: int, channels: int) -> Stream:
        """Begin a recording."""
        del sample_rate
        return Memoryless(channels, self.apply)

    def vjp(self, audio: Samples, sample_rate: int, *, key: Samples | None = None) -> tuple[Samples, Pullback]:
        """Process a recording, and return a function that carries a gradient back."""
        del sample_rate, key
        out = self.apply(audio)

        def pullback(gradient: Samples) -> Gradients:
            level = DB_TO_LOG * np.vdot(gradient, out)
            return Gradients(self.apply(gradient), np.array([level], dtype=np.float64))

        return out, pullback

    def describe(self) -> str:
        """Describe the gain."""
        return f"{self.gain_db:+.1f} dB"

    def apply(self, audio: Samples) -> Samples:
        """Multiply by the gain."""
        return audio * audio.dtype.type(db_to_amplitude(self.gain_db))
