"""Processors: laws for any signal, and effects of the settings."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from fxnorm.audio import SAMPLE_RATE
from fxnorm.console.processor import Processor
from fxnorm.console.processors import Compressor, Eq, EqBand, Gain, Pan, Saturation, Width
from fxnorm.dsp.biquads import Band, biquad
from fxnorm.errors import InputError

EVERY_PROCESSOR = (
    Gain(-3.0),
    Eq((EqBand("high_pass", 90.0), EqBand("peak", 3000.0, 4.0, 1.0), EqBand("high_shelf", 9000.0, -3.0))),
    Compressor(threshold_db=-20.0, ratio=4.0, attack_ms=5.0, release_ms=100.0, wet=0.8),
    Saturation(drive_db=9.0, wet=0.7),
    Pan(0.4),
    Width(1.5),
)


def noise(samples: int = 6000, level: float = 0.2) -> np.ndarray:
    return level * np.random.default_rng(1).standard_normal((2, samples))


def sine(frequency_hz: float, level_db: float, seconds: float = 1.0) -> np.ndarray:
    wave = 10 ** (level_db / 20) * np.sin(
        2 * np.pi * frequency_hz * np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    )
    return np.stack((wave, wave))


@pytest.mark.parametrize("processor", EVERY_PROCESSOR, ids=lambda processor: type(processor).__name__)
class TestEveryProcessor:
    def test_it_keeps_the_shape_and_does_not_write_into_its_input(self, processor):
        x = noise()
        before = x.copy()
        y = processor.process(x, SAMPLE_RATE)
        assert y.shape == x.shape
        assert np.isfinite(y).all()
        assert np.array_equal(x, before)
        assert not np.array_equal(x, y)

    def test_silence_stays_silent(self, processor):
        assert not processor.process(np.zeros((2, 5000)), SAMPLE_RATE).any()

    def test_its_settings_survive_json(self, processor):
        again = Processor.from_dict(json.loads(json.dumps(processor.to_dict())))
        assert again == processor == type(processor).from_dict(processor.to_dict())
        assert np.array_equal(again.process(noise(), SAMPLE_RATE), processor.process(noise(), SAMPLE_RATE))


@given(st.floats(-1.0, 1.0))
@settings(deadline=None)
def test_pan_keeps_the_power_of_a_centred_sound(position):
    x = sine(440.0, -6.0, 0.05)
    assert np.sum(Pan(position).process(x, SAMPLE_RATE) ** 2) == pytest.approx(np.sum(x**2), rel=1e-12)


def test_pan_at_the_centre_changes_nothing_and_at_the_left_silences_the_right():
    x = noise()
    np.testing.assert_allclose(Pan(0.0).process(x, SAMPLE_RATE), x, rtol=1e-12)
    assert np.abs(Pan(-1.0).process(x, SAMPLE_RATE)[1]).max() < 1e-12


@given(st.floats(0.0, 2.0))
@settings(deadline=None)
def test_width_keeps_the_mid_signal(width):
    x = noise(500)
    np.testing.assert_allclose(Width(width).process(x, SAMPLE_RATE).sum(axis=0), x.sum(axis=0), atol=1e-12)


def test_width_one_is_the_identity_and_width_zero_is_mono():
    x = noise()
    np.testing.assert_allclose(Width(1.0).process(x, SAMPLE_RATE), x, atol=1e-15)
    mono = Width(0.0).process(x, SAMPLE_RATE)
    np.testing.assert_allclose(mono[0], mono[1], atol=1e-15)


def test_saturation_passes_quiet_sounds_and_rounds_off_loud_ones():
    quiet, loud = sine(440.0, -60.0), sine(440.0, 0.0)
    clip = Saturation(drive_db=6.0)
    settled = clip.process(quiet, SAMPLE_RATE)[:, SAMPLE_RATE // 4 :]  # past the transient of the coupling
    assert np.abs(settled).max() == pytest.approx(np.abs(quiet).max(), rel=2e-3)
    assert np.abs(clip.process(loud, SAMPLE_RATE)).max() < 0.6 * np.abs(loud).max()


@given(st.floats(1.5, 20.0), st.floats(-30.0, -6.0))
@settings(max_examples=15, deadline=None)
def test_a_compressor_settles_on_its_static_curve(ratio, threshold_db):
    steady = np.full((2, SAMPLE_RATE // 2), 0.9)
    y = Compressor(threshold_db, ratio, attack_ms=1.0, release_ms=50.0, knee_db=0.0).process(steady, SAMPLE_RATE)
    level_db = 20 * np.log10(0.9)
    expected_db = threshold_db + (level_db - threshold_db) / ratio
    assert 20 * np.log10(y[0, -1]) == pytest.approx(expected_db, abs=0.01)


def test_a_compressor_leaves_what_is_under_the_threshold():
    x = sine(440.0, -40.0)
    np.testing.assert_allclose(Compressor(-20.0, 8.0, 1.0, 50.0).process(x, SAMPLE_RATE), x, atol=1e-12)


@pytest.mark.parametrize("sample_rate", [SAMPLE_RATE, 96_000])
def test_a_compressor_attacks_as_fast_as_it_says(sample_rate):
    # A step 24 dB over the threshold: 63 % of the reduction is there after one attack time.
    step = np.concatenate(
        (np.full((2, sample_rate // 4), 1e-3), np.full((2, sample_rate // 4), 10 ** (-6 / 20))), axis=1
    )
    y = Compressor(-30.0, 20.0, attack_ms=10.0, release_ms=100.0, knee_db=0.0).process(step, sample_rate)
    gain_db = 20 * np.log10(y[0] / step[0])
    assert gain_db[sample_rate // 4 + sample_rate // 100] == pytest.approx(-22.8 * (1 - np.exp(-1)), abs=0.2)


@pytest.mark.parametrize("sample_rate", [SAMPLE_RATE, 96_000])
def test_an_equaliser_follows_the_sample_rate(sample_rate):
    impulse = np.zeros((2, sample_rate))
    impulse[:, 0] = 1.0
    response = Eq((EqBand("peak", 1000.0, 6.0, 1.0),)).process(impulse, sample_rate)
    assert 20 * np.log10(np.abs(np.fft.rfft(response[0])[1000])) == pytest.approx(6.0, abs=0.01)


@pytest.mark.parametrize(
    ("band", "frequency_hz", "gain_db"),
    [
        (Band("peak", 1000.0, 6.0, 1.0), 1000.0, 6.0),
        (Band("peak", 1000.0, -4.0, 2.0), 1000.0, -4.0),
        (Band("low_shelf", 200.0, 5.0), 5.0, 5.0),
        (Band("low_shelf", 200.0, 5.0), 15_000.0, 0.0),
        (Band("high_shelf", 5000.0, -5.0), 20_000.0, -5.0),
        (Band("high_shelf", 5000.0, -5.0), 50.0, 0.0),
        (Band("high_pass", 100.0), 100.0, -3.01),
        (Band("high_pass", 100.0), 25.0, -24.1),
        (Band("low_pass", 1000.0), 1000.0, -3.01),
    ],
)
def test_a_band_has_the_gain_it_says(band, frequency_hz, gain_db):
    _, response = signal.freqz_sos([biquad(band)], worN=[frequency_hz], fs=SAMPLE_RATE)
    assert 20 * np.log10(abs(response[0])) == pytest.approx(gain_db, abs=0.1)


def test_unknown_settings_and_bands_are_refused():
    with pytest.raises(InputError, match="got 'flanger'"):
        Processor.from_dict({"processor": "flanger"})
    with pytest.raises(InputError, match=r"gain: expected gain_db, got unknown key 'gain_dB'; did you mean 'gain_db'"):
        Processor.from_dict({"processor": "gain", "gain_dB": 3.0})
    with pytest.raises(InputError, match="got 'notch'"):
        EqBand("notch", 100.0)
    with pytest.raises(InputError, match="got 'notch'"):
        biquad(Band("notch", 100.0))
