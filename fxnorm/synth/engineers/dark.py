"""Dark and wide: less treble, more bass, harder compression, longer reverbs, a voice that sits in the mix."""

from fxnorm.synth.engineers.habits import Habits

DARK = Habits(
    number=1,
    stem_offset_db={"vocals": (-4.0, -2.0), "bass": (0.5, 2.0)},
    high_shelf_offset_db=(-5.0, -2.5),
    low_shelf_offset_db=(0.5, 2.0),
    threshold_offset_db=(-7.0, -3.0),
    ratio_scale=(1.3, 1.7),
    width_scale=(1.15, 1.5),
    reverb_offset_db=(1.0, 4.0),
    decay_scale=(1.2, 1.7),
)
