"""From dry stems to a mix: read, normalise, let a model mix, write the mix and a card that says what was done."""

from fxnorm.mixing.job import Plan, mix_song, mix_songs, require_target
from fxnorm.mixing.mixer import BASELINES, Mix, Mixer, Prepared
from fxnorm.mixing.output_level import Finish

__all__ = [
    "BASELINES",
    "Finish",
    "Mix",
    "Mixer",
    "Plan",
    "Prepared",
    "mix_song",
    "mix_songs",
    "require_target",
]
