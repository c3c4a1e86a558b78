"""Loud: drums in front, saturated tracks, and a limiter on the master."""

from fxnorm.synth.engineers.habits import Habits

LOUD = Habits(
    number=3,
    stem_offset_db={"vocals": (-2.0, 0.0), "drums": (1.0, 3.0)},
    high_shelf_offset_db=(0.0, 2.0),
    threshold_offset_db=(-4.0, 0.0),
    ratio_scale=(1.1, 1.5),
    width_scale=(0.9, 1.3),
    reverb_offset_db=(-6.0, -2.0),
    decay_scale=(0.6, 0.9),
    saturation_scale=(1.5, 3.0),
    limiter_probability=1.0,
    limiter_gain_db=(6.0, 10.0),
)
