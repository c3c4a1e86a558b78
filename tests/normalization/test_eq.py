"""EQ: feature, filter, and guarantees of matching."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import firwin2, savgol_filter

from fxnorm.audio import SAMPLE_RATE
from fxnorm.dsp import loudness, stft
from fxnorm.dsp.fir import linear_phase
from fxnorm.dsp.stft import mean_magnitude
from fxnorm.errors import InputError
from fxnorm.normalization import eq
from fxnorm.normalization.grid import BINS, GRID_POINTS, GRID_STEP, HOP, N_FFT, grid_frequencies
from fxnorm.normalization.normalizer import pad
from fxnorm.normalization.statistics import FxStats
from tests.matching import match, measure, smooth
from tests.signals import noise, plucks, sine

TARGET = FxStats.shipped().target("eq", "other").values
PUBLISHED = eq.PRESETS["published"]
AUDIBLE = (grid_frequencies() > 100.0) & (grid_frequencies() < 15_000.0)


def rms_db(amplitude, reference):
    return float(np.sqrt(np.mean(np.square(20.0 * np.log10(amplitude / reference)))))


def test_the_feature_of_a_sine_is_its_line():
    frequency_hz = 1000 * SAMPLE_RATE / 65_536
    feature = measure("eq", sine(frequency_hz, 4.0), SAMPLE_RATE)
    assert feature.shape == (BINS,)
    assert np.argmax(feature) == 1000
    # a sine of amplitude A has the line A/2 times the sum of the window
    amplitude = 10.0 ** ((-30.0 - loudness.measure(sine(frequency_hz, 4.0), SAMPLE_RATE)) / 20.0)
    window = np.sqrt(0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(65_536) / 65_536))
    assert feature[1000] == pytest.approx(amplitude / 2.0 * window.sum(), rel=1e-3)


@settings(max_examples=10, deadline=None)
@given(gain_db=st.floats(-20.0, 10.0))
def test_the_feature_does_not_know_the_level(gain_db):
    audio = noise(3.0)
    louder = audio * np.float32(10.0 ** (gain_db / 20.0))
    np.testing.assert_allclose(measure("eq", louder, SAMPLE_RATE), measure("eq", audio, SAMPLE_RATE), rtol=1e-3)


def test_another_rate_is_refused():
    with pytest.raises(InputError, match="expected audio at 44100 Hz, got 48000 Hz"):
        measure("eq", noise(1.0), 48_000)
    with pytest.raises(InputError, match="got 48000 Hz"):
        match("eq", noise(1.0), 48_000, TARGET)


def test_silence_has_no_feature_and_passes():
    silence = np.zeros((2, SAMPLE_RATE), np.float32)
    assert measure("eq", silence, SAMPLE_RATE) is None
    out, step = match("eq", silence, SAMPLE_RATE, TARGET)
    assert out is silence
    assert step.skipped == "silent"


def test_the_filter_has_the_wanted_gain_and_no_delay():
    gains_db = 12.0 * np.sin(np.log(grid_frequencies() + 50.0))
    impulse = np.zeros((1, 8192), np.float32)
    impulse[0, 4000] = 1.0
    out = eq.filter_zero_phase(impulse, gains_db[np.newaxis], 1001)[0]
    assert np.argmax(np.abs(out)) == 4000
    np.testing.assert_allclose(out[3000:4000], out[4001:5001][::-1], atol=1e-6)
    response = np.fft.rfft(out[3000:5001], 65_536)
    read_db = 20.0 * np.log10(np.abs(response[::GRID_STEP]))[:GRID_POINTS]
    np.testing.assert_allclose(read_db[AUDIBLE], gains_db[AUDIBLE], atol=0.2)


def test_the_filter_is_the_slow_one_run_forwards_and_backwards():
    from scipy.signal import lfilter

    gains_db = np.linspace(-9.0, 9.0, GRID_POINTS)
    audio = pad(noise(0.5))
    half = firwin2(1001, np.linspace(0.0, 1.0, GRID_POINTS), 10.0 ** (gains_db / 40.0), nfreqs=1025)
    slow = lfilter(half, 1.0, lfilter(half, 1.0, audio.astype(np.float64))[:, ::-1])[:, ::-1]
    fast = eq.filter_zero_phase(audio, gains_db[np.newaxis], 1001)
    assert 10.0 * np.log10(np.sum(slow**2) / np.sum((slow - fast) ** 2)) > 110.0


def test_published_gives_each_channel_the_target():
    audio = pad(noise(6.0) * np.array([[1.0], [0.2]], np.float32))
    out, _ = match("eq", audio, SAMPLE_RATE, TARGET, settings=PUBLISHED)
    for channel in out:
        spectrum = smooth("eq", mean_magnitude(channel[np.newaxis], N_FFT, HOP)[0], "other")
        assert rms_db(spectrum[AUDIBLE], TARGET[AUDIBLE]) < 1.0


def test_default_gives_the_stem_the_target_and_keeps_its_balance():
    audio = pad(noise(6.0) * np.array([[1.0], [0.2]], np.float32))
    out, step = match("eq", audio, SAMPLE_RATE, TARGET)
    spectra = mean_magnitude(out, N_FFT, HOP)
    assert rms_db(smooth("eq", spectra.mean(axis=0), "other")[AUDIBLE], TARGET[AUDIBLE]) < 1.0
    before = mean_magnitude(audio, N_FFT, HOP)
    np.testing.assert_allclose((spectra[1] / spectra[0])[3000:20_000], (before[1] / before[0])[3000:20_000], rtol=0.02)
    assert step.processor.channels == (0, 1)
    assert len(step.processor.gains_db) == 1


def test_the_gain_keeps_within_its_range():
    hum = pad(sine(100.0, 4.0))
    out, step = match("eq", hum, SAMPLE_RATE, TARGET)
    gains = [gain for curve in step.processor.gains_db for gain in curve]
    assert max(gains) - min(gains) <= 80.01
    assert np.isfinite(out).all()


@pytest.mark.parametrize("preset", eq.PRESETS)
def test_strength_is_an_exponent(preset):
    audio = pad(plucks(4.0))
    steps = [match("eq", audio, SAMPLE_RATE, TARGET, settings=eq.PRESETS[preset], strength=s)[1] for s in (0.5, 1.0)]
    half, whole = (np.array(step.processor.gains_db) for step in steps)
    np.testing.assert_allclose(2.0 * half, whole, atol=0.02)


@pytest.mark.parametrize("weaker_db", [-40.0, -60.0])
def test_a_weak_side_keeps_its_place(weaker_db):
    audio = pad(noise(2.0, level=0.05) * np.array([[1.0], [10.0 ** (weaker_db / 20.0)]], np.float32))
    out, _ = match("eq", audio, SAMPLE_RATE, TARGET)
    levels = np.sqrt(np.mean(np.square(mean_magnitude(out, N_FFT, HOP)[:, 2000:20_000]), axis=1))
    before = np.sqrt(np.mean(np.square(mean_magnitude(audio, N_FFT, HOP)[:, 2000:20_000]), axis=1))
    assert 20.0 * np.log10((levels[1] / levels[0]) / (before[1] / before[0])) == pytest.approx(0.0, abs=0.2)


def test_a_silent_channel_passes():
    audio = pad(noise(2.0))
    audio[1] = 0.0
    for settings_ in eq.PRESETS.values():
        out, _ = match("eq", audio, SAMPLE_RATE, TARGET, settings=settings_)
        assert not out[1].any()
        assert out[0].any()


@pytest.mark.parametrize("taps", [5, 1001, 3001])
def test_filters_are_designed_as_scipy_does(taps):
    gains = 10.0 ** np.random.default_rng(0).normal(0.0, 0.5, GRID_POINTS)
    expected = firwin2(taps, np.linspace(0.0, 1.0, GRID_POINTS), gains, nfreqs=1 + 2 ** int(np.ceil(np.log2(taps))))
    np.testing.assert_allclose(linear_phase(gains, taps), expected, rtol=0.0, atol=1e-11 * np.abs(expected).max())


@pytest.mark.parametrize("bins", [3, 151, 501])
def test_curves_are_smoothed_as_scipy_does(bins):
    curve = 10.0 ** np.random.default_rng(0).uniform(-3.0, 3.0, BINS)
    np.testing.assert_allclose(stft.smooth(curve, bins), savgol_filter(curve, bins, 1, mode="mirror"), rtol=1e-6)


def test_a_curve_is_smoothed_and_brought_to_the_grid():
    spike = np.ones(BINS)
    spike[3200] = 402.0
    averaged = smooth("eq", spike, "vocals")
    assert averaged.shape == (GRID_POINTS,)
    assert averaged[100] == pytest.approx(2.0, abs=1e-9)  # 401 spread over 401 bins, plus one


def slow_median(gains_db, frequencies):
    """Median of gains weighted by the octaves between their grid frequency and the next."""
    total, half = 0.0, sum(1.0 / hz for hz in frequencies) / 2.0
    for gain_db, hz in sorted(zip(gains_db, frequencies, strict=True)):
        total += 1.0 / hz
        if total >= half:
            return gain_db
    raise AssertionError


@pytest.mark.parametrize("seed", range(5))
def test_the_range_lies_around_the_median_over_octaves(seed):
    gains_db = 20.0 * np.random.default_rng(seed).standard_normal(GRID_POINTS)
    gains_db[3:743] += np.linspace(-30.0, 30.0, 740) * (-1.0) ** seed
    middle_db = slow_median(gains_db[3:744], grid_frequencies()[3:744])  # 50 Hz to 16 kHz
    options = eq.EqSettings(smoothing_octaves=0.0, range_db=6.0)
    clipped_db = eq.wanted_gain_db(np.ones(GRID_POINTS), 10.0 ** (gains_db / 20.0), options)
    np.testing.assert_allclose(clipped_db, np.clip(gains_db, middle_db - 6.0, middle_db + 6.0), atol=1e-9)
    assert abs(middle_db - np.median(gains_db[3:744])) > 1.0


@pytest.mark.parametrize(("corner_hz", "wanted_db"), [(700.0, 10.0), (1100.0, 0.0)])
def test_half_the_octaves_decide(corner_hz, wanted_db):
    """From 50 Hz to 16 kHz the middle is at 894 Hz."""
    gains_db = np.where(grid_frequencies() > corner_hz, 10.0, 0.0)
    options = eq.EqSettings(smoothing_octaves=0.0, range_db=0.0)
    clipped_db = eq.wanted_gain_db(np.ones(GRID_POINTS), 10.0 ** (gains_db / 20.0), options)
    np.testing.assert_allclose(clipped_db, wanted_db, atol=1e-9)


@pytest.mark.parametrize(("distance", "counts"), [(16, True), (17, False), (-16, True), (-17, False)])
def test_the_lowest_points_are_read_over_one_step_of_the_grid(distance, counts):
    """A sixth of an octave is narrower than a step there: 16 bins of the fine spectrum to each side."""
    spectrum = np.ones((1, BINS))
    spectrum[0, 3 * GRID_STEP + distance] = 34.0
    assert eq._read_spectra(spectrum, eq.EqSettings())[0, 3] == pytest.approx(2.0 if counts else 1.0)


@pytest.mark.parametrize(("octaves", "counts"), [(0.99 / 12, True), (1.01 / 12, False)])
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_the_treble_is_read_over_a_sixth_of_an_octave(octaves, counts, sign):
    point = 500
    half_width = point * GRID_STEP * (2.0 ** (1 / 12) - 2.0 ** (-1 / 12)) / 2.0
    spectrum = np.ones((1, BINS))
    offset = half_width * octaves * 12.0
    spectrum[0, round(point * GRID_STEP + sign * offset)] = 1e6
    assert (eq._read_spectra(spectrum, eq.EqSettings())[0, point] > 2.0) == counts


def test_the_feature_of_a_stem_with_high_peaks_is_that_at_full_scale():
    """At -30 LUFS its peaks would leave full scale."""
    audio = noise(4.0, level=1e-3)
    audio[:, 1000 :: SAMPLE_RATE // 4] = 0.5
    lufs = loudness.measure(audio, SAMPLE_RATE)
    assert 10.0 ** ((-30.0 - lufs) / 20.0) * 0.5 > 1.5
    expected = mean_magnitude(2.0 * audio, N_FFT, HOP).mean(axis=0)
    np.testing.assert_allclose(measure("eq", audio, SAMPLE_RATE), expected, rtol=1e-5)
