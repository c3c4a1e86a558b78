"""Onset peaks: the largest samples between onsets, of which the loudest quarter is the compression feature."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from fxnorm.audio import Audio, peak
from fxnorm.dsp import onsets
from fxnorm.kernels import dynamics
from fxnorm.normalization.feature import PlotStyle
from fxnorm.normalization.grid import GRID_POINTS
from fxnorm.units import amplitude_to_db, db_to_amplitude

PEAK_DB = -10.0  # peak at which the feature is defined and thresholds are given
PERCENTILE = 75.0


@dataclass(frozen=True)
class OnsetPeaks:
    """Mean and population standard deviation of the loudest onset peaks, in dBFS and dB."""

    peak_db: float
    std_db: float
    key: ClassVar[str] = "compression"
    unit: ClassVar[str] = (
        "mean and deviation in dB of onset peaks above their 75th percentile, stem at a peak of -10 dBFS"
    )
    measures: ClassVar[Mapping[str, str]] = {"peak": "dB", "std": "dB"}
    columns: ClassVar[tuple[str, ...]] = ("peak dB", "std dB")
    plot_style: ClassVar[PlotStyle | None] = None

    def to_array(self) -> npt.NDArray[np.float64]:
        """Return mean and deviation, shape (2,)."""
        return np.array([self.peak_db, self.std_db])

    @classmethod
    def from_array(cls, array: npt.NDArray[np.float64]) -> Self:
        """Create a feature from mean and deviation."""
        peak_db, std_db = np.asarray(array, dtype=np.float64).tolist()
        return cls(peak_db, std_db)

    def rounded(self) -> dict[str, float]:
        """Return both values with three digits."""
        return {"peak_db": round(self.peak_db, 3), "spread_db": round(self.std_db, 3)}

    def to_dict(self) -> dict[str, Any]:
        """Return both values under the key."""
        return {self.key: self.rounded()}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self | None:
        """Create a feature; None if the key is missing."""
        if cls.key not in content:
            return None
        values = content[cls.key]
        return cls(values["peak_db"], values["spread_db"])  # the keys of statistics files

    def distance(self, other: Self) -> dict[str, float]:
        """Return the differences of mean and deviation in dB."""
        return {"peak": abs(self.peak_db - other.peak_db), "std": abs(self.std_db - other.std_db)}

    def is_finite(self) -> bool:
        """Return whether both values are finite."""
        return bool(np.isfinite([self.peak_db, self.std_db]).all())

    def cells(self) -> tuple[str, ...]:
        """Return both values with two digits."""
        return f"{self.peak_db:.2f}", f"{self.std_db:.2f}"

    def plot_values(self) -> npt.NDArray[np.float64]:
        """Return the mean at every grid point."""
        return np.full(GRID_POINTS, self.peak_db)


def reference_gain(audio: Audio) -> float:
    """Return the gain to a peak of -10 dBFS."""
    return db_to_amplitude(PEAK_DB) / peak(audio)


def segment_edges(channel: npt.NDArray[np.float32], gain: float) -> npt.NDArray[np.int64]:
    """Return the edges of the segments between onsets; the last segment runs to the end. Empty without an onset."""
    starts = np.unique(np.clip(onsets.find(channel, gain=gain), 0, channel.size - 1))
    return np.append(starts, channel.size) if starts.size else starts


def measure(audio: Audio, gain: float, edges: tuple[npt.NDArray[np.int64], ...]) -> OnsetPeaks | None:
    """Average the onset peaks over the channels that have an onset; None if none has."""
    peaks = [
        _measure_channel(channel, gain, channel_edges) for channel, channel_edges in zip(audio, edges, strict=True)
    ]
    audible = [channel_peaks for channel_peaks in peaks if channel_peaks is not None]
    if not audible:
        return None
    return OnsetPeaks(
        float(np.mean([channel_peaks.peak_db for channel_peaks in audible])),
        float(np.mean([channel_peaks.std_db for channel_peaks in audible])),
    )


def summarize(peaks_db: npt.NDArray[np.float64]) -> OnsetPeaks:
    """Return mean and deviation of the peaks above their 75th percentile, or of all peaks if none is above."""
    mean, deviation = summarize_rows(peaks_db)
    return OnsetPeaks(float(mean), float(deviation))


def summarize_rows(peaks_db: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Apply `summarize` along the last axis."""
    loudest = peaks_db > np.percentile(peaks_db, PERCENTILE, axis=-1, keepdims=True)
    loudest |= ~loudest.any(axis=-1, keepdims=True)
    mean = np.mean(peaks_db, axis=-1, where=loudest)
    return mean, np.std(peaks_db, axis=-1, where=loudest)


def _measure_channel(channel: npt.NDArray[np.float32], gain: float, edges: npt.NDArray[np.int64]) -> OnsetPeaks | None:
    if edges.size < 2:
        return None
    largest = np.empty(edges.size - 1)
    dynamics.segment_peaks(channel, edges, largest)
    return summarize(amplitude_to_db(largest * np.float32(gain), floor_db=-120.0))
