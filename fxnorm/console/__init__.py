"""Console: one editable document of a mix, its processors, and its renderer."""

from fxnorm.console.document import Bus, Console, Master, Send, Strip, TrackStrip
from fxnorm.console.parameter import Parameter, parameter
from fxnorm.console.processor import Gradients, Processor, Stream
from fxnorm.console.processors import Compressor, Eq, EqBand, Gain, Limiter, Pan, Saturation, Width
from fxnorm.console.render import Rendering, render, render_blocks

__all__ = [
    "Bus",
    "Compressor",
    "Console",
    "Eq",
    "EqBand",
    "Gain",
    "Gradients",
    "Limiter",
    "Master",
    "Pan",
    "Parameter",
    "Processor",
    "Rendering",
    "Saturation",
    "Send",
    "Stream",
    "Strip",
    "TrackStrip",
    "Width",
    "parameter",
    "render",
    "render_blocks",
]
