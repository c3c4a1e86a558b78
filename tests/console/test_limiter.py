"""The limiter: never over the ceiling, nothing changed below it, pieces equal to the whole."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fxnorm.audio import SAMPLE_RATE
from fxnorm.console.processor import Processor
from fxnorm.console.processors import Limiter, limiter
from fxnorm.dsp import true_peak
from fxnorm.errors import InputError
from fxnorm.units import db_to_amplitude
from tests.signals import plucks, sine

TOLERANCE_DB = 0.05


@st.composite
def programmes(draw: st.DrawFn) -> np.ndarray:
    """Noise, signs, clicks, bursts, squares, high sines and rests, one after the other."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    channels = draw(st.sampled_from([1, 2]))
    parts = []
    for _ in range(draw(st.integers(1, 4))):
        samples = draw(st.integers(1, 6000))
        time = np.arange(samples)
        wave = {
            "noise": lambda n=samples: rng.standard_normal((channels, n)),
            "signs": lambda n=samples: np.sign(rng.standard_normal((channels, n))),
            "clicks": lambda n=samples: (rng.random((channels, n)) < 0.002) * rng.standard_normal((channels, n)) * 4.0,
            "burst": lambda n=samples, t=time: (t % 500 < 30) * rng.choice([-1.0, 1.0], (channels, n)),
            "square": lambda t=time: np.tile(np.sign(np.sin(t * draw(st.floats(0.01, 3.1)))), (channels, 1)),
            "sine": lambda t=time: np.tile(np.sin(t * draw(st.floats(0.01, 3.14)) + 1.0), (channels, 1)),
            "rest": lambda n=samples: np.zeros((channels, n)),
        }[draw(st.sampled_from(["noise", "signs", "clicks", "burst", "square", "sine", "rest"]))]()
        parts.append(draw(st.floats(0.05, 4.0)) * wave)
    return np.concatenate(parts, axis=1).astype(np.float32)


@given(
    audio=programmes(),
    sample_rate=st.sampled_from([22_050, 44_100, 48_000]),
    processor=st.builds(
        Limiter,
        gain_db=st.sampled_from([0.0, 6.0, 20.0]),
        ceiling_db=st.floats(-12.0, 0.0),
        look_ahead_ms=st.floats(1.0, 10.0),
        release_ms=st.floats(10.0, 1000.0),
    ),
)
@settings(max_examples=300, deadline=None)
def test_never_over_the_ceiling(audio: np.ndarray, sample_rate: int, processor: Limiter) -> None:
    out = processor.process(audio, sample_rate)
    assert out.shape == audio.shape
    assert true_peak.true_peak_db(out) <= processor.ceiling_db + TOLERANCE_DB
    assert np.abs(out).max() <= np.abs(audio).max() * db_to_amplitude(processor.gain_db) * 1.000001
    assert not out[audio == 0.0].any()


def one_pass(audio: np.ndarray, gain: np.ndarray, processor: Limiter, sample_rate: int) -> np.ndarray:
    """The law, sample by sample."""
    reach = true_peak.TAPS // 2
    look_ahead = round(1e-3 * processor.look_ahead_ms * sample_rate)
    ceiling = db_to_amplitude(processor.ceiling_db)
    margin = look_ahead + 2 * true_peak.TAPS
    signal = np.pad(audio * gain, ((0, 0), (margin, margin)))
    peaks = np.zeros(signal.shape[1])
    for n in range(reach, signal.shape[1] - reach):  # from sample n - 1 to sample n
        around = signal[:, n - reach : n + reach]
        peaks[n] = np.abs(true_peak.interpolator().astype(np.float64) @ around.T).max()
    needed = np.maximum(0.0, 1.0 - ceiling / np.maximum(peaks, 1e-9))
    first = look_ahead // 2 + 1
    second = look_ahead + 2 - first
    weights = np.convolve(np.full(first, 1.0 / first), np.full(second, 1.0 / second))
    pole = np.exp(-1000.0 / (processor.release_ms * sample_rate))
    reduction, state = np.zeros(audio.shape[1]), 0.0
    # the peak after the look-ahead is held from now until it has passed
    held = [needed[max(0, n - reach) : n + look_ahead + reach + 1].max() for n in range(signal.shape[1])]
    for n in range(signal.shape[1] - margin):
        smoothed = np.dot(held[n - look_ahead : n + 1], weights) if n >= look_ahead else 0.0
        state = max(smoothed, pole * state)
        if n >= margin:
            reduction[n - margin] = state
    return gain * (1.0 - reduction)


@pytest.mark.parametrize("sample_rate", [22_050, 48_000])
@pytest.mark.parametrize("processor", [Limiter(6.0), Limiter(0.0, -3.0, 1.3, 20.0), Limiter(12.0, 0.0, 8.0, 500.0)])
def test_follows_the_law(processor: Limiter, sample_rate: int) -> None:
    rng = np.random.default_rng(0)
    audio = 0.3 * rng.standard_normal((2, 3000)) * (np.arange(3000) % 1500 < 400)
    gain = np.full(3000, db_to_amplitude(processor.gain_db))
    for _ in range(limiter.PASSES):
        gain = one_pass(audio, gain, processor, sample_rate)
    np.testing.assert_allclose(processor.process(audio, sample_rate), audio * gain, atol=2e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("channels", [1, 2])
def test_pieces_equal_the_whole(channels: int, dtype: type) -> None:
    audio = np.random.default_rng(1).standard_normal((channels, 30_000)).astype(dtype)
    audio[:, 9_000:20_000] *= 0.01
    processor = Limiter(3.0, -2.0, 3.0, 50.0)
    whole = processor.process(audio, SAMPLE_RATE)
    assert whole.dtype == dtype
    for sizes in ((1, 2, 3, 977), (8192,), (8191, 8193), (30_000,), (20_000, 1)):
        stream = processor.stream(SAMPLE_RATE, channels)
        pieces, start, turn = [], 0, 0
        while start < audio.shape[1]:
            size = sizes[turn % len(sizes)]
            pieces.append(stream.push(audio[:, start : start + size]))
            start, turn = start + size, turn + 1
        pieces.append(stream.finish())
        np.testing.assert_array_equal(np.concatenate(pieces, axis=1), whole)


@pytest.mark.parametrize("samples", [0, 1, 5, 300, 8192, 8193])
def test_any_length(samples: int) -> None:
    audio = np.full((2, samples), 0.9, np.float32)
    assert Limiter().process(audio, SAMPLE_RATE).shape == (2, samples)
    stream = Limiter().stream(SAMPLE_RATE, 2)
    assert stream.push(audio).shape[1] + stream.finish().shape[1] == samples
    assert stream.finish().shape == (2, 0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_below_the_ceiling_nothing_changes(dtype: type) -> None:
    audio = plucks(3.0).astype(dtype)
    audio *= 0.85 / true_peak.true_peak(audio.astype(np.float32))
    np.testing.assert_array_equal(Limiter(0.0, -1.0).process(audio, SAMPLE_RATE), audio)


def test_recovers_to_the_bit_after_a_peak() -> None:
    audio = 0.1 * plucks(3.0)
    audio[:, 10_000] = 2.0
    processor = Limiter(release_ms=50.0, look_ahead_ms=5.0)
    out = processor.process(audio, SAMPLE_RATE)
    changed = np.flatnonzero((out != audio).any(axis=0))
    assert 10_000 - 0.006 * SAMPLE_RATE < changed[0] < 10_000 - 0.004 * SAMPLE_RATE
    assert changed[-1] < 10_000 + 20 * 0.05 * SAMPLE_RATE
    gain = processor.gain_curve(audio, SAMPLE_RATE)
    start, later = 1.0 - gain[10_100], 1.0 - gain[10_100 + round(0.05 * SAMPLE_RATE)]
    assert later / start == pytest.approx(np.exp(-1.0), rel=0.01)


def test_silence_stays_silence() -> None:
    assert not Limiter(24.0).process(np.zeros((2, 20_000), np.float32), SAMPLE_RATE).any()
    stream = Limiter(24.0).stream(SAMPLE_RATE, 2)
    stream.push(np.ones((2, 20_000), np.float32))
    for _ in range(700):
        stream.push(np.zeros((2, 8192), np.float32))
    assert all(one._state == 0.0 for one in stream._passes)


@pytest.mark.parametrize("kind", ["noise", "silence", "click", "full scale"])
def test_gradient_of_a_constant_curve(kind: str) -> None:
    rng = np.random.default_rng(2)
    audio = {
        "noise": rng.standard_normal((2, 2000)),
        "silence": np.zeros((2, 2000)),
        "click": 3.0 * (np.arange(2000) == 700) * np.ones((2, 1)),
        "full scale": sine(5000.0, 0.05)[:, :2000].astype(np.float64),
    }[kind]
    processor = Limiter(6.0, -1.0, 2.0, 30.0)
    out, pullback = processor.vjp(audio, SAMPLE_RATE)
    np.testing.assert_array_equal(out, processor.process(audio, SAMPLE_RATE))
    weights, direction = rng.standard_normal((2, *audio.shape))
    gradients = pullback(weights)
    curve = processor.gain_curve(audio, SAMPLE_RATE) / db_to_amplitude(processor.gain_db)

    def scalar(step: float, step_db: float) -> float:
        moved = (audio + step * direction) * curve * db_to_amplitude(processor.gain_db + step_db)
        return float(np.vdot(weights, moved))

    slope = (scalar(1e-4, 0.0) - scalar(-1e-4, 0.0)) / 2e-4
    assert np.vdot(gradients.audio, direction) == pytest.approx(slope, rel=1e-6, abs=1e-9)
    slope_db = (scalar(0.0, 1e-4) - scalar(0.0, -1e-4)) / 2e-4
    assert list(processor.parameters()) == ["gain_db", "ceiling_db", "look_ahead_ms", "release_ms"]
    assert gradients.values[0] == pytest.approx(slope_db, rel=1e-6, abs=1e-9)
    assert not gradients.values[1:].any()


def test_reports_the_reduction() -> None:
    audio = np.concatenate([sine(1000.0, 1.0, peak_db=-20.0), sine(1000.0, 1.0, peak_db=0.0)], axis=1)
    stream = Limiter(5.0, -1.0, release_ms=10.0).stream(SAMPLE_RATE, 2)
    stream.push(audio)
    stream.finish()
    assert stream.max_reduction_db == pytest.approx(6.0, abs=0.02)
    assert stream.reduction_db(95.0) == pytest.approx(6.0, abs=0.1)
    assert stream.reduction_db(40.0) == 0.0
    assert Limiter().stream(SAMPLE_RATE, 2).reduction_db(99.0) == 0.0


def test_settings_are_checked_described_and_read_again() -> None:
    processor = Limiter(4.0, -1.0)
    assert processor.describe() == "+4.0 dB into -1.0 dBTP, look-ahead 5 ms, release 100 ms"
    assert Processor.from_dict(processor.to_dict()) == processor
    for wrong in ({"ceiling_db": 0.1}, {"gain_db": -1.0}, {"look_ahead_ms": 0.5}, {"release_ms": 5.0}):
        with pytest.raises(InputError, match=next(iter(wrong))):
            Limiter(**wrong)
