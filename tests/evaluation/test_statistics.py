"""Intervals and tests with the song as the unit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fxnorm.evaluation.statistics import compare_with, holm, mean_interval, smallest_p


def test_the_interval_covers_the_mean_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(200):
        interval = mean_interval(rng.normal(1.0, 0.5, size=25).tolist())
        covered += interval.low <= 1.0 <= interval.high
    assert 0.88 <= covered / 200 <= 0.99  # a percentile bootstrap of 25 is a little narrow


def test_one_song_has_no_width_and_none_has_no_mean() -> None:
    interval = mean_interval([2.0])
    assert (interval.songs, interval.mean, interval.low, interval.high) == (1, 2.0, 2.0, 2.0)
    assert mean_interval([]) is None


def test_the_same_scores_give_the_same_interval() -> None:
    assert mean_interval([1.0, 3.0, 2.0]) == mean_interval([1.0, 3.0, 2.0])


def test_pairs_are_compared_song_by_song() -> None:
    rng = np.random.default_rng(1)
    hard = rng.normal(10.0, 5.0, size=12)  # songs differ far more than systems
    worse = hard + 0.1 + 0.01 * rng.random(12)
    first, second, third = compare_with("a", {"a": hard, "b": worse, "c": hard - 0.1 * rng.random(12), "d": hard})
    assert (first.system, first.reference) == ("b", "a")
    assert first.difference.low > 0.0
    assert first.p == pytest.approx(2.0 * 2.0**-11) == smallest_p(12, 2)  # d is equal, and does not count
    assert second.difference.high < 0.0
    assert third.p is None
    assert third.difference.mean == 0.0


def test_corrections_are_those_of_holm() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([None, 0.2, None]) == [None, 0.2, None]


@given(st.lists(st.floats(0.0, 1.0), max_size=8))
def test_corrected_values_keep_their_order_and_are_no_smaller(values: list[float]) -> None:
    corrected = holm(values)
    assert all(new >= old for new, old in zip(corrected, values, strict=True))
    assert all(new <= 1.0 for new in corrected)
    order = sorted(range(len(values)), key=lambda index: values[index])
    assert sorted(corrected) == [corrected[index] for index in order]


def test_few_songs_prove_nothing() -> None:
    assert smallest_p(4, 1) > 0.05
    assert smallest_p(6, 1) < 0.05
    assert smallest_p(8, 15) > 0.05


def test_the_interval_is_that_of_scipy() -> None:
    from scipy.stats import bootstrap

    scores = np.random.default_rng(3).gamma(2.0, size=40)
    low, high = bootstrap(
        (scores,), np.mean, confidence_level=0.95, n_resamples=20_000, method="percentile", rng=0
    ).confidence_interval
    interval = mean_interval(scores.tolist())
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=0.03 * (high - low))
