"""Stereo width."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fxnorm.console.filtering import Cascade, cascade_vjp
from fxnorm.console.parameter import parameter
from fxnorm.console.processor import Gradients, Processor, Pullback, Samples, Stream
from fxnorm.dsp.biquads import Band

CROSSOVER_Q = 0.7071


@dataclass(frozen=True)
class Width(Processor):
    """Scale the side signal: 0 is mono, 1 unchanged, above 1 wider; optionally mono below a frequency.

    Below `mono_below_hz` the side signal is removed by a Butterworth high-pass of second order; 0 switches it off.
    """

    KIND: ClassVar[str] = "width"
    NEEDS_STEREO: ClassVar[bool] = True

    width: float = parameter("", 0.0, 2.0, 1.0)
    mono_below_hz: float = parameter("Hz", 20.0, 500.0, 0.0, "log", off=0.0)

    @property
    def is_neutral(self) -> bool:
        """Whether the side signal is unchanged."""
        return self.width == 1.0 and not self.mono_below_hz

    def stream(self, sample_rate: int, channels: int) -> Stream:
        """Begin a recording."""
        return _WidthStream(self, sample_rate, channels)

    def vjp(self, audio: Samples, sample_rate: int, *, key: Samples | None = None) -> tuple[Samples, Pullback]:
        """Process a recording, and return a function that carries a gradient back."""
        del key
        side = _side(audio)
        filtered, filter_pullback = cascade_vjp(side, self.bands, sample_rate)
        out = self._combine(audio, side, filtered)

        def pullback(gradient: Samples) -> Gradients:
            to_side = gradient[:1] - gradient[1:]
            width = np.vdot(to_side, filtered)
            through, bands = filter_pullback(to_side * to_side.dtype.type(self.width))
            correction = 0.5 * (through - to_side)
            values = [width, bands[0, 0]] if self.bands else [width]
            return Gradients(
                gradient + np.concatenate((correction, -correction)).astype(gradient.dtype),
                np.array(values, dtype=np.float64),
            )

        return out, pullback

    @property
    def bands(self) -> tuple[Band, ...]:
        """High-pass of the side signal, if there is one."""
        return (Band("high_pass", self.mono_below_hz, q=CROSSOVER_Q),) if self.mono_below_hz else ()

    def describe(self) -> str:
        """Describe the width in percent."""
        below = f", mono below {self.mono_below_hz:.0f} Hz" if self.mono_below_hz else ""
        return f"{100.0 * self.width:.0f} %{below}"

    def _combine(self, audio: Samples, side: Samples, filtered: Samples) -> Samples:
        """Replace the side signal by the filtered one times the width."""
        change = filtered * filtered.dtype.type(self.width)
        change -= side
        out = np.empty_like(audio)
        np.add(audio[0], change[0], out=out[0])
        np.subtract(audio[1], change[0], out=out[1])
        return out


class _WidthStream(Stream):
    def __init__(self, settings: Width, sample_rate: int, channels: int) -> None:
        super().__init__(channels)
        self._settings = settings
        self._filter = Cascade(settings.bands, sample_rate, 1)

    def push(self, block: Samples, key: Samples | None = None) -> Samples:
        del key
        side = _side(block)
        return self._settings._combine(block, side, self._filter.push(side))


def _side(audio: Samples) -> Samples:
    """Return the side signal, (L - R) / 2, shape (1, samples)."""
    side = audio[:1] - audio[1:]
    side *= audio.dtype.type(0.5)
    return side
