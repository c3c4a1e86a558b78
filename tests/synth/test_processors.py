"""Processors: laws that hold for any signal, and settings that do what they say."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from fxnorm.audio import SAMPLE_RATE
from fxnorm.dsp.biquads import biquad
from fxnorm.errors import InputError
from fxnorm.synth import (
    Band,
    Compressor,
    Decorrelation,
    Gain,
    Pan,
    ParametricEq,
    Processor,
    Reverb,
    Saturation,
    Width,
    processor_from_dict,
)
from fxnorm.synth.foreign import ForeignProcessor, adapt
from fxnorm.synth.processors import PROCESSORS

EVERY_PROCESSOR = (
    Gain(-3.0),
    ParametricEq((Band("high_pass", 90.0), Band("peak", 3000.0, 4.0, 1.0), Band("high_shelf", 9000.0, -3.0))),
    Compressor(threshold_db=-20.0, ratio=4.0, attack_ms=5.0, release_ms=100.0, wet=0.8),
    Saturation(drive_db=9.0, wet=0.7),
    Pan(0.4),
    Width(1.5),
    Decorrelation(amount=0.5, window_ms=20.0, low_cut_hz=200.0, seed=3),
    Reverb(1.2, 20.0, -12.0, 200.0, 8000.0, 20.0, 0.5, seed=4),
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
        again = processor_from_dict(json.loads(json.dumps(processor.to_dict())))
        assert again == processor == type(processor).from_dict(processor.to_dict())
        assert np.array_equal(again.process(noise(), SAMPLE_RATE), processor.process(noise(), SAMPLE_RATE))

    def test_it_follows_the_protocol(self, processor):
        assert isinstance(processor, Processor)


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
    np.testing.assert_array_equal(mono[0], mono[1])


def test_decorrelation_leaves_the_mono_sum_alone():
    x = noise()
    y = Decorrelation(0.6, 20.0, 200.0, seed=1).process(x, SAMPLE_RATE)
    np.testing.assert_allclose(y.sum(axis=0), x.sum(axis=0), atol=1e-12)
    mono = np.repeat(x[:1], 2, axis=0)
    assert np.corrcoef(Decorrelation(0.6, 20.0, 200.0, seed=1).process(mono, SAMPLE_RATE))[0, 1] < 0.9


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
    y = Compressor(-30.0, 1e6, attack_ms=10.0, release_ms=100.0, knee_db=0.0).process(step, sample_rate)
    gain_db = 20 * np.log10(y[0] / step[0])
    assert gain_db[sample_rate // 4 + sample_rate // 100] == pytest.approx(-24.0 * (1 - np.exp(-1)), abs=0.2)


@pytest.mark.parametrize("sample_rate", [SAMPLE_RATE, 96_000])
def test_an_equaliser_and_the_decorrelation_follow_the_sample_rate(sample_rate):
    impulse = np.zeros((2, sample_rate))
    impulse[:, 0] = 1.0
    response = ParametricEq((Band("peak", 1000.0, 6.0, 1.0),)).process(impulse, sample_rate)
    assert 20 * np.log10(np.abs(np.fft.rfft(response[0])[1000])) == pytest.approx(6.0, abs=0.01)
    scattered = [Decorrelation(0.5, ms, 200.0, seed=1).process(impulse, sample_rate) - impulse for ms in (20.0, 40.0)]
    energy = [np.cumsum(side[0] ** 2) / np.sum(side[0] ** 2) for side in scattered]
    ends_ms = [1000.0 / sample_rate * np.argmax(curve > 0.98) for curve in energy]
    assert [end_ms / ms for end_ms, ms in zip(ends_ms, (20.0, 40.0), strict=True)] == pytest.approx([1.0, 1.0], abs=0.3)


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


def test_a_reverb_comes_back_at_its_level():
    x = noise(2 * SAMPLE_RATE)
    wide_open = Reverb(0.6, 0.0, -12.0, 20.0, 20_000.0, 20.0, 0.6, seed=9)
    added = wide_open.process(x, SAMPLE_RATE) - x
    assert 20 * np.log10(added[:, SAMPLE_RATE:].std() / x[:, SAMPLE_RATE:].std()) == pytest.approx(-12.0, abs=0.7)


def test_unknown_settings_and_bands_are_refused():
    with pytest.raises(InputError, match="got insert 'Flanger'"):
        processor_from_dict({"insert": "Flanger"})
    with pytest.raises(InputError, match=r"expected Gain with gain_db, got .*level_db"):
        processor_from_dict({"insert": "Gain", "level_db": 3.0})
    with pytest.raises(InputError, match="expected Band with"):
        processor_from_dict({"insert": "ParametricEq", "bands": [{"kind": "peak"}]})
    with pytest.raises(InputError, match="got 'notch'"):
        biquad(Band("notch", 100.0))


class Parameters:
    def serialize(self):
        return {"depth": np.float64(0.5), "on": np.True_}


class Phaser:
    parameters = Parameters()

    def process(self, x):
        return x


def test_a_foreign_processor_is_described_by_its_class_and_parameters():
    values = json.loads(json.dumps(ForeignProcessor(Phaser()).to_dict()))
    assert values.pop("insert").endswith(".Phaser")
    assert values == {"depth": 0.5, "on": True}


class Recorder:
    """A foreign processor that keeps its input and negates it in place."""

    def process(self, x):
        self.x = x.copy()
        x *= -1.0
        return x


@pytest.mark.parametrize("samples", [1, 100])
def test_a_foreign_processor_works_on_a_copy_of_samples_by_channels(samples):
    audio, recorder = noise(samples), Recorder()
    before = audio.copy()
    processed = adapt(recorder).process(audio, SAMPLE_RATE)
    assert np.array_equal(recorder.x, before.T)
    assert np.array_equal(processed, -before)
    assert np.array_equal(audio, before)
    assert processed.flags.c_contiguous


def test_only_foreign_processors_are_adapted():
    assert all(adapt(processor) is processor for processor in EVERY_PROCESSOR)
    assert {type(processor).__name__ for processor in EVERY_PROCESSOR} == set(PROCESSORS)
    with pytest.raises(InputError, match="process"):
        adapt(3)
