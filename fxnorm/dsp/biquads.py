"""Equaliser bands as second-order sections, after R. Bristow-Johnson's cookbook."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fxnorm.audio import SAMPLE_RATE
from fxnorm.errors import InputError

Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Band:
    """One band of an equaliser: high_pass, low_pass, low_shelf, high_shelf or peak; passes ignore the gain."""

    kind: str
    frequency_hz: float
    gain_db: float = 0.0
    q: float = 0.7071


def biquad(band: Band, sample_rate: int = SAMPLE_RATE) -> Float64:
    """Design the second-order section [b0, b1, b2, a0, a1, a2] of a band, a0 = 1.

    Raises
    ------
    InputError
        If the kind is unknown.
    """
    gain = 10.0 ** (band.gain_db / 40.0)
    omega = 2.0 * np.pi * band.frequency_hz / sample_rate
    cosine, alpha = np.cos(omega), np.sin(omega) / (2.0 * band.q)
    if band.kind == "peak":
        b = (1.0 + alpha * gain, -2.0 * cosine, 1.0 - alpha * gain)
        a = (1.0 + alpha / gain, -2.0 * cosine, 1.0 - alpha / gain)
    elif band.kind == "low_pass":
        b = (0.5 * (1.0 - cosine), 1.0 - cosine, 0.5 * (1.0 - cosine))
        a = (1.0 + alpha, -2.0 * cosine, 1.0 - alpha)
    elif band.kind == "high_pass":
        b = (0.5 * (1.0 + cosine), -1.0 - cosine, 0.5 * (1.0 + cosine))
        a = (1.0 + alpha, -2.0 * cosine, 1.0 - alpha)
    elif band.kind in ("low_shelf", "high_shelf"):
        # The two shelves differ by the sign of the cosine and of the middle coefficients.
        s = 1.0 if band.kind == "low_shelf" else -1.0
        root = 2.0 * np.sqrt(gain) * alpha
        up, down = gain + 1.0, gain - 1.0
        minus, plus = up - s * down * cosine, up + s * down * cosine
        b = (gain * (minus + root), s * 2.0 * gain * (down - s * up * cosine), gain * (minus - root))
        a = (plus + root, -s * 2.0 * (down + s * up * cosine), plus - root)
    else:
        raise InputError(f"expected high_pass, low_pass, low_shelf, high_shelf or peak, got {band.kind!r}; choose one")
    return np.array((*b, *a)) / a[0]
