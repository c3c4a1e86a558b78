"""Onset detection.

High-frequency content of the log magnitude, smoothed and thresholded over the last seven frames. The positions agree
with aubio's default method on frames of 1,024 samples, by which the published averages were measured.
"""

import numpy as np
import numpy.typing as npt
import scipy.fft

from fxnorm.dsp.windows import hann
from fxnorm.kernels.dynamics import onset_strength
from fxnorm.units import db_to_amplitude

FRAME = 1024
DELAY = 4403  # samples between an onset and the end of the frame that reports it
MINIMUM_GAP = 2205
SILENCE_DB = -70.0
_BATCH = 64


def find(channel: npt.NDArray[np.float32], *, gain: np.floating | float = 1.0) -> npt.NDArray[np.int64]:
    """Find the onsets of one channel in samples, ascending; near the start they can be negative.

    Parameters
    ----------
    channel : ndarray, shape (samples,), float32
    gain : float
        Gain of the channel before detection, which depends on the level.

    Returns
    -------
    ndarray, shape (onsets,), int64
    """
    novelty, power = _novelty(channel, np.float32(gain))
    strength = np.zeros_like(novelty)
    onset_strength(novelty, strength)
    before, middle, after = strength[:-2], strength[1:-1], strength[2:]
    loud = power[2:] >= db_to_amplitude(2.0 * SILENCE_DB)
    (candidates,) = np.nonzero((middle > before) & (middle > after) & (middle > 0.0) & loud)
    # vertex of the parabola through the three values, in frames from the middle one
    bend = before[candidates] - 2.0 * middle[candidates] + after[candidates]
    vertex = 0.5 * (before[candidates] - after[candidates]) / bend
    positions = np.floor((candidates + 2.0 + vertex) * FRAME + 0.5).astype(np.int64)
    onsets: list[int] = []
    for position in positions:
        if not onsets or position - onsets[-1] > MINIMUM_GAP:
            onsets.append(int(position))
    return np.array(onsets, dtype=np.int64) - DELAY + FRAME


def _novelty(
    channel: npt.NDArray[np.float32], gain: np.float32
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Measure novelty h = sum over bins j of (j+1)·ln(1 + |X_j|), and mean square, of each whole frame."""
    count = channel.size // FRAME
    framed = channel[: count * FRAME].reshape(count, FRAME)
    weights = np.arange(1, FRAME // 2 + 2, dtype=np.float32)
    novelty = np.zeros(count)
    power = np.zeros(count)
    for start in range(0, count, _BATCH):
        if not framed[start : start + _BATCH].any():
            continue
        batch = framed[start : start + _BATCH] * gain
        novelty[start : start + _BATCH] = np.log1p(np.abs(scipy.fft.rfft(batch * hann(FRAME), axis=1))) @ weights
        power[start : start + _BATCH] = np.mean(np.square(batch), axis=1)
    return novelty, power
