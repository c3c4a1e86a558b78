"""Synthetic impulse responses, measured as those of real rooms are."""

import numpy as np
import pytest
from scipy import signal

from fxnorm.audio import SAMPLE_RATE
from fxnorm.dsp.rooms import draw_responses, impulse_response
from fxnorm.errors import InputError


def decay_time_s(response: np.ndarray, low_hz: float, high_hz: float) -> float:
    """Measure RT60 from the slope of Schroeder's integral between -5 and -35 dB."""
    sos = signal.butter(4, (low_hz, high_hz), btype="bandpass", fs=SAMPLE_RATE, output="sos")
    energy = signal.sosfilt(sos, response) ** 2
    curve_db = 10 * np.log10(np.cumsum(energy[::-1])[::-1] / energy.sum())
    begin, end = np.argmax(curve_db < -5), np.argmax(curve_db < -35)
    slope = np.polyfit(np.arange(begin, end) / SAMPLE_RATE, curve_db[begin:end], 1)[0]
    return -60.0 / slope


@pytest.mark.parametrize("decay_s", [0.5, 1.2, 2.0, 4.0])
def test_the_decay_time_is_the_requested_one(decay_s):
    for channel in impulse_response(np.random.default_rng(5), SAMPLE_RATE, decay_s=decay_s):
        assert decay_time_s(channel, 500.0, 1400.0) == pytest.approx(decay_s, rel=0.15)


def test_the_treble_decays_first():
    channel = impulse_response(np.random.default_rng(5), SAMPLE_RATE, decay_s=2.0, treble=0.4)[0]
    assert decay_time_s(channel, 5600.0, 11_000.0) == pytest.approx(0.8, rel=0.25)


@pytest.mark.parametrize("pre_delay_ms", [0.0, 25.0])
def test_the_direct_sound_is_the_peak_and_follows_the_pre_delay(pre_delay_ms):
    response = impulse_response(np.random.default_rng(2), SAMPLE_RATE, decay_s=1.0, pre_delay_ms=pre_delay_ms)
    direct_sample = round(pre_delay_ms * SAMPLE_RATE / 1000)
    assert response.dtype == np.float32
    assert np.abs(response).argmax(axis=1).tolist() == [direct_sample, direct_sample]
    assert not response[:, :direct_sample].any()
    np.testing.assert_allclose((response.astype(np.float64) ** 2).sum(axis=1), 1.0, rtol=1e-5)


def test_the_channels_are_decorrelated():
    left, right = impulse_response(np.random.default_rng(3), SAMPLE_RATE, decay_s=1.5, direct=False)
    assert abs(np.corrcoef(left, right)[0, 1]) < 0.1


def test_the_same_generator_gives_the_same_room():
    first, again = (impulse_response(np.random.default_rng(8), SAMPLE_RATE, decay_s=0.7) for _ in range(2))
    assert np.array_equal(first, again)


def test_drawn_responses_keep_to_their_range_and_differ():
    responses = draw_responses(np.random.default_rng(1), SAMPLE_RATE, 3, decay_range_s=(0.5, 1.0))
    lengths = {response.shape[1] for response in responses}
    assert len(lengths) == 3
    assert all(0.5 * SAMPLE_RATE <= length <= 1.2 * SAMPLE_RATE for length in lengths)


def test_impossible_rooms_are_refused():
    with pytest.raises(InputError, match="decay_s"):
        impulse_response(np.random.default_rng(1), SAMPLE_RATE, decay_s=0.0)
    with pytest.raises(InputError, match="decay_range_s"):
        draw_responses(np.random.default_rng(1), SAMPLE_RATE, 1, decay_range_s=(4.0, 2.0))
