"""Search for a compressor on a grid of ratios and thresholds, in dB and without computing any output."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from fxnorm.audio import Audio
from fxnorm.dsp.compressor import levels_db, smoothing_coefficient
from fxnorm.kernels import dynamics
from fxnorm.normalization.onset_peaks import PEAK_DB, OnsetPeaks, reference_gain, summarize_rows

THRESHOLDS_DB = np.arange(PEAK_DB, -40.25, -0.5)
LAST_RATIO = 20
_FIRST_COLUMNS = 16  # thresholds tried first
_ROUNDING_DB = 1e-6


class CompressorSearch:
    """The grid of compressors on one group of channels, evaluated in dB without computing any output."""

    def __init__(
        self,
        audio: Audio,
        sample_rate: int,
        edges: Sequence[npt.NDArray[np.int64]],
        *,
        attack_ms: float,
        release_ms: float,
        first_ratio: int,
        reference: Literal["input", "output"],
    ) -> None:
        self.gain = reference_gain(audio)
        self._audio = audio[: len(edges)]
        self.attack = smoothing_coefficient(attack_ms, sample_rate)
        self.release = smoothing_coefficient(release_ms, sample_rate)
        self.ratios = range(first_ratio, LAST_RATIO + 1)
        self.reference = reference
        starts = [channel_edges[:-1] for channel_edges in edges]
        # One set of edges for all channels, from the start of the stem: finer than each needs, and merged afterwards.
        self.edges = np.unique(np.concatenate([[0, audio.shape[1]], *starts])).astype(np.int64)
        self.first_segments = [np.searchsorted(self.edges, channel_starts) for channel_starts in starts]

    @property
    def has_onsets(self) -> bool:
        """Whether any channel has one."""
        return any(segments.size for segments in self.first_segments)

    @cached_property
    def levels(self) -> Audio:
        """Level of each channel."""
        return levels_db(self._audio, self.gain)

    @cached_property
    def detector(self) -> npt.NDArray[np.float32]:
        """Level of the louder channel."""
        return self.levels.max(axis=0) if len(self.levels) > 1 else self.levels[0]

    @cached_property
    def uncompressed(self) -> "Row":
        """Features without compression."""
        peaks_db = np.maximum.reduceat(self.levels, self.edges[:-1], axis=1)
        return self._row(peaks_db[:, np.newaxis].astype(np.float64))

    @cached_property
    def uncompressed_peaks(self) -> OnsetPeaks:
        """The feature without compression."""
        return self._feature(self.uncompressed, 0)

    def first(self, goal_db: float) -> tuple[int, float, OnsetPeaks]:
        """Find the first pair of the grid whose peak reaches the goal; if none does, the last or nearest one."""
        all_columns = np.arange(THRESHOLDS_DB.size)
        for columns in (all_columns[:_FIRST_COLUMNS], all_columns):  # most searches end within the first few
            low_row = self._evaluate(0, columns)
            if hit := self._hit(0, low_row, columns, goal_db):
                return hit
        last_ratio = len(self.ratios) - 1
        high_row = self._evaluate(last_ratio, all_columns)
        hit = self._first_between(0, last_ratio, low_row, high_row, all_columns, goal_db) or self._hit(
            last_ratio, high_row, all_columns, goal_db
        )
        if hit:
            return hit
        column = int(all_columns[-1] if self.reference == "input" else np.argmax(self._past(high_row, goal_db)))
        return self.ratios[last_ratio], float(THRESHOLDS_DB[column]), self._feature(high_row, column)

    def _first_between(
        self, low: int, high: int, low_row: "Row", high_row: "Row", columns: npt.NDArray[np.int64], goal_db: float
    ) -> tuple[int, float, OnsetPeaks] | None:
        """Find the first pair that reaches the goal between two ratios with known rows, at some of the thresholds.

        At one threshold the reduction of every sample is proportional to the slope 1 - 1/ratio. A peak is the largest
        of levels that fall along straight lines, so it is convex in the slope, and so is the mean of the largest few:
        between two slopes it lies under their chord, and above the line from no reduction through the first. Only
        thresholds at which the goal remains possible are tried.
        """
        slopes = 1.0 - 1.0 / np.array(self.ratios[low : high + 1])[:, np.newaxis]
        chord = low_row.peak_db + (high_row.peak_db - low_row.peak_db) * (slopes - slopes[0]) / (slopes[-1] - slopes[0])
        extrapolation = (slopes - slopes[0]) / slopes[0]
        least_peak = np.maximum(
            high_row.peak_db, low_row.peak_db + extrapolation * (low_row.peak_db - self.uncompressed.peak_db)
        )
        least_loudest = np.maximum(
            high_row.loudest_db,
            low_row.loudest_db + extrapolation * (low_row.loudest_db - self.uncompressed.loudest_db),
        )
        best = Row(least_peak if self.reference == "input" else chord, low_row.std_db, least_loudest)
        (candidates,) = np.nonzero((self._past(best, goal_db)[1:-1] > -_ROUNDING_DB).any(axis=0))
        if candidates.size == 0:
            return None
        middle = (low + high) // 2
        columns, low_row, high_row = columns[candidates], low_row.at(candidates), high_row.at(candidates)
        row = self._evaluate(middle, columns)
        return (
            self._first_between(low, middle, low_row, row, columns, goal_db)
            or self._hit(middle, row, columns, goal_db)
            or self._first_between(middle, high, row, high_row, columns, goal_db)
        )

    def _hit(
        self, ratio: int, row: "Row", columns: npt.NDArray[np.int64], goal_db: float
    ) -> tuple[int, float, OnsetPeaks] | None:
        """Find the first pair of a row that reaches the goal."""
        (hits,) = np.nonzero(self._past(row, goal_db) > 0.0)
        if hits.size == 0:
            return None
        return self.ratios[ratio], float(THRESHOLDS_DB[columns[hits[0]]]), self._feature(row, hits[0])

    def _past(self, row: "Row", goal_db: float) -> npt.NDArray[np.float64]:
        """Return the distance beyond the goal, in the direction in which compression moves the feature."""
        if self.reference == "input":
            return goal_db - row.peak_db
        return row.peak_db - row.loudest_db + PEAK_DB - goal_db

    def _feature(self, row: "Row", column: int) -> OnsetPeaks:
        shift_db = PEAK_DB - row.loudest_db[column] if self.reference == "output" else 0.0
        return OnsetPeaks(float(row.peak_db[column] + shift_db), float(row.std_db[column]))

    def _evaluate(self, ratio: int, columns: npt.NDArray[np.int64]) -> "Row":
        """Evaluate the compressors of one ratio at some of the thresholds."""
        peaks_db = np.empty((len(self.levels), columns.size, self.edges.size - 1))
        slope = 1.0 - 1.0 / self.ratios[ratio]
        thresholds = THRESHOLDS_DB[columns]
        dynamics.reduced_peaks(
            self.detector, self.levels, thresholds, slope, self.attack, self.release, self.edges, peaks_db
        )
        return self._row(peaks_db)

    def _row(self, peaks_db: npt.NDArray[np.float64]) -> "Row":
        """Compute the features from peaks (channels, thresholds, segments)."""
        features = [
            summarize_rows(np.maximum.reduceat(rows, segments, axis=1))
            for rows, segments in zip(peaks_db, self.first_segments, strict=True)
            if segments.size
        ]
        peak_db, std_db = np.mean(features, axis=0)
        return Row(peak_db, std_db, peaks_db.max(axis=(0, 2)))


@dataclass(frozen=True)
class Row:
    """Features of the compressors of one ratio, by threshold, at the scale of the input.

    Mean and standard deviation of the onset peaks, and the largest sample.
    """

    peak_db: npt.NDArray[np.float64]
    std_db: npt.NDArray[np.float64]
    loudest_db: npt.NDArray[np.float64]

    def at(self, columns: npt.NDArray[np.int64]) -> "Row":
        """Select some of the thresholds."""
        return Row(self.peak_db[columns], self.std_db[columns], self.loudest_db[columns])
