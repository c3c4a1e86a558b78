"""Baselines without training: the sum, the sum of normalised stems, and the mean of the stems."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fxnorm.audio import Audio
from fxnorm.corpus.stems import STEMS
from fxnorm.errors import InputError
from fxnorm.models.base import Progress

NAIVE_PEAK = 0.9


def sum_stems(stems: npt.ArrayLike) -> Audio:
    """Sum stems.

    Parameters
    ----------
    stems : array_like, shape (4, 2, samples)

    Returns
    -------
    ndarray, shape (2, samples), float32

    Raises
    ------
    InputError
        If the shape is another.
    """
    return _require_stems(stems).sum(axis=0)


def mean_stems(stems: npt.ArrayLike) -> Audio:
    """Average stems and scale the mean to a peak of 0.9: the naive mix.

    Parameters
    ----------
    stems : array_like, shape (4, 2, samples)

    Returns
    -------
    ndarray, shape (2, samples), float32
        Silence stays silence.

    Raises
    ------
    InputError
        If the shape is another.
    """
    mean = _require_stems(stems).mean(axis=0)
    peak = np.abs(mean).max(initial=0.0)
    return mean * np.float32(NAIVE_PEAK / peak) if peak > 0.0 else mean


@dataclass(frozen=True)
class Baseline:
    """A fixed formula as a predictor.

    Attributes
    ----------
    name : str
    formula : callable
        Stems (4, 2, samples) -> mix (2, samples).
    normalizes : bool
        Whether stems are normalised first.
    description : str
    """

    name: str
    formula: Callable[[npt.ArrayLike], Audio]
    normalizes: bool
    description: str
    sample_rate: None = None

    def predict(self, stems: npt.ArrayLike, *, progress: Progress = lambda share: None) -> Audio:
        """Map stems (4, 2, samples) to their mix (2, samples)."""
        mix = self.formula(stems)
        progress(1.0)
        return mix


BASELINES = {
    baseline.name: baseline
    for baseline in (
        Baseline("sum", sum_stems, False, "The mix is the sum of the stems."),
        Baseline("normalized-sum", sum_stems, True, "The mix is the sum of the stems."),
        Baseline("naive", mean_stems, False, "The mix is the mean of the stems, scaled to a peak of 0.9."),
    )
}


def _require_stems(stems: npt.ArrayLike) -> Audio:
    array = np.asarray(stems, dtype=np.float32)
    if array.ndim != 3 or array.shape[:2] != (len(STEMS), 2):
        raise InputError(
            f"expected stems of shape ({len(STEMS)}, 2, samples), got {array.shape}; stack {', '.join(STEMS)}"
        )
    return array
