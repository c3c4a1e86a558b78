"""Folders shaped like MUSDB: which songs there are, what is wrong with them, and how an archive becomes one.

A corpus is a folder of songs, or of splits (train/, valid/, test/) that hold songs; a song is a folder with one
audio file per stem and, usually, their mixture.
"""

from fxnorm.corpus.extraction import extract
from fxnorm.corpus.folders import SPLITS, VALIDATION_SONGS, StemPaths, TrackRef, scan
from fxnorm.corpus.inspection import inspect
from fxnorm.corpus.reports import FileReport, TrackReport

__all__ = [
    "SPLITS",
    "VALIDATION_SONGS",
    "FileReport",
    "StemPaths",
    "TrackRef",
    "TrackReport",
    "extract",
    "inspect",
    "scan",
]
