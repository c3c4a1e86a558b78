"""A family of metrics outside fxnorm, as a user would write it."""

from fxnorm.audio import peak
from fxnorm.evaluation.metrics.base import Metric, Recording, Values

METRICS = {"sample_peak": Metric("sample peak", "FS", "Difference of sample peaks.", headline=True)}


def measure(recording: Recording) -> float:
    """Largest magnitude."""
    return peak(recording.audio)


def compare(target: float, mix: float) -> Values:
    """Absolute difference."""
    return {"sample_peak": abs(mix - target)}
