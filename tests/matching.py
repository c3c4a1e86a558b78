"""Helpers that measure and match effects by name, with plain arrays."""

from typing import Any

import numpy as np
import numpy.typing as npt

from fxnorm.audio import Audio
from fxnorm.normalization import effect
from fxnorm.normalization.effect import AppliedEffect
from fxnorm.normalization.effects import MATCHED_EFFECTS


def measure(name: str, audio: Audio, sample_rate: int) -> Any:
    """The array of a curve, the value of a scalar, other features as they are; None where there is none."""
    return plain(MATCHED_EFFECTS[name].measure(audio, sample_rate))


def smooth(name: str, curve: npt.NDArray[np.floating], stem: str) -> npt.NDArray[np.float64]:
    """Return a measured curve as statistics average it."""
    kind = MATCHED_EFFECTS[name]
    return kind.smooth(kind.feature.from_array(curve), stem).to_array()


def match(
    name: str, audio: Audio, sample_rate: int, target: Any, *, stem: str = "other", **options: Any
) -> tuple[Audio, AppliedEffect]:
    """Match a stem to a target given as feature, array or number."""
    kind = MATCHED_EFFECTS[name]
    feature = target if isinstance(target, kind.feature) else kind.feature.from_array(np.atleast_1d(target))
    return effect.match(kind, audio, sample_rate, feature, stem=stem, **options)


def plain(feature: Any) -> Any:
    """The array of a curve, the value of a scalar, other features as they are."""
    return getattr(feature, "values", getattr(feature, "value", feature))
