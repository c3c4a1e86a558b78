"""Short synthetic signals."""

import numpy as np

from fxnorm.audio import SAMPLE_RATE, Audio


def sine(
    frequency_hz: float, seconds: float, *, peak_db: float = 0.0, rate: int = SAMPLE_RATE, channels: int = 2
) -> Audio:
    """Sine, equal on all channels."""
    time = np.arange(round(seconds * rate)) / rate
    wave = 10.0 ** (peak_db / 20.0) * np.sin(2.0 * np.pi * frequency_hz * time)
    return np.repeat(wave[np.newaxis], channels, axis=0).astype(np.float32)


def noise(seconds: float, *, seed: int = 0, level: float = 0.1, rate: int = SAMPLE_RATE) -> Audio:
    """Stereo noise with partly correlated channels."""
    rng = np.random.default_rng(seed)
    common, left, right = level * rng.standard_normal((3, round(seconds * rate)))
    return np.stack([common + 0.5 * left, common + 0.5 * right]).astype(np.float32)


def plucks(seconds: float, *, seed: int = 0, every_s: float = 0.25, channels: int = 2) -> Audio:
    """Decaying tones of uneven level on a steady beat, with onsets, harmonics and width."""
    rng = np.random.default_rng(seed)
    out = np.zeros((channels, round(seconds * SAMPLE_RATE)))
    length = round(0.2 * SAMPLE_RATE)
    time = np.arange(length) / SAMPLE_RATE
    for start in range(round(0.1 * SAMPLE_RATE), out.shape[1] - length, round(every_s * SAMPLE_RATE)):
        frequency_hz = 110.0 * 2.0 ** (rng.integers(0, 24) / 12.0)
        tone = sum(np.sin(2.0 * np.pi * frequency_hz * k * time) / k for k in range(1, 8))
        tone = tone * np.exp(-time / 0.06) * rng.uniform(0.05, 0.4) * np.minimum(time / 0.002, 1.0)
        sides = rng.uniform(0.4, 1.0, (channels, 1))
        out[:, start : start + length] += sides * tone + 0.02 * rng.standard_normal((channels, length)) * np.exp(
            -time / 0.03
        )
    return out.astype(np.float32)
