"""Where randomness comes from: one independent generator for every decision of a song.

A song is a pair (seed, index). Each purpose draws from a stream of its own, so that a change to one part of a song
leaves the others as they were.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

Range = tuple[float, float]


class Purpose(IntEnum):
    """What a stream is for; the numbers are part of what a seed means and never change."""

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
    BED = 20


@dataclass(frozen=True)
class Streams:
    """The random streams of one song."""

    seed: int
    index: int

    def __call__(self, purpose: Purpose, part: int = 0) -> np.random.Generator:
        """A fresh generator for a purpose, and for one part of it (a section, an instrument)."""
        # Always four words: a seed sequence takes a missing word for zero.
        entropy = [self.seed, self.index, int(purpose), part]
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence(entropy)))


def draw(rng: np.random.Generator, limits: Range, digits: int = 2) -> float:
    """A number drawn evenly from a range, rounded so that it is the same on every platform."""
    return round(float(rng.uniform(*limits)), digits)


def draw_hz(rng: np.random.Generator, limits: Range) -> float:
    """A frequency drawn evenly on a logarithmic scale, in whole Hz."""
    low, high = limits
    return float(round(low * (high / low) ** float(rng.random())))


def chance(rng: np.random.Generator, probability: float) -> bool:
    """Whether something that happens with this probability happens."""
    return float(rng.random()) < probability


def jitter(rng: np.random.Generator, width: float) -> float:
    """A small error around zero, never larger than `width` (triangular)."""
    return width * float(rng.random() - rng.random())
