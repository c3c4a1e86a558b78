"""Parametric equaliser."""

from dataclasses import dataclass
from typing import ClassVar

from fxnorm.console.filtering import Cascade, cascade_vjp
from fxnorm.console.parameter import parameter
from fxnorm.console.processor import Gradients, Processor, Pullback, Samples, Stream
from fxnorm.console.settings import Choice, Settings
from fxnorm.dsp.biquads import Band

KINDS = ("high_pass", "low_shelf", "peak", "high_shelf", "low_pass")
_PASSES = ("high_pass", "low_pass")
_SHORT = {"high_pass": "HP", "low_pass": "LP", "low_shelf": "low shelf", "high_shelf": "high shelf", "peak": "peak"}


@dataclass(frozen=True)
class EqBand(Settings):
    """Band of an equaliser: a biquad after R. Bristow-Johnson's cookbook.

    A shelf of Q 0.7071 has the slope S = 1. The gain of a pass is not used.
    """

    CHOICES: ClassVar[dict[str, tuple[Choice, ...]]] = {"kind": KINDS}

    kind: str
    frequency_hz: float = parameter("Hz", 20.0, 20_000.0, 1000.0, "log")
    gain_db: float = parameter("dB", -12.0, 12.0, 0.0)
    q: float = parameter("", 0.1, 10.0, 0.7071, "log")

    @property
    def is_pass(self) -> bool:
        """Whether the band has no gain."""
        return self.kind in _PASSES

    @property
    def is_neutral(self) -> bool:
        """Whether the band returns its input."""
        return not self.is_pass and self.gain_db == 0.0

    @property
    def band(self) -> Band:
        """The filter to design."""
        return Band(self.kind, self.frequency_hz, self.gain_db, self.q)

    def describe(self) -> str:
        """Describe the band: "peak +2.0 dB at 3 kHz, Q 1.2"."""
        declared = self.parameters()
        frequency = declared["frequency_hz"].format(self.frequency_hz)
        if self.is_pass:
            return f"{_SHORT[self.kind]} {frequency}"
        q = f" Q {self.q:.2g}" if self.kind == "peak" else ""
        return f"{_SHORT[self.kind]} {self.gain_db:+.1f} dB at {frequency}{q}"


@dataclass(frozen=True)
class Eq(Processor):
    """Equaliser of any number of bands in series."""

    KIND: ClassVar[str] = "eq"
    SECTIONS: ClassVar[dict[str, type[Settings]]] = {"bands": EqBand}

    bands: tuple[EqBand, ...] = ()

    @property
    def title(self) -> str:
        """Name in tables."""
        return "EQ"

    @property
    def is_neutral(self) -> bool:
        """Whether all bands are neutral."""
        return all(band.is_neutral for band in self.bands)

    def stream(self, sample_rate: int, channels: int) -> Stream:
        """Begin a recording."""
        return Cascade([band.band for band in self.bands if not band.is_neutral], sample_rate, channels)

    def vjp(self, audio: Samples, sample_rate: int, *, key: Samples | None = None) -> tuple[Samples, Pullback]:
        """Process a recording, and return a function that carries a gradient back."""
        del key
        out, filter_pullback = cascade_vjp(audio, [band.band for band in self.bands], sample_rate)

        def pullback(gradient: Samples) -> Gradients:
            through, bands = filter_pullback(gradient)
            return Gradients(through, bands.reshape(-1))

        return out, pullback

    def describe(self) -> str:
        """Describe the bands that are not flat."""
        return ", ".join(band.describe() for band in self.bands if not band.is_neutral) or "flat"
