"""Short-time spectra of mid and side in broad bands: how loud a band is, and gains per band that leave no seams.

Frames overlap by half, weighted by sqrt(periodic Hann) before and after: the squares of two neighbours add up to one,
so gains of 0 dB give back the input. The bands are triangles over the logarithm of frequency that add up to one in
every bin: gains in dB that are given per band become a curve without corners that could ring. In time, some frames make
a slot; a slot's gain holds in its middle, and in between gains are interpolated.

Gains act on mid and side, not on left and right: what normalising narrows comes back by one gain of the side, and a
mean over many songs does not cancel (some lean left, some right).
"""

from collections.abc import Iterator
from functools import cache

import numpy as np
import numpy.typing as npt
import scipy.fft
from pydantic import Field, PositiveInt

from fxnorm.audio import RATE, Audio
from fxnorm.models.settings import ModelSettings
from fxnorm.units import bin_frequencies

BLOCK = 32  # slots that are worked on together: memory stays bounded

Spectra = npt.NDArray[np.complex64]
Floats = npt.NDArray[np.float32]


class Bands(ModelSettings):
    """The grid in time and frequency.

    Attributes
    ----------
    n_fft : int
        Samples of a frame.
    slot_frames : int
        Frames of a slot.
    centres_hz : tuple of float
        Of the bands, rising; the first and the last reach to the ends of the spectrum.
    """

    n_fft: int = Field(default=4096, ge=64, multiple_of=2)
    slot_frames: PositiveInt = 4
    centres_hz: tuple[float, ...] = Field(default=tuple(62.5 * 2.0**octave for octave in range(9)), min_length=2)

    @property
    def hop(self) -> int:
        """Samples from one frame to the next."""
        return self.n_fft // 2

    @property
    def slot_rate(self) -> float:
        """Slots a second."""
        return RATE / (self.slot_frames * self.hop)

    @property
    def count(self) -> int:
        """Number of bands."""
        return len(self.centres_hz)

    def slots(self, samples: int) -> int:
        """Slots that cover so many samples."""
        frames = -(-samples // self.hop) + 1  # the first begins half a frame before the first sample
        return -(-frames // self.slot_frames)

    def blocks(self, audio: Audio) -> Iterator[tuple[int, Spectra]]:
        """Spectra of mid and side, some slots at a time.

        Parameters
        ----------
        audio : ndarray, shape (..., 2, samples), float32
            Left and right.

        Yields
        ------
        first : int
            The first slot of the block.
        spectra : ndarray, shape (..., 2, frames, bins), complex64
            Mid and side; the frames of whole slots.
        """
        slots = self.slots(audio.shape[-1])
        for first in range(0, slots, BLOCK):
            frames = min(BLOCK, slots - first) * self.slot_frames
            yield first, self._analyse(audio, first * self.slot_frames, frames)

    def pool(self, values: Floats) -> Floats:
        """Mean squares by band and slot, of squared magnitudes: (..., frames, bins) -> (..., slots, bands)."""
        # one side of the spectrum of a frame, whose window has a mean square of one half, adds up to n_fft^2 / 4 of it
        scaled = (values @ _shares(self).T) * np.float32(4.0 / self.n_fft**2)
        pooled: Floats = scaled.reshape(*values.shape[:-2], -1, self.slot_frames, self.count).mean(axis=-2)
        return pooled

    def measure(self, audio: Audio) -> Floats:
        """Mean square of every band in every slot.

        Parameters
        ----------
        audio : ndarray, shape (signals, 2, samples), float32

        Returns
        -------
        ndarray, shape (signals, 2, slots, bands), float32
            Of mid and side.
        """
        parts = [self.pool(product(spectra, spectra)) for _, spectra in self.blocks(audio)]
        return np.concatenate(parts, axis=-2)

    def mix(self, stems: Audio, gains_db: Floats) -> Audio:
        """Add stems, each band of each with its own gain.

        Parameters
        ----------
        stems : ndarray, shape (stems, 2, samples), float32
        gains_db : ndarray, shape (stems, 2, slots, bands), float32
            For mid and side.

        Returns
        -------
        ndarray, shape (2, samples), float32
        """
        samples = stems.shape[-1]
        out = np.zeros((2, (self.slots(samples) * self.slot_frames + 1) * self.hop), dtype=np.float32)
        for first, spectra in self.blocks(stems):
            frames = first * self.slot_frames + np.arange(spectra.shape[-2])
            curves_db = self._between_slots(gains_db, frames) @ _shares(self)
            spectra *= np.exp(curves_db * np.float32(np.log(10.0) / 20.0))
            piece = self._overlap_add(spectra.sum(axis=0))
            start = int(frames[0]) * self.hop
            out[:, start : start + piece.shape[-1]] += piece
        mid, side = out[:, self.hop : self.hop + samples]
        return np.stack([mid + side, mid - side])

    def _analyse(self, audio: Audio, first: int, frames: int) -> Spectra:
        start, end = (first - 1) * self.hop, (first + frames) * self.hop
        piece = audio[..., max(0, start) : end]
        before = max(0, -start)
        there = slice(before, before + piece.shape[-1])
        both = np.zeros((*piece.shape[:-1], end - start), dtype=np.float32)  # zeros stand where the audio has ended
        both[..., 0, there] = piece[..., 0, :] + piece[..., 1, :]
        both[..., 1, there] = piece[..., 0, :] - piece[..., 1, :]
        framed = np.lib.stride_tricks.sliding_window_view(both, self.n_fft, axis=-1)[..., :: self.hop, :]
        spectra: Spectra = scipy.fft.rfft(framed * (0.5 * _window(self.n_fft)))  # mid is half the sum
        return spectra

    def _overlap_add(self, spectra: Spectra) -> Audio:
        """Consecutive frames -> (..., (frames + 1) * hop): the first and the last half frame await their neighbours."""
        framed = scipy.fft.irfft(spectra, self.n_fft) * _window(self.n_fft)
        *rest, frames, _ = framed.shape
        audio = np.zeros((*rest, frames + 1, self.hop), dtype=np.float32)
        audio[..., :-1, :] += framed[..., : self.hop]
        audio[..., 1:, :] += framed[..., self.hop :]
        return audio.reshape(*rest, -1)

    def _between_slots(self, gains_db: Floats, frames: npt.NDArray[np.int64]) -> Floats:
        """Gains of frames, interpolated between the middles of slots."""
        last = gains_db.shape[-2] - 1
        place = np.clip((frames - (self.slot_frames - 1) / 2) / self.slot_frames, 0, last)
        low = place.astype(np.int64)
        share = (place - low).astype(np.float32)[:, np.newaxis]
        return gains_db[..., low, :] * (1 - share) + gains_db[..., np.minimum(low + 1, last), :] * share


def product(x: Spectra, y: Spectra) -> Floats:
    """Real part of x conj(y), bin by bin."""
    real: Floats = x.real * y.real + x.imag * y.imag
    return real


@cache
def _shares(bands: Bands) -> Floats:
    """Share of every bin in every band, shape (bands, bins)."""
    octaves = np.log2(np.maximum(bin_frequencies(RATE, bands.n_fft), 1.0))
    centres = np.log2(bands.centres_hz)
    shares = np.stack([np.interp(octaves, centres, row) for row in np.eye(bands.count)]).astype(np.float32)
    shares.flags.writeable = False
    return shares


@cache
def _window(length: int) -> Floats:
    window = np.sqrt(0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(length) / length)).astype(np.float32)
    window.flags.writeable = False
    return window
