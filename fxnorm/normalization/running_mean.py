"""Running means of features."""

import numpy as np
import numpy.typing as npt

from fxnorm.normalization.effects import MATCHED_EFFECTS
from fxnorm.normalization.feature import Feature

Averages = dict[str, dict[str, Feature]]  # by effect, then by stem


class RunningMean:
    """Weighted means of the features of each effect and stem."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, str], npt.NDArray[np.float64]] = {}
        self._counts: dict[tuple[str, str], int] = {}

    def add(self, effect: str, stem: str, feature: Feature | None, *, weight: int = 1) -> None:
        """Add the feature of one stem; None (e.g. of a silent stem) is left out."""
        if feature is None:
            return
        key = (effect, stem)
        self._sums[key] = self._sums.get(key, 0.0) + weight * feature.to_array()
        self._counts[key] = self._counts.get(key, 0) + weight

    def means(self) -> Averages:
        """Return the means by effect and stem."""
        means: Averages = {effect: {} for effect in MATCHED_EFFECTS}
        for (effect, stem), total in self._sums.items():
            means[effect][stem] = MATCHED_EFFECTS[effect].feature.from_array(total / self._counts[effect, stem])
        return means

    def counts(self) -> dict[str, dict[str, int]]:
        """Return the total weights by effect and stem."""
        counts: dict[str, dict[str, int]] = {effect: {} for effect in MATCHED_EFFECTS}
        for (effect, stem), count in self._counts.items():
            counts[effect][stem] = count
        return counts
