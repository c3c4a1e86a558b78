"""Side gains reach the target similarity, also between the gains of the search grid."""

import numpy as np
import pytest

from fxnorm.audio import SAMPLE_RATE
from fxnorm.normalization import side_gains
from tests.signals import noise

RANGE_DB = 9.0
LEVELS_DB = np.array([0.0, -3.0, -6.0, -9.0])  # of the similarity measurement


def test_gains_are_read_between_those_that_are_tried() -> None:
    row = np.array([0.2, 0.4, 0.8, 0.9])
    wanted = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.79, 0.85, 0.9, 0.95])
    before, gains_db = side_gains.find_side_gains(np.tile(row, (wanted.size, 1)), wanted, RANGE_DB)
    np.testing.assert_array_equal(before, 0.2)
    np.testing.assert_allclose(gains_db, [0.0, 0.0, -1.5, -3.0, -3.75, -5.925, -7.5, -9.0, -9.0], atol=1e-9)


def narrow(audio: np.ndarray, gain_db: float) -> np.ndarray:
    """Turn the whole side signal down."""
    mid, side = (audio[0] + audio[1]) / 2.0, 10.0 ** (gain_db / 20.0) * (audio[0] - audio[1]) / 2.0
    return np.stack([mid + side, mid - side]).astype(np.float32)


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7])
def test_the_gain_in_between_comes_nearer_than_its_neighbours(share: float) -> None:
    audio = noise(3.0)
    tried = side_gains.measure_narrowed(audio, RANGE_DB)
    assert tried.shape == (side_gains.BAND_CENTRES_HZ.size, LEVELS_DB.size)
    for first, second in ((0, 1), (1, 2), (2, 3)):
        wanted = (1.0 - share) * tried[:, first] + share * tried[:, second]
        _, gains_db = side_gains.find_side_gains(tried, wanted, RANGE_DB)
        for band in (4, 14, 24):
            assert LEVELS_DB[second] < gains_db[band] < LEVELS_DB[first]
            reached = side_gains.measure_narrowed(narrow(audio, gains_db[band]), RANGE_DB)[band, 0]
            nearest = np.abs(tried[band] - wanted[band]).min()
            assert abs(reached - wanted[band]) < 0.5 * nearest


def test_every_gain_that_is_tried_is_measured_as_applied() -> None:
    audio = noise(2.0)
    tried = side_gains.measure_narrowed(audio, RANGE_DB)
    for column, gain_db in enumerate(LEVELS_DB):
        applied = side_gains.measure_narrowed(narrow(audio, float(gain_db)), RANGE_DB)[:, 0]
        np.testing.assert_allclose(tried[:, column], applied, atol=1e-4)


def test_applied_gains_lie_on_lines_over_the_logarithm_of_frequency() -> None:
    gains_db = np.zeros(side_gains.BAND_CENTRES_HZ.size)
    gains_db[13:] = -20.0
    low_hz, high_hz = side_gains.BAND_CENTRES_HZ[[12, 13]]
    impulse = np.zeros((2, 32_768), dtype=np.float32)
    impulse[:, 16_384] = 0.5, -0.5  # no mid signal
    out = side_gains.apply_side_gains(impulse, gains_db, 8191)
    np.testing.assert_allclose(out[0] + out[1], 0.0, atol=1e-7)
    response_db = 20.0 * np.log10(np.abs(np.fft.rfft(out[0] - out[1])))
    hz = np.fft.rfftfreq(impulse.shape[1], 1.0 / SAMPLE_RATE)
    for share in (0.1, 0.25, 0.5, 0.75, 0.9):
        between_hz = low_hz ** (1.0 - share) * high_hz**share
        assert np.interp(between_hz, hz, response_db) == pytest.approx(-20.0 * share, abs=0.25)
    for band_hz, gain_db in ((400.0, 0.0), (low_hz, 0.0), (high_hz, -20.0), (5000.0, -20.0), (20_000.0, -20.0)):
        assert np.interp(band_hz, hz, response_db) == pytest.approx(gain_db, abs=0.6)


def test_no_gain_changes_no_channel() -> None:
    audio = noise(0.5) * np.float32([[1.0], [0.3]])
    out = side_gains.apply_side_gains(audio, np.zeros(side_gains.BAND_CENTRES_HZ.size), 2001)
    np.testing.assert_allclose(out, audio, atol=1e-6)


@pytest.mark.parametrize("quarter", range(1, 12))
def test_every_sample_lies_in_two_frames(quarter: int) -> None:
    """A burst on one channel alone: 0 in the two frames that hold it, 1 in the others, which are silent."""
    length = 65_536
    audio = np.zeros((2, 3 * length), np.float32)
    start = quarter * length // 4 + length // 8
    audio[0, start : start + 1000] = noise(1.0)[0, :1000]
    in_the_middle = length // 2 <= start < 5 * length // 2
    similarities = side_gains.measure_narrowed(audio, RANGE_DB)
    np.testing.assert_allclose(similarities[:, 0], 1.0 - (2 if in_the_middle else 1) / 5, atol=1e-3)
