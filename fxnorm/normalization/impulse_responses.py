"""Impulse responses for the reverb: from a folder, or synthesised."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from fxnorm import audio, audio_files
from fxnorm.audio import Audio
from fxnorm.errors import InputError
from fxnorm.normalization import reverb


@dataclass(frozen=True)
class Responses:
    """Where impulse responses come from; workers load them once.

    Attributes
    ----------
    folder : Path or None
        Audio files to draw from; None for synthesised rooms.
    decay_s : tuple of float
        Range of the decay times of synthesised rooms.
    count : int
        How many rooms are synthesised.
    seed : int
        Of the synthesised rooms.
    """

    folder: Path | None = None
    decay_s: tuple[float, float] = reverb.DECAY_S
    count: int = 16
    seed: int = 0

    def identity(self) -> list[Any]:
        """What decides which responses these are: names, sizes and times of the files, or how they are made."""
        if self.folder is None:
            return [*self.decay_s, self.count, self.seed]
        states = ((path.name, path.stat()) for path in _files(self.folder))
        return [[name, state.st_size, state.st_mtime_ns] for name, state in states]

    def load(self) -> tuple[Audio, ...]:
        """The responses at 44,100 Hz.

        Raises
        ------
        InputError
            If the folder has no audio in it.
        AudioError
            If a file cannot be used.
        """
        return _load(self)


@cache
def _load(responses: Responses) -> tuple[Audio, ...]:
    if responses.folder is None:
        from fxnorm.dsp import rooms

        rng = np.random.default_rng(responses.seed)
        return tuple(rooms.draw_responses(rng, audio.RATE, responses.count, decay_range_s=responses.decay_s))
    paths = _files(responses.folder)
    if not paths:
        raise InputError(f"{responses.folder}: expected a folder of impulse responses (WAV, FLAC, ...), found none")
    read = (audio_files.read(path) for path in paths)
    return tuple(audio.resample(response, rate, audio.RATE) for response, rate in read)


def _files(folder: Path) -> list[Path]:
    found = folder.iterdir() if folder.is_dir() else []
    return sorted(
        path for path in found if path.suffix.lower() in audio_files.SUFFIXES and not path.name.startswith(".")
    )
