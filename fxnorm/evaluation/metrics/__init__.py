"""Metrics that compare a mix with its target.

`FAMILIES` lists the modules that define metrics, in the order of tables; `register` adds one from elsewhere. The
protocol of such a module is in `fxnorm.evaluation.metrics.base`.
"""

from importlib import import_module
from typing import Any, cast

from fxnorm.audio import Audio
from fxnorm.errors import InputError
from fxnorm.evaluation.metrics.base import Family, Metric, Recording, Values

__all__ = ["FAMILIES", "LEADING", "METRICS", "Measurements", "Metric", "Recording", "compare", "headline", "register"]

LEADING = "mrstft_matched"  # ranks the systems; a system cannot win by its level

FAMILIES: dict[str, Family] = {}
METRICS: dict[str, Metric] = {}


def register(module: str) -> None:
    """Add a family of metrics to every evaluation; worker processes import it by name.

    Parameters
    ----------
    module : str
        Importable name of a module with `METRICS`, `measure` and `compare`.

    Raises
    ------
    InputError
        If one of its metrics has the name of another.
    """
    if module in FAMILIES:
        return
    family = cast(Family, import_module(module))
    if duplicates := sorted(METRICS.keys() & family.METRICS.keys()):
        raise InputError(f"{module}: expected metrics of new names, got {duplicates[0]!r} again; rename it")
    FAMILIES[module] = family
    METRICS.update(family.METRICS)


for _name in ("mrstft", "spectral", "panning", "dynamics", "levels", "audio_features", "si_sdr"):
    register(f"{__name__}.{_name}")


def headline() -> tuple[str, ...]:
    """Return the names of the metrics of the first table of a report."""
    return tuple(name for name, metric in METRICS.items() if metric.headline)


class Measurements:
    """Features of a recording, by family.

    Parameters
    ----------
    recording : Recording
    """

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.features: dict[str, Any] = {name: family.measure(recording) for name, family in FAMILIES.items()}

    @property
    def levels(self) -> Values:
        """Absolute figures of the recording: `levels.measure`."""
        levels: Values = self.features[f"{__name__}.levels"]
        return levels

    def compare(self, mix: "Measurements") -> Values:
        """Compare a mix with this target.

        Returns
        -------
        dict of str to float or None
            By the names of `METRICS`; None where a metric is undefined, as of silence.

        Raises
        ------
        InputError
            If the lengths differ.
        """
        target_shape, mix_shape = self.recording.audio.shape, mix.recording.audio.shape
        if target_shape != mix_shape:
            lengths = f"{target_shape[1]} and {mix_shape[1]}"
            raise InputError(f"expected two mixes of one length, got {lengths} samples; see alignment.align_pair")
        values: Values = {}
        for name, features in self.features.items():
            values |= FAMILIES[name].compare(features, mix.features[name])
        return {name: values[name] for name in METRICS if name in values}


def compare(target: Audio, mix: Audio, sample_rate: int) -> Values:
    """Compare a mix with its target by every metric.

    Parameters
    ----------
    target, mix : ndarray, shape (2, samples), float32
        Of one length, at 44,100 Hz, aligned: see `alignment.align_pair`.
    sample_rate : int
        In Hz.

    Returns
    -------
    dict of str to float or None
        By the names of `METRICS`; None where a metric is undefined, as of silence.

    Raises
    ------
    InputError
        If the shapes differ or are not stereo, or the sample rate is not 44,100 Hz.
    """
    return Measurements(Recording(target, sample_rate)).compare(Measurements(Recording(mix, sample_rate)))
