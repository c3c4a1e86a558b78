"""Songs to mixes on disk: read stems, mix them by a model, set the level, write the mix, its report and its page."""

from fxnorm.mixing.job import BatchResult, OutputOptions, mix_song, mix_songs, require_target
from fxnorm.mixing.output_level import OutputLevel

__all__ = [
    "BatchResult",
    "OutputLevel",
    "OutputOptions",
    "mix_song",
    "mix_songs",
    "require_target",
]
