"""Audio arrays: checks, levels, and resampling."""

import numpy as np
import pytest

from fxnorm import audio
from fxnorm.audio import SAMPLE_RATE, Audio
from fxnorm.errors import AudioError


def noise(channels: int = 2, samples: int = 4_411, *, seed: int = 0) -> Audio:
    uniform = np.random.default_rng(seed).uniform(-0.9, 0.9, (channels, samples))
    return uniform.astype(np.float32)


def sine(frequency_hz: float, rate: int, seconds: float = 1.0) -> Audio:
    time = np.arange(round(rate * seconds)) / rate
    return (0.5 * np.sin(2 * np.pi * frequency_hz * time)).astype(np.float32)[np.newaxis]


def test_as_audio_adds_the_channel_axis_and_converts() -> None:
    converted = audio.as_audio([0.0, 0.5, 1.0])
    assert (converted.shape, converted.dtype) == ((1, 3), np.float32)


def test_as_audio_keeps_what_conforms() -> None:
    array = noise()
    assert audio.as_audio(array) is array
    assert audio.as_audio(array.T.copy().T).flags.c_contiguous


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((2, 0), "has no samples"),
        ((3, 9), "1 or 2 channels, got 3"),
        ((1, 1, 9), "got 3 dimensions"),
    ],
)
def test_as_audio_says_what_it_expected(shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(AudioError, match=message):
        audio.as_audio(np.zeros(shape), label="vocals")


def test_nan_of_opposite_infinities_is_noticed() -> None:
    with pytest.raises(AudioError, match="got 2 NaN"):
        audio.as_audio([[np.inf, -np.inf]])


def test_mono_becomes_two_equal_channels() -> None:
    mono = noise(1)
    stereo = audio.to_stereo(mono)
    np.testing.assert_array_equal(stereo, np.vstack([mono, mono]))
    assert audio.to_stereo(stereo) is stereo


def test_peak_looks_at_both_signs() -> None:
    assert audio.peak(np.float32([[0.25, -0.75], [0.5, 0.0]])) == 0.75
    assert audio.peak(np.zeros((2, 0), np.float32)) == 0.0


@pytest.mark.parametrize(("peak_db", "silent"), [(-51.0, True), (-50.0, True), (-49.9, False)])
def test_silence_ends_above_its_limit(peak_db: float, silent: bool) -> None:
    assert audio.is_silent(np.full((2, 8), 10.0 ** (peak_db / 20.0))) is silent


# Resampling


def test_equal_rates_give_the_same_array() -> None:
    array = noise()
    assert audio.resample(array, SAMPLE_RATE, SAMPLE_RATE) is array


@pytest.mark.parametrize("samples", [1, 4_000, 4_801, 4_802, 6_000])
@pytest.mark.parametrize("to_rate", [SAMPLE_RATE, 48_000])
def test_the_length_asked_for_is_exact(samples: int, to_rate: int) -> None:
    result = audio.resample(noise(), SAMPLE_RATE, to_rate, samples=samples)
    assert result.shape == (2, samples)
    assert result.flags.c_contiguous
    assert result.dtype == np.float32


@pytest.mark.parametrize(
    ("from_rate", "to_rate"), [(48_000, 44_100), (44_100, 48_000), (96_000, 44_100), (22_050, 44_100)]
)
@pytest.mark.parametrize("frequency_hz", [50.0, 1_000.0, 9_000.0])
def test_a_sine_keeps_its_frequency_level_and_place(from_rate: int, to_rate: int, frequency_hz: float) -> None:
    result = audio.resample(sine(frequency_hz, from_rate), from_rate, to_rate, samples=to_rate)
    inside = slice(to_rate // 10, -to_rate // 10)
    np.testing.assert_allclose(result[0, inside], sine(frequency_hz, to_rate)[0, inside], atol=2e-4)


def test_channels_are_resampled_one_by_one() -> None:
    stereo = noise()
    together = audio.resample(stereo, SAMPLE_RATE, 48_000)
    apart = np.vstack([audio.resample(stereo[i : i + 1], SAMPLE_RATE, 48_000) for i in range(2)])
    np.testing.assert_allclose(together, apart, atol=1e-7)


def test_what_the_lower_rate_cannot_hold_is_gone() -> None:
    result = audio.resample(sine(15_000.0, SAMPLE_RATE), SAMPLE_RATE, 22_050)
    assert np.abs(result[0, 1_000:-1_000]).max() < 1e-4


def test_the_loudest_excerpt_is_found():
    rate = 1000
    mix = np.full((2, 10_500), 0.01, dtype=np.float32)
    mix[:, 6_200:8_300] = 0.5
    assert audio.loudest(mix, rate, 3.0) == slice(6_000, 9_000)
    assert audio.loudest(mix, rate, 20.0) == slice(0, 10_500)
    mix[:, 6_200:8_300], mix[:, 9_000:] = 0.01, 0.5
    assert audio.loudest(mix, rate, 3.0).stop <= 10_500
