"""Confidence intervals and significance tests of scores, with the song as the unit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

RESAMPLES = 10_000
CONFIDENCE = 0.95
SEED = 0


@dataclass(frozen=True)
class Interval:
    """Mean over songs with its bootstrap confidence interval.

    Attributes
    ----------
    songs : int
    mean, low, high : float
        Of one song, low and high equal the mean.
    """

    songs: int
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class PairedTest:
    """Comparison of a system with a reference system on the same songs.

    Attributes
    ----------
    system, reference : str
    difference : Interval
        Scores of the system minus those of the reference, paired by song.
    p : float or None
        Of a two-sided Wilcoxon signed-rank test, Holm-corrected for the number of tests; None where all scores are
        equal.
    """

    system: str
    reference: str
    difference: Interval
    p: float | None


def mean_interval(values: Sequence[float]) -> Interval | None:
    """Compute mean and percentile bootstrap interval of scores, one per song; None without scores."""
    if not len(values):
        return None
    scores = np.asarray(values, dtype=np.float64)
    means = _resample(scores)
    tail = 50.0 * (1.0 - CONFIDENCE)
    low, high = np.percentile(means, [tail, 100.0 - tail])
    return Interval(scores.size, float(scores.mean()), float(low), float(high))


def compare_with(reference: str, scores: Mapping[str, Sequence[float]]) -> list[PairedTest]:
    """Compare every other system with a reference.

    Parameters
    ----------
    reference : str
        Name of a system in `scores`.
    scores : mapping of str to sequence of float
        By system; the same songs in the same order.

    Returns
    -------
    list of PairedTest

    Notes
    -----
    S. Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Statist. 6, 1979.
    """
    systems = [system for system in scores if system != reference]
    differences = [np.subtract(scores[system], scores[reference]) for system in systems]
    corrected = holm([_signed_rank(difference) for difference in differences])
    return [
        PairedTest(system, reference, interval, p)
        for system, difference, p in zip(systems, differences, corrected, strict=True)
        if (interval := mean_interval(difference.tolist())) is not None
    ]


def holm(values: Sequence[float | None]) -> list[float | None]:
    """Correct p-values for their number by Holm's step-down procedure; None values do not count."""
    order = sorted((index for index, p in enumerate(values) if p is not None), key=lambda index: values[index] or 0.0)
    corrected: list[float | None] = [None] * len(values)
    largest = 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - rank) * (values[index] or 0.0)))
        corrected[index] = largest
    return corrected


def smallest_p(songs: int, tests: int) -> float:
    """Return the smallest corrected p-value that two-sided signed-rank tests of so many songs can reach."""
    return float(tests * 2.0 ** (1 - songs))


def _signed_rank(difference: npt.NDArray[np.float64]) -> float | None:
    if not np.any(difference):
        return None
    from scipy.stats import wilcoxon

    return float(wilcoxon(difference).pvalue)


def _resample(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    indices = np.random.default_rng(SEED).integers(scores.size, size=(RESAMPLES, scores.size))
    means: npt.NDArray[np.float64] = scores[indices].mean(axis=1)
    return means
