"""Gain reduction, peaks and onset strength."""

import numba
import numpy as np
import numpy.typing as npt

from fxnorm.kernels.silence import SPAN, TINY


@numba.njit(cache=True, nogil=True)
def reduce_gain(
    level: npt.NDArray[np.float32],
    threshold: float,
    slope: float,
    attack: float,
    release: float,
    out: npt.NDArray[np.float32],
) -> float:
    """Compute the smoothed gain reduction in dB, 0 or more.

    r[n] = max(0, (level[n] - threshold) · slope), slope = 1 - 1/ratio; y[n] = a·y[n-1] + (1-a)·r[n], where a is the
    attack coefficient while the reduction grows and the release coefficient while it falls; y starts at 0. Returns the
    last y.
    """
    y = 0.0
    for start in range(0, level.size, SPAN):
        if y < TINY:
            y = 0.0
        for n in range(start, min(start + SPAN, level.size)):
            x = np.float64(level[n])
            if x <= threshold:  # as below, with nothing to reduce: most samples, and a product waits less than a choice
                y *= release
            else:
                r = (x - threshold) * slope
                a = attack if r > y else release
                y = a * y + (1.0 - a) * r
            out[n] = y
    return y


@numba.njit(cache=True, nogil=True)
def reduced_peaks(
    detector: npt.NDArray[np.float32],
    levels: npt.NDArray[np.float32],
    thresholds: npt.NDArray[np.float64],
    slope: float,
    attack: float,
    release: float,
    edges: npt.NDArray[np.int64],
    out: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Find the highest `level - reduction` of each channel in each segment, for several thresholds at once.

    The reduction follows `detector` as in `reduce_gain`. `out[c, t, k]` is for channel c, `thresholds[t]` and samples
    `edges[k]` to `edges[k + 1]`; `edges[0]` is 0. Returns the last reduction for each threshold.
    """
    lanes = thresholds.size
    channels = levels.shape[0]
    deepest = thresholds.argmin()
    y = np.zeros(lanes)
    best = np.empty((channels, lanes))
    for k in range(edges.size - 1):
        best[:] = -1e9
        for start in range(edges[k], edges[k + 1], SPAN):
            at_rest = True
            for t in range(lanes):
                if y[t] < TINY:
                    y[t] = 0.0
                else:
                    at_rest = False
            for n in range(start, min(start + SPAN, edges[k + 1])):
                x = np.float64(detector[n])
                if x > thresholds[deepest]:
                    at_rest = False
                    for t in range(lanes):
                        r = max(0.0, (x - thresholds[t]) * slope)
                        a = attack if r > y[t] else release
                        y[t] = a * y[t] + (1.0 - a) * r
                elif not at_rest:  # as above, with nothing to reduce
                    for t in range(lanes):
                        y[t] *= release
                for c in range(channels):
                    level = np.float64(levels[c, n])
                    if level > best[c, deepest]:  # the least of them: the deepest threshold reduces most
                        for t in range(lanes):
                            best[c, t] = max(best[c, t], level - y[t])
        out[:, :, k] = best
    return y


@numba.njit(cache=True, nogil=True)
def segment_peaks(channel: npt.NDArray[np.float32], edges: npt.NDArray[np.int64], out: npt.NDArray[np.float64]) -> None:
    """Find the largest absolute sample of each segment `edges[k]` to `edges[k + 1]`."""
    for k in range(out.size):
        largest = np.float32(0.0)
        for n in range(edges[k], edges[k + 1]):
            largest = max(largest, abs(channel[n]))
        out[k] = largest


@numba.njit(cache=True, nogil=True)
def onset_strength(novelty: npt.NDArray[np.float64], out: npt.NDArray[np.float64]) -> None:
    """Compute how far each frame's smoothed novelty exceeds its last seven values.

    The seven values (zeros before the start) are smoothed forwards and backwards, each from a zero state, by
    y[n] = 0.15998789·(x[n] + 2x[n-1] + x[n-2]) - 0.23484048·y[n-1]; out = s[5] - median(s) - 0.058·mean(s).
    """
    s = np.zeros(7)
    for i in range(novelty.size):
        for k in range(7):
            s[k] = novelty[i - 6 + k] if i - 6 + k >= 0 else 0.0
        for _ in range(2):  # filter and reverse, twice: forwards, then backwards, then in order again
            x1 = x2 = y = 0.0
            for k in range(7):
                x = s[k]
                y = 0.15998789 * (x + 2.0 * x1 + x2) - 0.23484048 * y
                x2, x1 = x1, x
                s[k] = y
            s[:] = s[::-1].copy()
        out[i] = s[5] - np.sort(s)[3] - 0.058 * s.mean()
