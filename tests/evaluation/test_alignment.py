"""A mix and its target side by side: rates, channels, lengths, silence, and lags that are found and told."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fxnorm.audio import RATE, resample
from fxnorm.errors import AudioError
from fxnorm.evaluation.alignment import find_lag, pair, sounding
from tests.evaluation.test_metrics import music

TARGET = music(0, 4.0)


def late(mix: np.ndarray, lag: int) -> np.ndarray:
    moved = np.zeros_like(mix)
    if lag >= 0:
        moved[:, lag:] = mix[:, : mix.shape[1] - lag]
    else:
        moved[:, :lag] = mix[:, -lag:]
    return moved


def test_what_fits_is_left_alone() -> None:
    both = pair(TARGET, RATE, TARGET.copy(), RATE)
    assert both.notices == ()
    assert both.lag == 0
    np.testing.assert_array_equal(both.target, both.mix)


@given(lag=st.integers(-20_000, 20_000), gain=st.sampled_from([0.1, 1.0, -1.0]))
@settings(max_examples=12, deadline=None)
def test_a_lag_is_found_and_moved_only_when_asked(lag: int, gain: float) -> None:
    mix = late(np.float32(gain) * TARGET + 0.1 * music(1, 4.0), lag)
    told = pair(TARGET, RATE, mix, RATE)
    assert told.lag == lag
    assert bool(told.notices) == (lag != 0)
    aligned = pair(TARGET, RATE, mix, RATE, align=True)
    correlation = np.corrcoef(aligned.target.ravel(), aligned.mix.ravel())[0, 1]
    assert abs(correlation) > 0.6


def test_strangers_have_no_lag() -> None:
    assert find_lag(TARGET, np.random.default_rng(3).standard_normal(TARGET.shape).astype(np.float32))[0] == 0
    assert find_lag(TARGET, np.zeros_like(TARGET)) == (0, 0.0)


def test_rates_channels_and_lengths_are_brought_together_and_told() -> None:
    mix = resample(TARGET, RATE, 48_000)[:1, : 3 * 48_000]
    both = pair(TARGET, RATE, mix, 48_000)
    assert both.target.shape == both.mix.shape
    assert both.target.shape[1] <= 3 * RATE
    assert len(both.notices) == 3
    assert "mono" in both.notices[0]
    assert "48,000" in both.notices[1]
    assert "shorter" in both.notices[2]


def test_silence_at_the_ends_is_left_out_of_both() -> None:
    quiet = np.zeros((2, RATE), dtype=np.float32)
    target = np.concatenate([quiet, TARGET, quiet], axis=1)
    mix = np.concatenate([quiet, 0.5 * TARGET, quiet], axis=1)
    both = pair(target, RATE, mix, RATE)
    assert abs(both.target.shape[1] - TARGET.shape[1]) < RATE // 10
    np.testing.assert_allclose(both.mix, 0.5 * both.target, atol=1e-7)


@pytest.mark.parametrize("largest", [1.0, 0.02])
@pytest.mark.parametrize(("quiet_db", "stays"), [(-59.9, True), (-60.1, False), (-50.0, True), (-80.0, False)])
def test_ends_are_silent_sixty_decibels_under_the_peak(largest: float, quiet_db: float, stays: bool) -> None:
    signal = np.zeros((2, 5000), dtype=np.float32)
    signal[0, 2000:3000] = largest
    signal[1, [1000, 4000]] = -largest * 10.0 ** (quiet_db / 20.0)
    assert sounding(signal) == (slice(1000, 4001) if stays else slice(2000, 3000))


def test_a_silent_target_is_an_error() -> None:
    with pytest.raises(AudioError, match="the target is silent"):
        pair(np.zeros_like(TARGET), RATE, TARGET, RATE)
    lately = np.concatenate([np.zeros_like(TARGET), TARGET], axis=1)
    with pytest.raises(AudioError, match="as long as the mix lasts"):
        pair(lately, RATE, TARGET[:, : RATE // 2], RATE)


def delayed(lag: int, shares: tuple[float, float, float], seconds: float = 4.0) -> tuple[np.ndarray, np.ndarray]:
    """A target, and a mix of it late, of it in step and of something else, by these correlations."""
    rng = np.random.default_rng(0)
    target, stranger = rng.standard_normal((2, 2, round(seconds * RATE))).astype(np.float32)
    late_share, step_share, rest = np.float32(shares)
    return target, late_share * late(target, lag) + step_share * target + rest * stranger


@pytest.mark.parametrize(("correlation", "lag"), [(0.25, 0), (0.35, 700)])
def test_a_lag_needs_a_correlation_of_three_tenths(correlation: float, lag: int) -> None:
    target, mix = delayed(700, (correlation, 0.0, np.sqrt(1.0 - correlation**2)))
    assert find_lag(target, mix)[0] == lag


@pytest.mark.parametrize(("late_share", "lag"), [(0.61, 0), (0.67, 700)])
def test_a_lag_needs_a_twentieth_more_than_in_step(late_share: float, lag: int) -> None:
    assert find_lag(*delayed(700, (late_share, 0.6, 0.4)))[0] == lag


@pytest.mark.parametrize(("delay", "lag"), [(21_900, 21_900), (-21_900, -21_900), (22_200, 0), (-22_200, 0)])
def test_a_lag_is_looked_for_within_half_a_second(delay: int, lag: int) -> None:
    assert find_lag(*delayed(delay, (1.0, 0.0, 0.1)))[0] == lag
