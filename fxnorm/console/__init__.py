"""Console: one editable document of a mix, its processors, and its renderer."""

from fxnorm.console.document import Bus, Console, Master, Send, Strip, TrackStrip
from fxnorm.console.foreign import ForeignProcessor
from fxnorm.console.parameter import Parameter
from fxnorm.console.processor import Gradients, Processor, Stream
from fxnorm.console.processors import (
    Compressor,
    Crossover,
    Decorrelation,
    Eq,
    EqBand,
    Gain,
    Limiter,
    Multiband,
    Pan,
    Reverb,
    Saturation,
    Width,
)
from fxnorm.console.render import Rendering, render_blocks

__all__ = [
    "Bus",
    "Compressor",
    "Console",
    "Crossover",
    "Decorrelation",
    "Eq",
    "EqBand",
    "ForeignProcessor",
    "Gain",
    "Gradients",
    "Limiter",
    "Master",
    "Multiband",
    "Pan",
    "Parameter",
    "Processor",
    "Rendering",
    "Reverb",
    "Saturation",
    "Send",
    "Stream",
    "Strip",
    "TrackStrip",
    "Width",
    "render_blocks",
]
