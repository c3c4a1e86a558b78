"""Cascade of second-order sections, and its gradient."""

import numba
import numpy as np
import numpy.typing as npt

from fxnorm.kernels.silence import SPAN, TINY

Float64 = npt.NDArray[np.float64]
Samples = npt.NDArray[np.floating]


@numba.njit(cache=True, nogil=True)
def filter_cascade(audio: Samples, sections: Float64, states: Float64, offset: int, out: Samples) -> None:
    """Filter every channel with sections in series, in direct form I.

    Parameters
    ----------
    audio : ndarray, shape (channels, samples)
    sections : ndarray, shape (sections, 6), float64
        Coefficients (b0, b1, b2, 1, a1, a2) of each section.
    states : ndarray, shape (channels, sections + 1, 2), float64
        Last two samples before the first section and after each section; updated.
    offset : int
        Samples filtered before these, so that states are flushed at the same samples however a signal is cut.
    out : ndarray, shape (channels, samples)
    """
    channels, samples = audio.shape
    count = sections.shape[0]
    signal = np.empty((channels, samples))
    for c in range(channels):
        for n in range(samples):
            signal[c, n] = audio[c, n]
    if channels == 2:  # side by side: each channel waits for its last sample, and the other fills the wait
        for k in range(count):
            _filter_pair(signal, sections[k], states[:, k], states[:, k + 1].copy(), offset)
    else:  # two sections at a time, for the same reason
        for c in range(channels):
            for k in range(0, count - 1, 2):
                _filter_two(signal[c], sections[k : k + 2], states[c, k : k + 2], states[c, k + 2].copy(), offset)
            if count % 2:
                _filter_single(signal[c], sections[-1], states[c, count - 1], states[c, count].copy(), offset)
    for c in range(channels):
        _keep_last(signal[c], states[c, count])
        for n in range(samples):  # what comes out in float32 shall not be subnormal there
            y = signal[c, n]
            out[c, n] = y if abs(y) >= TINY else 0.0


@numba.njit(cache=True, nogil=True)
def _filter_pair(signal: Float64, section: Float64, before: Float64, after: Float64, offset: int) -> None:
    """Filter two channels in place; `before` becomes the last two samples of the input."""
    b0, b1, b2, a1, a2 = section[0], section[1], section[2], section[4], section[5]
    p1, p2, y1, y2 = before[0, 0], before[0, 1], after[0, 0], after[0, 1]
    q1, q2, z1, z2 = before[1, 0], before[1, 1], after[1, 0], after[1, 1]
    _keep_last(signal[0], before[0])
    _keep_last(signal[1], before[1])
    samples = signal.shape[1]
    for start in range(-(offset % SPAN), samples, SPAN):
        if start >= 0:
            if abs(y1) < TINY and abs(y2) < TINY:
                y1 = y2 = 0.0
            if abs(z1) < TINY and abs(z2) < TINY:
                z1 = z2 = 0.0
        for n in range(max(start, 0), min(start + SPAN, samples)):
            p, q = signal[0, n], signal[1, n]
            y = (b0 * p + b1 * p1 + b2 * p2 - a2 * y2) - a1 * y1
            z = (b0 * q + b1 * q1 + b2 * q2 - a2 * z2) - a1 * z1
            p2, p1, y2, y1 = p1, p, y1, y
            q2, q1, z2, z1 = q1, q, z1, z
            signal[0, n] = y
            signal[1, n] = z


@numba.njit(cache=True, nogil=True)
def _filter_two(signal: Float64, sections: Float64, before: Float64, after: Float64, offset: int) -> None:
    """Filter one channel in place with two sections; `before` becomes the last two samples of either's input."""
    b0, b1, b2, a1, a2 = sections[0, 0], sections[0, 1], sections[0, 2], sections[0, 4], sections[0, 5]
    d0, d1, d2, c1, c2 = sections[1, 0], sections[1, 1], sections[1, 2], sections[1, 4], sections[1, 5]
    x1, x2, y1, y2, z1, z2 = before[0, 0], before[0, 1], before[1, 0], before[1, 1], after[0], after[1]
    _keep_last(signal, before[0])
    for start in range(-(offset % SPAN), signal.size, SPAN):
        if start >= 0:
            if abs(y1) < TINY and abs(y2) < TINY:
                y1 = y2 = 0.0
            if abs(z1) < TINY and abs(z2) < TINY:
                z1 = z2 = 0.0
        for n in range(max(start, 0), min(start + SPAN, signal.size)):
            x = signal[n]
            y = (b0 * x + b1 * x1 + b2 * x2 - a2 * y2) - a1 * y1
            z = (d0 * y + d1 * y1 + d2 * y2 - c2 * z2) - c1 * z1
            x2, x1, y2, y1, z2, z1 = x1, x, y1, y, z1, z
            signal[n] = z
    before[1, 0], before[1, 1] = y1, y2


@numba.njit(cache=True, nogil=True)
def _filter_single(signal: Float64, section: Float64, before: Float64, after: Float64, offset: int) -> None:
    """Filter one channel as `_filter_pair` does two."""
    b0, b1, b2, a1, a2 = section[0], section[1], section[2], section[4], section[5]
    x1, x2, y1, y2 = before[0], before[1], after[0], after[1]
    _keep_last(signal, before)
    for start in range(-(offset % SPAN), signal.size, SPAN):
        if start >= 0 and abs(y1) < TINY and abs(y2) < TINY:
            y1 = y2 = 0.0
        for n in range(max(start, 0), min(start + SPAN, signal.size)):
            x = signal[n]
            y = (b0 * x + b1 * x1 + b2 * x2 - a2 * y2) - a1 * y1
            x2, x1, y2, y1 = x1, x, y1, y
            signal[n] = y


@numba.njit(cache=True, nogil=True)
def _keep_last(signal: Float64, state: Float64) -> None:
    """Store the last two samples, the latest first."""
    if signal.size > 1:
        state[0], state[1] = signal[-1], signal[-2]
    elif signal.size == 1:
        state[0], state[1] = signal[-1], state[0]


@numba.njit(cache=True, nogil=True)
def filter_section(audio: Samples, section: Float64, out: Samples) -> None:
    """Filter every channel with one section (b0, b1, b2, 1, a1, a2) from a zero state."""
    b0, b1, b2, a1, a2 = section[0], section[1], section[2], section[4], section[5]
    for c in range(audio.shape[0]):
        x1 = x2 = y1 = y2 = 0.0
        for start in range(0, audio.shape[1], SPAN):
            if abs(y1) < TINY and abs(y2) < TINY:
                y1 = y2 = 0.0
            for n in range(start, min(start + SPAN, audio.shape[1])):
                x = np.float64(audio[c, n])
                y = (b0 * x + b1 * x1 + b2 * x2 - a2 * y2) - a1 * y1
                x2, x1, y2, y1 = x1, x, y1, y
                out[c, n] = y if abs(y) >= TINY else 0.0


@numba.njit(cache=True, nogil=True)
def section_gradient(
    audio: Samples, filtered: Samples, section: Float64, gradient: Samples, coefficients: Float64
) -> None:
    """Carry a gradient back through `filter_section`.

    u = 1/A applied backwards to the gradient; gradients of b_k: sum of u[n] x[n-k], of a_k: minus the sum of
    u[n] y[n-k]; of the audio: B applied backwards to u.

    Parameters
    ----------
    audio, filtered : ndarray, shape (channels, samples)
        Input and output of the section.
    section : ndarray, shape (6,), float64
    gradient : ndarray, shape (channels, samples)
        With respect to the output; replaced by that with respect to the input.
    coefficients : ndarray, shape (6,), float64
        Added to: gradient with respect to the coefficients; that of a0 stays.
    """
    b0, b1, b2, a1, a2 = section[0], section[1], section[2], section[4], section[5]
    for c in range(audio.shape[0]):
        u1 = u2 = 0.0
        g0 = g1 = g2 = h1 = h2 = 0.0
        for stop in range(audio.shape[1], 0, -SPAN):
            if abs(u1) < TINY and abs(u2) < TINY:
                u1 = u2 = 0.0
            for n in range(stop - 1, max(stop - SPAN, 0) - 1, -1):
                u = (np.float64(gradient[c, n]) - a2 * u2) - a1 * u1
                x, y = np.float64(audio[c, n]), np.float64(filtered[c, n])
                g0 += u * x  # each sample with the u[n + k] that it is in, not each u with its samples x[n - k]
                g1 += u1 * x
                g2 += u2 * x
                h1 += u1 * y
                h2 += u2 * y
                through = b0 * u + b1 * u1 + b2 * u2
                gradient[c, n] = through if abs(through) >= TINY else 0.0
                u2, u1 = u1, u
        coefficients[0] += g0
        coefficients[1] += g1
        coefficients[2] += g2
        coefficients[4] -= h1
        coefficients[5] -= h2
