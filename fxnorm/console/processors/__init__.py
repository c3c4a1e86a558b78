"""Processors of a console, one per file. A new file is imported here, and is then known everywhere."""

from fxnorm.console.processors.compressor import Compressor
from fxnorm.console.processors.decorrelation import Decorrelation
from fxnorm.console.processors.eq import Eq, EqBand
from fxnorm.console.processors.gain import Gain
from fxnorm.console.processors.limiter import Limiter
from fxnorm.console.processors.multiband import Crossover, Multiband
from fxnorm.console.processors.pan import Pan
from fxnorm.console.processors.reverb import Reverb
from fxnorm.console.processors.saturation import Saturation
from fxnorm.console.processors.width import Width

__all__ = [
    "Compressor",
    "Crossover",
    "Decorrelation",
    "Eq",
    "EqBand",
    "Gain",
    "Limiter",
    "Multiband",
    "Pan",
    "Reverb",
    "Saturation",
    "Width",
]
