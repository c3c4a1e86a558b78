"""Onsets: those that follow too soon on another do not count."""

import numpy as np
import pytest

from fxnorm.dsp import onsets


@pytest.mark.parametrize("seed", [0, 1, 4])
def test_onsets_that_follow_within_2205_samples_are_left_out(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Noise whose frames are of uneven level: what is found without a gap, taken one after the other."""
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
