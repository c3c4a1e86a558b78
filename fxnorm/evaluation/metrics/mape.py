"""The published way to compare features: percentage errors of running means, on mixes brought to one peak."""

import numpy as np
import numpy.typing as npt

from fxnorm.audio import Audio, peak
from fxnorm.units import db_to_amplitude

FRAMES = 40  # of a running mean
PEAK_DB = -1.0

Curves = dict[str, npt.NDArray[np.float64]]  # by feature: (frames,) or (channels, frames)


def to_peak(mix: Audio) -> Audio:
    """A mix whose largest sample is at -1 dBFS; silence stays what it is, and so does what has no gain in float32."""
    largest = peak(mix)
    return mix * np.float32(db_to_amplitude(PEAK_DB) / largest) if largest >= np.finfo(np.float32).tiny else mix


def running_mean(curve: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Means over `FRAMES` frames, each starting one frame after the last; over all there are, if there are fewer."""
    frames = min(FRAMES, curve.shape[-1])
    sums = np.cumsum(np.concatenate([np.zeros((*curve.shape[:-1], 1)), curve], axis=-1), axis=-1)
    means: npt.NDArray[np.float64] = (sums[..., frames:] - sums[..., :-frames]) / frames
    return means


def percentage_error(target: npt.NDArray[np.float64], mix: npt.NDArray[np.float64]) -> float | None:
    """Mean absolute percentage error, as a share; None where no figure of the target is other than 0."""
    there = target != 0.0
    if not np.any(there):
        return None
    return float(np.mean(np.abs(mix[there] - target[there]) / np.abs(target[there])))


def compare_curves(target: Curves, mix: Curves) -> dict[str, float | None]:
    """Percentage errors of the running means of every feature; over the channels, their mean."""
    return {name: percentage_error(running_mean(target[name]), running_mean(mix[name])) for name in target}


def mean_of(values: dict[str, float | None]) -> float | None:
    """The mean of several figures; None where one of them is None."""
    there = [value for value in values.values() if value is not None]
    return float(np.mean(there)) if there and len(there) == len(values) else None
