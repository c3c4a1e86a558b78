"""Scale-invariant signal-to-distortion ratio.

J. Le Roux, S. Wisdom, H. Erdogan and J. Hershey, "SDR: half-baked or well done?", ICASSP 2019.
"""

import numpy as np

from fxnorm.audio import Audio
from fxnorm.evaluation.metrics.base import Metric, Recording, Values
from fxnorm.kernels.features import products
from fxnorm.units import power_to_db

LIMIT_DB = 100.0  # of a perfect copy, which has no other bound

METRICS = {
    "si_sdr": Metric(
        "SI-SDR",
        "dB",
        "Scale-invariant signal-to-distortion ratio.",
        lower_is_better=False,
        ignores_level=True,
        headline=True,
        decimals=1,
    ),
}


def measure(recording: Recording) -> Audio:
    """Return the samples, which are compared as they are."""
    return recording.audio


def compare(target: Audio, mix: Audio) -> Values:
    """Compute the SI-SDR of a mix."""
    return {"si_sdr": si_sdr(target, mix)}


def si_sdr(target: Audio, mix: Audio) -> float | None:
    """Compute the scale-invariant SDR in dB, both channels as one signal; None if either is silent.

    Clipped to +-100 dB.
    """
    cross, target_energy, mix_energy = products(np.ascontiguousarray(target), np.ascontiguousarray(mix))
    if target_energy == 0.0 or mix_energy == 0.0:
        return None
    projection = cross * cross / target_energy
    tiny = 1e-30 * mix_energy
    ratio_db = power_to_db((projection + tiny) / (max(0.0, mix_energy - projection) + tiny))
    return float(np.clip(ratio_db, -LIMIT_DB, LIMIT_DB))
