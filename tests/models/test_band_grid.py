"""Band grid: gains of 0 dB reconstruct the input, others act in their band and frame without clicks."""

import numpy as np
import pytest
import scipy.fft
from hypothesis import given, settings
from hypothesis import strategies as st

from fxnorm.audio import SAMPLE_RATE
from fxnorm.models.gbdt import band_grid as module
from fxnorm.models.gbdt.band_grid import BandGrid
from tests.signals import noise, sine

GRID = BandGrid()
KHZ = GRID.centres_hz.index(1000.0)


def gains(samples: int, stems: int = 1, db: float = 0.0) -> np.ndarray:
    return np.full((stems, 2, GRID.count_frames(samples), GRID.count), db, dtype=np.float32)


def level_db(audio: np.ndarray) -> float:
    middle = audio[:, SAMPLE_RATE // 4 : -SAMPLE_RATE // 4]
    return float(10.0 * np.log10(np.mean(np.square(middle, dtype=np.float64))))


@given(samples=st.integers(1, 40_000), seed=st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_gains_of_nothing_give_back_the_input(samples: int, seed: int) -> None:
    audio = np.random.default_rng(seed).uniform(-1.0, 1.0, (1, 2, samples)).astype(np.float32)
    np.testing.assert_allclose(GRID.apply_gains(audio, gains(samples)), audio[0], atol=1e-6)


def test_stems_are_added_and_one_gain_everywhere_is_a_gain() -> None:
    stems = np.stack([noise(1.0, seed=seed) for seed in range(4)])
    mix = GRID.apply_gains(stems, gains(SAMPLE_RATE, 4, -6.0))
    np.testing.assert_allclose(mix, 10.0 ** (-6.0 / 20.0) * stems.sum(axis=0), atol=1e-6)


def test_stems_are_not_touched() -> None:
    stems = noise(0.5)[np.newaxis]
    before = stems.copy()
    GRID.apply_gains(stems, gains(SAMPLE_RATE // 2, db=3.0))
    np.testing.assert_array_equal(stems, before)


@pytest.mark.parametrize(("frequency_hz", "change_db"), [(1000.0, -12.0), (1414.2, -6.0), (4000.0, 0.0), (60.0, 0.0)])
def test_a_gain_acts_in_its_band(frequency_hz: float, change_db: float) -> None:
    audio = sine(frequency_hz, 1.0, peak_db=-6.0)
    chosen = gains(SAMPLE_RATE)
    chosen[:, :, :, KHZ] = -12.0
    assert level_db(GRID.apply_gains(audio[np.newaxis], chosen)) - level_db(audio) == pytest.approx(change_db, abs=0.1)


def test_mid_and_side_have_gains_of_their_own() -> None:
    left, right = noise(1.0)
    chosen = gains(SAMPLE_RATE)
    chosen[:, 1] = 6.0
    mix = GRID.apply_gains(np.stack([left, right])[np.newaxis], chosen)
    np.testing.assert_allclose(mix[0] + mix[1], left + right, atol=1e-6)
    np.testing.assert_allclose(mix[0] - mix[1], 10.0 ** (6.0 / 20.0) * (left - right), atol=2e-6)


def test_gains_that_jump_between_frames_do_not_click() -> None:
    audio = sine(440.0, 3.0, peak_db=-6.0)
    chosen = gains(audio.shape[1])
    chosen[:, :, ::2] = 12.0
    chosen[:, :, 1::2] = -12.0  # far beyond the bandwidth of the smoothing
    mix = GRID.apply_gains(audio[np.newaxis], chosen)[0, SAMPLE_RATE // 4 : -SAMPLE_RATE // 4].astype(np.float64)
    power = np.abs(np.fft.rfft(mix * np.hanning(mix.size))) ** 2
    above = int(2000.0 * mix.size / SAMPLE_RATE)
    assert 10.0 * np.log10(power[above:].sum() / power.sum()) < -80.0
    # no step between samples exceeds the largest of the sine at its loudest
    assert np.abs(np.diff(mix)).max() <= 1.05 * np.abs(mix).max() * 2.0 * np.pi * 440.0 / SAMPLE_RATE


def test_a_change_stays_where_it_is_in_time() -> None:
    audio = noise(4.0)
    chosen = gains(audio.shape[1])
    frame = chosen.shape[2] // 2
    chosen[:, :, frame] = -20.0
    changed = np.abs(GRID.apply_gains(audio[np.newaxis], chosen) - audio).max(axis=0) > 1e-5
    samples = np.flatnonzero(changed) / (GRID.frame_windows * GRID.hop)
    assert frame - 1.5 < samples.min() < samples.max() < frame + 2.5


@pytest.mark.parametrize("frame_windows", [1, 3, 4])
def test_a_gain_holds_in_the_middle_of_its_frame(frame_windows: int) -> None:
    """Window w is centred on sample w * hop."""
    grid = BandGrid(n_fft=256, frame_windows=frame_windows)
    samples = 60 * grid.hop
    frames = grid.count_frames(samples)
    frame_gains_db = np.random.default_rng(0).uniform(-12.0, 12.0, frames)
    chosen = np.broadcast_to(frame_gains_db[:, np.newaxis], (1, 2, frames, grid.count)).astype(np.float32)
    mix = grid.apply_gains(np.full((1, 2, samples), 0.5, dtype=np.float32), chosen)
    windows = np.arange(1, 60)
    middles = np.arange(frames) * frame_windows + (frame_windows - 1) / 2
    expected_db = np.interp(windows, middles, frame_gains_db)
    np.testing.assert_allclose(20.0 * np.log10(mix[0, windows * grid.hop] / 0.5), expected_db, atol=1e-3)


def test_levels_are_mean_squares() -> None:
    levels = GRID.measure(np.stack([sine(1000.0, 2.0, peak_db=-20.0), noise(2.0)]))
    assert levels.shape == (2, 2, GRID.count_frames(2 * SAMPLE_RATE), GRID.count)
    middle = levels[:, :, 2:-2]
    np.testing.assert_allclose(middle[0, 0].sum(axis=-1), 0.5 * 0.1**2, rtol=1e-3)
    np.testing.assert_allclose(middle[0, 0, :, KHZ], 0.5 * 0.1**2, rtol=0.02)
    assert not middle[0, 1].any()
    mid, side = noise(2.0).sum(axis=0) / 2, np.diff(noise(2.0), axis=0) / 2
    np.testing.assert_allclose(middle[1, 0].mean(axis=0).sum(), np.square(mid).mean(), rtol=0.05)
    np.testing.assert_allclose(middle[1, 1].mean(axis=0).sum(), np.square(side).mean(), rtol=0.05)


def test_a_frame_is_the_mean_of_its_windows() -> None:
    audio = noise(1.0)
    mid = np.pad(audio.sum(axis=0) / 2, (GRID.hop, GRID.n_fft))
    window = np.sqrt(0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(GRID.n_fft) / GRID.n_fft))
    segments = [mid[start : start + GRID.n_fft] for start in np.arange(4, 8) * GRID.hop]
    power = np.mean([np.abs(scipy.fft.rfft(segment * window)) ** 2 for segment in segments], axis=0)
    hz = np.fft.rfftfreq(GRID.n_fft, 1.0 / SAMPLE_RATE)
    for band, centre in enumerate(GRID.centres_hz[1:-1], start=1):
        share = np.maximum(0.0, 1.0 - np.abs(np.log2(np.maximum(hz, 1.0) / centre)))
        expected = 4.0 / GRID.n_fft**2 * (power * share).sum()
        assert GRID.measure(audio[np.newaxis])[0, 0, 1, band] == pytest.approx(expected, rel=1e-4)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    stems = np.stack([noise(2.0, seed=seed) for seed in range(2)])
    chosen = np.random.default_rng(0).uniform(-12.0, 12.0, (2, 2, GRID.count_frames(2 * SAMPLE_RATE), GRID.count))
    chosen = chosen.astype(np.float32)
    whole, levels = GRID.apply_gains(stems, chosen), GRID.measure(stems)
    monkeypatch.setattr(module, "BLOCK", 3)
    np.testing.assert_allclose(GRID.apply_gains(stems, chosen), whole, atol=1e-6)
    np.testing.assert_allclose(GRID.measure(stems), levels, rtol=1e-5)
