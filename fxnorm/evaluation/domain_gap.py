"""Does normalising do what it is for? The gap between wet and dry, before and after.

A wet stem and a dry one of the same performance differ in their features. Normalising both should leave little of
that difference. A figure that mono or silence would win needs its counterpart: what of the stem is *kept*.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from fxnorm.audio import RATE, Audio, is_silent, resample, to_stereo
from fxnorm.audio_files import read
from fxnorm.corpus import TrackRef
from fxnorm.errors import InputError
from fxnorm.normalization.distances import BAND_HZ, distance
from fxnorm.normalization.effects import MEASURED, MODULES
from fxnorm.normalization.normalizer import Normalizer, pad
from fxnorm.parallel import Failure, Progress, explain, run, silent_progress

COHERENCE_POINTS = 2048
_NO_SIDE = 1e-6  # power of the side against the mid, under which there is nothing to keep


@dataclass(frozen=True)
class Gap:
    """One stem's distances between wet and dry, and what normalising kept of it.

    Attributes
    ----------
    song, stem : str
    before, after : dict
        By measure, in the units of `effects.distances.MEASURES`. A measure that one of the two lacks (no onset) is
        absent.
    kept_mid, kept_side : float or None
        Mean of wet and dry; None where a signal has no side.
    """

    song: str
    stem: str
    before: dict[str, float]
    after: dict[str, float]
    kept_mid: float | None
    kept_side: float | None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class _Job:
    wet: TrackRef
    dry: TrackRef
    stem: str
    normalizer: Normalizer


def pair(wet: Sequence[TrackRef], dry: Sequence[TrackRef]) -> list[tuple[TrackRef, TrackRef]]:
    """Wet and dry songs of the same name.

    Raises
    ------
    InputError
        If no song has a counterpart.
    """
    by_name = {track.id: track for track in dry}
    pairs = [(track, by_name[track.id]) for track in wet if track.id in by_name]
    if not pairs:
        raise InputError(
            f"expected wet and dry songs of the same names, got {wet[0].id!r} and {dry[0].id!r}; name the folders alike"
        )
    return pairs


def measure_corpus(
    pairs: Sequence[tuple[TrackRef, TrackRef]],
    normalizer: Normalizer,
    *,
    jobs: int = 1,
    progress: Progress = silent_progress,
) -> tuple[list[Gap], list[Failure]]:
    """Measure every stem that sounds in both songs of a pair.

    Parameters
    ----------
    pairs : sequence of (TrackRef, TrackRef)
        Wet and dry song.
    normalizer : Normalizer
    jobs : int
        Worker processes.
    progress : callable
        Called with (stems measured, stems to measure, what was just measured).

    Returns
    -------
    gaps : list of Gap
    failures : list of Failure
        Stems that could not be read.
    """
    queue = [_Job(wet, dry, stem, normalizer) for wet, dry in pairs for stem in wet.stems if stem in dry.stems]
    gaps, failures = [], []
    for position, (job, outcome) in enumerate(run(_measure, queue, jobs=jobs), start=1):
        if isinstance(outcome, Exception):
            failures.append(Failure(job.wet.id, job.stem, explain(outcome)))
        elif outcome is not None:
            gaps.append(outcome)
        progress(position, len(queue), f"{job.wet.id} {job.stem}")
    return gaps, failures


def measure_stem(song: str, stem: str, wet: Audio, dry: Audio, normalize: Callable[[Audio, str], Audio]) -> Gap | None:
    """Measure one pair of stems at 44,100 Hz; None where one of them is silent.

    Parameters
    ----------
    song, stem : str
    wet, dry : ndarray, shape (channels, samples), float32
        The same performance with and without effects.
    normalize : callable
        From audio and the stem's name to normalised audio of the same length.

    Returns
    -------
    Gap or None
    """
    pair = [to_stereo(wet), to_stereo(dry)]
    if any(is_silent(audio) for audio in pair):
        return None
    normalized = [normalize(audio, stem) for audio in pair]
    kept = [coherence(audio, out) for audio, out in zip(pair, normalized, strict=True)]
    return Gap(
        song=song,
        stem=stem,
        before=distance(*(features(audio, stem) for audio in pair)),
        after=distance(*(features(audio, stem) for audio in normalized)),
        kept_mid=_mean(mid for mid, _side in kept),
        kept_side=_mean(side for _mid, side in kept),
    )


def features(audio: Audio, stem: str) -> dict[str, Any]:
    """Features of a stem as it is, curves smoothed as the averages are; None where one cannot be measured."""
    padded = pad(audio)
    out = {}
    for effect in MEASURED:
        module = MODULES[effect]
        feature = module.measure(padded, RATE)
        smooth = getattr(module, "average", None)
        out[effect] = smooth(feature, stem) if smooth and feature is not None else feature
    return out


def coherence(audio: Audio, normalized: Audio) -> tuple[float | None, float | None]:
    """Mean magnitude-squared coherence of mid and of side, weighted by the energy of the stem.

    Parameters
    ----------
    audio, normalized : ndarray, shape (2, samples), float32
        A stem and what became of it.

    Returns
    -------
    mid, side : float or None
        1 where every bin is the stem through some fixed filter, 0 where nothing of it is left; None where the stem has
        no such signal.
    """
    from scipy.signal import csd, welch

    mid_and_side = [np.stack([x[0] + x[1], x[0] - x[1]]) / 2.0 for x in (audio, normalized)]
    welch_options = {"fs": RATE, "nperseg": COHERENCE_POINTS}
    frequencies, power = welch(mid_and_side[0], **welch_options)
    _, power_out = welch(mid_and_side[1], **welch_options)
    _, cross = csd(*mid_and_side, **welch_options)
    band = (frequencies >= BAND_HZ[0]) & (frequencies <= BAND_HZ[1])
    both = power * power_out
    squared = np.where(both > 0.0, np.abs(cross) ** 2 / np.where(both > 0.0, both, 1.0), 0.0)
    energy = power[:, band].sum(axis=1)
    weighted = (squared * power)[:, band].sum(axis=1)
    mid, side = (
        float(weighted[c] / energy[c]) if energy[c] > _NO_SIDE * energy.max() and energy[c] > 0.0 else None
        for c in range(2)
    )
    return mid, side


def ratio(gaps: Iterable[Gap], measure: str) -> float | None:
    """Mean distance after over mean distance before; None where there was no distance."""
    pairs = [
        (gap.before[measure], gap.after[measure]) for gap in gaps if measure in gap.before and measure in gap.after
    ]
    before = sum(pair[0] for pair in pairs)
    return sum(pair[1] for pair in pairs) / before if before > 0.0 else None


def kept(gaps: Iterable[Gap]) -> tuple[float | None, float | None]:
    """Mean of what is kept of mid and of side."""
    several = list(gaps)
    return _mean(gap.kept_mid for gap in several), _mean(gap.kept_side for gap in several)


def _measure(job: _Job) -> Gap | None:
    wet, dry = (
        resample(to_stereo(audio), rate, RATE)
        for audio, rate in (read(track.stems[job.stem]) for track in (job.wet, job.dry))
    )
    return measure_stem(job.wet.id, job.stem, wet, dry, lambda audio, stem: job.normalizer(audio, RATE, stem)[0])


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
