"""Tracks whose spectrum, dynamics and position are known."""

import numpy as np

from fxnorm.audio import Audio
from tests.signals import noise

RATE = 44_100


def shaped(seconds: float, slope_db: float, *, seed: int, low_hz: float = 50.0, high_hz: float = 16_000.0) -> Audio:
    """Mono noise whose third-octave levels change by `slope_db` per octave within a range."""
    spectrum = np.fft.rfft(noise(seconds, seed=seed)[0])
    frequency = np.fft.rfftfreq(round(seconds * RATE), 1.0 / RATE)
    octaves = np.log2(np.maximum(frequency, 1.0) / 1000.0)
    # a third-octave of flat noise grows by 3 dB per octave
    gain = 10.0 ** ((slope_db - 3.0103) * octaves / 20.0)
    gain[(frequency < low_hz) | (frequency > high_hz)] = 0.0
    signal = np.fft.irfft(spectrum * gain, round(seconds * RATE))
    return (0.1 * signal / np.sqrt(np.mean(signal**2)))[np.newaxis].astype(np.float32)


def phrases(audio: Audio, *, period_s: float, share: float, quiet_db: float = -60.0) -> Audio:
    """Turn a recording down for the rest of every period."""
    time = np.arange(audio.shape[1]) / RATE
    is_on = (time % period_s) < share * period_s
    return audio * np.where(is_on, 1.0, 10.0 ** (quiet_db / 20.0)).astype(np.float32)


def hits(seconds: float, *, period_s: float, decay_s: float, low_hz: float, high_hz: float, seed: int) -> Audio:
    """Decaying bursts of noise: a drum."""
    time = np.arange(round(seconds * RATE)) / RATE
    envelope = np.exp(-(time % period_s) / decay_s).astype(np.float32)
    return 4.0 * envelope * shaped(seconds, 0.0, seed=seed, low_hz=low_hz, high_hz=high_hz)


def band(seconds: float = 6.0) -> dict[str, Audio]:
    """A song of eleven tracks, mono and stereo, of different lengths."""
    return {
        "Kick": hits(seconds, period_s=0.5, decay_s=0.05, low_hz=40.0, high_hz=4000.0, seed=1),
        "Snare": hits(seconds, period_s=1.0, decay_s=0.08, low_hz=150.0, high_hz=10_000.0, seed=2),
        "Overheads": np.concatenate(
            [
                scale * hits(seconds, period_s=0.25, decay_s=0.1, low_hz=300.0, high_hz=14_000.0, seed=seed)
                for scale, seed in ((1.0, 3), (0.7, 4))
            ]
        ),
        "Bass": shaped(seconds, -5.0, seed=5, low_hz=40.0, high_hz=3000.0),
        "Lead Vox": phrases(shaped(seconds, -2.5, seed=6, low_hz=120.0), period_s=2.0, share=0.7),
        "BGV 1": phrases(shaped(seconds, -2.5, seed=7, low_hz=150.0), period_s=2.0, share=0.4),
        "BGV 2": phrases(shaped(seconds, -2.5, seed=8, low_hz=150.0), period_s=2.0, share=0.4),
        "Gtr 1": shaped(seconds, -3.0, seed=9, low_hz=90.0, high_hz=9000.0),
        "Gtr 2": shaped(seconds - 0.7, -3.0, seed=10, low_hz=90.0, high_hz=9000.0),
        "Piano": np.concatenate([shaped(seconds, -3.5, seed=seed, low_hz=60.0) for seed in (11, 12)]),
        "Trumpet": shaped(seconds, -2.0, seed=13, low_hz=200.0),
    }
