"""Levels of a whole mix: loudness, peaks, width, imbalance, crest factor."""

import numpy as np

from fxnorm.audio import peak
from fxnorm.dsp.true_peak import true_peak
from fxnorm.evaluation.metrics.base import Metric, Recording, Values
from fxnorm.evaluation.metrics.mape import mean_of
from fxnorm.kernels.features import energies
from fxnorm.units import amplitude_to_db, power_to_db

LIMIT_DB = 60.0  # of width and imbalance

METRICS = {
    "loudness": Metric(
        "loudness", "LU", "Difference of integrated loudness.", ignores_swap=True, headline=True, decimals=2
    ),
    "true_peak": Metric("true peak", "dB", "Difference of true peaks.", ignores_swap=True, decimals=2),
    "width": Metric(
        "width",
        "dB",
        "Difference of the energy ratio of side to mid.",
        ignores_level=True,
        ignores_swap=True,
        headline=True,
        decimals=2,
    ),
    "imbalance": Metric(
        "imbalance", "dB", "Difference of the energy ratio of right to left.", ignores_level=True, decimals=2
    ),
    "crest": Metric(
        "crest", "dB", "Difference of crest factors of the whole.", ignores_level=True, ignores_swap=True, decimals=2
    ),
    "loudness_mape": Metric(
        "loudness, MAPE", "", "Published percentage error (1 is 100 %): mean of the two below.", ignores_swap=True
    ),
    "lufs_mape": Metric("LUFS, MAPE", "", "Published percentage error of integrated loudness.", ignores_swap=True),
    "peak_mape": Metric("peak, MAPE", "", "Published percentage error of the sample peak in dBFS.", ignores_swap=True),
}


def measure(recording: Recording) -> Values:
    """Measure the levels of a mix.

    Parameters
    ----------
    recording : Recording

    Returns
    -------
    dict of str to float or None
        `lufs`; `peak_db` and `true_peak_db` (4 times oversampled) in dB of full scale; `width_db`, energy of side over
        mid, and `imbalance_db`, energy of right over left, both within 60 dB; `crest_db`, peak over root mean square.
        None where the mix is silent.
    """
    mix = recording.audio
    left, right, mid, side = energies(np.ascontiguousarray(mix))
    if left + right == 0.0:
        return dict.fromkeys(("lufs", "peak_db", "true_peak_db", "width_db", "imbalance_db", "crest_db"))
    peak_db = float(amplitude_to_db(peak(mix)))
    return {
        "lufs": recording.lufs,
        "peak_db": peak_db,
        "true_peak_db": float(amplitude_to_db(true_peak(mix))),
        "width_db": _ratio_db(side, mid),
        "imbalance_db": _ratio_db(right, left),
        "crest_db": peak_db - float(amplitude_to_db(np.sqrt((left + right) / mix.size))),
    }


def compare(target: Values, mix: Values) -> Values:
    """Return absolute differences in LU and dB, and the published percentage errors of LUFS and peak."""

    def difference(name: str) -> float | None:
        target_value, mix_value = target[name], mix[name]
        return None if target_value is None or mix_value is None else abs(mix_value - target_value)

    def percentage(name: str) -> float | None:
        target_value, error = target[name], difference(name)
        return error / abs(target_value) if target_value and error is not None else None

    percentages = {"lufs_mape": percentage("lufs"), "peak_mape": percentage("peak_db")}
    return {
        "loudness": difference("lufs"),
        "true_peak": difference("true_peak_db"),
        "width": difference("width_db"),
        "imbalance": difference("imbalance_db"),
        "crest": difference("crest_db"),
        "loudness_mape": mean_of(percentages),
        **percentages,
    }


def _ratio_db(numerator: float, denominator: float) -> float:
    if numerator == 0.0 or denominator == 0.0:
        return LIMIT_DB if denominator == 0.0 else -LIMIT_DB
    return float(np.clip(power_to_db(numerator / denominator), -LIMIT_DB, LIMIT_DB))
