"""Parameters of a processor: unit, range and mapping, declared once where the setting is."""

import math
from dataclasses import dataclass, field
from typing import Any, Literal

from fxnorm.errors import InputError

KEY = "parameter"  # in the metadata of a dataclass field


@dataclass(frozen=True)
class Parameter:
    """A continuous setting.

    Attributes
    ----------
    unit : str
        "dB", "Hz", "ms", "s", or empty.
    low, high : float
        Range; both ends are allowed.
    default : float
        Neutral or customary value.
    scale : {"linear", "log"}
        Mapping of the range to 0..1. Frequencies, times and ratios are logarithmic.
    off : float or None
        Value outside the range that switches the setting off; it is then no parameter of a fit.
    learned : bool
        Whether a fit may change it; False for what has no gradient, such as the size of a room.
    """

    unit: str
    low: float
    high: float
    default: float
    scale: Literal["linear", "log"] = "linear"
    off: float | None = None
    learned: bool = True

    def normalize(self, value: float) -> float:
        """Map a value to 0..1."""
        if self.scale == "log":
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def denormalize(self, position: float) -> float:
        """Map 0..1 to a value."""
        if self.scale == "log":
            return float(self.low * (self.high / self.low) ** position)
        return self.low + position * (self.high - self.low)

    def to_logit(self, value: float, *, margin: float = 1e-6) -> float:
        """Map a value to an unbounded logit; the ends of the range are moved inwards by a margin of 0..1."""
        position = min(max(self.normalize(value), margin), 1.0 - margin)
        return math.log(position / (1.0 - position))

    def from_logit(self, logit: float) -> float:
        """Map a logit to a value."""
        return self.denormalize(0.5 * (1.0 + math.tanh(0.5 * logit)))

    def clip(self, value: float) -> float:
        """Move a value into the range."""
        return min(max(value, self.low), self.high)

    def check(self, name: str, value: float) -> None:
        """Make sure that a value is a number in range.

        Raises
        ------
        InputError
            If it is not.
        """
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InputError(f"{name}: expected a number, got {value!r}; write {self.default:g}, for example")
        if value != self.off and not self.low <= value <= self.high:
            unit = f" {self.unit}" if self.unit else ""
            off = f", or {self.off:g} for off" if self.off is not None else ""
            raise InputError(
                f"{name}: expected {self.low:g} to {self.high:g}{unit}{off}, got {value:g}; "
                "choose a value in this range"
            )

    def format(self, value: float) -> str:
        """Format a value with its unit: a sign for decibels, kHz from 1,000 Hz."""
        if self.unit == "dB":
            return f"{value:+.1f} dB"
        if self.unit == "Hz":
            return f"{value / 1000.0:.3g} kHz" if value >= 1000.0 else f"{value:.3g} Hz"
        return f"{value:.3g} {self.unit}".rstrip()


def parameter(
    unit: str,
    low: float,
    high: float,
    default: float,
    scale: Literal["linear", "log"] = "linear",
    *,
    off: float | None = None,
    learned: bool = True,
) -> Any:
    """Declare a dataclass field as a `Parameter`; its default is the parameter's."""
    return field(default=default, metadata={KEY: Parameter(unit, low, high, default, scale, off, learned)})
