"""Consonants: noise before a vowel, and the classes that shape the voice around it."""

import numpy as np

from fxnorm.synth.melody import Syllable
from fxnorm.synth.oscillators import Floats, add_at, band_noise, decay, envelope, samples_of

# (lowest Hz, highest Hz, amplitude, duration in seconds)
FRICATIVES = {"s": (5000.0, 9500.0, 0.10, 0.10), "sh": (2500.0, 6500.0, 0.11, 0.11), "f": (1500.0, 9000.0, 0.03, 0.08)}
PLOSIVES = {"t": (2800.0, 7000.0, 0.16, 0.025), "k": (1300.0, 3500.0, 0.15, 0.03), "p": (400.0, 1800.0, 0.12, 0.02)}
NASALS = ("m", "n", "l")
NASAL_S = 0.06


def add_consonant(voice: Floats, syllable: Syllable, level: float, rng: np.random.Generator) -> None:
    """Add the noise of a fricative or plosive to a voice; it ends where the vowel begins."""
    if syllable.consonant in FRICATIVES:
        low_hz, high_hz, amplitude, duration_s = FRICATIVES[syllable.consonant]
        samples = samples_of(duration_s)
        shape = envelope(samples, 0.4 * duration_s, 0.7 * duration_s, 0.3 * duration_s)
    elif syllable.consonant in PLOSIVES:
        low_hz, high_hz, amplitude, duration_s = PLOSIVES[syllable.consonant]
        samples = samples_of(2.0 * duration_s)
        shape = envelope(samples, 0.001, duration_s, duration_s) * decay(samples, 2.0 * duration_s)
    else:
        return
    noise = band_noise(rng, samples, low_hz, high_hz) * shape * amplitude * level
    add_at(voice, noise, max(0.0, syllable.start_s - duration_s))
