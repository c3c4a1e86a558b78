"""A synthetic corpus: songs whose dry stems and mixes are both known.

A song is drawn from (seed, index): a score, instruments that play it into dry stems, and a mixing engineer whose
chains of inserts make the stems wet. The mixture is the sum of the wet stems.
"""

from fxnorm.dsp.biquads import Band
from fxnorm.dsp.rooms import draw_responses, impulse_response
from fxnorm.synth.chains import Taste
from fxnorm.synth.engineer import Engineer, Mix
from fxnorm.synth.processors import (
    Compressor,
    Decorrelation,
    Gain,
    Insert,
    Pan,
    ParametricEq,
    Reverb,
    Saturation,
    Width,
    restore,
)
from fxnorm.synth.songs import Song, make_song, song_name
from fxnorm.synth.writing import SPLITS, check_seed, split_of, write_indexed_song, write_song

__all__ = [
    "SPLITS",
    "Band",
    "Compressor",
    "Decorrelation",
    "Engineer",
    "Gain",
    "Insert",
    "Mix",
    "Pan",
    "ParametricEq",
    "Reverb",
    "Saturation",
    "Song",
    "Taste",
    "Width",
    "check_seed",
    "draw_responses",
    "impulse_response",
    "make_song",
    "restore",
    "song_name",
    "split_of",
    "write_indexed_song",
    "write_song",
]
