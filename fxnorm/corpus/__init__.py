"""Songs on disk: find and sort their files, read them, check them, and unpack them from archives.

A corpus is a folder of songs, or of splits (train/, valid/, test/) that hold songs. A song is a folder with one audio
file per stem and, usually, their mixture, or with any number of recordings named by instrument.
"""

from fxnorm.choices import SPLITS
from fxnorm.corpus.extraction import extract, unpacked
from fxnorm.corpus.folders import scan, scan_folders
from fxnorm.corpus.inspection import inspect
from fxnorm.corpus.multitrack import Multitrack
from fxnorm.corpus.reports import FileReport, TrackReport
from fxnorm.corpus.splits import VALIDATION_SONGS
from fxnorm.corpus.stems import StemFiles
from fxnorm.corpus.track import Track

__all__ = [
    "SPLITS",
    "VALIDATION_SONGS",
    "FileReport",
    "Multitrack",
    "StemFiles",
    "Track",
    "TrackReport",
    "extract",
    "inspect",
    "scan",
    "scan_folders",
    "unpacked",
]
