"""Priors of the mixing engineer: every range that a mix is drawn from.

The ranges follow common practice for pop and rock and were fixed before measuring how well a method undoes them.
Levels in a chain assume a stem trimmed to `WORKING_LEVEL_DB`, as in gain staging.
"""

from dataclasses import dataclass

from fxnorm.synth.seeding import Range

WORKING_LEVEL_DB = -18.0  # loudness of a stem at the input of its chain: 0 VU on a console
MIX_PEAK_DB = -1.0  # highest peak of the mixture and of any wet stem


@dataclass(frozen=True)
class BandPrior:
    """Prior of an equaliser band: probability of use and ranges of its settings."""

    kind: str
    frequency_hz: Range
    gain_db: Range = (0.0, 0.0)
    q: Range = (0.7071, 0.7071)
    probability: float = 1.0


@dataclass(frozen=True)
class CompressorPrior:
    """Prior of a compressor; thresholds assume the working level."""

    probability: float
    threshold_db: Range
    ratio: Range
    attack_ms: Range
    release_ms: Range
    wet: Range = (1.0, 1.0)


@dataclass(frozen=True)
class SaturationPrior:
    """Prior of a saturator."""

    probability: float
    drive_db: Range
    wet: Range


@dataclass(frozen=True)
class StereoPrior:
    """Prior of balance, mid/side width and decorrelation."""

    pan: Range
    width: Range
    decorrelation_probability: float = 0.0
    decorrelation: Range = (0.0, 0.0)


@dataclass(frozen=True)
class ReverbPrior:
    """Prior of a reverb send."""

    probability: float
    decay_s: Range
    pre_delay_ms: Range
    level_db: Range
    low_cut_hz: Range
    high_cut_hz: Range
    size_ms: Range
    treble: Range


@dataclass(frozen=True)
class StemPrior:
    """Prior of the chain and the level of a stem.

    A fast compressor catches the peaks before a slower one levels the stem. `level_db` is the loudness of the stem in
    the mix, relative to the other stems.
    """

    eq: tuple[BandPrior, ...]
    peak_compressor: CompressorPrior
    compressor: CompressorPrior
    saturation: SaturationPrior
    stereo: StereoPrior
    reverb: ReverbPrior
    level_db: Range


STEM_PRIORS = {
    "vocals": StemPrior(
        eq=(
            BandPrior("high_pass", (80.0, 120.0)),
            BandPrior("peak", (200.0, 400.0), (-4.0, -1.0), (1.0, 2.0), 0.7),
            BandPrior("peak", (2000.0, 5000.0), (1.0, 4.5), (0.6, 1.4), 0.9),
            BandPrior("high_shelf", (8000.0, 12_000.0), (0.5, 5.0), probability=0.75),
        ),
        peak_compressor=CompressorPrior(0.6, (-14.0, -7.0), (4.0, 12.0), (0.5, 3.0), (40.0, 120.0)),
        compressor=CompressorPrior(1.0, (-24.0, -16.0), (3.0, 6.0), (2.0, 15.0), (60.0, 250.0)),
        saturation=SaturationPrior(0.4, (2.0, 8.0), (0.2, 0.6)),
        stereo=StereoPrior((-0.05, 0.05), (1.0, 1.2), 0.25, (0.1, 0.3)),
        reverb=ReverbPrior(
            0.95, (1.2, 2.5), (10.0, 60.0), (-22.0, -12.0), (150.0, 400.0), (5000.0, 10_000.0), (10.0, 30.0), (0.4, 0.7)
        ),
        level_db=(0.0, 3.0),
    ),
    "bass": StemPrior(
        eq=(
            BandPrior("high_pass", (25.0, 40.0)),
            BandPrior("peak", (60.0, 110.0), (-1.0, 3.0), (0.7, 1.4), 0.6),
            BandPrior("peak", (200.0, 400.0), (-4.0, -1.0), (0.8, 1.6), 0.7),
            BandPrior("peak", (700.0, 1600.0), (1.0, 4.0), (0.7, 1.4), 0.6),
            BandPrior("low_pass", (4000.0, 9000.0), probability=0.4),
        ),
        peak_compressor=CompressorPrior(0.7, (-14.0, -8.0), (6.0, 12.0), (1.0, 5.0), (50.0, 150.0)),
        compressor=CompressorPrior(1.0, (-26.0, -18.0), (4.0, 8.0), (3.0, 20.0), (80.0, 300.0)),
        saturation=SaturationPrior(0.7, (3.0, 12.0), (0.3, 1.0)),
        stereo=StereoPrior((0.0, 0.0), (0.0, 0.0)),
        reverb=ReverbPrior(
            0.1, (0.4, 0.9), (0.0, 15.0), (-26.0, -20.0), (200.0, 400.0), (3000.0, 6000.0), (8.0, 20.0), (0.4, 0.6)
        ),
        level_db=(-6.0, -2.0),
    ),
    "drums": StemPrior(
        eq=(
            BandPrior("high_pass", (25.0, 35.0)),
            BandPrior("peak", (55.0, 95.0), (0.5, 4.0), (0.7, 1.4), 0.8),
            BandPrior("peak", (300.0, 600.0), (-5.0, -1.0), (0.8, 1.6), 0.8),
            BandPrior("peak", (3000.0, 5500.0), (0.5, 4.0), (0.6, 1.2), 0.7),
            BandPrior("high_shelf", (8000.0, 12_000.0), (0.0, 4.0), probability=0.7),
        ),
        peak_compressor=CompressorPrior(0.6, (-10.0, -4.0), (6.0, 20.0), (0.3, 2.0), (30.0, 90.0)),
        compressor=CompressorPrior(0.95, (-18.0, -9.0), (2.0, 4.0), (8.0, 40.0), (60.0, 200.0), (0.5, 1.0)),
        saturation=SaturationPrior(0.5, (1.0, 6.0), (0.3, 0.8)),
        stereo=StereoPrior((0.0, 0.0), (1.0, 1.6), 0.2, (0.1, 0.25)),
        reverb=ReverbPrior(
            0.9, (0.4, 1.3), (0.0, 20.0), (-24.0, -13.0), (120.0, 300.0), (5000.0, 11_000.0), (15.0, 40.0), (0.5, 0.8)
        ),
        level_db=(-3.5, 1.5),
    ),
    "other": StemPrior(
        eq=(
            BandPrior("high_pass", (80.0, 180.0)),
            BandPrior("peak", (250.0, 500.0), (-4.0, -1.0), (0.8, 1.6), 0.7),
            BandPrior("peak", (1500.0, 4000.0), (-2.5, 2.5), (0.7, 1.4), 0.7),
            BandPrior("high_shelf", (7000.0, 11_000.0), (-1.0, 4.0), probability=0.7),
        ),
        peak_compressor=CompressorPrior(0.3, (-12.0, -6.0), (4.0, 10.0), (1.0, 5.0), (40.0, 150.0)),
        compressor=CompressorPrior(0.75, (-20.0, -12.0), (2.0, 4.0), (10.0, 40.0), (100.0, 400.0)),
        saturation=SaturationPrior(0.4, (1.0, 8.0), (0.2, 0.6)),
        stereo=StereoPrior((-0.35, 0.35), (1.0, 1.7), 0.7, (0.2, 0.7)),
        reverb=ReverbPrior(
            0.9, (1.0, 2.8), (5.0, 40.0), (-22.0, -11.0), (150.0, 350.0), (4000.0, 9000.0), (20.0, 60.0), (0.4, 0.7)
        ),
        level_db=(-5.0, 0.0),
    ),
}

DECORRELATION_WINDOW_MS: Range = (12.0, 28.0)
DECORRELATION_LOW_CUT_HZ: Range = (200.0, 400.0)
KNEE_DB: Range = (0.0, 10.0)
MAKEUP_DB: Range = (0.0, 4.0)

# Style of an engineer, shared by all stems of a song.
REVERB_OFFSET_DB: Range = (-2.5, 2.5)  # added to every reverb level
HIGH_SHELF_OFFSET_DB: Range = (-1.5, 1.5)  # added to the gain of every high shelf
THRESHOLD_OFFSET_DB: Range = (-3.0, 3.0)  # added to every compressor threshold
WIDTH_SCALE: Range = (0.85, 1.2)  # multiplies every width
