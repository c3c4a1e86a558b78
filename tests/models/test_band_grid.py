"""Bands: gains of nothing change nothing, gains of something change that and leave no seams."""

import numpy as np
import pytest
import scipy.fft
from hypothesis import given, settings
from hypothesis import strategies as st

from fxnorm.audio import RATE
from fxnorm.models.gbdt import band_grid as module
from fxnorm.models.gbdt.band_grid import Bands
from tests.signals import noise, sine

BANDS = Bands()
KHZ = BANDS.centres_hz.index(1000.0)


def gains(samples: int, stems: int = 1, db: float = 0.0) -> np.ndarray:
    return np.full((stems, 2, BANDS.slots(samples), BANDS.count), db, dtype=np.float32)


def level_db(audio: np.ndarray) -> float:
    middle = audio[:, RATE // 4 : -RATE // 4]
    return float(10.0 * np.log10(np.mean(np.square(middle, dtype=np.float64))))


@given(samples=st.integers(1, 40_000), seed=st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_gains_of_nothing_give_back_the_input(samples: int, seed: int) -> None:
    audio = np.random.default_rng(seed).uniform(-1.0, 1.0, (1, 2, samples)).astype(np.float32)
    np.testing.assert_allclose(BANDS.mix(audio, gains(samples)), audio[0], atol=1e-6)


def test_stems_are_added_and_one_gain_everywhere_is_a_gain() -> None:
    stems = np.stack([noise(1.0, seed=seed) for seed in range(4)])
    mix = BANDS.mix(stems, gains(RATE, 4, -6.0))
    np.testing.assert_allclose(mix, 10.0 ** (-6.0 / 20.0) * stems.sum(axis=0), atol=1e-6)


def test_stems_are_not_touched() -> None:
    stems = noise(0.5)[np.newaxis]
    before = stems.copy()
    BANDS.mix(stems, gains(RATE // 2, db=3.0))
    np.testing.assert_array_equal(stems, before)


@pytest.mark.parametrize(("frequency_hz", "change_db"), [(1000.0, -12.0), (1414.2, -6.0), (4000.0, 0.0), (60.0, 0.0)])
def test_a_gain_acts_in_its_band(frequency_hz: float, change_db: float) -> None:
    audio = sine(frequency_hz, 1.0, peak_db=-6.0)
    chosen = gains(RATE)
    chosen[:, :, :, KHZ] = -12.0
    assert level_db(BANDS.mix(audio[np.newaxis], chosen)) - level_db(audio) == pytest.approx(change_db, abs=0.1)


def test_mid_and_side_have_gains_of_their_own() -> None:
    left, right = noise(1.0)
    chosen = gains(RATE)
    chosen[:, 1] = 6.0
    mix = BANDS.mix(np.stack([left, right])[np.newaxis], chosen)
    np.testing.assert_allclose(mix[0] + mix[1], left + right, atol=1e-6)
    np.testing.assert_allclose(mix[0] - mix[1], 10.0 ** (6.0 / 20.0) * (left - right), atol=2e-6)


def test_gains_that_jump_between_slots_do_not_click() -> None:
    audio = sine(440.0, 3.0, peak_db=-6.0)
    chosen = gains(audio.shape[1])
    chosen[:, :, ::2] = 12.0
    chosen[:, :, 1::2] = -12.0  # far more than smoothing lets through
    mix = BANDS.mix(audio[np.newaxis], chosen)[0, RATE // 4 : -RATE // 4].astype(np.float64)
    power = np.abs(np.fft.rfft(mix * np.hanning(mix.size))) ** 2
    above = int(2000.0 * mix.size / RATE)
    assert 10.0 * np.log10(power[above:].sum() / power.sum()) < -80.0
    # from one sample to the next nothing moves faster than the sine at its loudest does
    assert np.abs(np.diff(mix)).max() <= 1.05 * np.abs(mix).max() * 2.0 * np.pi * 440.0 / RATE


def test_a_change_stays_where_it_is_in_time() -> None:
    audio = noise(4.0)
    chosen = gains(audio.shape[1])
    slot = chosen.shape[2] // 2
    chosen[:, :, slot] = -20.0
    changed = np.abs(BANDS.mix(audio[np.newaxis], chosen) - audio).max(axis=0) > 1e-5
    samples = np.flatnonzero(changed) / (BANDS.slot_frames * BANDS.hop)
    assert slot - 1.5 < samples.min() < samples.max() < slot + 2.5


@pytest.mark.parametrize("slot_frames", [1, 3, 4])
def test_a_gain_holds_in_the_middle_of_its_slot(slot_frames: int) -> None:
    """Frame f lies around sample f * hop; where it is alone, the gain of the mix is its own."""
    bands = Bands(n_fft=256, slot_frames=slot_frames)
    samples = 60 * bands.hop
    slots = bands.slots(samples)
    by_slot = np.random.default_rng(0).uniform(-12.0, 12.0, slots)
    chosen = np.broadcast_to(by_slot[:, np.newaxis], (1, 2, slots, bands.count)).astype(np.float32)
    mix = bands.mix(np.full((1, 2, samples), 0.5, dtype=np.float32), chosen)
    frames = np.arange(1, 60)
    middles = np.arange(slots) * slot_frames + (slot_frames - 1) / 2
    expected_db = np.interp(frames, middles, by_slot)
    np.testing.assert_allclose(20.0 * np.log10(mix[0, frames * bands.hop] / 0.5), expected_db, atol=1e-3)


def test_levels_are_mean_squares() -> None:
    levels = BANDS.measure(np.stack([sine(1000.0, 2.0, peak_db=-20.0), noise(2.0)]))
    assert levels.shape == (2, 2, BANDS.slots(2 * RATE), BANDS.count)
    middle = levels[:, :, 2:-2]
    np.testing.assert_allclose(middle[0, 0].sum(axis=-1), 0.5 * 0.1**2, rtol=1e-3)
    np.testing.assert_allclose(middle[0, 0, :, KHZ], 0.5 * 0.1**2, rtol=0.02)
    assert not middle[0, 1].any()
    mid, side = noise(2.0).sum(axis=0) / 2, np.diff(noise(2.0), axis=0) / 2
    np.testing.assert_allclose(middle[1, 0].mean(axis=0).sum(), np.square(mid).mean(), rtol=0.05)
    np.testing.assert_allclose(middle[1, 1].mean(axis=0).sum(), np.square(side).mean(), rtol=0.05)


def test_a_slot_is_the_mean_of_its_frames() -> None:
    audio = noise(1.0)
    mid = np.pad(audio.sum(axis=0) / 2, (BANDS.hop, BANDS.n_fft))
    window = np.sqrt(0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(BANDS.n_fft) / BANDS.n_fft))
    frames = [mid[start : start + BANDS.n_fft] for start in np.arange(4, 8) * BANDS.hop]
    power = np.mean([np.abs(scipy.fft.rfft(frame * window)) ** 2 for frame in frames], axis=0)
    hz = np.fft.rfftfreq(BANDS.n_fft, 1.0 / RATE)
    for band, centre in enumerate(BANDS.centres_hz[1:-1], start=1):
        share = np.maximum(0.0, 1.0 - np.abs(np.log2(np.maximum(hz, 1.0) / centre)))
        expected = 4.0 / BANDS.n_fft**2 * (power * share).sum()
        assert BANDS.measure(audio[np.newaxis])[0, 0, 1, band] == pytest.approx(expected, rel=1e-4)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    stems = np.stack([noise(2.0, seed=seed) for seed in range(2)])
    chosen = np.random.default_rng(0).uniform(-12.0, 12.0, (2, 2, BANDS.slots(2 * RATE), BANDS.count))
    chosen = chosen.astype(np.float32)
    whole, levels = BANDS.mix(stems, chosen), BANDS.measure(stems)
    monkeypatch.setattr(module, "BLOCK", 3)
    np.testing.assert_allclose(BANDS.mix(stems, chosen), whole, atol=1e-6)
    np.testing.assert_allclose(BANDS.measure(stems), levels, rtol=1e-5)
