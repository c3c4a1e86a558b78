"""Mixes that need no learning: what a network has to be better than."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from fxnorm.audio import Audio
from fxnorm.corpus.stems import STEMS
from fxnorm.errors import InputError

PEAK = 0.9  # of the naive mix


def add(stems: npt.ArrayLike) -> Audio:
    """Add stems as they are.

    Parameters
    ----------
    stems : array_like, shape (4, 2, samples)
        As recorded for the baseline `sum`, normalised for `normalized-sum`.

    Returns
    -------
    ndarray, shape (2, samples), float32

    Raises
    ------
    InputError
        If the shape is another.
    """
    return _require_stems(stems).sum(axis=0)


def average(stems: npt.ArrayLike) -> Audio:
    """Take the mean of the stems, at a peak of 0.9: the naive mix.

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
    largest = np.abs(mean).max(initial=0.0)
    return mean * np.float32(PEAK / largest) if largest > 0.0 else mean


# by name: whether the stems are normalised first is the difference between the first two
BASELINES: dict[str, Callable[[npt.ArrayLike], Audio]] = {"sum": add, "normalized-sum": add, "naive": average}


def _require_stems(stems: npt.ArrayLike) -> Audio:
    array = np.asarray(stems, dtype=np.float32)
    if array.ndim != 3 or array.shape[:2] != (len(STEMS), 2):
        raise InputError(
            f"expected stems of shape ({len(STEMS)}, 2, samples), got {array.shape}; stack {', '.join(STEMS)}"
        )
    return array
