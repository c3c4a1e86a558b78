"""A-weighting as a filter."""

from functools import cache

import numpy as np
import numpy.typing as npt

from fxnorm.units import db_to_amplitude

A_WEIGHTING_TAPS = 101


@cache
def design_a_weighting(sample_rate: int) -> npt.NDArray[np.float64]:
    """Design a linear-phase FIR filter with the A-weighting curve of IEC 61672, shape (101,).

    Bilinear transform of the analog curve without prewarping, its magnitude at 512 frequencies, and a least-squares fit
    with consecutive pairs of points as bands.
    """
    from scipy import signal

    poles_hz = (20.598997, 107.65265, 737.86223, 12194.217)
    gain_db_at_1_khz = 1.9997
    w = [2.0 * np.pi * hz for hz in poles_hz]
    # H(s) = 10^(G/20) w4^2 s^4 / ((s + w1)^2 (s + w2) (s + w3) (s + w4)^2)
    gain = db_to_amplitude(gain_db_at_1_khz) * w[3] ** 2
    zeros, poles = np.zeros(4), -np.array([w[0], w[0], w[1], w[2], w[3], w[3]])
    b, a = signal.zpk2tf(*signal.bilinear_zpk(zeros, poles, gain, fs=sample_rate))
    frequencies, response = signal.freqz(b, a, worN=512, fs=sample_rate)
    taps: npt.NDArray[np.float64] = signal.firls(A_WEIGHTING_TAPS, frequencies, np.abs(response), fs=sample_rate)
    return taps
