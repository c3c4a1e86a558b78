"""Signals of EBU Tech 3341 (2023), table 1: short-term and momentary loudness (9 to 14), true peak (15 to 23).

Cases 1 to 5 are with the integrated loudness. Case 6 has five channels; 7 and 8 are programmes.
"""

import numpy as np
import pytest
from scipy.signal import firwin

from fxnorm.audio import Audio
from fxnorm.dsp import loudness, true_peak
from fxnorm.units import amplitude_to_db
from tests.signals import sine

RATES = (44_100, 48_000)
TONES = range(20)


def tones(rate: int, *parts: tuple[float | None, float]) -> Audio:
    """Tones of 1 kHz of levels in dBFS and seconds; None is silence."""
    pieces = [
        np.zeros((2, round(seconds * rate)), np.float32)
        if level is None
        else sine(1000.0, seconds, peak_db=level, rate=rate)
        for level, seconds in parts
    ]
    return np.concatenate(pieces, axis=1)


@pytest.mark.parametrize("rate", RATES)
def test_case_9_short_term_is_constant(rate: int) -> None:
    levels = loudness.short_term(tones(rate, *[(-20.0, 1.34), (-30.0, 1.66)] * 5), rate)
    np.testing.assert_allclose(levels, -23.0, atol=0.1)


@pytest.mark.parametrize("rate", RATES)
def test_case_10_short_term_of_a_file(rate: int) -> None:
    for i in TONES:
        audio = tones(rate, (None, 0.15 * i), (-23.0, 3.0), (None, 1.0))
        assert loudness.short_term(audio, rate, hop_s=0.05).max() == pytest.approx(-23.0, abs=0.1)


@pytest.mark.parametrize("rate", RATES)
def test_case_11_short_term_in_succession(rate: int) -> None:
    parts = [part for i in TONES for part in ((None, 0.15 * i), (-38.0 + i, 3.0), (None, 3.0 - 0.15 * i))]
    levels = loudness.short_term(tones(rate, *parts), rate, hop_s=0.05)
    # the window that ends with the tone of each 6 s
    heard = [levels[round((6.0 * i + 0.15 * i) / 0.05)] for i in TONES]
    np.testing.assert_allclose(heard, [-38.0 + i for i in TONES], atol=0.1)
    np.testing.assert_allclose(np.maximum.accumulate(levels)[60::120], heard, atol=0.1)


@pytest.mark.parametrize("rate", RATES)
def test_case_12_momentary_is_constant(rate: int) -> None:
    levels = loudness.short_term(tones(rate, *[(-20.0, 0.18), (-30.0, 0.22)] * 25), rate, seconds=0.4)
    np.testing.assert_allclose(levels[7:], -23.0, atol=0.1)


@pytest.mark.parametrize("rate", RATES)
def test_case_13_momentary_of_a_file(rate: int) -> None:
    for i in TONES:
        audio = tones(rate, (None, 0.02 * i), (-23.0, 0.4), (None, 1.0))
        assert loudness.short_term(audio, rate, seconds=0.4, hop_s=0.02).max() == pytest.approx(-23.0, abs=0.1)


@pytest.mark.parametrize("rate", RATES)
def test_case_14_momentary_in_succession(rate: int) -> None:
    parts = [part for i in TONES for part in ((None, 0.02 * i), (-38.0 + i, 0.4), (None, 0.4 - 0.02 * i))]
    levels = loudness.short_term(tones(rate, *parts), rate, seconds=0.4, hop_s=0.02)
    heard = [levels[round((0.8 * i + 0.02 * i) / 0.02)] for i in TONES]
    np.testing.assert_allclose(heard, [-38.0 + i for i in TONES], atol=0.1)


def faded(wave: np.ndarray, rate: int) -> np.ndarray:
    """A wave with fades of 10 ms."""
    ramp = np.arange(wave.size) / (0.01 * rate)
    return wave * np.minimum(1.0, np.minimum(ramp, ramp[::-1]))


def within_tolerance(wave: np.ndarray, expected_dbtp: float) -> None:
    measured = true_peak.true_peak_db(np.stack([wave, wave]).astype(np.float32))
    assert expected_dbtp - 0.4 <= measured <= expected_dbtp + 0.2


# case: the frequency as a part of the rate, amplitude, phase in degrees, dBTP
SINES = {
    15: (4, 0.50, 0.0, -6.0),
    16: (4, 0.50, 45.0, -6.0),
    17: (6, 0.50, 60.0, -6.0),
    18: (8, 0.50, 67.5, -6.0),
    19: (4, 1.41, 45.0, 3.0),
}


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("case", SINES)
def test_true_peak_of_sines(case: int, rate: int) -> None:
    part, amplitude, degrees, expected = SINES[case]
    wave = amplitude * np.sin(2.0 * np.pi * np.arange(rate) / part + np.radians(degrees))
    within_tolerance(faded(wave, rate), expected)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("case", [20, 21, 22, 23])
def test_true_peak_of_a_lone_period(case: int, rate: int) -> None:
    """A period of fs/4 of amplitude 1 in a sine of fs/6 of amplitude .5, made at 4 fs, filtered, every fourth kept."""
    carrier = 0.5 * np.sin(2.0 * np.pi * np.arange(24 * 500) / 24)
    period = np.sin(2.0 * np.pi * np.arange(16) / 16)
    wave = np.convolve(np.concatenate([carrier, period, carrier]), firwin(513, 0.25), mode="same")
    within_tolerance(faded(wave[case - 20 :: 4], rate), 0.0)


def test_blocks_make_no_difference() -> None:
    audio = np.random.default_rng(0).standard_normal((2, 3000)).astype(np.float32)
    whole = true_peak.true_peak(audio)
    for size in (1, 7, 1000):
        meter = true_peak.TruePeakMeter(2)
        for start in range(0, 3000, size):
            meter.push(audio[:, start : start + size])
        assert meter.finish() == pytest.approx(whole, rel=1e-6)


def test_what_rings_at_either_end_counts() -> None:
    ringing = np.sign(true_peak.interpolator()[2]) * np.float32(0.5)
    outer = ringing[true_peak.TAPS // 2 :]  # half of the worst samples: the peak lies beyond the end
    for audio in (outer, outer[::-1]):
        padded = true_peak.true_peak(np.pad(audio, 50)[np.newaxis])
        assert true_peak.true_peak(audio[np.newaxis].copy()) == pytest.approx(padded, rel=1e-6)


def test_silence_has_no_peak() -> None:
    assert true_peak.true_peak(np.zeros((2, 100), np.float32)) == 0.0
    assert true_peak.true_peak(np.zeros((2, 0), np.float32)) == 0.0
    assert amplitude_to_db(0.0) == true_peak.true_peak_db(np.zeros((1, 5), np.float32))
