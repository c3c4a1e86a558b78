"""Convolution with long responses, block by block, by FFTs of uniform partitions."""

from collections import deque

import numpy as np
import numpy.typing as npt
import scipy.fft

from fxnorm.kernels.silence import flush, is_zero

PARTITION = 8192  # samples: fast for responses of a tenth of a second to several seconds

Samples = npt.NDArray[np.floating]
Spectrum = npt.NDArray[np.complexfloating]


class Convolver:
    """Convolve a recording with a response, each channel with its own, by overlap-save.

    The response is cut into partitions of equal length (W. G. Gardner, "Efficient convolution without input-output
    delay", 1995, without its shorter partitions). Transforms begin at multiples of the partition, counted from the
    first sample, so that the result does not depend on how the recording is cut. Samples are held back until a
    partition of input is complete.

    Parameters
    ----------
    response : ndarray, shape (channels, taps)
        At least one tap. Its dtype is that of the audio and of the transforms.
    partition : int
        Length of the partitions.
    """

    def __init__(self, response: Samples, *, partition: int = PARTITION) -> None:
        channels, taps = response.shape
        self._partition = partition
        starts = range(0, taps, partition)
        self._responses: list[Spectrum] = [
            scipy.fft.rfft(response[:, start : start + partition], 2 * partition) for start in starts
        ]
        # Spectra of the last inputs, the latest first; None for silence.
        self._spectra: deque[Spectrum | None] = deque([None] * len(starts), maxlen=len(starts))
        self._frame = np.zeros((channels, 2 * partition), dtype=response.dtype)  # the previous input and the present
        self._count = 0  # samples of the present input

    def push(self, block: Samples) -> Samples:
        """Convolve the next samples (channels, samples) and return those that are complete, perhaps none."""
        channels, samples = block.shape
        complete = (self._count + samples) // self._partition * self._partition
        out = np.empty((channels, complete), dtype=block.dtype)
        taken = written = 0
        while taken < samples:
            count = min(self._partition - self._count, samples - taken)
            start = self._partition + self._count
            self._frame[:, start : start + count] = block[:, taken : taken + count]
            self._count += count
            taken += count
            if self._count == self._partition:
                self._transform(out[:, written : written + self._partition])
                written += self._partition
        return out

    def finish(self) -> Samples:
        """Return the samples that are still missing; all together are as many as went in."""
        count = self._count
        self._frame[:, self._partition + count :] = 0.0
        out = np.empty((len(self._frame), self._partition), dtype=self._frame.dtype)
        if count:
            self._transform(out)
        return out[:, :count]

    def _transform(self, out: Samples) -> None:
        """Convolve the frame and move on by a partition; silence costs no transform."""
        flush(self._frame)
        silent = is_zero(self._frame)
        self._spectra.appendleft(None if silent else scipy.fft.rfft(self._frame))
        total: Spectrum | None = None
        for spectrum, response in zip(self._spectra, self._responses, strict=True):
            if spectrum is None:
                continue
            if total is None:
                total = spectrum * response
            else:
                total += spectrum * response
        if total is None:
            out[:] = 0.0
        else:
            out[:] = scipy.fft.irfft(total, overwrite_x=True)[:, self._partition :]
            flush(out)
        self._frame[:, : self._partition] = self._frame[:, self._partition :]
        self._count = 0


def convolve(audio: Samples, response: Samples) -> Samples:
    """Convolve a whole recording with a response and keep its length.

    Parameters
    ----------
    audio : ndarray, shape (channels, samples)
    response : ndarray, shape (channels, taps)

    Returns
    -------
    ndarray, shape (channels, samples)
        Same dtype as the audio.
    """
    convolver = Convolver(response.astype(audio.dtype, copy=False))
    ready = convolver.push(audio)
    return np.concatenate((ready, convolver.finish()), axis=1)


def correlate(gradient: Samples, response: Samples) -> Samples:
    """Carry a gradient back through `convolve`: convolve backwards in time."""
    return np.ascontiguousarray(convolve(gradient[:, ::-1], response)[:, ::-1])
