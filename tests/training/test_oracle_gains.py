"""Oracle gains: those that were applied, where they are determined; least squares elsewhere."""

import numpy as np
import pytest
from scipy.optimize import nnls

from fxnorm.audio import SAMPLE_RATE
from fxnorm.corpus.stems import STEMS
from fxnorm.models.gbdt.band_grid import BandGrid
from fxnorm.training import oracle_gains
from fxnorm.training.oracle_gains import compare_levels, gram_matrices, solve_gains
from tests.signals import noise

GRID = BandGrid()
TRUE_DB = np.array([6.0, -3.0, 0.0, 12.0])


def gram_of(stems: np.ndarray, mixture: np.ndarray) -> np.ndarray:
    return gram_matrices(np.concatenate([stems, mixture[np.newaxis]]), GRID)


@pytest.fixture
def stems() -> np.ndarray:
    return np.stack([noise(3.0, seed=seed) for seed in range(4)])


def test_gram_matrices_hold_the_levels(stems: np.ndarray) -> None:
    gram = gram_of(stems, stems.sum(axis=0))
    np.testing.assert_allclose(np.einsum("iisnb->isnb", gram)[:4], GRID.measure(stems), rtol=1e-5)
    np.testing.assert_array_equal(gram[1, 3], gram[3, 1])
    np.testing.assert_allclose(gram[:4, :4].sum(axis=(0, 1)), gram[4, 4], rtol=1e-3, atol=1e-9)


def test_gains_of_a_mixture_are_found(stems: np.ndarray) -> None:
    mixture = (stems * 10.0 ** (TRUE_DB[:, np.newaxis, np.newaxis] / 20.0)).sum(axis=0).astype(np.float32)
    gains_db = solve_gains(gram_of(stems, mixture), GRID)
    # the lowest band has few bins, so stems are nearly collinear within a frame and the prior matters
    np.testing.assert_allclose(gains_db[:, :, 2:-2, 1:] - TRUE_DB[:, np.newaxis, np.newaxis, np.newaxis], 0.0, atol=0.6)
    np.testing.assert_allclose(gains_db.mean(axis=(1, 2, 3)), TRUE_DB, atol=0.1)


def test_gains_follow_in_time_and_frequency(stems: np.ndarray) -> None:
    chosen_db = np.zeros((4, 2, GRID.count_frames(stems.shape[-1]), GRID.count), dtype=np.float32)
    middle = chosen_db.shape[2] // 2
    chosen_db[2, :, middle:, 5:] = -12.0
    gains_db = solve_gains(gram_of(stems, GRID.apply_gains(stems, chosen_db)), GRID)
    np.testing.assert_allclose(gains_db[2, :, middle + 3 : -2, 6:], -12.0, atol=2.0)
    np.testing.assert_allclose(gains_db[2, :, 2 : middle - 3, 6:], 0.0, atol=1.0)
    np.testing.assert_allclose(gains_db[0, :, 2:-2, 6:], 0.0, atol=1.0)


def test_a_silent_stem_has_no_gains_and_disturbs_nobody(stems: np.ndarray) -> None:
    stems[1] = 0.0
    stems[3, 1] = stems[3, 0]  # mono: no side
    gains_db = solve_gains(gram_of(stems, 2.0 * stems.sum(axis=0)), GRID)
    assert np.isnan(gains_db[1]).all()
    assert np.isnan(gains_db[3, 1]).all()
    np.testing.assert_allclose(np.nanmean(gains_db[[0, 2, 3]]), 6.02, atol=0.05)


def test_no_gain_is_under_zero(stems: np.ndarray) -> None:
    gains_db = solve_gains(gram_of(stems, stems[1:].sum(axis=0) - stems[0]), GRID)
    assert gains_db[0].max() == oracle_gains.RANGE_DB[0]


def test_a_frame_solves_its_least_squares(monkeypatch: pytest.MonkeyPatch, stems: np.ndarray) -> None:
    rng = np.random.default_rng(0)
    signals = rng.standard_normal((5, 40))
    gram = signals @ signals.T
    prior, weight = rng.uniform(0.0, 1.0, 4), rng.uniform(1.0, 5.0, 4)
    matrix = np.vstack([signals[:4].T, np.diag(np.sqrt(weight))])
    expected, _ = nnls(matrix, np.concatenate([signals[4], np.sqrt(weight) * prior]))
    shape = (4, 1, 1, 1)
    gains_db = oracle_gains._solve(gram.reshape(5, 5, 1, 1, 1), prior.reshape(shape), weight.reshape(shape))
    np.testing.assert_allclose(gains_db.ravel(), expected, atol=1e-9)
    assert (expected == 0.0).any()


def test_levels_are_compared_in_db(stems: np.ndarray) -> None:
    gram = gram_of(stems, stems.sum(axis=0))
    zero = np.zeros((len(STEMS), 2, 1, 1), dtype=np.float32)
    assert compare_levels(gram, zero) == pytest.approx(0.0, abs=1e-3)
    assert compare_levels(gram, zero - 6.0) == pytest.approx(6.0, abs=1e-3)
    assert compare_levels(gram_of(stems, np.zeros((2, 3 * SAMPLE_RATE), dtype=np.float32)), zero) == 0.0


@pytest.mark.parametrize(("quiet_db", "counts"), [(-57.0, True), (-63.0, False)])
def test_what_is_60_db_under_the_mixture_does_not_count(quiet_db: float, counts: bool) -> None:
    levels = np.full((2, 10, 5), 10.0 ** (quiet_db / 10.0), dtype=np.float32)
    levels[:, :, 0] = 5.0  # so that the mean is 1
    gains_db = np.zeros((4, *levels.shape), dtype=np.float32)
    gains_db[0, :, :, 1:] = -20.0
    gram = np.zeros((5, 5, *levels.shape), dtype=np.float32)
    gram[0, 0] = gram[-1, -1] = levels
    assert (compare_levels(gram, gains_db) > 1.0) is counts
