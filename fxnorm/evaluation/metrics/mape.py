"""Published comparison of features: mean absolute percentage errors of running means, on mixes of one peak level."""

import numpy as np
import numpy.typing as npt

from fxnorm.audio import Audio, peak
from fxnorm.evaluation.metrics.base import Metric, Values
from fxnorm.units import db_to_amplitude

FRAMES = 40  # of a running mean
PEAK_DB = -1.0

Curves = dict[str, npt.NDArray[np.float64]]  # by feature: (frames,) or (channels, frames)


def percentage_metric(title: str, feature: str, *, ignores_swap: bool = False, headline: bool = False) -> Metric:
    """Create a metric of a percentage error. It ignores the level: every mix is brought to one peak level."""
    description = f"Percentage error (1 is 100 %): {feature}."
    return Metric(title, "", description, ignores_level=True, ignores_swap=ignores_swap, headline=headline)


def normalize_peak(mix: Audio) -> Audio:
    """Scale the peak to -1 dBFS; leave silence, and peaks that float32 cannot scale, as they are."""
    largest = peak(mix)
    return mix * np.float32(db_to_amplitude(PEAK_DB) / largest) if largest >= np.finfo(np.float32).tiny else mix


def running_mean(curve: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Average over `FRAMES` frames with a hop of one frame; over all frames of a shorter curve."""
    frames = min(FRAMES, curve.shape[-1])
    sums = np.cumsum(np.concatenate([np.zeros((*curve.shape[:-1], 1)), curve], axis=-1), axis=-1)
    means: npt.NDArray[np.float64] = (sums[..., frames:] - sums[..., :-frames]) / frames
    return means


def percentage_error(target: npt.NDArray[np.float64], mix: npt.NDArray[np.float64]) -> float | None:
    """Return the mean absolute percentage error (1 is 100 %) where the target is not 0; None if it is 0 everywhere."""
    nonzero = target != 0.0
    if not np.any(nonzero):
        return None
    return float(np.mean(np.abs(mix[nonzero] - target[nonzero]) / np.abs(target[nonzero])))


def compare_curves(target: Curves, mix: Curves) -> Values:
    """Average the percentage error of the running means over all features and channels."""
    return {name: percentage_error(running_mean(target[name]), running_mean(mix[name])) for name in target}


def mean_of(values: Values) -> float | None:
    """Average several values; None if any of them is None."""
    defined = [value for value in values.values() if value is not None]
    return float(np.mean(defined)) if defined and len(defined) == len(values) else None
