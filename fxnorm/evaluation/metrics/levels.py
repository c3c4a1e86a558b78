"""Figures of a whole mix: loudness, true peak, width, imbalance, crest factor."""

from functools import cache

import numpy as np
import numpy.typing as npt

from fxnorm.audio import Audio, peak
from fxnorm.dsp import loudness
from fxnorm.kernels.features import energies, oversampled_peak, products
from fxnorm.units import amplitude_to_db

LIMIT_DB = 60.0  # of width and imbalance: what is further away counts as so far
SDR_LIMIT_DB = 100.0  # a perfect copy has no other bound
OVERSAMPLING = 4
TAPS = 20  # of each phase of the interpolator
_BLOCK = 256

Levels = dict[str, float | None]


def measure(mix: Audio, rate: int) -> Levels:
    """Levels of a mix.

    Parameters
    ----------
    mix : ndarray, shape (2, samples), float32
    rate : int
        Sampling rate in Hz.

    Returns
    -------
    dict of str to float or None
        `lufs`; `peak_db` and `true_peak_db` (4 times oversampled) in dB of full scale; `width_db`, the side's energy
        over the mid's, and `imbalance_db`, the left channel's over the right's, both within 60 dB; `crest_db`, peak
        over root mean square. None where the mix is silent.
    """
    left, right, mid, side = energies(np.ascontiguousarray(mix))
    if left + right == 0.0:
        return dict.fromkeys(("lufs", "peak_db", "true_peak_db", "width_db", "imbalance_db", "crest_db"))
    peak_db = float(amplitude_to_db(peak(mix)))
    return {
        "lufs": loudness.measure(mix, rate),
        "peak_db": peak_db,
        "true_peak_db": float(amplitude_to_db(true_peak(mix))),
        "width_db": _ratio_db(side, mid),
        "imbalance_db": _ratio_db(left, right),
        "crest_db": peak_db - float(amplitude_to_db(np.sqrt((left + right) / mix.size))),
    }


def compare(target: Levels, mix: Levels) -> dict[str, float | None]:
    """What the mix has more or less than the target, in LU and dB, and the published percentages of LUFS and peak."""

    def apart(name: str) -> float | None:
        one, other = target[name], mix[name]
        return None if one is None or other is None else abs(other - one)

    def share(name: str) -> float | None:
        one, difference = target[name], apart(name)
        return difference / abs(one) if one and difference is not None else None

    percentages = {"loudness_lufs": share("lufs"), "loudness_peak": share("peak_db")}
    there = [value for value in percentages.values() if value is not None]
    return {
        "loudness": float(np.mean(there)) if len(there) == len(percentages) else None,
        **percentages,
        "lu": apart("lufs"),
        "true_peak": apart("true_peak_db"),
        "width": apart("width_db"),
        "imbalance": apart("imbalance_db"),
        "crest": apart("crest_db"),
    }


def true_peak(mix: Audio) -> float:
    """Largest magnitude on and between the samples, 4 times oversampled (ITU-R BS.1770-4, Annex 2)."""
    found = peak(mix)
    for channel in mix:
        whole = np.pad(np.abs(channel), (0, -channel.size % _BLOCK)).reshape(-1, _BLOCK).max(axis=1)
        blocks = np.argsort(-whole, kind="stable")
        found = max(found, oversampled_peak(np.ascontiguousarray(channel), _interpolator(), blocks, _BLOCK))
    return found


@cache
def _interpolator() -> npt.NDArray[np.float32]:
    from scipy.signal import firwin

    # an odd number of taps, so that one phase is the samples themselves; the last is 0
    taps = firwin(OVERSAMPLING * TAPS + 1, 1.0 / OVERSAMPLING, window=("kaiser", 5.0))[:-1] * OVERSAMPLING
    return np.ascontiguousarray(taps.reshape(TAPS, OVERSAMPLING).T[:, ::-1], dtype=np.float32)


def _ratio_db(one: float, other: float) -> float:
    if one == 0.0 or other == 0.0:
        return LIMIT_DB if other == 0.0 else -LIMIT_DB
    return float(np.clip(10.0 * np.log10(one / other), -LIMIT_DB, LIMIT_DB))


def si_sdr(target: Audio, mix: Audio) -> float | None:
    """Scale-invariant signal-to-distortion ratio in dB, both channels as one signal; None if either is silent.

    Notes
    -----
    J. Le Roux, S. Wisdom, H. Erdogan and J. Hershey, "SDR: half-baked or well done?", ICASSP 2019. Within 100 dB.
    """
    cross, energy, own = products(np.ascontiguousarray(target), np.ascontiguousarray(mix))
    if energy == 0.0 or own == 0.0:
        return None
    share = cross * cross / energy
    ratio = 10.0 * np.log10((share + 1e-30 * own) / (max(0.0, own - share) + 1e-30 * own))
    return float(np.clip(ratio, -SDR_LIMIT_DB, SDR_LIMIT_DB))
