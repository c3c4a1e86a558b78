"""Draw the strips, buses and master of a multitrack console from the priors of roles and the style of an engineer."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from fxnorm.console.processor import Processor
from fxnorm.console.processors import Compressor, Eq, EqBand, Reverb, Saturation, Width
from fxnorm.console.processors.reverb import SEED_LIMIT
from fxnorm.synth.chains import draw_bands, draw_compressor, in_range
from fxnorm.synth.engineers import MixStyle
from fxnorm.synth.priors import BandPrior, CompressorPrior, ReverbPrior
from fxnorm.synth.role_priors import STEREO_WIDTH, RolePrior
from fxnorm.synth.seeding import bernoulli, log_uniform_hz, uniform


@dataclass(frozen=True)
class StripSettings:
    """Drawn settings of a track.

    Attributes
    ----------
    processors : tuple of Processor
        Behind the gain that brings the track to the working level.
    level_db : float
        Loudness relative to the other tracks of the stem.
    pan : float
        Distance from the middle.
    send_db : float or None
        Level of the send to the reverb, if there is one.
    """

    processors: tuple[Processor, ...]
    level_db: float
    pan: float
    send_db: float | None


def draw_strip(rng: np.random.Generator, prior: RolePrior, style: MixStyle, *, is_stereo: bool) -> StripSettings:
    """Draw equaliser, compressor, saturation and width, in the order of a strip, and level, pan and send."""
    processors: list[Processor] = [draw_eq(rng, prior.eq, style)]
    if bernoulli(rng, prior.compressor.probability):
        processors.append(draw_scaled_compressor(rng, prior.compressor, style))
    if bernoulli(rng, min(1.0, prior.saturation.probability * style.saturation_scale)):
        processors.append(Saturation(uniform(rng, prior.saturation.drive_db, 1), uniform(rng, prior.saturation.wet)))
    width = in_range(Width, "width", uniform(rng, STEREO_WIDTH) * style.width_scale, 2)
    if is_stereo:
        processors.append(Width(width))
    level_db = uniform(rng, prior.level_db, 1)
    pan = min(1.0, round(uniform(rng, prior.pan) * style.width_scale, 2))
    is_sent = bernoulli(rng, prior.send_probability)
    send_db = round(uniform(rng, prior.send_db, 1) + style.reverb_offset_db, 1)
    return StripSettings(tuple(processors), level_db, pan, send_db if is_sent else None)


def draw_eq(rng: np.random.Generator, band_priors: tuple[BandPrior, ...], style: MixStyle) -> Eq:
    """Draw an equaliser; the style tilts its shelves."""
    bands = draw_bands(rng, band_priors, style)
    return Eq(tuple(_offset(band, style.low_shelf_offset_db) if band.kind == "low_shelf" else band for band in bands))


def draw_scaled_compressor(rng: np.random.Generator, prior: CompressorPrior, style: MixStyle) -> Compressor:
    """Draw a compressor; the style shifts its threshold and scales its ratio."""
    compressor = draw_compressor(rng, prior, style)
    return replace(compressor, ratio=in_range(Compressor, "ratio", compressor.ratio * style.ratio_scale, 2))


def draw_bus_compressor(
    rng: np.random.Generator, prior: CompressorPrior, style: MixStyle, loudness_db: float
) -> Compressor:
    """Draw the compressor of a bus; its threshold follows the loudness of what it receives."""
    relative_db = uniform(rng, prior.threshold_db, 1)
    absolute = replace(prior, threshold_db=(loudness_db + relative_db,) * 2)
    return replace(draw_scaled_compressor(rng, absolute, replace(style, threshold_offset_db=0.0)), makeup_db=0.0)


def draw_reverb_bus(rng: np.random.Generator, prior: ReverbPrior, style: MixStyle) -> Reverb:
    """Draw a reverb without dry signal; the sends have its level."""
    return Reverb(
        level_db=0.0,
        dry=0.0,
        decay_s=in_range(Reverb, "decay_s", uniform(rng, prior.decay_s) * style.decay_scale, 2),
        pre_delay_ms=uniform(rng, prior.pre_delay_ms, 1),
        low_cut_hz=log_uniform_hz(rng, prior.low_cut_hz),
        high_cut_hz=log_uniform_hz(rng, prior.high_cut_hz),
        size_ms=uniform(rng, prior.size_ms, 1),
        treble=uniform(rng, prior.treble),
        seed=int(rng.integers(SEED_LIMIT)),
    )


def share_levels_db(levels_db: Mapping[str, float], sources: Mapping[str, str]) -> dict[str, float]:
    """Divide the level of each source among its tracks: two microphones of one drum are 3 dB softer each."""
    counts = {source: list(sources.values()).count(source) for source in sources.values()}
    return {name: level_db - 10.0 * float(np.log10(counts[sources[name]])) for name, level_db in levels_db.items()}


def _offset(band: EqBand, offset_db: float) -> EqBand:
    return replace(band, gain_db=in_range(EqBand, "gain_db", band.gain_db + offset_db, 1))
