"""Metric and Recording: the types that every family of metrics shares.

A family is a module with

- `METRICS`, a dict of `Metric` by name,
- `measure(recording)`, its features of one recording, computed once per target however many mixes are compared,
- `compare(target, mix)`, a value or None for each of its `METRICS`, from the features of both.

Orientation: signed stereo figures are positive towards the right channel (`imbalance_db` and the imbalance of the
audio-feature loss are right against left). Features that are magnitudes by definition (the width, and the published
panning features, which are a root mean square) have no orientation: `Metric.ignores_swap` marks them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from fxnorm.audio import SAMPLE_RATE, Audio
from fxnorm.dsp import loudness
from fxnorm.errors import InputError
from fxnorm.units import db_to_amplitude

Values = dict[str, float | None]


@dataclass(frozen=True)
class Metric:
    """Name, unit and properties of a metric.

    Attributes
    ----------
    title : str
    unit : str
        Empty for a plain number.
    description : str
        One sentence.
    lower_is_better : bool
        If True the best value is 0.
    ignores_level : bool
        A gain applied to the mix does not change the value.
    ignores_swap : bool
        Swapping left and right of the mix does not change the value.
    headline : bool
        Shown in the first table of a report.
    decimals : int
        Shown in tables.
    """

    title: str
    unit: str
    description: str
    lower_is_better: bool = True
    ignores_level: bool = False
    ignores_swap: bool = False
    headline: bool = False
    decimals: int = 3

    @property
    def heading(self) -> str:
        """Title with the unit, for the head of a table."""
        return f"{self.title}, {self.unit}" if self.unit else self.title


@dataclass(frozen=True)
class Recording:
    """A stereo recording to measure.

    Parameters
    ----------
    audio : ndarray, shape (2, samples), float32
        At 44,100 Hz.
    sample_rate : int
        In Hz.

    Raises
    ------
    InputError
        If the audio is not stereo, is empty, or has another sample rate.
    """

    audio: Audio
    sample_rate: int

    def __post_init__(self) -> None:
        shape = self.audio.shape
        if len(shape) != 2 or shape[0] != 2 or shape[1] == 0 or self.sample_rate != SAMPLE_RATE:
            raise InputError(
                f"expected stereo audio with samples at {SAMPLE_RATE} Hz, got shape {shape} at {self.sample_rate} Hz"
            )

    @cached_property
    def lufs(self) -> float | None:
        """Integrated loudness; None if silent."""
        return loudness.measure(self.audio, self.sample_rate)


class Family(Protocol):
    """A module that defines metrics; see the head of this file."""

    METRICS: Mapping[str, Metric]

    def measure(self, recording: Recording) -> Any:
        """Measure the features of one recording."""

    def compare(self, target: Any, mix: Any) -> Values:
        """Compare the features of two recordings."""


def matching_gain(target_lufs: float | None, mix_lufs: float | None) -> float | None:
    """Return the gain that brings a mix to the loudness of its target; None if either is silent."""
    return None if target_lufs is None or mix_lufs is None else float(db_to_amplitude(target_lufs - mix_lufs))
