"""Excerpts to listen to: the same place of a target and of all its mixes, equally loud."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fxnorm import audio
from fxnorm.audio import RATE, Audio, loudest, peak
from fxnorm.effects import loudness
from fxnorm.evaluation.pairing import pair
from fxnorm.evaluation.scoring import Song
from fxnorm.units import db_to_amplitude

LUFS = -23.0  # EBU R 128: leaves room for peaks


@dataclass(frozen=True)
class Excerpt:
    """A place in a song, as a person mixed it and as each system did.

    Attributes
    ----------
    song : str
    start_s : float
        From where the target begins to sound.
    target : ndarray, shape (2, samples), float32
        At 44,100 Hz, like the mixes.
    mixes : dict of str to ndarray, shape (2, samples)
        By system.
    """

    song: str
    start_s: float
    target: Audio
    mixes: Mapping[str, Audio]


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
    target, rate = audio.read(song.target)
    found: dict[str, Audio] = {}
    here = slice(0, 0)
    reference: Audio = target
    for system, path in song.mixes.items():
        both = pair(target, rate, *audio.read(path), align=align)
        if not found:
            here = loudest(both.target, RATE, seconds)
            reference = both.target[:, here]
        found[system] = _as_long(both.mix[:, here], here.stop - here.start)
    levelled = [_level(one) for one in (reference, *found.values())]
    room = max(1.0, *(peak(one) for one in levelled))
    reference, *mixes = (one / np.float32(room) for one in levelled)
    return Excerpt(song.name, here.start / RATE, reference, dict(zip(found, mixes, strict=True)))


def _level(excerpt: Audio) -> Audio:
    level = loudness.measure(excerpt, RATE)
    return excerpt if level is None else excerpt * np.float32(db_to_amplitude(LUFS - level))


def _as_long(excerpt: Audio, samples: int) -> Audio:
    return np.pad(excerpt, ((0, 0), (0, samples - excerpt.shape[1])))
