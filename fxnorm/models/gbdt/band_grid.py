"""Levels and gains of mid and side on a grid of frequency bands and time frames.

Windows of the STFT overlap by half, weighted by sqrt(periodic Hann) at analysis and synthesis: the squares of two
neighbours add up to one, so gains of 0 dB reconstruct the input. Bands are triangles over log frequency that add up to
one in every bin: gains in dB per band become a continuous curve without corners that ring. Several windows form a
frame; the gain of a frame applies at its centre, and gains in between are interpolated.

Gains act on mid and side instead of left and right: one gain of the side undoes the narrowing of normalisation, and a
mean over songs that lean left or right does not cancel.
"""

from collections.abc import Iterator
from functools import cache

import numpy as np
import numpy.typing as npt
import scipy.fft
from pydantic import Field, PositiveInt

from fxnorm.audio import SAMPLE_RATE, Audio
from fxnorm.dsp.windows import frames, sqrt_hann
from fxnorm.models.settings import ModelSettings
from fxnorm.units import bin_frequencies

BLOCK = 32  # frames processed together, to bound memory
MID_SIDE = ("mid", "side")

Spectra = npt.NDArray[np.complex64]
Floats = npt.NDArray[np.float32]


class BandGrid(ModelSettings):
    """Grid in time and frequency.

    Attributes
    ----------
    n_fft : int
        Length of an STFT window in samples.
    frame_windows : int
        Windows per frame.
    centres_hz : tuple of float
        Centres of the bands, rising; the first and the last band reach to the ends of the spectrum.
    """

    n_fft: int = Field(default=4096, ge=64, multiple_of=2)
    frame_windows: PositiveInt = 4
    centres_hz: tuple[float, ...] = Field(default=tuple(62.5 * 2.0**octave for octave in range(9)), min_length=2)

    @property
    def hop(self) -> int:
        """Samples from one window to the next."""
        return self.n_fft // 2

    @property
    def frame_rate(self) -> float:
        """Frames per second."""
        return SAMPLE_RATE / (self.frame_windows * self.hop)

    @property
    def count(self) -> int:
        """Number of bands."""
        return len(self.centres_hz)

    def count_frames(self, samples: int) -> int:
        """Return the number of frames that cover a number of samples."""
        windows = -(-samples // self.hop) + 1  # the first begins half a window before the first sample
        return -(-windows // self.frame_windows)

    def blocks(self, audio: Audio) -> Iterator[tuple[int, Spectra]]:
        """Yield the spectra of mid and side, several frames at a time.

        Parameters
        ----------
        audio : ndarray, shape (..., 2, samples), float32
            Left and right.

        Yields
        ------
        first : int
            First frame of the block.
        spectra : ndarray, shape (..., 2, windows, bins), complex64
            Mid and side; the windows of whole frames.
        """
        frames = self.count_frames(audio.shape[-1])
        for first in range(0, frames, BLOCK):
            windows = min(BLOCK, frames - first) * self.frame_windows
            yield first, self._analyse(audio, first * self.frame_windows, windows)

    def pool(self, powers: Floats) -> Floats:
        """Average squared magnitudes by band and frame: (..., windows, bins) -> (..., frames, bands)."""
        # The window has a mean square of 1/2, so one half of the spectrum sums to n_fft^2 / 4 of the mean square.
        scaled = (powers @ _weights(self).T) * np.float32(4.0 / self.n_fft**2)
        pooled: Floats = scaled.reshape(*powers.shape[:-2], -1, self.frame_windows, self.count).mean(axis=-2)
        return pooled

    def measure(self, audio: Audio) -> Floats:
        """Measure the mean square of every band in every frame.

        Parameters
        ----------
        audio : ndarray, shape (signals, 2, samples), float32

        Returns
        -------
        ndarray, shape (signals, 2, frames, bands), float32
            Of mid and side.
        """
        levels = [self.pool(real_cross_spectrum(spectra, spectra)) for _, spectra in self.blocks(audio)]
        return np.concatenate(levels, axis=-2)

    def apply_gains(self, stems: Audio, gains_db: Floats) -> Audio:
        """Sum stems with a gain for each band and frame of each stem.

        Parameters
        ----------
        stems : ndarray, shape (stems, 2, samples), float32
        gains_db : ndarray, shape (stems, 2, frames, bands), float32
            For mid and side.

        Returns
        -------
        ndarray, shape (2, samples), float32
        """
        samples = stems.shape[-1]
        out = np.zeros((2, (self.count_frames(samples) * self.frame_windows + 1) * self.hop), dtype=np.float32)
        for first, spectra in self.blocks(stems):
            windows = first * self.frame_windows + np.arange(spectra.shape[-2])
            curves_db = self._interpolate(gains_db, windows) @ _weights(self)
            spectra *= np.exp(curves_db * np.float32(np.log(10.0) / 20.0))
            block = self._overlap_add(spectra.sum(axis=0))
            start = int(windows[0]) * self.hop
            out[:, start : start + block.shape[-1]] += block
        mid, side = out[:, self.hop : self.hop + samples]
        return np.stack([mid + side, mid - side])

    def _analyse(self, audio: Audio, first: int, windows: int) -> Spectra:
        start, end = (first - 1) * self.hop, (first + windows) * self.hop
        segment = audio[..., max(0, start) : end]
        padding = max(0, -start)
        span = slice(padding, padding + segment.shape[-1])
        mid_side = np.zeros((*segment.shape[:-1], end - start), dtype=np.float32)  # zero-padded at both ends
        mid_side[..., 0, span] = segment[..., 0, :] + segment[..., 1, :]
        mid_side[..., 1, span] = segment[..., 0, :] - segment[..., 1, :]
        windowed = frames(mid_side, self.n_fft, self.hop)
        spectra: Spectra = scipy.fft.rfft(windowed * (0.5 * sqrt_hann(self.n_fft)))  # mid is half the sum
        return spectra

    def _overlap_add(self, spectra: Spectra) -> Audio:
        """Add consecutive windows: (..., (windows + 1) * hop), with the first and the last hop still incomplete."""
        windowed = scipy.fft.irfft(spectra, self.n_fft) * sqrt_hann(self.n_fft)
        *leading, windows, _ = windowed.shape
        audio = np.zeros((*leading, windows + 1, self.hop), dtype=np.float32)
        audio[..., :-1, :] += windowed[..., : self.hop]
        audio[..., 1:, :] += windowed[..., self.hop :]
        return audio.reshape(*leading, -1)

    def _interpolate(self, gains_db: Floats, windows: npt.NDArray[np.int64]) -> Floats:
        """Interpolate the gains of windows between the centres of frames."""
        last = gains_db.shape[-2] - 1
        position = np.clip((windows - (self.frame_windows - 1) / 2) / self.frame_windows, 0, last)
        low = position.astype(np.int64)
        fraction = (position - low).astype(np.float32)[:, np.newaxis]
        return gains_db[..., low, :] * (1 - fraction) + gains_db[..., np.minimum(low + 1, last), :] * fraction


def real_cross_spectrum(x: Spectra, y: Spectra) -> Floats:
    """Compute the real part of x conj(y), bin by bin."""
    real: Floats = x.real * y.real + x.imag * y.imag
    return real


@cache
def _weights(grid: BandGrid) -> Floats:
    """Compute the weight of every bin in every band, shape (bands, bins)."""
    octaves = np.log2(np.maximum(bin_frequencies(SAMPLE_RATE, grid.n_fft), 1.0))
    centres = np.log2(grid.centres_hz)
    weights = np.stack([np.interp(octaves, centres, row) for row in np.eye(grid.count)]).astype(np.float32)
    weights.flags.writeable = False
    return weights
