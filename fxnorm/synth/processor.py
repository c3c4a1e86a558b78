"""Interface of the processors of a channel strip, and the base class of the built-in ones.

Inside a strip audio is float64 of shape (2, samples).
"""

from dataclasses import asdict, dataclass, fields
from typing import Any, Protocol, Self, TypeVar, runtime_checkable

import numpy as np
import numpy.typing as npt

from fxnorm.errors import InputError

Float64 = npt.NDArray[np.float64]
Settings = TypeVar("Settings")


@runtime_checkable
class Processor(Protocol):
    """Interface of a processor in a channel strip."""

    def process(self, audio: Float64, sample_rate: int) -> Float64:
        """Process audio of shape (2, samples) at a sample rate in Hz and return audio of the same shape."""

    def to_dict(self) -> dict[str, Any]:
        """Return name (`insert`) and settings in plain values."""


@dataclass(frozen=True)
class StripProcessor(Processor):
    """Base class of the built-in processors, whose settings are the fields of the dataclass."""

    def to_dict(self) -> dict[str, Any]:
        """Return name and settings, ready for JSON."""
        return {"insert": type(self).__name__, **asdict(self)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Build the processor from the values of `to_dict`.

        Raises
        ------
        InputError
            If a setting is unknown or missing.
        """
        return build(cls, {name: value for name, value in values.items() if name != "insert"})


def build(kind: type[Settings], values: dict[str, Any]) -> Settings:
    """Build a dataclass of settings from a mapping of its fields.

    Raises
    ------
    InputError
        If a field is unknown or missing.
    """
    try:
        return kind(**values)
    except TypeError as error:
        names = ", ".join(field.name for field in fields(kind))  # type: ignore[arg-type]
        raise InputError(f"expected {kind.__name__} with {names}, got {values}; correct the names") from error
