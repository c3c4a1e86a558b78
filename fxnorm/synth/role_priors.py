"""Priors of the engineer of multitrack songs: the ranges that a strip is drawn from, by the role of its track.

Frequencies and gains follow common starting values for each instrument; times, ratios and thresholds follow the priors
of the four stems (`priors.STEM_PRIORS`), which also give the loudness of the stems and the reverbs. Thresholds assume a
track trimmed to `priors.WORKING_LEVEL_DB`.
"""

from dataclasses import dataclass

from fxnorm.synth.priors import BandPrior, CompressorPrior, SaturationPrior
from fxnorm.synth.seeding import Range


@dataclass(frozen=True)
class RolePrior:
    """Prior of the strip of a track.

    Attributes
    ----------
    eq : tuple of BandPrior
    compressor : CompressorPrior
    saturation : SaturationPrior
    level_db : Range
        Loudness relative to the other tracks of the stem.
    pan : Range
        Distance from the middle, 0 to 1, of a mono track on either side.
    send_db : Range
        Level of the send to the reverb.
    send_probability : float
    """

    eq: tuple[BandPrior, ...]
    compressor: CompressorPrior
    saturation: SaturationPrior
    level_db: Range
    pan: Range = (0.0, 0.0)
    send_db: Range = (-24.0, -14.0)
    send_probability: float = 0.0


_RARE_SATURATION = SaturationPrior(0.15, (1.0, 5.0), (0.2, 0.5))

ROLE_PRIORS = {
    "kick": RolePrior(
        eq=(
            BandPrior("high_pass", (25.0, 35.0)),
            BandPrior("low_shelf", (50.0, 110.0), (1.0, 3.0), probability=0.7),
            BandPrior("peak", (150.0, 500.0), (-5.0, -1.0), (0.8, 1.6), 0.8),
            BandPrior("peak", (2500.0, 5000.0), (0.0, 4.0), (0.7, 1.2), 0.6),
            BandPrior("high_shelf", (6000.0, 10_000.0), (-6.0, 0.0), probability=0.6),
        ),
        compressor=CompressorPrior(0.8, (-18.0, -10.0), (2.5, 4.0), (8.0, 40.0), (50.0, 150.0)),
        saturation=SaturationPrior(0.35, (2.0, 8.0), (0.2, 0.6)),
        level_db=(-13.0, -11.0),
    ),
    "snare": RolePrior(
        eq=(
            BandPrior("high_pass", (70.0, 110.0)),
            BandPrior("peak", (150.0, 250.0), (0.5, 3.5), (0.8, 1.4), 0.7),
            BandPrior("peak", (350.0, 700.0), (-4.0, -1.0), (0.8, 1.6), 0.6),
            BandPrior("high_shelf", (5000.0, 9000.0), (0.0, 4.0), probability=0.7),
        ),
        compressor=CompressorPrior(0.8, (-16.0, -9.0), (3.0, 5.0), (5.0, 30.0), (60.0, 180.0)),
        saturation=SaturationPrior(0.35, (2.0, 8.0), (0.2, 0.6)),
        level_db=(-16.0, -13.0),
        pan=(0.0, 0.15),
        send_db=(-18.0, -9.0),
        send_probability=0.9,
    ),
    "hats": RolePrior(
        eq=(
            BandPrior("high_pass", (250.0, 400.0)),
            BandPrior("peak", (500.0, 1200.0), (-4.0, -1.0), (0.8, 1.6), 0.6),
            BandPrior("high_shelf", (9000.0, 13_000.0), (0.0, 2.0), probability=0.6),
        ),
        compressor=CompressorPrior(0.3, (-14.0, -8.0), (1.5, 2.5), (5.0, 30.0), (50.0, 150.0)),
        saturation=_RARE_SATURATION,
        level_db=(-19.0, -15.0),
        pan=(0.2, 0.6),
        send_probability=0.2,
    ),
    "toms": RolePrior(
        eq=(
            BandPrior("high_pass", (45.0, 70.0)),
            BandPrior("peak", (80.0, 160.0), (0.5, 3.0), (0.8, 1.4), 0.6),
            BandPrior("peak", (300.0, 600.0), (-5.0, -2.0), (0.8, 1.6), 0.8),
            BandPrior("high_shelf", (5000.0, 9000.0), (0.0, 3.0), probability=0.5),
        ),
        compressor=CompressorPrior(0.6, (-16.0, -9.0), (2.5, 4.0), (8.0, 40.0), (80.0, 200.0)),
        saturation=_RARE_SATURATION,
        level_db=(-15.0, -12.0),
        pan=(0.2, 0.5),
        send_db=(-18.0, -10.0),
        send_probability=0.8,
    ),
    "overheads": RolePrior(
        eq=(
            BandPrior("high_pass", (90.0, 250.0)),
            BandPrior("peak", (250.0, 800.0), (-5.0, -2.0), (0.7, 1.4), 0.7),
            BandPrior("high_shelf", (10_000.0, 14_000.0), (0.0, 2.5), probability=0.7),
        ),
        compressor=CompressorPrior(0.5, (-16.0, -9.0), (1.5, 2.5), (10.0, 40.0), (80.0, 250.0)),
        saturation=_RARE_SATURATION,
        level_db=(-13.0, -10.5),
        pan=(0.6, 0.9),
        send_probability=0.3,
    ),
    "kit": RolePrior(
        eq=(
            BandPrior("high_pass", (40.0, 80.0)),
            BandPrior("peak", (250.0, 600.0), (-4.0, -1.0), (0.7, 1.4), 0.6),
            BandPrior("high_shelf", (7000.0, 11_000.0), (-2.0, 2.0), probability=0.5),
        ),
        compressor=CompressorPrior(0.9, (-24.0, -14.0), (3.0, 8.0), (2.0, 15.0), (60.0, 200.0)),
        saturation=SaturationPrior(0.3, (2.0, 8.0), (0.3, 0.7)),
        level_db=(-18.0, -14.0),
    ),
    "percussion": RolePrior(
        eq=(
            BandPrior("high_pass", (150.0, 300.0)),
            BandPrior("peak", (2000.0, 4000.0), (-4.0, 1.0), (0.7, 1.4), 0.6),
            BandPrior("high_shelf", (8000.0, 12_000.0), (-1.0, 3.0), probability=0.5),
        ),
        compressor=CompressorPrior(0.5, (-12.0, -6.0), (1.5, 3.0), (1.0, 8.0), (50.0, 150.0)),
        saturation=_RARE_SATURATION,
        level_db=(-16.0, -13.0),
        pan=(0.0, 0.7),
        send_db=(-20.0, -11.0),
        send_probability=0.7,
    ),
    "bass": RolePrior(
        eq=(
            BandPrior("high_pass", (25.0, 40.0)),
            BandPrior("low_shelf", (60.0, 140.0), (-2.0, 2.0), probability=0.6),
            BandPrior("peak", (200.0, 400.0), (-4.0, -1.0), (0.8, 1.6), 0.7),
            BandPrior("peak", (700.0, 2500.0), (1.0, 3.5), (0.7, 1.4), 0.6),
            BandPrior("low_pass", (4000.0, 9000.0), probability=0.3),
        ),
        compressor=CompressorPrior(1.0, (-26.0, -18.0), (3.0, 6.0), (5.0, 30.0), (80.0, 300.0)),
        saturation=SaturationPrior(0.5, (3.0, 10.0), (0.3, 0.8)),
        level_db=(-11.5, -8.5),
        send_db=(-28.0, -22.0),
        send_probability=0.1,
    ),
    "guitars": RolePrior(
        eq=(
            BandPrior("high_pass", (80.0, 150.0)),
            BandPrior("peak", (200.0, 500.0), (-4.0, -1.0), (0.8, 1.6), 0.7),
            BandPrior("peak", (2000.0, 3500.0), (0.5, 3.5), (0.7, 1.4), 0.7),
            BandPrior("high_shelf", (8000.0, 12_000.0), (-3.0, 1.0), probability=0.6),
        ),
        compressor=CompressorPrior(0.7, (-20.0, -13.0), (2.0, 3.5), (10.0, 50.0), (80.0, 300.0)),
        saturation=SaturationPrior(0.2, (1.0, 6.0), (0.2, 0.5)),
        level_db=(-11.0, -9.0),
        pan=(0.2, 0.8),
        send_db=(-22.0, -12.0),
        send_probability=0.7,
    ),
    "keys": RolePrior(
        eq=(
            BandPrior("high_pass", (80.0, 180.0)),
            BandPrior("peak", (250.0, 500.0), (-4.0, -1.0), (0.8, 1.6), 0.6),
            BandPrior("peak", (2000.0, 4000.0), (0.5, 3.5), (0.7, 1.4), 0.6),
            BandPrior("high_shelf", (8000.0, 11_000.0), (-3.0, 1.0), probability=0.6),
        ),
        compressor=CompressorPrior(0.6, (-20.0, -13.0), (2.0, 4.0), (10.0, 30.0), (80.0, 300.0)),
        saturation=_RARE_SATURATION,
        level_db=(-13.0, -10.0),
        pan=(0.1, 0.4),
        send_db=(-22.0, -12.0),
        send_probability=0.8,
    ),
    "synth": RolePrior(
        eq=(
            BandPrior("high_pass", (90.0, 200.0)),
            BandPrior("peak", (250.0, 500.0), (-4.0, -1.0), (0.8, 1.6), 0.6),
            BandPrior("peak", (1500.0, 4000.0), (-2.0, 3.0), (0.7, 1.4), 0.6),
            BandPrior("high_shelf", (8000.0, 11_000.0), (-3.0, 2.0), probability=0.6),
        ),
        compressor=CompressorPrior(0.4, (-18.0, -12.0), (2.0, 3.0), (10.0, 30.0), (100.0, 300.0)),
        saturation=_RARE_SATURATION,
        level_db=(-14.0, -10.0),
        pan=(0.1, 0.4),
        send_db=(-20.0, -11.0),
        send_probability=0.85,
    ),
    "winds": RolePrior(
        eq=(
            BandPrior("high_pass", (120.0, 200.0)),
            BandPrior("peak", (800.0, 1500.0), (-2.0, 2.0), (0.7, 1.4), 0.6),
            BandPrior("high_shelf", (7000.0, 10_000.0), (-1.0, 2.5), probability=0.5),
        ),
        compressor=CompressorPrior(0.7, (-20.0, -14.0), (2.0, 3.0), (15.0, 50.0), (100.0, 300.0)),
        saturation=_RARE_SATURATION,
        level_db=(-13.0, -10.0),
        pan=(0.1, 0.5),
        send_db=(-18.0, -10.0),
        send_probability=0.9,
    ),
    "lead_vocal": RolePrior(
        eq=(
            BandPrior("high_pass", (80.0, 120.0)),
            BandPrior("peak", (200.0, 400.0), (-4.0, -1.0), (1.0, 2.0), 0.7),
            BandPrior("peak", (2000.0, 5000.0), (1.0, 4.0), (0.6, 1.4), 0.9),
            BandPrior("high_shelf", (8000.0, 12_000.0), (0.5, 4.5), probability=0.75),
        ),
        compressor=CompressorPrior(1.0, (-24.0, -16.0), (3.0, 6.0), (2.0, 15.0), (60.0, 250.0)),
        saturation=SaturationPrior(0.3, (2.0, 7.0), (0.2, 0.5)),
        level_db=(-8.5, -6.5),
        send_db=(-22.0, -12.0),
        send_probability=0.95,
    ),
    "backing_vocals": RolePrior(
        eq=(
            BandPrior("high_pass", (110.0, 200.0)),
            BandPrior("peak", (250.0, 500.0), (-4.0, -1.0), (0.8, 1.6), 0.7),
            BandPrior("high_shelf", (8000.0, 12_000.0), (0.0, 3.0), probability=0.7),
        ),
        compressor=CompressorPrior(1.0, (-24.0, -16.0), (3.0, 6.0), (2.0, 15.0), (60.0, 250.0)),
        saturation=_RARE_SATURATION,
        level_db=(-13.0, -9.5),
        pan=(0.3, 0.8),
        send_db=(-18.0, -9.0),
        send_probability=0.95,
    ),
}

STEREO_WIDTH: Range = (0.9, 1.3)  # of tracks recorded in stereo

# A bus compressor follows its own input: its threshold is drawn relative to the loudness there.
BUS_COMPRESSORS = {
    "drums": CompressorPrior(0.7, (0.0, 6.0), (2.0, 4.0), (10.0, 30.0), (80.0, 250.0), (0.6, 1.0)),
    "vocals": CompressorPrior(0.5, (0.0, 5.0), (1.5, 3.0), (5.0, 20.0), (80.0, 250.0)),
}
MASTER_EQ = (
    BandPrior("low_shelf", (50.0, 120.0), (-1.5, 1.5)),
    BandPrior("peak", (250.0, 500.0), (-1.5, 0.5), (0.5, 1.0), 0.4),
    BandPrior("high_shelf", (3500.0, 8000.0), (-1.0, 1.5)),
)
MASTER_COMPRESSOR = CompressorPrior(0.8, (2.0, 7.0), (1.3, 2.0), (20.0, 30.0), (100.0, 300.0))
