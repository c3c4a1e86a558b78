"""Processors: decisions about a stem as parameters, which reproduce its samples."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from fxnorm.audio import Audio
from fxnorm.units import amplitude_to_db

Facts = list[tuple[str, str | None]]  # label and value; None where there is nothing to say
Response = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]  # frequencies in Hz, gains in dB

PLOTTED_HZ = np.geomspace(20.0, 20_000.0, 481)  # 48 points per octave
_POINTS = 65_536


class Processor(BaseModel):
    """Base of the processors: frozen, JSON keeps every digit, and unknown keys are errors.

    Attributes
    ----------
    kind : str
        Name in files.
    title : str
        Heading on pages.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, arbitrary_types_allowed=True)
    kind: ClassVar[str]
    title: ClassVar[str]

    def process(self, audio: Audio, sample_rate: int, *, overwrite: bool = False) -> Audio:
        """Process a stem.

        Parameters
        ----------
        audio : ndarray, shape (channels, samples), float32
        sample_rate : int
            In Hz.
        overwrite : bool
            Allow the result to replace the input, which saves the memory of one stem.

        Returns
        -------
        ndarray, shape (channels, samples), float32
        """
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values that `from_dict` turns into the same processor."""
        return {"kind": self.kind} | self.model_dump(mode="json")

    @classmethod
    def from_dict(cls, content: Mapping[str, Any], responses: Mapping[str, Any]) -> Self:
        """Create a processor from `to_dict`.

        Parameters
        ----------
        content : mapping
        responses : mapping of str to ImpulseResponse
            Impulse responses by their identity, for processors that convolve.
        """
        return cls.model_validate({key: value for key, value in content.items() if key != "kind"})

    def facts(self) -> Facts:
        """Return the parameters as labelled text."""
        return []

    def __str__(self) -> str:
        """Return the title, parameters and the range of each frequency response, on one line."""
        phrases = [f"{label} {value}" for label, value in self.facts() if value is not None]
        for name, (_, gains_db) in self.responses().items():
            phrases.append(f"{name} {format_db(float(gains_db.min()))} to {format_db(float(gains_db.max()))}")
        return f"{self.title}: {', '.join(phrases)}"

    def responses(self) -> dict[str, Response]:
        """Return the frequency responses by name; empty if there is none to draw."""
        return {}


def frequency_response(kernel: npt.NDArray[np.float64], sample_rate: int) -> Response:
    """Return the magnitude response in dB of a FIR filter from 20 Hz to 20 kHz."""
    bins_hz = np.fft.rfftfreq(_POINTS, 1.0 / sample_rate)
    response_db = amplitude_to_db(np.abs(np.fft.rfft(kernel, _POINTS)), floor_db=-180.0)
    return PLOTTED_HZ, np.interp(PLOTTED_HZ, bins_hz, response_db)


def format_db(value: float, unit: str = "dB", *, plus: bool = True) -> str:
    """Format a level with a sign and one digit."""
    return f"{value:{'+' if plus else ''}.1f} {unit}".replace("-", "−")
