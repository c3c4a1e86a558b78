"""Features: the values that an effect measures, and that statistics average."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import numpy.typing as npt

from fxnorm.normalization.grid import GRID_POINTS, band_mask, grid_frequencies

Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PlotStyle:
    """Labels of the plot of a feature that is a curve."""

    title: str
    label: str


class Feature(Protocol):
    """A feature of one stem, or the average over a corpus.

    Attributes
    ----------
    key : str
        Name of the feature in files.
    unit : str
        Unit and definition, written into statistics files.
    measures : mapping of str to str
        Units of the distances by name.
    columns : tuple of str
        Headings of the cells in a table.
    plot_style : PlotStyle or None
        Labels where the feature is a curve over frequency.
    """

    key: ClassVar[str]
    unit: ClassVar[str]
    measures: ClassVar[Mapping[str, str]]
    columns: ClassVar[tuple[str, ...]]
    plot_style: ClassVar[PlotStyle | None]

    def to_array(self) -> Float64:
        """Return the values that are averaged."""
        ...

    @classmethod
    def from_array(cls, array: Float64) -> Self:
        """Create a feature from `to_array`."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values under `key`, rounded as files hold them."""
        ...

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self | None:
        """Create a feature from `to_dict`; None if `key` is missing."""
        ...

    def distance(self, other: Self) -> dict[str, float]:
        """Return the distances named in `measures`."""
        ...

    def is_finite(self) -> bool:
        """Return whether every value is finite."""
        ...

    def cells(self) -> tuple[str, ...]:
        """Return the text below `columns`."""
        ...

    def plot_values(self) -> Float64:
        """Return the values to plot over `grid_frequencies`, shape (1025,)."""
        ...


@dataclass(frozen=True, eq=False)
class CurveFeature:
    """A curve over frequency: 32,769 bins as measured, 1,025 grid points as averaged.

    A subclass names `key`, `unit`, `measures`, `columns` and `plot_style`, and defines the distance. It overrides
    `encode` and `decode` if files hold another scale.
    """

    values: Float64
    key: ClassVar[str]

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and np.array_equal(self.values, other.values)

    __hash__ = None  # type: ignore[assignment]

    @property
    def frequencies(self) -> Float64:
        """Frequencies in Hz of an averaged curve, shape (1025,)."""
        return grid_frequencies()

    def encode(self) -> Float64:
        """Return the values as files hold them."""
        return np.round(self.values, 6)

    @classmethod
    def decode(cls, values: Float64) -> Self:
        """Create a curve from the values of a file."""
        return cls(values)

    def to_array(self) -> Float64:
        """Return the values."""
        return self.values

    @classmethod
    def from_array(cls, array: Float64) -> Self:
        """Create a curve from its values."""
        return cls(np.asarray(array, dtype=np.float64))

    def to_dict(self) -> dict[str, Any]:
        """Return the values as a list."""
        return {self.key: self.encode().tolist()}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self | None:
        """Create an averaged curve; raise `ValueError` if it is of another length."""
        if cls.key not in content:
            return None
        values = np.asarray(content[cls.key], dtype=np.float64)
        if values.shape != (GRID_POINTS,):
            raise ValueError(f"a curve of {values.shape} points instead of {GRID_POINTS}")
        return cls.decode(values)

    def is_finite(self) -> bool:
        """Return whether every value is finite."""
        return bool(np.isfinite(self.values).all())

    def plot_values(self) -> Float64:
        """Return the values."""
        return self.values


@dataclass(frozen=True)
class ScalarFeature:
    """A single value.

    A subclass names `key`, `unit`, `measures` (one) and `columns` (one).
    """

    value: float
    key: ClassVar[str]
    measures: ClassVar[Mapping[str, str]]
    plot_style: ClassVar[PlotStyle | None] = None

    def to_array(self) -> Float64:
        """Return the value, shape (1,)."""
        return np.array([self.value])

    @classmethod
    def from_array(cls, array: Float64) -> Self:
        """Create a feature from its value; raise `ValueError` if there are several."""
        (value,) = np.asarray(array, dtype=np.float64).tolist()
        return cls(value)

    def to_dict(self) -> dict[str, Any]:
        """Return the value, rounded to four digits."""
        return {self.key: round(self.value, 4)}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self | None:
        """Create a feature; None if `key` is missing."""
        return cls(float(content[cls.key])) if cls.key in content else None

    def distance(self, other: Self) -> dict[str, float]:
        """Return the absolute difference."""
        (name,) = self.measures
        return {name: abs(self.value - other.value)}

    def is_finite(self) -> bool:
        """Return whether the value is finite."""
        return bool(np.isfinite(self.value))

    def cells(self) -> tuple[str, ...]:
        """Return the value with two digits."""
        return (f"{self.value:.2f}",)

    def plot_values(self) -> Float64:
        """Return the value at every grid point."""
        return np.full(GRID_POINTS, self.value)


def band_rms(difference: Float64) -> float:
    """Return the root mean square of a curve on the grid between 50 Hz and 16 kHz."""
    return float(np.sqrt(np.mean(np.square(difference[band_mask()]))))


def band_mean(difference: Float64) -> float:
    """Return the mean absolute value of a curve on the grid between 50 Hz and 16 kHz."""
    return float(np.mean(np.abs(difference)[band_mask()]))
