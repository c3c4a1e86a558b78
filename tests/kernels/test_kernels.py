"""Laws of single kernels; `test_twins` compares each with its plain twin."""

import itertools

import numpy as np
import pytest
from scipy.signal import sosfilt

from fxnorm.kernels import ballistics, dynamics, loudness, spectra

RNG = np.random.default_rng(0)
LEVEL = (-30.0 + 12.0 * RNG.standard_normal(3000)).astype(np.float32)
AUDIO = (0.3 * RNG.standard_normal((2, 3000))).astype(np.float32)
EDGES = np.array([0, 100, 100 + 700, 3000])
LEFT, RIGHT = (RNG.standard_normal((2, 5, 33)) + 1j * RNG.standard_normal((2, 5, 33))).astype(np.complex64)
SHELF = np.array([1.5, -2.7, 1.2, -1.7, 0.73])
HIGH_PASS = np.array([1.0, -2.0, 1.0, -1.99, 0.99])


def test_weighted_energy_is_two_filters_and_a_sum_of_squares():
    sections = np.array([[*SHELF[:3], 1.0, *SHELF[3:]], [*HIGH_PASS[:3], 1.0, *HIGH_PASS[3:]]])
    three = np.concatenate([AUDIO, AUDIO[:1] - AUDIO[1:]])
    filtered = sosfilt(sections, three.astype(np.float64))
    for channels in (1, 2, 3):
        out = np.zeros(3)
        loudness.weighted_energy(three[:channels], SHELF, HIGH_PASS, EDGES, out)
        expected = [np.sum(filtered[:channels, low:high] ** 2) for low, high in itertools.pairwise(EDGES)]
        np.testing.assert_allclose(out, expected, rtol=1e-9)


def test_reduction_rises_by_the_attack_and_falls_by_the_release():
    attack, release = np.exp(-1.0 / 100.0), np.exp(-1.0 / 400.0)
    level = np.full(3000, -60.0, np.float32)
    level[500:1500] = -10.0
    out = np.zeros_like(level)
    dynamics.reduce_gain(level, -20.0, 0.75, attack, release, out)
    assert not out[:500].any()
    time = np.arange(1, 1001)
    np.testing.assert_allclose(out[500:1500], 7.5 * (1.0 - np.exp(-time / 100.0)), atol=1e-4)
    np.testing.assert_allclose(out[1500:], out[1499] * np.exp(-np.arange(1, 1501) / 400.0), atol=1e-4)


@pytest.mark.parametrize("slope", [0.75, 1.0])
def test_reduction_is_that_of_the_console_with_a_hard_knee(slope):
    level = np.concatenate((LEVEL, np.full(70_000, -60.0, np.float32), LEVEL))
    reduction = np.maximum((level.astype(np.float64) + 20.0) * slope, 0.0)
    expected, out = np.zeros_like(level), np.zeros_like(level)
    last = ballistics.smooth(reduction, 0.95, 0.995, 0.0, 0, expected)
    assert dynamics.reduce_gain(level, -20.0, slope, 0.95, 0.995, out) == last
    assert np.array_equal(out, expected)


def test_reduced_peaks_are_the_peaks_of_the_reduced_level():
    thresholds = np.array([-15.0, -25.0, -35.0])
    peaks = np.zeros((1, 3, 3))
    dynamics.reduced_peaks(LEVEL, LEVEL[np.newaxis], thresholds, 0.8, 0.95, 0.995, EDGES, peaks)
    for threshold, row in zip(thresholds, peaks[0], strict=True):
        reduction = np.zeros_like(LEVEL)
        dynamics.reduce_gain(LEVEL, threshold, 0.8, 0.95, 0.995, reduction)
        expected = [np.max((LEVEL - reduction)[low:high]) for low, high in itertools.pairwise(EDGES)]
        np.testing.assert_allclose(row, expected, atol=1e-4)


def test_narrowed_similarity_is_the_similarity_of_the_narrowed_signal():
    left, right = LEFT[2:], RIGHT[2:]
    gains = np.array([1.0, 0.6, 0.1], np.float32)
    out = np.zeros((1, 3))
    spectra.add_narrowed_similarity(left + right, left - right, np.array([0, 33]), gains, out)
    for gain, total in zip(gains, out[0], strict=True):
        mid, side = (left + right) / 2.0, gain * (left - right) / 2.0
        narrowed_left, narrowed_right = np.abs(mid + side), np.abs(mid - side)
        similarity = 2.0 * narrowed_left * narrowed_right / (narrowed_left**2 + narrowed_right**2)
        assert total == pytest.approx(np.sum(similarity), rel=1e-5)
