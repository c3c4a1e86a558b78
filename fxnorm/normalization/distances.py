"""Distances between two sets of features."""

from collections.abc import Mapping

from fxnorm.normalization.effects import MATCHED_EFFECTS
from fxnorm.normalization.feature import Feature


def measures() -> dict[str, str]:
    """Return the unit of every distance by name."""
    return {name: unit for effect in MATCHED_EFFECTS.values() for name, unit in effect.feature.measures.items()}


def distance(features: Mapping[str, Feature | None], reference: Mapping[str, Feature | None]) -> dict[str, float]:
    """Return the distances between the features that both sets have.

    Parameters
    ----------
    features, reference : mapping of str to Feature
        By effect, curves smoothed on the grid. A feature that could not be measured is absent or None.

    Returns
    -------
    dict
        By name in `measures`.
    """
    distances: dict[str, float] = {}
    for effect in MATCHED_EFFECTS:
        feature, reference_feature = features.get(effect), reference.get(effect)
        if feature is not None and reference_feature is not None:
            distances |= feature.distance(reference_feature)
    return distances
