"""Ideal gains: those that made the mixture, where something made it; otherwise those of least squares."""

import numpy as np
import pytest
from scipy.optimize import nnls

from fxnorm.audio import RATE
from fxnorm.corpus.stems import STEMS
from fxnorm.models.gbdt.band_grid import BandGrid
from fxnorm.training import oracle_gains
from fxnorm.training.oracle_gains import compare_levels, find_gains, multiply
from tests.signals import noise

BANDS = BandGrid()
TRUE_DB = np.array([6.0, -3.0, 0.0, 12.0])


def products(stems: np.ndarray, mixture: np.ndarray) -> np.ndarray:
    return multiply(np.concatenate([stems, mixture[np.newaxis]]), BANDS)


@pytest.fixture
def stems() -> np.ndarray:
    return np.stack([noise(3.0, seed=seed) for seed in range(4)])


def test_the_products_hold_the_levels(stems: np.ndarray) -> None:
    made = products(stems, stems.sum(axis=0))
    np.testing.assert_allclose(np.einsum("iisnb->isnb", made)[:4], BANDS.measure(stems), rtol=1e-5)
    np.testing.assert_array_equal(made[1, 3], made[3, 1])
    np.testing.assert_allclose(made[:4, :4].sum(axis=(0, 1)), made[4, 4], rtol=1e-3, atol=1e-9)


def test_gains_of_a_mixture_are_found(stems: np.ndarray) -> None:
    mixture = (stems * 10.0 ** (TRUE_DB[:, np.newaxis, np.newaxis] / 20.0)).sum(axis=0).astype(np.float32)
    found = find_gains(products(stems, mixture), BANDS)
    # the lowest band has few bins, so stems look alike for the length of a frame and the prior has its say
    np.testing.assert_allclose(found[:, :, 2:-2, 1:] - TRUE_DB[:, np.newaxis, np.newaxis, np.newaxis], 0.0, atol=0.6)
    np.testing.assert_allclose(found.mean(axis=(1, 2, 3)), TRUE_DB, atol=0.1)


def test_gains_follow_in_time_and_frequency(stems: np.ndarray) -> None:
    chosen = np.zeros((4, 2, BANDS.count_frames(stems.shape[-1]), BANDS.count), dtype=np.float32)
    middle = chosen.shape[2] // 2
    chosen[2, :, middle:, 5:] = -12.0
    found = find_gains(products(stems, BANDS.apply_gains(stems, chosen)), BANDS)
    np.testing.assert_allclose(found[2, :, middle + 3 : -2, 6:], -12.0, atol=2.0)
    np.testing.assert_allclose(found[2, :, 2 : middle - 3, 6:], 0.0, atol=1.0)
    np.testing.assert_allclose(found[0, :, 2:-2, 6:], 0.0, atol=1.0)


def test_a_silent_stem_has_no_gains_and_disturbs_nobody(stems: np.ndarray) -> None:
    stems[1] = 0.0
    stems[3, 1] = stems[3, 0]  # mono: no side
    found = find_gains(products(stems, 2.0 * stems.sum(axis=0)), BANDS)
    assert np.isnan(found[1]).all()
    assert np.isnan(found[3, 1]).all()
    np.testing.assert_allclose(np.nanmean(found[[0, 2, 3]]), 6.02, atol=0.05)


def test_no_gain_is_under_zero(stems: np.ndarray) -> None:
    found = find_gains(products(stems, stems[1:].sum(axis=0) - stems[0]), BANDS)
    assert found[0].max() == oracle_gains.RANGE_DB[0]


def test_a_frame_solves_its_least_squares(monkeypatch: pytest.MonkeyPatch, stems: np.ndarray) -> None:
    rng = np.random.default_rng(0)
    signals = rng.standard_normal((5, 40))
    made = signals @ signals.T
    prior, weight = rng.uniform(0.0, 1.0, 4), rng.uniform(1.0, 5.0, 4)
    matrix = np.vstack([signals[:4].T, np.diag(np.sqrt(weight))])
    expected, _ = nnls(matrix, np.concatenate([signals[4], np.sqrt(weight) * prior]))
    shape = (4, 1, 1, 1)
    found = oracle_gains._fit(made.reshape(5, 5, 1, 1, 1), prior.reshape(shape), weight.reshape(shape))
    np.testing.assert_allclose(found.ravel(), expected, atol=1e-9)
    assert (expected == 0.0).any()


def test_levels_are_compared_in_db(stems: np.ndarray) -> None:
    made = products(stems, stems.sum(axis=0))
    zero = np.zeros((len(STEMS), 2, 1, 1), dtype=np.float32)
    assert compare_levels(made, zero) == pytest.approx(0.0, abs=1e-3)
    assert compare_levels(made, zero - 6.0) == pytest.approx(6.0, abs=1e-3)
    assert compare_levels(products(stems, np.zeros((2, 3 * RATE), dtype=np.float32)), zero) == 0.0


@pytest.mark.parametrize(("quiet_db", "counts"), [(-57.0, True), (-63.0, False)])
def test_what_is_60_db_under_the_mixture_does_not_count(quiet_db: float, counts: bool) -> None:
    levels = np.full((2, 10, 5), 10.0 ** (quiet_db / 10.0), dtype=np.float32)
    levels[:, :, 0] = 5.0  # so that the mean is 1
    gains_db = np.zeros((4, *levels.shape), dtype=np.float32)
    gains_db[0, :, :, 1:] = -20.0
    made = np.zeros((5, 5, *levels.shape), dtype=np.float32)
    made[0, 0] = made[-1, -1] = levels
    assert (compare_levels(made, gains_db) > 1.0) is counts
