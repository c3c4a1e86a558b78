"""Panning: similarity, the published re-panning, and the default side gains."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import savgol_filter

from fxnorm.audio import SAMPLE_RATE
from fxnorm.errors import InputError
from fxnorm.normalization import panning, panning_published, side_gains
from fxnorm.normalization.grid import BINS, GRID_POINTS
from fxnorm.normalization.normalizer import pad
from tests.matching import match, measure, smooth
from tests.signals import noise, plucks, sine

ONES = np.ones(GRID_POINTS)


def mean_similarity(audio):
    low, high = 150, 20_000  # bins from 100 Hz to 13 kHz
    return float(measure("panning", audio, SAMPLE_RATE)[low:high].mean())


def test_equal_sides_are_one_and_a_single_side_is_zero():
    mono = sine(440.0, 3.0)
    np.testing.assert_allclose(measure("panning", mono, SAMPLE_RATE), 1.0, atol=1e-9)
    one_side = noise(3.0)
    one_side[1] = 0.0
    np.testing.assert_allclose(measure("panning", one_side, SAMPLE_RATE), 0.0, atol=1e-9)


@pytest.mark.parametrize("gain", [0.1, 0.5, 0.9])
def test_a_panned_source_has_the_similarity_of_its_gains(gain):
    source = noise(3.0)[0]
    audio = np.stack([source, np.float32(gain) * source])
    np.testing.assert_allclose(measure("panning", audio, SAMPLE_RATE), 2.0 * gain / (1.0 + gain**2), atol=1e-4)


@settings(max_examples=10, deadline=None)
@given(gain_db=st.floats(-30.0, 20.0))
def test_neither_level_nor_swapping_matters(gain_db):
    audio = noise(2.0)
    changed = audio[::-1] * np.float32(10.0 ** (gain_db / 20.0))
    np.testing.assert_allclose(
        measure("panning", changed, SAMPLE_RATE), measure("panning", audio, SAMPLE_RATE), atol=1e-4
    )


def test_a_frame_of_zeros_is_similar_to_itself():
    audio = noise(2.0)
    half_silent = np.concatenate([audio, np.zeros((2, 3 * audio.shape[1]), np.float32)], axis=1)
    assert mean_similarity(half_silent) > mean_similarity(audio) + 0.05


def test_mono_is_one_silence_is_none_and_another_rate_is_refused():
    assert measure("panning", sine(440.0, 1.0, channels=1), SAMPLE_RATE).shape == (BINS,)
    assert measure("panning", np.zeros((2, SAMPLE_RATE), np.float32), SAMPLE_RATE) is None
    with pytest.raises(InputError, match="expected audio at 44100 Hz"):
        measure("panning", noise(1.0), 22_050)


def test_the_grid_holds_means_of_32_bins():
    curve = np.arange(BINS, dtype=float)
    grid = panning.to_grid(curve)
    assert grid.shape == (GRID_POINTS,)
    assert grid[0] == pytest.approx(15.5)
    assert grid[-1] == BINS - 1


@pytest.mark.parametrize("stem", ["vocals", "drums"])
def test_averages_are_smoothed_over_501_bins(stem):
    curve = np.random.default_rng(0).uniform(0.0, 1.0, BINS)
    smoothed = savgol_filter(curve, 501, 1, mode="mirror")
    expected = [*smoothed[:-1].reshape(-1, 32).mean(axis=1), smoothed[-1]]
    np.testing.assert_allclose(smooth("panning", curve, stem), expected, atol=1e-9)


@pytest.mark.parametrize(("line", "side"), [(303, "right"), (315, "left")])
def test_the_side_is_smoothed_over_501_bins(line, side):
    """A line on the right outweighs one on the left as far down as 250 bins; the bins up to 2,500 Hz have a vote."""
    samples = 40 * 2048
    time = np.arange(samples) / 2048
    left = 1e-4 * np.sin(2.0 * np.pi * 20.0 * time) * (np.arange(samples) < samples // 4)
    right = 1e-4 * np.sin(2.0 * np.pi * line * time)
    assert panning_published.find_channel(np.stack([left, right]).astype(np.float32)) == side


@pytest.mark.parametrize("side", ["left", "right"])
def test_the_stronger_side_is_found(side):
    audio = noise(2.0)
    audio[0 if side == "right" else 1] *= np.float32(0.5)
    assert panning_published.find_channel(audio) == side


def test_a_tie_counts_as_right():
    assert panning_published.find_channel(sine(440.0, 1.0)) == "right"


def test_repanning_to_itself_is_the_identity():
    audio = noise(1.37)
    for side in ("left", "right"):
        out = panning_published.repan(
            audio, ONES, side, amount=0.5, max_boost_db=None, outside="restore", limit_hz=1.0, strength=1.0
        )
        assert out.shape == audio.shape
        np.testing.assert_allclose(out, audio, atol=1e-6)


@pytest.mark.parametrize("wanted", [0.5, 0.8])
def test_repanning_reaches_the_similarity_frame_by_frame(wanted):
    audio = pad(noise(3.0))[:, 60_000:-60_000]
    out = panning_published.repan(
        audio, wanted * ONES, "left", amount=0.7, max_boost_db=None, outside="prepan", limit_hz=16_000.0, strength=1.0
    )
    assert np.isfinite(out).all()
    # a far side with half the wanted similarity as its share of what the frame has together
    assert mean_similarity(audio) > 0.85
    assert mean_similarity(out) < mean_similarity(audio) - 0.1 * (1.0 - wanted)
    energy = np.sum(np.square(out), axis=1)
    assert energy[0] > 2.0 * energy[1]


def test_published_treats_the_whole_length():
    audio = np.tile(noise(4.0), 8)
    target = 0.6 * ONES
    out, _ = match("panning", audio, SAMPLE_RATE, target, stem="drums", settings=panning.PRESETS["published"])
    change = np.abs(out - audio * np.array([[0.3], [0.7]], np.float32)).reshape(2, 8, -1).max(axis=(0, 2))
    swapped_change = np.abs(out - audio * np.array([[0.7], [0.3]], np.float32)).reshape(2, 8, -1).max(axis=(0, 2))
    assert np.minimum(change, swapped_change)[-1] > 0.5 * np.minimum(change, swapped_change)[1] > 0.0


def test_a_boost_limit_bounds_what_a_leaning_bin_gets():
    left, right = sine(500.0, 2.0, channels=1)[0], 1e-3 * sine(500.0, 2.0, channels=1)[0]
    audio = 0.1 * np.stack([left, right])
    options = {"amount": 0.7, "outside": "restore", "limit_hz": 16_000.0, "strength": 1.0}
    free = panning_published.repan(audio, ONES, "left", max_boost_db=None, **options)
    limited = panning_published.repan(audio, ONES, "left", max_boost_db=12.0, **options)
    assert np.abs(free[1]).max() > 4.0 * np.abs(limited[1]).max()


def test_narrowing_reaches_the_target_in_the_mean_and_keeps_the_mid():
    audio = pad(noise(6.0))
    target = 0.97 * ONES
    out, step = match(
        "panning", audio, SAMPLE_RATE, target, stem="other", settings=panning.SideGainMatching(exponent=1.0)
    )
    assert mean_similarity(audio) < 0.95
    assert mean_similarity(out) == pytest.approx(0.97, abs=0.01)
    np.testing.assert_allclose(out[0] + out[1], audio[0] + audio[1], atol=1e-6)
    gains = step.processor.gains_db
    assert all(-24.0 <= gain <= 0.0 for gain in gains)


def test_what_is_narrow_enough_is_left_alone():
    audio = pad(noise(2.0))
    out, step = match(
        "panning", audio, SAMPLE_RATE, 0.2 * ONES, stem="other", settings=panning.SideGainMatching(exponent=1.0)
    )
    assert out is audio
    assert "no band is wider" in step.skipped


def test_the_side_gain_does_not_go_below_its_range():
    one_side = noise(3.0)
    one_side[1] = 0.0
    _, gains = side_gains.find_side_gains(
        side_gains.measure_narrowed(pad(one_side), 24.0), side_gains.read_bands(ONES), 24.0
    )
    assert gains.min() == pytest.approx(-24.0)


@pytest.mark.parametrize("preset", panning.PRESETS)
def test_half_the_strength_is_between(preset):
    audio = pad(plucks(4.0, seed=3))
    target = 0.95 * ONES
    settings_ = panning.PRESETS[preset]
    none, half, whole = (
        match("panning", audio, SAMPLE_RATE, target, stem="other", settings=settings_, strength=s)[0]
        for s in (0.0, 0.5, 1.0)
    )
    np.testing.assert_allclose(none, audio, atol=2e-6)
    assert 0.0 < np.abs(half - audio).max() < np.abs(whole - audio).max()


@pytest.mark.parametrize("preset", panning.PRESETS)
def test_odd_inputs_pass(preset):
    settings_ = panning.PRESETS[preset]
    for audio in (np.zeros((2, 5000), np.float32), sine(440.0, 1.0, channels=1)):
        out, step = match("panning", audio, SAMPLE_RATE, ONES, stem="bass", settings=settings_)
        assert out is audio
        assert step.skipped
    short, _ = match("panning", noise(0.02), SAMPLE_RATE, 0.9 * ONES, stem="bass", settings=settings_)
    assert short.shape == noise(0.02).shape
    with pytest.raises(InputError, match="unknown stem"):
        match("panning", noise(1.0), SAMPLE_RATE, ONES, stem="gong", settings=settings_)


@pytest.mark.parametrize(("level_db", "side"), [(-55.0, "left"), (-65.0, "right")])
def test_bins_under_minus_60_db_have_no_vote(level_db, side):
    """Impulses on the left alone, one in the middle of a frame: every bin has their amplitude. A tie is right."""
    audio = np.zeros((2, 8 * 1024), np.float32)
    audio[0, 3 * 1024 :: 2048] = 10.0 ** (level_db / 20.0)
    assert panning_published.find_channel(audio) == side


@pytest.mark.parametrize(("level_db", "repanned"), [(-9.5, True), (-10.5, False)])
def test_frames_under_minus_10_db_are_not_repanned(level_db, repanned):
    """An impulse in the middle of a frame, where the window is 1, and at the edge of its neighbours, where it is 0."""
    audio = np.zeros((2, 8 * 1024), np.float32)
    audio[:, 3 * 1024] = 10.0 ** (level_db / 20.0)
    out = panning_published.repan(
        audio, 0.5 * ONES, "left", amount=0.7, max_boost_db=None, outside="restore", limit_hz=16_000.0, strength=1.0
    )
    assert (np.abs(out - audio).max() > 0.01) == repanned
