"""Domain gap: distance between the features of wet and dry corpora, before and after normalisation."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from fxnorm import corpus
from fxnorm.audio import SAMPLE_RATE, resample, to_stereo
from fxnorm.choices import PRESETS
from fxnorm.corpus import Multitrack
from fxnorm.corpus.stems import STEMS
from fxnorm.errors import InputError
from fxnorm.evaluation.stem_gap import StemGap, mean_defined, measure_stem
from fxnorm.normalization.distances import measures
from fxnorm.normalization.normalizer import Normalizer
from fxnorm.normalization.settings import ChainSettings
from fxnorm.normalization.statistics import FxStats
from fxnorm.parallel import Failure, Progress, default_jobs, explain, run, silent_progress


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
        """Return plain JSON values: the stems by the name of the normaliser."""
        return {name: [gap.to_dict() for gap in gaps] for name, gaps in self.gaps.items()}

    def to_rows(self) -> list[tuple[str, int, list[float | None]]]:
        """Return the rows of a table: name, stem, number of stems, ratio of every measure, mid and side coherence."""
        rows = []
        for name, gaps in self.gaps.items():
            for stem in (*STEMS, "all"):
                selected = [gap for gap in gaps if stem in (gap.stem, "all")]
                figures = [*(ratio(selected, measure) for measure in measures()), *mean_coherence(selected)]
                rows.append((f"{name}, {stem}", len(selected), figures))
        return rows


@dataclass(frozen=True)
class _GapJob:
    wet: Multitrack
    dry: Multitrack
    stem: str
    normalizer: Normalizer


def measure_domain_gap(
    wet: str | Path | Sequence[Multitrack],
    dry: str | Path | Sequence[Multitrack],
    normalizers: Mapping[str, Normalizer] | None = None,
    *,
    split: str | None = None,
    jobs: int | None = None,
    progress: Callable[[str, int, int, str], None] = lambda stage, completed, total, item: None,
) -> DomainGap:
    """Measure the distance between wet and dry stems before and after normalisation.

    Parameters
    ----------
    wet, dry : str, Path, or sequence of Multitrack
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
        normalizers = {preset: Normalizer(FxStats.shipped(), ChainSettings.preset(preset)) for preset in PRESETS}
    gaps: dict[str, list[StemGap]] = {}
    failures: list[Failure] = []
    for name, normalizer in normalizers.items():
        gaps[name], failed = measure_pairs(
            pairs, normalizer, jobs=jobs or default_jobs(), progress=partial(progress, name)
        )
        failures += failed
    return DomainGap(gaps, failures)


def pair_songs(wet: Sequence[Multitrack], dry: Sequence[Multitrack]) -> list[tuple[Multitrack, Multitrack]]:
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
    pairs: Sequence[tuple[Multitrack, Multitrack]],
    normalizer: Normalizer,
    *,
    jobs: int = 1,
    progress: Progress = silent_progress,
) -> tuple[list[StemGap], list[Failure]]:
    """Measure every stem that both songs of a pair have.

    Parameters
    ----------
    pairs : sequence of (Multitrack, Multitrack)
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


def ratio(gaps: Iterable[StemGap], measure: str) -> float | None:
    """Return the ratio of the mean distance after to the mean distance before; None if it was 0."""
    pairs = [
        (gap.before[measure], gap.after[measure]) for gap in gaps if measure in gap.before and measure in gap.after
    ]
    before = sum(pair[0] for pair in pairs)
    return sum(pair[1] for pair in pairs) / before if before > 0.0 else None


def mean_coherence(gaps: Iterable[StemGap]) -> tuple[float | None, float | None]:
    """Return the mean coherence of mid and of side."""
    gaps = list(gaps)
    return mean_defined(gap.mid_coherence for gap in gaps), mean_defined(gap.side_coherence for gap in gaps)


def _scan(tracks: str | Path | Sequence[Multitrack], split: str | None) -> Sequence[Multitrack]:
    return corpus.scan(Path(tracks), split=split) if isinstance(tracks, str | Path) else tracks


def _measure(job: _GapJob) -> StemGap | None:
    wet, dry = (
        resample(to_stereo(audio), sample_rate, SAMPLE_RATE)
        for audio, sample_rate in (track.read_native(job.stem) for track in (job.wet, job.dry))
    )
    return measure_stem(job.wet.id, job.stem, wet, dry, lambda audio, stem: job.normalizer(audio, SAMPLE_RATE, stem)[0])
