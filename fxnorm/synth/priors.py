"""The habits of the mixing engineers: every range that a mix is drawn from, in one place.

The numbers are common practice for pop and rock, written down before anybody measured how well a method undoes them.
Levels inside a chain assume a stem trimmed to `WORKING_LEVEL_DB`, as an engineer who stages gain would do.
"""

from dataclasses import dataclass

from fxnorm.synth.seeding import Range

WORKING_LEVEL_DB = -18.0  # loudness of a stem at the top of its chain: 0 VU on a console
MIX_PEAK_DB = -1.0  # highest peak of the mixture, and of any stem in it


@dataclass(frozen=True)
class BandHabit:
    """One equaliser band: how often it is used, and the ranges of its controls."""

    kind: str
    frequency_hz: Range
    gain_db: Range = (0.0, 0.0)
    q: Range = (0.7071, 0.7071)
    chance: float = 1.0


@dataclass(frozen=True)
class CompressorHabit:
    """A compressor: thresholds stand above or below the working level."""

    chance: float
    threshold_db: Range
    ratio: Range
    attack_ms: Range
    release_ms: Range
    mix: Range = (1.0, 1.0)


@dataclass(frozen=True)
class SaturationHabit:
    """A saturator."""

    chance: float
    drive_db: Range
    mix: Range


@dataclass(frozen=True)
class StereoHabit:
    """Place and width: balance, mid/side width, and how often a mono sound is widened by decorrelation."""

    pan: Range
    width: Range
    decorrelation_chance: float = 0.0
    decorrelation: Range = (0.0, 0.0)


@dataclass(frozen=True)
class ReverbHabit:
    """A reverb send."""

    chance: float
    decay_s: Range
    pre_delay_ms: Range
    level_db: Range
    low_cut_hz: Range
    high_cut_hz: Range
    size_ms: Range
    treble: Range


@dataclass(frozen=True)
class StemHabits:
    """How a stem is usually mixed.

    A fast compressor catches the peaks before a slower one levels; `level_db` is the stem's loudness in the mix
    against the others'.
    """

    eq: tuple[BandHabit, ...]
    peaks: CompressorHabit
    compressor: CompressorHabit
    saturation: SaturationHabit
    stereo: StereoHabit
    reverb: ReverbHabit
    level_db: Range


HABITS = {
    "vocals": StemHabits(
        eq=(
            BandHabit("high_pass", (80.0, 120.0)),
            BandHabit("peak", (200.0, 400.0), (-4.0, -1.0), (1.0, 2.0), 0.7),
            BandHabit("peak", (2000.0, 5000.0), (1.0, 4.5), (0.6, 1.4), 0.9),
            BandHabit("high_shelf", (8000.0, 12_000.0), (0.5, 5.0), chance=0.75),
        ),
        peaks=CompressorHabit(0.6, (-14.0, -7.0), (4.0, 12.0), (0.5, 3.0), (40.0, 120.0)),
        compressor=CompressorHabit(1.0, (-24.0, -16.0), (3.0, 6.0), (2.0, 15.0), (60.0, 250.0)),
        saturation=SaturationHabit(0.4, (2.0, 8.0), (0.2, 0.6)),
        stereo=StereoHabit((-0.05, 0.05), (1.0, 1.2), 0.25, (0.1, 0.3)),
        reverb=ReverbHabit(
            0.95, (1.2, 2.5), (10.0, 60.0), (-22.0, -12.0), (150.0, 400.0), (5000.0, 10_000.0), (10.0, 30.0), (0.4, 0.7)
        ),
        level_db=(0.0, 3.0),
    ),
    "bass": StemHabits(
        eq=(
            BandHabit("high_pass", (25.0, 40.0)),
            BandHabit("peak", (60.0, 110.0), (-1.0, 3.0), (0.7, 1.4), 0.6),
            BandHabit("peak", (200.0, 400.0), (-4.0, -1.0), (0.8, 1.6), 0.7),
            BandHabit("peak", (700.0, 1600.0), (1.0, 4.0), (0.7, 1.4), 0.6),
            BandHabit("low_pass", (4000.0, 9000.0), chance=0.4),
        ),
        peaks=CompressorHabit(0.7, (-14.0, -8.0), (6.0, 12.0), (1.0, 5.0), (50.0, 150.0)),
        compressor=CompressorHabit(1.0, (-26.0, -18.0), (4.0, 8.0), (3.0, 20.0), (80.0, 300.0)),
        saturation=SaturationHabit(0.7, (3.0, 12.0), (0.3, 1.0)),
        stereo=StereoHabit((0.0, 0.0), (0.0, 0.0)),
        reverb=ReverbHabit(
            0.1, (0.4, 0.9), (0.0, 15.0), (-26.0, -20.0), (200.0, 400.0), (3000.0, 6000.0), (8.0, 20.0), (0.4, 0.6)
        ),
        level_db=(-6.0, -2.0),
    ),
    "drums": StemHabits(
        eq=(
            BandHabit("high_pass", (25.0, 35.0)),
            BandHabit("peak", (55.0, 95.0), (0.5, 4.0), (0.7, 1.4), 0.8),
            BandHabit("peak", (300.0, 600.0), (-5.0, -1.0), (0.8, 1.6), 0.8),
            BandHabit("peak", (3000.0, 5500.0), (0.5, 4.0), (0.6, 1.2), 0.7),
            BandHabit("high_shelf", (8000.0, 12_000.0), (0.0, 4.0), chance=0.7),
        ),
        peaks=CompressorHabit(0.6, (-10.0, -4.0), (6.0, 20.0), (0.3, 2.0), (30.0, 90.0)),
        compressor=CompressorHabit(0.95, (-18.0, -9.0), (2.0, 4.0), (8.0, 40.0), (60.0, 200.0), (0.5, 1.0)),
        saturation=SaturationHabit(0.5, (1.0, 6.0), (0.3, 0.8)),
        stereo=StereoHabit((0.0, 0.0), (1.0, 1.6), 0.2, (0.1, 0.25)),
        reverb=ReverbHabit(
            0.9, (0.4, 1.3), (0.0, 20.0), (-24.0, -13.0), (120.0, 300.0), (5000.0, 11_000.0), (15.0, 40.0), (0.5, 0.8)
        ),
        level_db=(-3.5, 1.5),
    ),
    "other": StemHabits(
        eq=(
            BandHabit("high_pass", (80.0, 180.0)),
            BandHabit("peak", (250.0, 500.0), (-4.0, -1.0), (0.8, 1.6), 0.7),
            BandHabit("peak", (1500.0, 4000.0), (-2.5, 2.5), (0.7, 1.4), 0.7),
            BandHabit("high_shelf", (7000.0, 11_000.0), (-1.0, 4.0), chance=0.7),
        ),
        peaks=CompressorHabit(0.3, (-12.0, -6.0), (4.0, 10.0), (1.0, 5.0), (40.0, 150.0)),
        compressor=CompressorHabit(0.75, (-20.0, -12.0), (2.0, 4.0), (10.0, 40.0), (100.0, 400.0)),
        saturation=SaturationHabit(0.4, (1.0, 8.0), (0.2, 0.6)),
        stereo=StereoHabit((-0.35, 0.35), (1.0, 1.7), 0.7, (0.2, 0.7)),
        reverb=ReverbHabit(
            0.9, (1.0, 2.8), (5.0, 40.0), (-22.0, -11.0), (150.0, 350.0), (4000.0, 9000.0), (20.0, 60.0), (0.4, 0.7)
        ),
        level_db=(-5.0, 0.0),
    ),
}

DECORRELATION_MS: Range = (12.0, 28.0)
DECORRELATION_LOW_CUT_HZ: Range = (200.0, 400.0)
KNEE_DB: Range = (0.0, 10.0)
MAKEUP_DB: Range = (0.0, 4.0)

# What one engineer does to all stems of a song alike.
TASTE_WETNESS_DB: Range = (-2.5, 2.5)  # added to every reverb level
TASTE_BRIGHTNESS_DB: Range = (-1.5, 1.5)  # added to the gain of every high shelf
TASTE_SQUASH_DB: Range = (-3.0, 3.0)  # added to every compressor's threshold
TASTE_SPREAD: Range = (0.85, 1.2)  # multiplies every width above mono
