"""Draw a channel strip: from the priors of a stem to its chain of processors."""

from dataclasses import dataclass

import numpy as np

from fxnorm.console.processor import Processor
from fxnorm.console.processors import Compressor, Decorrelation, Eq, EqBand, Pan, Reverb, Saturation, Width
from fxnorm.console.processors.reverb import SEED_LIMIT
from fxnorm.console.settings import Settings, own_parameters
from fxnorm.synth import priors
from fxnorm.synth.priors import BandPrior, CompressorPrior, ReverbPrior, StemPrior
from fxnorm.synth.seeding import bernoulli, log_uniform_hz, uniform


@dataclass(frozen=True)
class EngineerStyle:
    """Offsets and factors that an engineer applies to every channel of a song."""

    reverb_offset_db: float
    high_shelf_offset_db: float
    threshold_offset_db: float
    width_scale: float


def draw_style(rng: np.random.Generator) -> EngineerStyle:
    """Draw the style of an engineer."""
    return EngineerStyle(
        reverb_offset_db=uniform(rng, priors.REVERB_OFFSET_DB, 1),
        high_shelf_offset_db=uniform(rng, priors.HIGH_SHELF_OFFSET_DB, 1),
        threshold_offset_db=uniform(rng, priors.THRESHOLD_OFFSET_DB, 1),
        width_scale=uniform(rng, priors.WIDTH_SCALE),
    )


def draw_chain(rng: np.random.Generator, prior: StemPrior, style: EngineerStyle) -> tuple[Processor, ...]:
    """Draw equaliser, compressors, saturation, width, pan and reverb, in the order of a channel strip."""
    chain: list[Processor] = [Eq(tuple(draw_bands(rng, prior.eq, style)))]
    compressors = (prior.peak_compressor, prior.compressor)
    chain += [draw_compressor(rng, prior, style) for prior in compressors if bernoulli(rng, prior.probability)]
    if bernoulli(rng, prior.saturation.probability):
        chain.append(Saturation(uniform(rng, prior.saturation.drive_db, 1), uniform(rng, prior.saturation.wet)))
    chain += _draw_stereo(rng, prior, style)
    if bernoulli(rng, prior.reverb.probability):
        chain.append(_draw_reverb(rng, prior.reverb, style))
    return tuple(chain)


def draw_bands(rng: np.random.Generator, band_priors: tuple[BandPrior, ...], style: EngineerStyle) -> list[EqBand]:
    """Draw the bands of an equaliser."""
    bands = []
    for prior in band_priors:
        if bernoulli(rng, prior.probability):
            offset_db = style.high_shelf_offset_db if prior.kind == "high_shelf" else 0.0
            gain_db = in_range(EqBand, "gain_db", uniform(rng, prior.gain_db, 1) + offset_db, 1)
            frequency_hz = log_uniform_hz(rng, prior.frequency_hz)
            bands.append(EqBand(prior.kind, frequency_hz, gain_db, uniform(rng, prior.q, 4)))
    return bands


def draw_compressor(rng: np.random.Generator, prior: CompressorPrior, style: EngineerStyle) -> Compressor:
    """Draw a compressor."""
    threshold_db = uniform(rng, prior.threshold_db, 1) + style.threshold_offset_db
    return Compressor(
        threshold_db=in_range(Compressor, "threshold_db", threshold_db, 1),
        ratio=uniform(rng, prior.ratio, 1),
        attack_ms=uniform(rng, prior.attack_ms, 1),
        release_ms=uniform(rng, prior.release_ms, 0),
        knee_db=uniform(rng, priors.KNEE_DB, 1),
        makeup_db=uniform(rng, priors.MAKEUP_DB, 1),
        wet=uniform(rng, prior.wet),
    )


def in_range(kind: type[Settings], name: str, value: float, digits: int) -> float:
    """Round a sum or product of draws and move it into the range of the setting."""
    return own_parameters(kind)[name].clip(round(value, digits))


def _draw_stereo(rng: np.random.Generator, prior: StemPrior, style: EngineerStyle) -> list[Processor]:
    stereo = prior.stereo
    processors: list[Processor] = []
    if bernoulli(rng, stereo.decorrelation_probability):
        processors.append(
            Decorrelation(
                amount=uniform(rng, stereo.decorrelation),
                window_ms=uniform(rng, priors.DECORRELATION_WINDOW_MS, 1),
                low_cut_hz=log_uniform_hz(rng, priors.DECORRELATION_LOW_CUT_HZ),
                seed=int(rng.integers(SEED_LIMIT)),
            )
        )
    processors.append(Width(in_range(Width, "width", uniform(rng, stereo.width) * style.width_scale, 2)))
    processors.append(Pan(uniform(rng, stereo.pan)))
    return processors


def _draw_reverb(rng: np.random.Generator, prior: ReverbPrior, style: EngineerStyle) -> Reverb:
    return Reverb(
        decay_s=uniform(rng, prior.decay_s),
        pre_delay_ms=uniform(rng, prior.pre_delay_ms, 1),
        level_db=in_range(Reverb, "level_db", uniform(rng, prior.level_db, 1) + style.reverb_offset_db, 1),
        low_cut_hz=log_uniform_hz(rng, prior.low_cut_hz),
        high_cut_hz=log_uniform_hz(rng, prior.high_cut_hz),
        size_ms=uniform(rng, prior.size_ms, 1),
        treble=uniform(rng, prior.treble),
        seed=int(rng.integers(SEED_LIMIT)),
    )
