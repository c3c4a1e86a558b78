"""Independent random generators for the decisions of a song, and the distributions they are drawn from.

A song is a pair (seed, index). Each decision draws from a generator of its own, so changing one part of a song leaves
the other parts unchanged. Drawn settings are rounded, which makes them equal on every platform.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from fxnorm.console.seeding import seeded_generator

Range = tuple[float, float]


class SeedBranch(IntEnum):
    """Branches of the seed tree of a song, one for each decision; the numbers belong to a seed and never change."""

    TITLE = 1
    FORM = 2
    HARMONY = 3
    GROOVE = 4
    DRUM_FEEL = 5
    KIT = 6
    BASS = 7
    BASS_FEEL = 8
    CHORDS = 9
    CHORDS_FEEL = 10
    LEAD = 11
    LEAD_FEEL = 12
    MELODY = 13
    MELODY_FEEL = 14
    VOICE = 15
    SINGING = 16
    TIMBRE = 17
    RECORDING = 18
    ENGINEER = 19
    PAD = 20
    SESSION = 21
    MICROPHONES = 22
    TAKES = 23
    GAINS = 24
    CONSOLE = 25
    FAMILY = 26


@dataclass(frozen=True)
class SeedTree:
    """Random generators of one song, identified by corpus seed and song index."""

    seed: int
    index: int

    def generator(self, branch: SeedBranch, leaf: int = 0) -> np.random.Generator:
        """Return a fresh generator for a branch and one of its leaves, such as a section or an instrument."""
        # Always four words, because a seed sequence pads missing words with zeros.
        return seeded_generator(self.seed, self.index, int(branch), leaf)


def uniform(rng: np.random.Generator, limits: Range, digits: int = 2) -> float:
    """Draw from a uniform distribution and round to a number of digits."""
    return round(float(rng.uniform(*limits)), digits)


def log_uniform_hz(rng: np.random.Generator, limits: Range) -> float:
    """Draw a frequency from a log-uniform distribution and round it to whole Hz."""
    low, high = limits
    return float(round(low * (high / low) ** float(rng.random())))


def bernoulli(rng: np.random.Generator, probability: float) -> bool:
    """Draw True with the given probability."""
    return float(rng.random()) < probability


def triangular(rng: np.random.Generator, width: float) -> float:
    """Draw from the symmetric triangular distribution on [-width, width]."""
    return width * float(rng.random() - rng.random())
