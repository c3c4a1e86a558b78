"""Long-term average spectra in third-octave bands."""

import numpy as np

from fxnorm.audio import SAMPLE_RATE
from fxnorm.dsp.ltas import third_octave_levels
from fxnorm.units import THIRD_OCTAVES_HZ
from tests.signals import sine


def test_white_noise_fills_bands_by_their_width() -> None:
    noise = np.random.default_rng(0).standard_normal((2, 60 * SAMPLE_RATE)).astype(np.float32)
    width_hz = THIRD_OCTAVES_HZ * (10.0**0.05 - 10.0**-0.05)
    expected_db = 10.0 * np.log10(width_hz / (SAMPLE_RATE / 2.0))
    np.testing.assert_allclose(third_octave_levels(noise, SAMPLE_RATE)[8:], expected_db[8:], atol=0.3)


def test_a_tone_lies_in_its_band() -> None:
    levels = third_octave_levels(sine(1000.0, 4.0), SAMPLE_RATE)
    at_1_khz = int(np.flatnonzero(THIRD_OCTAVES_HZ == 1000.0)[0])
    assert levels[at_1_khz] > -0.01
    assert np.delete(levels, at_1_khz).max() < -60.0
