"""Excerpts to listen to: the same place of a target and of all its mixes, equally loud."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from fxnorm import audio_files
from fxnorm.audio import RATE, Audio, loudest, peak
from fxnorm.evaluation.alignment import pair
from fxnorm.evaluation.results import Test
from fxnorm.evaluation.songs import Song
from fxnorm.normalization import loudness
from fxnorm.units import db_to_amplitude

LUFS = -23.0  # EBU R 128: leaves room for peaks


@dataclass(frozen=True)
class Excerpt:
    """A place in a song, as a person mixed it and as each system did.

    Attributes
    ----------
    song : str
    start_s : float
        In the target.
    target : ndarray, shape (2, samples), float32
        At 44,100 Hz, like the mixes.
    mixes : dict of str to ndarray, shape (2, samples)
        By system.
    """

    song: str
    start_s: float
    target: Audio
    mixes: Mapping[str, Audio]


def listened(test: Test) -> list[Song]:
    """Songs that every system has, without the mixes of ceilings, which would be the target once more."""
    return [
        replace(song, mixes={name: path for name, path in song.mixes.items() if name in test.contestants})
        for song in test.songs
        if song.name in test.complete and test.contestants
    ]


def cut(song: Song, seconds: float, *, align: bool = False) -> Excerpt:
    """The loudest excerpt of a song's target, and the same place of its mixes.

    Parameters
    ----------
    song : Song
    seconds : float
    align : bool
        Move mixes that come early or late.

    Returns
    -------
    Excerpt
        All brought to -23 LUFS, and all of them lower by the same amount if one would leave full scale.

    Raises
    ------
    AudioError
        If a file cannot be used.
    """
    target, rate = audio_files.read(song.target)
    found: dict[str, Audio] = {}
    start, reference = 0, target
    for system, path in song.mixes.items():
        both = pair(target, rate, *audio_files.read(path), align=align)
        if not found:
            here = loudest(both.target, RATE, seconds)
            start, reference = both.start + here.start, both.target[:, here]
        found[system] = _stretch(both.mix, start - both.start, reference.shape[1])
    levelled = [_level(one) for one in (reference, *found.values())]
    room = max(1.0, *(peak(one) for one in levelled))
    reference, *mixes = (one / np.float32(room) for one in levelled)
    return Excerpt(song.name, start / RATE, reference, dict(zip(found, mixes, strict=True)))


def _level(excerpt: Audio) -> Audio:
    level = loudness.measure(excerpt, RATE)
    return excerpt if level is None else excerpt * np.float32(db_to_amplitude(LUFS - level))


def _stretch(mix: Audio, start: int, samples: int) -> Audio:
    """So many samples of a mix from `start`, which may lie before it; silence where it has none."""
    inside = mix[:, max(0, start) : max(0, start + samples)]
    before = min(samples, max(0, -start))
    return np.pad(inside, ((0, 0), (before, samples - before - inside.shape[1])))
