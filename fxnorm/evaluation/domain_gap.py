"""Domain gap: distance between the features of wet and dry stems, before and after normalisation.

Normalisation should leave little of the distance between a wet and a dry stem of the same performance. Mono or silent
output would leave none, so the coherence of mid and side with the input is measured as well.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from fxnorm import corpus
from fxnorm.audio import RATE, Audio, is_silent, read, resample, to_stereo
from fxnorm.corpus import TrackRef
from fxnorm.corpus.stems import STEMS
from fxnorm.errors import InputError
from fxnorm.normalization.distances import BAND_HZ, MEASURES, distance
from fxnorm.normalization.effects import MEASURED, MODULES
from fxnorm.normalization.normalizer import Normalizer, Settings, pad
from fxnorm.normalization.statistics import FxStats
from fxnorm.parallel import Failure, Progress, default_jobs, explain, run, silent_progress

COHERENCE_POINTS = 2048
PRESETS = ("published", "default")
_NO_SIDE = 1e-6  # power of the side relative to the mid, below which the coherence of the side is undefined


@dataclass(frozen=True)
class StemGap:
    """Distances between a wet and a dry stem, and coherence of the normalised stems with their inputs.

    Attributes
    ----------
    song, stem : str
    before, after : dict
        By measure, in the units of `distances.MEASURES`. A measure that is undefined for either stem (without onsets,
        say) is absent.
    mid_coherence, side_coherence : float or None
        Mean of wet and dry, 0 to 1; None for a signal without side.
    """

    song: str
    stem: str
    before: dict[str, float]
    after: dict[str, float]
    mid_coherence: float | None
    side_coherence: float | None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class DomainGap:
    """Gaps of all stems of a corpus.

    Attributes
    ----------
    gaps : dict of str to list of StemGap
        By the name of the normaliser.
    failures : list of Failure
        Stems that could not be read.
    """

    gaps: Mapping[str, Sequence[StemGap]]
    failures: Sequence[Failure] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values: the stems by the name of the normaliser."""
        return {name: [gap.to_dict() for gap in gaps] for name, gaps in self.gaps.items()}

    def to_rows(self) -> list[tuple[str, int, list[float | None]]]:
        """Rows of a table: name and stem, number of stems, ratio of every measure, mid and side coherence."""
        rows = []
        for name, gaps in self.gaps.items():
            for stem in (*STEMS, "all"):
                chosen = [gap for gap in gaps if stem in (gap.stem, "all")]
                figures = [*(ratio(chosen, measure) for measure in MEASURES), *mean_coherence(chosen)]
                rows.append((f"{name}, {stem}", len(chosen), figures))
        return rows


@dataclass(frozen=True)
class _GapJob:
    wet: TrackRef
    dry: TrackRef
    stem: str
    normalizer: Normalizer


def measure_domain_gap(
    wet: str | Path | Sequence[TrackRef],
    dry: str | Path | Sequence[TrackRef],
    normalizers: Mapping[str, Normalizer] | None = None,
    *,
    split: str | None = None,
    jobs: int | None = None,
    progress: Callable[[str, int, int, str], None] = lambda stage, done, total, item: None,
) -> DomainGap:
    """Measure the distance between wet and dry stems before and after normalisation.

    Parameters
    ----------
    wet, dry : str, Path, or sequence of TrackRef
        Corpora of the same performances, paired by the name of the song.
    normalizers : mapping of str to Normalizer, optional
        By name; both presets with the published averages of MUSDB18 if None.
    split : {"train", "valid", "test"}, optional
        Songs to measure, where the corpora are folders.
    jobs : int, optional
        Worker processes; one per processor if None.
    progress : callable
        Called with (name of the normaliser, stems done, stems in all, last stem).

    Returns
    -------
    DomainGap

    Raises
    ------
    InputError
        If no song is in both corpora.
    """
    pairs = pair_songs(*(_scan(tracks, split) for tracks in (wet, dry)))
    if normalizers is None:
        normalizers = {preset: Normalizer(FxStats.shipped(), Settings.preset(preset)) for preset in PRESETS}
    gaps: dict[str, list[StemGap]] = {}
    failures: list[Failure] = []
    for name, normalizer in normalizers.items():
        gaps[name], failed = measure_pairs(
            pairs, normalizer, jobs=jobs or default_jobs(), progress=partial(progress, name)
        )
        failures += failed
    return DomainGap(gaps, failures)


def pair_songs(wet: Sequence[TrackRef], dry: Sequence[TrackRef]) -> list[tuple[TrackRef, TrackRef]]:
    """Pair wet and dry songs by name.

    Raises
    ------
    InputError
        If no song has a counterpart.
    """
    dry_by_id = {track.id: track for track in dry}
    pairs = [(track, dry_by_id[track.id]) for track in wet if track.id in dry_by_id]
    if not pairs:
        raise InputError(
            f"expected wet and dry songs of the same names, got {wet[0].id!r} and {dry[0].id!r}; name the folders alike"
        )
    return pairs


def measure_pairs(
    pairs: Sequence[tuple[TrackRef, TrackRef]],
    normalizer: Normalizer,
    *,
    jobs: int = 1,
    progress: Progress = silent_progress,
) -> tuple[list[StemGap], list[Failure]]:
    """Measure every stem that both songs of a pair have.

    Parameters
    ----------
    pairs : sequence of (TrackRef, TrackRef)
        Wet and dry song.
    normalizer : Normalizer
    jobs : int
        Worker processes.
    progress : callable
        Called with (stems done, stems in all, last stem).

    Returns
    -------
    gaps : list of StemGap
        Without stems that are silent in either song.
    failures : list of Failure
        Stems that could not be read.
    """
    queue = [_GapJob(wet, dry, stem, normalizer) for wet, dry in pairs for stem in wet.stems if stem in dry.stems]
    gaps, failures = [], []
    for position, (job, outcome) in enumerate(run(_measure, queue, jobs=jobs), start=1):
        if isinstance(outcome, Exception):
            failures.append(Failure(job.wet.id, job.stem, explain(outcome)))
        elif outcome is not None:
            gaps.append(outcome)
        progress(position, len(queue), f"{job.wet.id} {job.stem}")
    return gaps, failures


def measure_stem(
    song: str, stem: str, wet: Audio, dry: Audio, normalize: Callable[[Audio, str], Audio]
) -> StemGap | None:
    """Measure one pair of stems at 44,100 Hz.

    Parameters
    ----------
    song, stem : str
    wet, dry : ndarray, shape (channels, samples), float32
        The same performance with and without effects.
    normalize : callable
        Maps audio and the stem's name to normalised audio of the same length.

    Returns
    -------
    StemGap or None
        None if either stem is silent.
    """
    inputs = [to_stereo(wet), to_stereo(dry)]
    if any(is_silent(audio) for audio in inputs):
        return None
    outputs = [normalize(audio, stem) for audio in inputs]
    coherences = [coherence(*signals) for signals in zip(inputs, outputs, strict=True)]
    return StemGap(
        song=song,
        stem=stem,
        before=distance(*(features(audio, stem) for audio in inputs)),
        after=distance(*(features(audio, stem) for audio in outputs)),
        mid_coherence=_mean(mid for mid, _side in coherences),
        side_coherence=_mean(side for _mid, side in coherences),
    )


def features(audio: Audio, stem: str) -> dict[str, Any]:
    """Measure the features of a stem, with curves smoothed as the averages are; None for an undefined feature."""
    padded = pad(audio)
    out = {}
    for effect in MEASURED:
        module = MODULES[effect]
        feature = module.measure(padded, RATE)
        smooth = getattr(module, "average", None)
        out[effect] = smooth(feature, stem) if smooth and feature is not None else feature
    return out


def coherence(audio: Audio, normalized: Audio) -> tuple[float | None, float | None]:
    """Mean magnitude-squared coherence of mid and side, weighted by the energy of the input.

    Parameters
    ----------
    audio, normalized : ndarray, shape (2, samples), float32
        Input and output of normalisation.

    Returns
    -------
    mid, side : float or None
        1 where the output is the input through some fixed filter, 0 where they are unrelated; None for an input without
        such a signal.
    """
    from scipy.signal import csd, welch

    mid_and_side = [np.stack([x[0] + x[1], x[0] - x[1]]) / 2.0 for x in (audio, normalized)]
    welch_options = {"fs": RATE, "nperseg": COHERENCE_POINTS}
    frequencies, power = welch(mid_and_side[0], **welch_options)
    _, output_power = welch(mid_and_side[1], **welch_options)
    _, cross = csd(*mid_and_side, **welch_options)
    band = (frequencies >= BAND_HZ[0]) & (frequencies <= BAND_HZ[1])
    product = power * output_power
    squared = np.where(product > 0.0, np.abs(cross) ** 2 / np.where(product > 0.0, product, 1.0), 0.0)
    energy = power[:, band].sum(axis=1)
    weighted = (squared * power)[:, band].sum(axis=1)
    mid, side = (
        float(weighted[c] / energy[c]) if energy[c] > _NO_SIDE * energy.max() and energy[c] > 0.0 else None
        for c in range(2)
    )
    return mid, side


def ratio(gaps: Iterable[StemGap], measure: str) -> float | None:
    """Ratio of the mean distance after to the mean distance before; None if it was 0."""
    pairs = [
        (gap.before[measure], gap.after[measure]) for gap in gaps if measure in gap.before and measure in gap.after
    ]
    before = sum(pair[0] for pair in pairs)
    return sum(pair[1] for pair in pairs) / before if before > 0.0 else None


def mean_coherence(gaps: Iterable[StemGap]) -> tuple[float | None, float | None]:
    """Mean coherence of mid and of side."""
    gaps = list(gaps)
    return _mean(gap.mid_coherence for gap in gaps), _mean(gap.side_coherence for gap in gaps)


def _scan(tracks: str | Path | Sequence[TrackRef], split: str | None) -> Sequence[TrackRef]:
    return corpus.scan(Path(tracks), split=split) if isinstance(tracks, str | Path) else tracks


def _measure(job: _GapJob) -> StemGap | None:
    wet, dry = (
        resample(to_stereo(audio), sample_rate, RATE)
        for audio, sample_rate in (read(track.stems[job.stem]) for track in (job.wet, job.dry))
    )
    return measure_stem(job.wet.id, job.stem, wet, dry, lambda audio, stem: job.normalizer(audio, RATE, stem)[0])


def _mean(values: Iterable[float | None]) -> float | None:
    defined = [value for value in values if value is not None]
    return float(np.mean(defined)) if defined else None
