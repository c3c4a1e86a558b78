"""Synthetic corpus: songs whose dry stems, wet stems and mixtures are known.

A song is drawn from (seed, index): a score, instruments that render it to dry stems, and a mixing engineer whose
console (`fxnorm.console`) makes the wet stems. The mixture is the sum of the wet stems. A multitrack song is the same
performance on 6 to 16 tracks, with an engineer of one of several families.
"""

from fxnorm.dsp.rooms import draw_responses, impulse_response
from fxnorm.synth.chains import EngineerStyle
from fxnorm.synth.corpus import deal_engineer, synthesize_corpus
from fxnorm.synth.engineer import Engineer, SyntheticMix
from fxnorm.synth.multitrack_engineer import MultitrackEngineer, MultitrackMix
from fxnorm.synth.multitrack_songs import MultitrackSong, make_multitrack
from fxnorm.synth.multitrack_writing import write_indexed_multitrack, write_multitrack
from fxnorm.synth.songs import SyntheticSong, make_song, song_name
from fxnorm.synth.writing import CORPUS_VERSION, check_seed, split_of, write_indexed_song, write_song

__all__ = [
    "CORPUS_VERSION",
    "Engineer",
    "EngineerStyle",
    "MultitrackEngineer",
    "MultitrackMix",
    "MultitrackSong",
    "SyntheticMix",
    "SyntheticSong",
    "check_seed",
    "deal_engineer",
    "draw_responses",
    "impulse_response",
    "make_multitrack",
    "make_song",
    "song_name",
    "split_of",
    "synthesize_corpus",
    "write_indexed_multitrack",
    "write_indexed_song",
    "write_multitrack",
    "write_song",
]
