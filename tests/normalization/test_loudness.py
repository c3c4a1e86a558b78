"""Loudness against the standard, against another meter, and its laws."""

import numpy as np
import pyloudnorm
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fxnorm.audio import SAMPLE_RATE, peak
from fxnorm.dsp import loudness
from tests.matching import match
from tests.signals import noise, plucks, sine

# EBU Tech 3341, cases 1 to 5: levels in dBFS of a stereo 1 kHz sine, seconds, and the integrated loudness
EBU_CASES = [
    ([(-23.0, 20.0)], -23.0),
    ([(-33.0, 20.0)], -33.0),
    ([(-36.0, 10.0), (-23.0, 60.0), (-36.0, 10.0)], -23.0),
    ([(-72.0, 10.0), (-36.0, 10.0), (-23.0, 60.0), (-36.0, 10.0), (-72.0, 10.0)], -23.0),
    ([(-26.0, 20.0), (-20.0, 20.1), (-26.0, 20.0)], -23.0),
]


@pytest.mark.parametrize("rate", [44_100, 48_000])
@pytest.mark.parametrize(("parts", "expected"), EBU_CASES)
def test_ebu_tech_3341(parts, expected, rate):
    audio = np.concatenate([sine(1000.0, seconds, peak_db=level, rate=rate) for level, seconds in parts], axis=1)
    assert loudness.measure(audio, rate) == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("rate", [32_000, 44_100, 48_000, 96_000])
def test_calibration_tone_in_one_channel(rate):
    tone = sine(997.0, 10.0, rate=rate, channels=1)
    assert loudness.measure(tone, rate) == pytest.approx(-3.01, abs=0.1)
    assert loudness.measure(np.concatenate([tone, np.zeros_like(tone)]), rate) == pytest.approx(-3.01, abs=0.1)


@pytest.mark.parametrize("audio", [noise(5.0), plucks(7.3, seed=1), sine(440.0, 3.0, peak_db=-20.0)])
def test_agrees_with_another_meter(audio):
    whole = audio[:, : audio.shape[1] // 4410 * 4410]
    expected = pyloudnorm.Meter(SAMPLE_RATE, filter_class="DeMan").integrated_loudness(whole.T.astype(np.float64))
    assert loudness.measure(whole, SAMPLE_RATE) == pytest.approx(expected, abs=0.001)


def test_the_weighting_is_the_one_that_the_standard_prints():
    shelf, high_pass = loudness._weighting(48_000)
    printed = [1.53512485958697, -2.69169618940638, 1.19839281085285, -1.69065929318241, 0.73248077421585]
    np.testing.assert_allclose(shelf, printed, atol=1e-8)
    np.testing.assert_allclose(high_pass, [1.0, -2.0, 1.0, -1.99004745483398, 0.99007225036621], atol=1e-8)


def test_an_incomplete_last_block_is_dropped():
    audio = noise(3.0)
    loud_tail = np.concatenate([audio, 10.0 * noise(0.09, seed=1)], axis=1)
    assert loudness.measure(loud_tail, SAMPLE_RATE) == pytest.approx(loudness.measure(audio, SAMPLE_RATE), abs=1e-9)


def test_too_short_or_too_quiet_has_no_loudness():
    assert loudness.measure(noise(0.39), SAMPLE_RATE) is None
    assert loudness.measure(noise(2.0, level=1e-5), SAMPLE_RATE) is None
    assert loudness.measure(np.zeros((2, 0), np.float32), SAMPLE_RATE) is None


@settings(max_examples=20, deadline=None)
@given(gain_db=st.floats(-30.0, 12.0))
def test_a_gain_is_a_gain_in_loudness(gain_db):
    audio = noise(2.0)
    expected = loudness.measure(audio, SAMPLE_RATE) + gain_db
    assert loudness.measure(audio * np.float32(10.0 ** (gain_db / 20.0)), SAMPLE_RATE) == pytest.approx(
        expected, abs=1e-3
    )


@settings(max_examples=20, deadline=None)
@given(target=st.floats(-40.0, -20.0), strength=st.floats(0.0, 1.0))
def test_matching_goes_its_share_of_the_way(target, strength):
    audio = noise(2.0)
    before = loudness.measure(audio, SAMPLE_RATE)
    out, step = match("loudness", audio, SAMPLE_RATE, target, strength=strength)
    reached = before + strength * (target - before)
    assert loudness.measure(out, SAMPLE_RATE) == pytest.approx(reached, abs=1e-3)
    assert step.after["loudness_lufs"] == pytest.approx(reached, abs=1e-3)


def test_no_sample_leaves_full_scale_and_the_card_says_so():
    out, step = match("loudness", plucks(4.0), SAMPLE_RATE, -3.0)
    assert peak(out) <= 1.0
    assert step.processor.limited_db > 0.0
    assert loudness.measure(out, SAMPLE_RATE) == pytest.approx(step.after["loudness_lufs"], abs=1e-3)


def test_strength_nothing_changes_nothing():
    audio = noise(1.0)
    out, _ = match("loudness", audio, SAMPLE_RATE, -30.0, strength=0.0)
    np.testing.assert_array_equal(out, audio)


def test_silence_passes():
    silence = np.zeros((2, SAMPLE_RATE), np.float32)
    out, step = match("loudness", silence, SAMPLE_RATE, -30.0)
    assert out is silence
    assert "louder than -70 LUFS" in step.skipped


@pytest.mark.parametrize(("level_lufs", "heard"), [(-69.5, True), (-70.5, False)])
def test_blocks_under_minus_70_lufs_are_not_heard(level_lufs, heard):
    tone = sine(997.0, 2.0, peak_db=-20.0)
    quiet = tone * np.float32(10.0 ** ((level_lufs - loudness.measure(tone, SAMPLE_RATE)) / 20.0))
    measured = loudness.measure(quiet, SAMPLE_RATE)
    assert measured == (pytest.approx(level_lufs, abs=0.01) if heard else None)
