"""Habits of a family of engineers: what their mixes have in common, beside the priors of each role."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from fxnorm.console.processors import Limiter
from fxnorm.synth import priors
from fxnorm.synth.chains import EngineerStyle
from fxnorm.synth.seeding import Range, bernoulli, uniform


@dataclass(frozen=True)
class MixStyle(EngineerStyle):
    """Offsets and factors that an engineer applies to every strip of a multitrack song."""

    low_shelf_offset_db: float
    ratio_scale: float
    decay_scale: float
    saturation_scale: float


@dataclass(frozen=True)
class Habits:
    """Ranges that the style of each song is drawn from; the defaults are those of a moderate engineer.

    Attributes
    ----------
    number : int
        Branch of the seed tree; belongs to the family and never changes.
    stem_offset_db : mapping of stem to Range
        Added to the loudness of a stem in the mix.
    high_shelf_offset_db, low_shelf_offset_db : Range
        Added to the gain of every shelf.
    threshold_offset_db, ratio_scale : Range
        Added to every threshold; multiplies every ratio.
    width_scale : Range
        Multiplies every width and every distance from the middle.
    reverb_offset_db, decay_scale : Range
        Added to every send; multiplies every decay time.
    saturation_scale : Range
        Multiplies the probability of saturation.
    limiter_probability, limiter_gain_db : float and Range
        Limiter on the master, and the gain into it above the peak of the mix.
    """

    number: int
    stem_offset_db: Mapping[str, Range] = field(default_factory=dict)
    high_shelf_offset_db: Range = priors.HIGH_SHELF_OFFSET_DB
    low_shelf_offset_db: Range = (-1.0, 1.0)
    threshold_offset_db: Range = priors.THRESHOLD_OFFSET_DB
    ratio_scale: Range = (0.9, 1.1)
    width_scale: Range = priors.WIDTH_SCALE
    reverb_offset_db: Range = priors.REVERB_OFFSET_DB
    decay_scale: Range = (0.85, 1.2)
    saturation_scale: Range = (0.7, 1.3)
    limiter_probability: float = 0.0
    limiter_gain_db: Range = (0.0, 0.0)

    def draw_style(self, rng: np.random.Generator) -> MixStyle:
        """Draw the style of a song."""
        return MixStyle(
            reverb_offset_db=uniform(rng, self.reverb_offset_db, 1),
            high_shelf_offset_db=uniform(rng, self.high_shelf_offset_db, 1),
            threshold_offset_db=uniform(rng, self.threshold_offset_db, 1),
            width_scale=uniform(rng, self.width_scale),
            low_shelf_offset_db=uniform(rng, self.low_shelf_offset_db, 1),
            ratio_scale=uniform(rng, self.ratio_scale),
            decay_scale=uniform(rng, self.decay_scale),
            saturation_scale=uniform(rng, self.saturation_scale),
        )

    def draw_stem_level_db(self, rng: np.random.Generator, stem: str) -> float:
        """Draw the loudness of a stem in the mix."""
        level_db = uniform(rng, priors.STEM_PRIORS[stem].level_db, 1)
        return round(level_db + uniform(rng, self.stem_offset_db.get(stem, (0.0, 0.0)), 1), 1)

    def draw_limiter(self, rng: np.random.Generator) -> Limiter | None:
        """Draw the limiter of the master, if there is one."""
        is_used = bernoulli(rng, self.limiter_probability)
        limiter = Limiter(uniform(rng, self.limiter_gain_db, 1), 0.0, release_ms=uniform(rng, (40.0, 200.0), 0))
        return limiter if is_used else None
