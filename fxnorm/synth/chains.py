"""Drawing a channel strip: from the habits to the inserts of one stem."""

from dataclasses import dataclass

import numpy as np

from fxnorm.dsp.biquads import Band
from fxnorm.synth import priors
from fxnorm.synth.priors import BandHabit, CompressorHabit, ReverbHabit, StemHabits
from fxnorm.synth.processors import Compressor, Decorrelation, Insert, Pan, ParametricEq, Reverb, Saturation, Width
from fxnorm.synth.seeding import chance, draw, draw_hz

SEEDS = 2**31


@dataclass(frozen=True)
class Taste:
    """What an engineer likes, on every channel of a song."""

    wetness_db: float
    brightness_db: float
    squash_db: float
    spread: float


def draw_taste(rng: np.random.Generator) -> Taste:
    """Draw an engineer's taste."""
    return Taste(
        wetness_db=draw(rng, priors.TASTE_WETNESS_DB, 1),
        brightness_db=draw(rng, priors.TASTE_BRIGHTNESS_DB, 1),
        squash_db=draw(rng, priors.TASTE_SQUASH_DB, 1),
        spread=draw(rng, priors.TASTE_SPREAD),
    )


def draw_chain(rng: np.random.Generator, habit: StemHabits, taste: Taste) -> tuple[Insert, ...]:
    """Equaliser, compressor, saturation, place, width and reverb: the order of a channel strip."""
    chain: list[Insert] = [ParametricEq(tuple(_draw_bands(rng, habit.eq, taste)))]
    stages = (habit.peaks, habit.compressor)
    chain += [_draw_compressor(rng, stage, taste) for stage in stages if chance(rng, stage.chance)]
    if chance(rng, habit.saturation.chance):
        chain.append(Saturation(draw(rng, habit.saturation.drive_db, 1), draw(rng, habit.saturation.mix)))
    chain += _draw_stereo(rng, habit, taste)
    if chance(rng, habit.reverb.chance):
        chain.append(_draw_reverb(rng, habit.reverb, taste))
    return tuple(chain)


def _draw_compressor(rng: np.random.Generator, habit: CompressorHabit, taste: Taste) -> Compressor:
    return Compressor(
        threshold_db=round(draw(rng, habit.threshold_db, 1) + taste.squash_db, 1),
        ratio=draw(rng, habit.ratio, 1),
        attack_ms=draw(rng, habit.attack_ms, 1),
        release_ms=draw(rng, habit.release_ms, 0),
        knee_db=draw(rng, priors.KNEE_DB, 1),
        makeup_db=draw(rng, priors.MAKEUP_DB, 1),
        mix=draw(rng, habit.mix),
    )


def _draw_bands(rng: np.random.Generator, bands: tuple[BandHabit, ...], taste: Taste) -> list[Band]:
    drawn = []
    for band in bands:
        if chance(rng, band.chance):
            gain_db = draw(rng, band.gain_db, 1) + (taste.brightness_db if band.kind == "high_shelf" else 0.0)
            drawn.append(Band(band.kind, draw_hz(rng, band.frequency_hz), round(gain_db, 1), draw(rng, band.q, 4)))
    return drawn


def _draw_stereo(rng: np.random.Generator, habit: StemHabits, taste: Taste) -> list[Insert]:
    stereo = habit.stereo
    drawn: list[Insert] = []
    if chance(rng, stereo.decorrelation_chance):
        drawn.append(
            Decorrelation(
                amount=draw(rng, stereo.decorrelation),
                spread_ms=draw(rng, priors.DECORRELATION_MS, 1),
                low_cut_hz=draw_hz(rng, priors.DECORRELATION_LOW_CUT_HZ),
                seed=int(rng.integers(SEEDS)),
            )
        )
    drawn.append(Width(round(draw(rng, stereo.width) * taste.spread, 2)))
    drawn.append(Pan(draw(rng, stereo.pan)))
    return drawn


def _draw_reverb(rng: np.random.Generator, habit: ReverbHabit, taste: Taste) -> Reverb:
    return Reverb(
        decay_s=draw(rng, habit.decay_s),
        pre_delay_ms=draw(rng, habit.pre_delay_ms, 1),
        level_db=round(draw(rng, habit.level_db, 1) + taste.wetness_db, 1),
        low_cut_hz=draw_hz(rng, habit.low_cut_hz),
        high_cut_hz=draw_hz(rng, habit.high_cut_hz),
        size_ms=draw(rng, habit.size_ms, 1),
        treble=draw(rng, habit.treble),
        seed=int(rng.integers(SEEDS)),
    )
