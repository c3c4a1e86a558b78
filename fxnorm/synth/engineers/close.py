"""Close and bright: an upright voice, little compression, hardly any reverb, a narrow image."""

from fxnorm.synth.engineers.habits import Habits

CLOSE = Habits(
    number=2,
    stem_offset_db={"vocals": (1.0, 3.0), "drums": (-3.0, -1.0)},
    high_shelf_offset_db=(1.0, 3.5),
    low_shelf_offset_db=(-2.0, 0.0),
    threshold_offset_db=(2.0, 6.0),
    ratio_scale=(0.7, 0.9),
    width_scale=(0.4, 0.8),
    reverb_offset_db=(-12.0, -6.0),
    decay_scale=(0.4, 0.7),
    saturation_scale=(0.0, 0.4),
)
