"""Audio examples: the same excerpt of a target and of all its mixes, at equal loudness."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from fxnorm import audio_files
from fxnorm.audio import SAMPLE_RATE, Audio, loudest, peak
from fxnorm.dsp import loudness
from fxnorm.evaluation.alignment import align_pair
from fxnorm.evaluation.comparison import Comparison
from fxnorm.evaluation.songs import EvaluationSong
from fxnorm.units import db_to_amplitude

LUFS = -23.0  # EBU R 128: leaves room for peaks


@dataclass(frozen=True)
class Excerpt:
    """Excerpt of a song as mixed by a human and by each system.

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


def songs_to_hear(comparison: Comparison) -> list[EvaluationSong]:
    """Return the complete songs, without the mixes of oracles, which would repeat the target."""
    return [
        replace(song, mixes={name: path for name, path in song.mixes.items() if name in comparison.systems})
        for song in comparison.songs
        if song.name in comparison.complete_songs and comparison.systems
    ]


def cut_excerpt(song: EvaluationSong, seconds: float, *, align: bool = False) -> Excerpt:
    """Cut the loudest excerpt of a target, and the same excerpt of its mixes.

    Parameters
    ----------
    song : EvaluationSong
    seconds : float
    align : bool
        Shift mixes that are early or late.

    Returns
    -------
    Excerpt
        At -23 LUFS; all signals are lowered by one gain if any of them would clip.

    Raises
    ------
    AudioError
        If a file cannot be used.
    """
    target, sample_rate = audio_files.read(song.target)
    mixes: dict[str, Audio] = {}
    start, target_excerpt = 0, target
    for system, path in song.mixes.items():
        pair = align_pair(target, sample_rate, *audio_files.read(path), remove_lag=align)
        if not mixes:
            span = loudest(pair.target, SAMPLE_RATE, seconds)
            start, target_excerpt = pair.start + span.start, pair.target[:, span]
        mixes[system] = _slice_padded(pair.mix, start - pair.start, target_excerpt.shape[1])
    leveled = [_normalize_loudness(excerpt) for excerpt in (target_excerpt, *mixes.values())]
    headroom = max(1.0, *(peak(excerpt) for excerpt in leveled))
    target_excerpt, *mix_excerpts = (excerpt / np.float32(headroom) for excerpt in leveled)
    return Excerpt(song.name, start / SAMPLE_RATE, target_excerpt, dict(zip(mixes, mix_excerpts, strict=True)))


def _normalize_loudness(excerpt: Audio) -> Audio:
    lufs = loudness.measure(excerpt, SAMPLE_RATE)
    return excerpt if lufs is None else excerpt * np.float32(db_to_amplitude(LUFS - lufs))


def _slice_padded(mix: Audio, start: int, samples: int) -> Audio:
    """Read samples from `start`, which may be negative; zeros outside the mix."""
    segment = mix[:, max(0, start) : max(0, start + samples)]
    lead = min(samples, max(0, -start))
    return np.pad(segment, ((0, 0), (lead, samples - lead - segment.shape[1])))
