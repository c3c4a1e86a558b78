"""Alignment: sample rates, channels, lengths, silence, and lags."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fxnorm.audio import SAMPLE_RATE, resample
from fxnorm.errors import AudioError
from fxnorm.evaluation.alignment import MIN_CONFIDENCE, align_pair, find_lag, has_swapped_channels, trim_silence
from fxnorm.synth import SyntheticSong, make_song
from tests.evaluation.test_metrics import music

TARGET = music(0, 4.0)


def delay(mix: np.ndarray, lag: int) -> np.ndarray:
    delayed = np.zeros_like(mix)
    if lag >= 0:
        delayed[:, lag:] = mix[:, : mix.shape[1] - lag]
    else:
        delayed[:, :lag] = mix[:, -lag:]
    return delayed


def test_equal_formats_are_left_alone() -> None:
    pair = align_pair(TARGET, SAMPLE_RATE, TARGET.copy(), SAMPLE_RATE)
    assert pair.notices == ()
    assert pair.lag == 0
    np.testing.assert_array_equal(pair.target, pair.mix)


@given(lag=st.integers(-20_000, 20_000), gain=st.sampled_from([0.1, 1.0, -1.0]))
@settings(max_examples=12, deadline=None)
def test_a_lag_is_reported_and_removed_on_request(lag: int, gain: float) -> None:
    mix = delay(np.float32(gain) * TARGET + 0.1 * music(1, 4.0), lag)
    reported = align_pair(TARGET, SAMPLE_RATE, mix, SAMPLE_RATE)
    assert reported.lag == lag
    assert bool(reported.notices) == (lag != 0)
    aligned = align_pair(TARGET, SAMPLE_RATE, mix, SAMPLE_RATE, remove_lag=True)
    correlation = np.corrcoef(aligned.target.ravel(), aligned.mix.ravel())[0, 1]
    assert abs(correlation) > 0.6


@pytest.fixture(scope="module")
def songs() -> list[SyntheticSong]:
    """Short synthetic songs, dry and as mixed."""
    return [make_song(7, index, seconds=8.0) for index in range(3)]


def filtered(mix: np.ndarray, curve: np.ndarray) -> np.ndarray:
    """Zero-phase filter with a magnitude response between 0 Hz and half the sample rate."""
    spectrum = np.fft.rfft(mix)
    gains = np.interp(np.linspace(0.0, 1.0, spectrum.shape[1]), np.linspace(0.0, 1.0, curve.size), curve)
    return np.fft.irfft(spectrum * gains, mix.shape[1]).astype(np.float32)


def noise_like(mix: np.ndarray, level_db: float) -> np.ndarray:
    """White noise at a level relative to a mix."""
    noise = np.random.default_rng(3).standard_normal(mix.shape)
    return (10.0 ** (level_db / 20.0) * mix.std() * noise).astype(np.float32)


PROCESSED = {
    "copy": lambda mix: mix,
    "polarity": lambda mix: -mix,
    "EQ": lambda mix: filtered(mix, np.array([2.0, 0.2, 1.0, 0.1, 3.0])),
    "compressed": lambda mix: np.tanh(6.0 * mix / np.abs(mix).max()),
    "noisy": lambda mix: mix + noise_like(mix, -6.0),
    "8 bits": lambda mix: np.round(127.0 * mix) / np.float32(127.0),
    "below 16 kHz": lambda mix: filtered(mix, np.repeat([1.0, 0.0], [800, 302])),
    "below 4 kHz": lambda mix: filtered(mix, np.repeat([1.0, 0.0], [200, 902])),
    "above 300 Hz": lambda mix: filtered(mix, np.repeat([0.0, 1.0], [15, 1087])),
    "left channel": lambda mix: mix[[0, 0]],
}


@pytest.mark.parametrize("name", PROCESSED)
def test_the_lag_of_a_processed_copy_is_exact(songs: list[SyntheticSong], name: str) -> None:
    mix = songs[0].mixture
    lag = find_lag(mix, delay(PROCESSED[name](mix).astype(np.float32), 102))
    assert lag.samples == 102
    assert lag.confidence > 2.0 * MIN_CONFIDENCE


@pytest.mark.parametrize("delay_samples", [13, -21, 102, 20_000])
def test_the_lag_of_another_mix_of_the_song_is_exact(songs: list[SyntheticSong], delay_samples: int) -> None:
    for song in songs:
        lag = find_lag(sum(song.dry.values()), delay(song.mixture, delay_samples))
        assert lag.samples == delay_samples
        assert lag.confidence > 2.0 * MIN_CONFIDENCE


def test_another_mix_in_time_has_no_lag(songs: list[SyntheticSong]) -> None:
    for song in songs:
        assert find_lag(sum(song.dry.values()), song.mixture).samples == 0


def test_unrelated_songs_have_no_lag(songs: list[SyntheticSong]) -> None:
    """Synthetic songs share instruments and play in tempo, as songs of one band do."""
    for first, second in itertools.combinations(songs, 2):
        lag = find_lag(first.mixture, second.mixture)
        assert lag.samples == 0
        assert lag.confidence < 0.8 * MIN_CONFIDENCE


def test_noise_and_silence_have_no_lag() -> None:
    assert find_lag(TARGET, np.random.default_rng(3).standard_normal(TARGET.shape).astype(np.float32)).samples == 0
    assert find_lag(TARGET, np.zeros_like(TARGET)) == (0, 0.0)


@pytest.mark.parametrize("lag", [0, 102, -21])
@pytest.mark.parametrize("name", ["copy", "polarity", "EQ", "compressed", "8 bits"])
def test_swapped_channels_are_reported(songs: list[SyntheticSong], name: str, lag: int) -> None:
    for song in songs:
        mix = delay(PROCESSED[name](song.mixture).astype(np.float32), lag)
        assert not has_swapped_channels(song.mixture, mix, lag)
        assert has_swapped_channels(song.mixture, mix[::-1], lag)


@pytest.mark.parametrize("remove_lag", [False, True])
def test_the_notice_of_swapped_channels_needs_no_alignment(songs: list[SyntheticSong], remove_lag: bool) -> None:
    mix = delay(songs[1].mixture[::-1], 500)
    notices = align_pair(songs[1].mixture, SAMPLE_RATE, mix, SAMPLE_RATE, remove_lag=remove_lag).notices
    assert [notice.split(":")[0] for notice in notices[:1]] == ["the mix has left and right swapped"]
    assert "500 samples late" in notices[1]


def symmetric(mix: np.ndarray) -> np.ndarray:
    """A mix without a side signal."""
    return np.repeat(mix.mean(axis=0, keepdims=True), 2, axis=0)


def test_channels_of_a_symmetric_mix_are_not_swapped(songs: list[SyntheticSong]) -> None:
    for song in songs:
        mono = symmetric(song.mixture)
        nearly_mono = mono + noise_like(mono, -60.0)
        for target, mix in itertools.product((mono, nearly_mono, song.mixture), (mono, nearly_mono)):
            assert not has_swapped_channels(target, mix)
            assert not has_swapped_channels(mix, target)
    assert align_pair(mono, SAMPLE_RATE, mono[::-1], SAMPLE_RATE).notices == ()
    assert not has_swapped_channels(mono, np.zeros_like(mono))


def test_channels_of_another_mix_or_song_are_not_swapped(songs: list[SyntheticSong]) -> None:
    for song, following in zip(songs, [*songs[1:], songs[0]], strict=True):
        assert not has_swapped_channels(song.mixture, sum(song.dry.values()))
        for mix in (following.mixture, following.mixture[::-1]):
            assert not has_swapped_channels(song.mixture, mix)
        mirrored_drums = sum(stem[::-1] if name == "drums" else stem for name, stem in song.wet.items())
        assert not has_swapped_channels(song.mixture, mirrored_drums)


def test_sample_rates_channels_and_lengths_are_matched_and_reported() -> None:
    mix = resample(TARGET, SAMPLE_RATE, 48_000)[:1, : 3 * 48_000]
    pair = align_pair(TARGET, SAMPLE_RATE, mix, 48_000)
    assert pair.target.shape == pair.mix.shape
    assert pair.target.shape[1] <= 3 * SAMPLE_RATE
    assert len(pair.notices) == 3
    assert "mono" in pair.notices[0]
    assert "48,000" in pair.notices[1]
    assert "shorter" in pair.notices[2]


def test_silence_at_the_ends_is_removed_from_both() -> None:
    quiet = np.zeros((2, SAMPLE_RATE), dtype=np.float32)
    target = np.concatenate([quiet, TARGET, quiet], axis=1)
    mix = np.concatenate([quiet, 0.5 * TARGET, quiet], axis=1)
    pair = align_pair(target, SAMPLE_RATE, mix, SAMPLE_RATE)
    assert abs(pair.target.shape[1] - TARGET.shape[1]) < SAMPLE_RATE // 10
    np.testing.assert_allclose(pair.mix, 0.5 * pair.target, atol=1e-7)


@pytest.mark.parametrize("largest", [1.0, 0.02])
@pytest.mark.parametrize(("quiet_db", "stays"), [(-59.9, True), (-60.1, False), (-50.0, True), (-80.0, False)])
def test_ends_are_silent_sixty_decibels_below_the_peak(largest: float, quiet_db: float, stays: bool) -> None:
    signal = np.zeros((2, 5000), dtype=np.float32)
    signal[0, 2000:3000] = largest
    signal[1, [1000, 4000]] = -largest * 10.0 ** (quiet_db / 20.0)
    assert trim_silence(signal) == (slice(1000, 4001) if stays else slice(2000, 3000))


def test_a_silent_target_is_an_error() -> None:
    with pytest.raises(AudioError, match="the target is silent"):
        align_pair(np.zeros_like(TARGET), SAMPLE_RATE, TARGET, SAMPLE_RATE)
    late_start = np.concatenate([np.zeros_like(TARGET), TARGET], axis=1)
    with pytest.raises(AudioError, match="as long as the mix lasts"):
        align_pair(late_start, SAMPLE_RATE, TARGET[:, : SAMPLE_RATE // 2], SAMPLE_RATE)


def delayed_noise(lag: int, shares: tuple[float, float, float]) -> tuple[np.ndarray, np.ndarray]:
    """A target, and a mix of its delayed copy, its copy in time and unrelated noise, by these amplitudes."""
    rng = np.random.default_rng(0)
    target, noise = rng.standard_normal((2, 2, 4 * SAMPLE_RATE)).astype(np.float32)
    delayed_share, copy_share, noise_share = np.float32(shares)
    return target, delayed_share * delay(target, lag) + copy_share * target + noise_share * noise


@pytest.mark.parametrize(("correlation", "lag"), [(0.1, 0), (0.3, 700)])
def test_a_lag_needs_confidence(correlation: float, lag: int) -> None:
    estimate = find_lag(*delayed_noise(700, (correlation, 0.0, np.sqrt(1.0 - correlation**2))))
    assert estimate.samples == lag
    assert (estimate.confidence >= MIN_CONFIDENCE) == (lag != 0)


@pytest.mark.parametrize(("delayed_share", "lag"), [(0.61, 0), (0.67, 700)])
def test_a_lag_needs_a_twentieth_more_than_in_time(delayed_share: float, lag: int) -> None:
    assert find_lag(*delayed_noise(700, (delayed_share, 0.6, 0.4))).samples == lag


@pytest.mark.parametrize(("delay_samples", "lag"), [(21_900, 21_900), (-21_900, -21_900), (22_200, 0), (-22_200, 0)])
def test_a_lag_is_estimated_within_half_a_second(delay_samples: int, lag: int) -> None:
    assert find_lag(*delayed_noise(delay_samples, (1.0, 0.0, 0.1))).samples == lag


def test_a_lag_is_estimated_from_the_loudest_half_minute() -> None:
    """Its loudest ten seconds are unrelated, and the longer rest of the song lags by something else."""
    rng = np.random.default_rng(0)
    target, unrelated = rng.standard_normal((2, 2, 70 * SAMPLE_RATE)).astype(np.float32)
    level = np.full(70, 0.9, np.float32)
    level[20:50] = 1.0
    level[30:40] = 1.1
    target *= np.repeat(level, SAMPLE_RATE)
    mix = delay(target, -300)
    mix[:, 20 * SAMPLE_RATE : 50 * SAMPLE_RATE] = delay(target, 700)[:, 20 * SAMPLE_RATE : 50 * SAMPLE_RATE]
    mix[:, 30 * SAMPLE_RATE : 40 * SAMPLE_RATE] = unrelated[:, 30 * SAMPLE_RATE : 40 * SAMPLE_RATE]
    assert find_lag(target, mix).samples == 700
