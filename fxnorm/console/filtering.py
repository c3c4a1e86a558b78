"""Filter audio with bands in series, block by block or with gradients."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from fxnorm.console.processor import Float64, Samples, Stream
from fxnorm.dsp.biquads import Band, biquad, biquad_gradient
from fxnorm.errors import InputError
from fxnorm.kernels.biquads import filter_cascade, filter_section, section_gradient
from fxnorm.kernels.silence import is_zero

FilterPullback: TypeAlias = Callable[[Samples], tuple[Samples, Float64]]
HIGHEST = 0.49  # of the sample rate: filters above it are designed there


class Cascade(Stream):
    """Stream through bands in series; without bands, the input itself."""

    def __init__(self, bands: Sequence[Band], sample_rate: int, channels: int) -> None:
        super().__init__(channels)
        self._sections = sections(bands, sample_rate)
        self._states = np.zeros((channels, len(bands) + 1, 2))
        self._position = 0

    def push(self, block: Samples, key: Samples | None = None) -> Samples:
        """Filter the next samples."""
        del key
        if not len(self._sections):
            return block
        out = np.empty_like(block)
        if not self._states.any() and is_zero(block):
            out[:] = 0.0
        else:
            filter_cascade(block, self._sections, self._states, self._position, out)
        self._position += block.shape[1]
        return out


def cascade_vjp(audio: Samples, bands: Sequence[Band], sample_rate: int) -> tuple[Samples, FilterPullback]:
    """Filter a recording with bands in series, and return a function that carries a gradient back.

    Returns
    -------
    out : ndarray, shape (channels, samples)
    pullback : callable
        Takes the gradient with respect to `out` and returns that with respect to the audio, and to frequency in Hz,
        gain in dB and Q of each band, shape (bands, 3).
    """
    designs = sections(bands, sample_rate)
    signals = [audio]
    for design in designs:
        filtered = np.empty_like(audio)
        filter_section(signals[-1], design, filtered)
        signals.append(filtered)

    def pullback(gradient: Samples) -> tuple[Samples, Float64]:
        through = np.array(gradient, order="C")
        values = np.zeros((len(bands), 3))
        for index in reversed(range(len(bands))):
            coefficients = np.zeros(6)
            section_gradient(signals[index], signals[index + 1], designs[index], through, coefficients)
            designed = _designed(bands[index], sample_rate)
            values[index] = biquad_gradient(designed, sample_rate, coefficients)
            if designed is not bands[index]:
                values[index, 0] = 0.0  # it stays where it is
        return through, values

    return signals[-1], pullback


def sections(bands: Sequence[Band], sample_rate: int) -> Float64:
    """Design the sections of bands, shape (bands, 6)."""
    return np.array([biquad(_designed(band, sample_rate), sample_rate) for band in bands]).reshape(-1, 6)


def _designed(band: Band, sample_rate: int) -> Band:
    """Move a band below half the sample rate, so that a document can be rendered at a low rate."""
    if sample_rate <= 0:
        raise InputError(f"expected a sample rate above 0 Hz, got {sample_rate}; pass the rate of the audio")
    if band.frequency_hz <= HIGHEST * sample_rate:
        return band
    return Band(band.kind, HIGHEST * sample_rate, band.gain_db, band.q)
