"""How far apart two sets of features are."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from fxnorm.dsp.stft import grid_frequencies
from fxnorm.units import amplitude_to_db

BAND_HZ = (50.0, 16_000.0)
MEASURES = {"eq": "dB RMS", "peak": "dB", "spread": "dB", "panning": "similarity", "loudness": "LU"}


def distance(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, float]:
    """Distance in every measure that both sets have.

    Parameters
    ----------
    one, other : mapping
        By effect: smoothed curves on the grid for eq and panning, `compression.Peaks`, LUFS. An effect that could not
        be measured is absent or None.

    Returns
    -------
    dict
        eq: root mean square of the level difference between 50 Hz and 16 kHz, dB; peak and spread, dB; panning: mean
        absolute difference of the similarity over the same band; loudness, LU.
    """
    both = {effect for effect in one if one[effect] is not None and other.get(effect) is not None}
    frequencies = grid_frequencies()
    band = (frequencies >= BAND_HZ[0]) & (frequencies <= BAND_HZ[1])
    out: dict[str, float] = {}
    if "eq" in both:
        difference_db = amplitude_to_db(one["eq"]) - amplitude_to_db(other["eq"])
        out["eq"] = float(np.sqrt(np.mean(np.square(difference_db[band]))))
    if "compression" in both:
        out["peak"] = abs(one["compression"].peak_db - other["compression"].peak_db)
        out["spread"] = abs(one["compression"].spread_db - other["compression"].spread_db)
    if "panning" in both:
        out["panning"] = float(np.mean(np.abs(one["panning"] - other["panning"])[band]))
    if "loudness" in both:
        out["loudness"] = abs(one["loudness"] - other["loudness"])
    return out
