"""Distances weigh all grid points from 50 Hz to 16 kHz equally, and no others."""

import numpy as np
import pytest

from fxnorm.normalization.distances import distance
from fxnorm.normalization.eq import SpectrumFeature
from fxnorm.normalization.grid import GRID_POINTS, grid_frequencies
from fxnorm.normalization.loudness import Loudness
from fxnorm.normalization.onset_peaks import OnsetPeaks
from fxnorm.normalization.panning import SimilarityFeature

ONES = np.ones(GRID_POINTS)
FLAT = {"eq": SpectrumFeature(ONES), "panning": SimilarityFeature(ONES)}
INSIDE = (3, 500, 743)  # 64.6 Hz, 10.8 kHz, 15,997 Hz
OUTSIDE = (0, 2, 744, GRID_POINTS - 1)  # 0 Hz, 43.1 Hz, 16,018 Hz, half the rate
COUNT = 741  # points from 64.6 Hz to 15,997 Hz


def changed(point: int, value: float) -> np.ndarray:
    curve = ONES.copy()
    curve[point] = value
    return curve


def test_the_points_lie_on_their_sides_of_the_limits() -> None:
    frequencies = grid_frequencies()
    assert frequencies[2] < 50.0 <= frequencies[3]
    assert frequencies[743] <= 16_000.0 < frequencies[744]


@pytest.mark.parametrize("point", INSIDE)
def test_what_is_inside_the_band_counts(point: int) -> None:
    curves = {"eq": SpectrumFeature(changed(point, 10.0)), "panning": SimilarityFeature(changed(point, 0.25))}
    distances = distance(FLAT, curves)
    assert distances["eq"] == pytest.approx(np.sqrt(20.0**2 / COUNT))
    assert distances["panning"] == pytest.approx(0.75 / COUNT)


@pytest.mark.parametrize("point", OUTSIDE)
def test_what_is_outside_the_band_does_not(point: int) -> None:
    curves = {"eq": SpectrumFeature(changed(point, 10.0)), "panning": SimilarityFeature(changed(point, 0.25))}
    assert distance(FLAT, curves) == {
        "eq": 0.0,
        "panning": 0.0,
    }


def test_what_one_set_lacks_has_no_distance() -> None:
    features = {"compression": OnsetPeaks(-12.0, 2.0), "loudness": Loudness(-20.0), "eq": None}
    changes = {"compression": OnsetPeaks(-15.0, 3.5), "loudness": Loudness(-26.0), "eq": SpectrumFeature(ONES)}
    assert distance(features, changes) == {"peak": 3.0, "std": 1.5, "loudness": 6.0}
    assert distance(features, {}) == {}
