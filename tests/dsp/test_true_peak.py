"""The true peak equals that of interpolating every block, although most are skipped."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import firwin

from fxnorm.dsp import true_peak

BLOCK = 256  # samples per block
SAMPLES = 5 * BLOCK + 77
MARGIN = 32  # silence at both ends, where the interpolation has decayed


def exhaustive(channel: np.ndarray) -> float:
    """Insert zeros between the samples and apply the low-pass of 81 taps."""
    stuffed = np.zeros(4 * channel.size)
    stuffed[::4] = channel
    taps = 4.0 * firwin(81, 1.0 / 4.0, window=("kaiser", 5.0))
    return float(np.abs(np.convolve(stuffed, taps)).max())


def quarter_rate(level: float, samples: int = 40) -> np.ndarray:
    """A sine of a quarter of the rate whose samples, all of one size, lie beside its peaks."""
    return level * np.resize([1.0, 1.0, -1.0, -1.0], samples)


def place(*parts: tuple[int, np.ndarray | list[float]]) -> np.ndarray:
    """Place signals at positions in a silent channel."""
    channel = np.zeros(SAMPLES, dtype=np.float32)
    for position, part in parts:
        channel[position : position + len(part)] = part
    return channel


def check(channel: np.ndarray) -> None:
    wanted = exhaustive(channel)
    for mix in ([channel, 0.1 * channel], [0.1 * channel, channel], [channel[::-1], channel]):
        assert true_peak.true_peak(np.stack(mix)) == pytest.approx(wanted, rel=1e-5)


def test_a_larger_sample_does_not_hide_a_burst() -> None:
    channel = place((100, [0.8]), (3 * BLOCK + 100, quarter_rate(0.793)))
    assert exhaustive(channel) > 1.12
    check(channel)


@pytest.mark.parametrize("samples", [120, BLOCK, BLOCK + 1])
def test_a_channel_may_be_shorter_than_a_block(samples: int) -> None:
    channel = np.zeros(samples, dtype=np.float32)
    channel[MARGIN : MARGIN + 40] = quarter_rate(0.5)
    check(channel)


@pytest.mark.parametrize("offset", range(-4, 5))
@pytest.mark.parametrize("lone", [0.2, 0.5, 0.8])
def test_a_burst_at_the_edge_of_a_block_counts(offset: int, lone: float) -> None:
    edge = 3 * BLOCK + offset
    alternating = 0.79 * np.resize([1.0, -1.0], 40)
    for burst in (quarter_rate(0.79), alternating, alternating * np.linspace(0.0, 1.0, 40)):
        check(place((50, [lone]), (edge - len(burst), burst)))
        check(place((50, [lone]), (edge, burst[::-1])))


def test_the_worst_samples_for_the_interpolator_are_read() -> None:
    """Samples with the signs of its taps: the most that one size can give between two of them."""
    taps = firwin(81, 1.0 / 4.0, window=("kaiser", 5.0))[2::4]
    for position in range(2 * BLOCK - 25, 2 * BLOCK + 5):
        channel = place((4 * BLOCK, [0.9]), (position, 0.45 * np.sign(taps)))
        assert exhaustive(channel) > 1.0
        check(channel)


@st.composite
def channels(draw: st.DrawFn) -> np.ndarray:
    """Bursts near a quarter or a half of the rate, and lone samples."""
    channel = np.zeros(SAMPLES)
    for _ in range(draw(st.integers(0, 4))):
        samples = draw(st.integers(1, 60))
        start = draw(st.integers(MARGIN, SAMPLES - MARGIN - samples))
        frequency, phase = draw(st.sampled_from([0.25, 0.45, 0.5, 0.1])), draw(st.floats(0.0, 0.5))
        wave = np.cos(2.0 * np.pi * (frequency * np.arange(samples) + phase))
        channel[start : start + samples] += draw(st.floats(0.1, 1.0)) * wave
    for _ in range(draw(st.integers(1, 4))):
        channel[draw(st.integers(MARGIN, SAMPLES - MARGIN - 1))] += draw(st.floats(-1.0, 1.0))
    return channel.astype(np.float32)


@given(channel=channels())
@settings(max_examples=60, deadline=None)
def test_no_channel_hides_its_peak(channel: np.ndarray) -> None:
    check(channel)
