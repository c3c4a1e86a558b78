"""Segments of audio files at the sample rate of the models."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from fxnorm import audio, audio_files
from fxnorm.audio import SAMPLE_RATE, Audio
from fxnorm.errors import AudioError

CONTEXT_SAMPLES = 4096  # resampled around a segment: longer than the filter of the resampler


@dataclass(frozen=True)
class SourceFile:
    """An audio file whose header was read once, for any number of segments.

    Attributes
    ----------
    path : Path
    sample_rate : int
        Of the file, in Hz.
    samples : int
        Length at 44,100 Hz.
    """

    path: Path
    sample_rate: int
    samples: int

    @classmethod
    def probe(cls, path: Path) -> Self:
        """Read the header of a file.

        Raises
        ------
        AudioError
            If the file cannot be opened, has more than two channels, or an impossible sample rate.
        """
        info = audio_files.probe(path)
        if info.fault:
            raise AudioError(f"{path}: {info.fault}")
        return cls(path, info.sample_rate, round(info.samples * SAMPLE_RATE / info.sample_rate))

    def read(self, start: int, samples: int) -> Audio:
        """Read a segment in stereo at 44,100 Hz.

        Parameters
        ----------
        start, samples : int
            First sample and number of samples, at 44,100 Hz.

        Returns
        -------
        ndarray, shape (2, samples), float32
            Zero after the end of the file. A file of another sample rate gives the segment of the resampled file.

        Raises
        ------
        AudioError
            If the file is missing, damaged in this segment, or not finite in it.
        """
        if self.sample_rate == SAMPLE_RATE:
            return audio.to_stereo(audio_files.read_segment(self.path, start, samples))
        divisor = math.gcd(self.sample_rate, SAMPLE_RATE)
        period = SAMPLE_RATE // divisor  # in samples of the models; both rates have a sample where one begins
        periods = max(0, start - CONTEXT_SAMPLES) // period
        lead = start - periods * period
        length = lead + samples + CONTEXT_SAMPLES
        source = audio_files.read_segment(
            self.path, periods * (self.sample_rate // divisor), -(-length * self.sample_rate // SAMPLE_RATE)
        )
        resampled = audio.resample(source, self.sample_rate, SAMPLE_RATE, samples=length)
        return audio.to_stereo(resampled[:, lead : lead + samples])


def read_sum(sources: Iterable[SourceFile], start: int, samples: int) -> Audio:
    """Read and sum the same segment of several files, shape (2, samples)."""
    total = np.zeros((2, samples), dtype=np.float32)
    for source in sources:
        total += source.read(start, samples)
    return total
