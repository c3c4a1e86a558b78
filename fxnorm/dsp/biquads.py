"""Equaliser bands as second-order sections, after R. Bristow-Johnson's cookbook."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fxnorm.audio import SAMPLE_RATE
from fxnorm.errors import InputError

Float64 = npt.NDArray[np.float64]

_STEP = 1e-20  # of complex-step derivatives


@dataclass(frozen=True)
class Band:
    """One band of an equaliser; passes ignore the gain.

    Attributes
    ----------
    kind : str
        high_pass, low_pass, all_pass, low_shelf, high_shelf or peak.
    frequency_hz, gain_db, q : float
    """

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
    elif band.kind == "all_pass":
        b = (1.0 - alpha, -2.0 * cosine, 1.0 + alpha)
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
        raise InputError(
            f"expected high_pass, low_pass, all_pass, low_shelf, high_shelf or peak, got {band.kind!r}; choose one"
        )
    return np.array((*b, *a)) / a[0]


def biquad_gradient(band: Band, sample_rate: int, coefficients: Float64) -> Float64:
    """Carry a gradient with respect to the coefficients back to frequency, gain and Q.

    Parameters
    ----------
    band : Band
    sample_rate : int
        In Hz.
    coefficients : ndarray, shape (6,), float64
        Gradient with respect to the result of `biquad`.

    Returns
    -------
    ndarray, shape (3,), float64
        Gradients with respect to frequency in Hz, gain in dB and Q.

    Notes
    -----
    The derivatives are the imaginary parts of the design at complex steps, which are exact to rounding (W. Squire and
    G. Trapp, "Using complex variables to estimate derivatives of real functions", 1998).
    """
    steps = ((_STEP, 0.0, 0.0), (0.0, _STEP, 0.0), (0.0, 0.0, _STEP))
    designs = [
        biquad(Band(band.kind, band.frequency_hz + 1j * df, band.gain_db + 1j * dg, band.q + 1j * dq), sample_rate)  # type: ignore[arg-type]
        for df, dg, dq in steps
    ]
    return np.array([design.imag @ coefficients for design in designs]) / _STEP
