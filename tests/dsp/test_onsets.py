"""Onsets: the minimum gap between two of them."""

import numpy as np
import pytest

from fxnorm.dsp import onsets


@pytest.mark.parametrize("seed", [0, 1, 4])
def test_onsets_that_follow_within_2205_samples_are_left_out(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Candidates in noise of uneven level, and those that a sequential pass with a minimum gap keeps."""
    rng = np.random.default_rng(seed)
    frames = 10.0 ** (rng.uniform(-80.0, 0.0, 1500) / 20.0)
    channel = (0.2 * np.repeat(frames, 1024) * rng.standard_normal(1500 * 1024)).astype(np.float32)
    positions = onsets.find(channel)
    monkeypatch.setattr(onsets, "MINIMUM_GAP", 0)
    every = onsets.find(channel)
    expected: list[int] = []
    for position in every:
        if not expected or position - expected[-1] > 2205:
            expected.append(position)
    assert len(expected) < every.size
    np.testing.assert_array_equal(positions, expected)


@pytest.mark.parametrize(("level_db", "found"), [(-68.5, True), (-71.5, False)])
def test_frames_under_minus_70_db_have_no_onset(level_db: float, found: bool) -> None:
    """Bursts of eight whole frames in silence, by their root mean square."""
    burst = np.random.default_rng(0).standard_normal(8 * 1024)
    burst *= 10.0 ** (level_db / 20.0) / np.sqrt(np.mean(np.square(burst)))
    channel = np.tile(np.concatenate([np.zeros(16 * 1024), burst]), 6).astype(np.float32)
    assert (onsets.find(channel).size > 0) == found
