"""Baselines without training."""

import numpy as np
import pytest

from fxnorm.errors import InputError
from fxnorm.models.baselines import BASELINES, mean_stems, sum_stems


@pytest.fixture
def stems() -> np.ndarray:
    return np.random.default_rng(0).normal(0.0, 0.1, (4, 2, 1000)).astype(np.float32)


def test_a_sum_is_the_sum_in_every_sample(stems: np.ndarray) -> None:
    for name in ("sum", "normalized-sum"):
        mix = BASELINES[name].predict(stems)
        assert mix.shape == (2, 1000)
        assert mix.dtype == np.float32
        np.testing.assert_allclose(mix, stems[0] + stems[1] + stems[2] + stems[3], atol=1e-6)


def test_the_naive_mix_has_its_peak_and_the_shape_of_the_sum(stems: np.ndarray) -> None:
    mix = BASELINES["naive"].predict(stems)
    assert np.abs(mix).max() == pytest.approx(0.9)
    added = sum_stems(stems)
    np.testing.assert_allclose(mix, added * 0.9 / np.abs(added).max(), atol=1e-6)


def test_the_naive_mix_of_silence_is_silence() -> None:
    np.testing.assert_array_equal(mean_stems(np.zeros((4, 2, 10))), np.zeros((2, 10)))


def test_stems_are_not_touched(stems: np.ndarray) -> None:
    before = stems.copy()
    for baseline in BASELINES.values():
        baseline.predict(stems)
    np.testing.assert_array_equal(stems, before)


@pytest.mark.parametrize("shape", [(4, 10), (3, 2, 10), (4, 1, 10), (1, 4, 2, 10)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    for baseline in BASELINES.values():
        with pytest.raises(InputError, match=r"expected stems of shape \(4, 2, samples\)"):
            baseline.predict(np.zeros(shape))
