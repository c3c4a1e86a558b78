"""Process at twice the sample rate, or four times by nesting, without delay.

Between the samples the signal is interpolated by a half-band filter of even length, and the same filter takes the
result back; what was processed at the samples themselves passes with half its weight. Up and down are each other's
transposes times two, which is also how gradients return.
"""

from functools import cache

import numpy as np
import numpy.typing as npt

from fxnorm.console.processor import Samples, Stream
from fxnorm.kernels.halfband import filter_halfband

REACHES = (16, 8)  # taps on each side: 18.5 kHz pass at 44.1 kHz; the second doubling has an octave to fall
KAISER_BETA = 8.0  # -80 dB


class Oversampled(Stream):
    """Stream through another stream at twice the sample rate."""

    def __init__(self, channels: int, inner: Stream, reach: int) -> None:
        super().__init__(channels)
        self._inner = inner
        self._reach = reach
        self._input: Samples = np.zeros((channels, reach - 1))  # with what interpolation needs of the past
        self._odd: Samples = np.zeros((channels, reach))
        self._even: Samples = np.zeros((channels, 0))
        self._single: Samples = np.zeros((channels, 0))  # the first of a pair

    def push(self, block: Samples, key: Samples | None = None) -> Samples:
        """Process the next samples; `2 * reach - 1` are held back, and those that the inner stream holds."""
        del key
        padded = self._input = _join(self._input, block)
        ready = padded.shape[1] - (2 * self._reach - 1)
        if ready <= 0:
            return np.empty((self.channels, 0), dtype=block.dtype)
        self._input = padded[:, ready:]
        return self._reduce(self._inner.push(_interleave(padded, ready, self._reach)))

    def finish(self) -> Samples:
        """Return the samples that are held back."""
        dtype = self._input.dtype
        zeros = np.zeros((self.channels, self._reach), dtype=dtype)
        parts = [self.push(zeros), self._reduce(self._inner.finish().astype(dtype))]
        zeros = np.zeros((self.channels, 2 * (self._reach - 1)), dtype=dtype)
        return np.concatenate([*parts, self._reduce(zeros)], axis=1)

    def _reduce(self, doubled: Samples) -> Samples:
        doubled = _join(self._single, doubled)
        whole = doubled.shape[1] // 2 * 2
        self._single, doubled = doubled[:, whole:], doubled[:, :whole]
        self._even = _join(self._even, doubled[:, ::2])
        odd = self._odd = _join(self._odd, doubled[:, 1::2])
        ready = odd.shape[1] - (2 * self._reach - 1)
        if ready <= 0:
            return np.empty((self.channels, 0), dtype=doubled.dtype)
        out = np.empty((self.channels, ready), dtype=odd.dtype)
        filter_halfband(np.ascontiguousarray(odd), halfband_taps(self._reach, odd.dtype), out)
        out += self._even[:, :ready]
        out *= odd.dtype.type(0.5)
        self._odd, self._even = odd[:, ready:], self._even[:, ready:]
        return out


def expand(audio: Samples, reach: int) -> Samples:
    """Interpolate a whole recording to twice its rate, shape (channels, 2 samples)."""
    padded = np.pad(audio, ((0, 0), (reach - 1, reach)))
    return _interleave(padded, audio.shape[1], reach)


def reduce(doubled: Samples, reach: int) -> Samples:
    """Take a whole recording back to half its rate; twice the transpose of `expand`, halved."""
    odd = np.pad(doubled[:, 1::2], ((0, 0), (reach, reach - 1)))
    out = np.empty((len(doubled), doubled.shape[1] // 2), dtype=doubled.dtype)
    filter_halfband(np.ascontiguousarray(odd), halfband_taps(reach, doubled.dtype), out)
    out += doubled[:, ::2]
    out *= out.dtype.type(0.5)
    return out


def _interleave(padded: Samples, samples: int, reach: int) -> Samples:
    between = np.empty((len(padded), samples), dtype=padded.dtype)
    filter_halfband(np.ascontiguousarray(padded), halfband_taps(reach, padded.dtype), between)
    doubled = np.empty((len(padded), 2 * samples), dtype=padded.dtype)
    doubled[:, ::2] = padded[:, reach - 1 : reach - 1 + samples]
    doubled[:, 1::2] = between
    return doubled


def _join(past: Samples, block: Samples) -> Samples:
    """Append a block to what is left of earlier ones, in the dtype of the block."""
    return np.concatenate((past.astype(block.dtype, copy=False), block), axis=1)


@cache
def halfband_taps(reach: int, dtype: npt.DTypeLike) -> Samples:
    """Design the taps at 1/2, 3/2, ... samples from the middle: a windowed sinc whose two halves sum to 1."""
    distance = np.arange(reach) + 0.5
    taps = np.sinc(distance) * np.i0(KAISER_BETA * np.sqrt(1.0 - (distance / reach) ** 2))
    taps = (0.5 * taps / taps.sum()).astype(dtype)
    taps.flags.writeable = False
    return taps
