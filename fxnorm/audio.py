"""Audio arrays: checks, resampling, levels; the only room that knows soxr.

Conventions: audio is a float32 array of shape (channels, samples), C-contiguous and finite; the sample rate
travels beside it in Hz. Work happens in stereo at `SAMPLE_RATE`.
"""

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
import soxr

from fxnorm.errors import AudioError
from fxnorm.units import db_to_amplitude

Audio = npt.NDArray[np.float32]

SAMPLE_RATE = 44_100
LARGEST = 2.0**32  # full scale is 1; reject larger values: even unscaled 32-bit integers stay below this
SILENCE_DB = -50.0  # a stem or channel whose peak is at or under this is silent
_BLOCK = 1 << 16  # samples


def as_audio(array: npt.ArrayLike, *, label: str = "audio") -> Audio:
    """Check and convert an array to `Audio`.

    Parameters
    ----------
    array : array_like, shape (channels, samples) or (samples,)
        One or two channels of finite samples.
    label : str
        Name used in the error message.

    Returns
    -------
    ndarray, shape (channels, samples), float32
        C-contiguous; not copied if it already conforms.

    Raises
    ------
    AudioError
        If there are more than two channels, no samples, or samples that are NaN, infinite or beyond `LARGEST`.
    """
    audio = np.ascontiguousarray(array, dtype=np.float32)
    if audio.ndim == 1:
        audio = audio[np.newaxis]
    if audio.ndim != 2:
        raise AudioError(f"{label}: expected an array (channels, samples), got {audio.ndim} dimensions")
    channels, samples = audio.shape
    if channels not in (1, 2):
        raise AudioError(f"{label}: expected 1 or 2 channels, got {channels}; mix it down to stereo first")
    if samples == 0:
        raise AudioError(f"{label}: has no samples; remove it or record it again")
    if not (largest := peak(audio)) <= LARGEST:  # NaN is not
        if invalid := np.count_nonzero(~np.isfinite(audio)):
            raise AudioError(f"{label}: expected finite samples, got {invalid} NaN or infinite ones; export it again")
        raise AudioError(f"{label}: {too_large(largest)}")
    return audio


def too_large(largest: float) -> str:
    """Describe why samples of this size, relative to full scale, are unusable."""
    return f"expected samples up to {LARGEST:.0e} (1 is full scale), got {largest:.0e}; export it again"


def resample(audio: Audio, from_rate: int, to_rate: int, *, samples: int | None = None) -> Audio:
    """Resample audio.

    Parameters
    ----------
    audio : ndarray, shape (channels, samples), float32
    from_rate, to_rate : int
        Sampling rates in Hz.
    samples : int, optional
        Exact length of the result: cut or extended with zeros by the rounding that a ratio of rates leaves.

    Returns
    -------
    ndarray, shape (channels, samples), float32
        The very same array if the rates agree.
    """
    if from_rate != to_rate:
        audio = np.ascontiguousarray(soxr.resample(audio.T, from_rate, to_rate, quality="VHQ").T, dtype=np.float32)
    if samples is not None and audio.shape[1] != samples:
        shortened = audio[:, :samples]
        audio = np.pad(shortened, ((0, 0), (0, samples - shortened.shape[1])))
    return audio


def resample_blocks(blocks: Iterable[Audio], from_rate: int, to_rate: int) -> Iterator[Audio]:
    """Resample a stream of blocks.

    Parameters
    ----------
    blocks : iterable of ndarray, shape (channels, samples), float32
    from_rate, to_rate : int
        Sampling rates in Hz.

    Yields
    ------
    ndarray, shape (channels, samples), float32
        Blocks of other lengths; the very same ones if the rates agree.
    """
    if from_rate == to_rate:
        yield from blocks
        return
    resampler = None
    for block in blocks:
        if resampler is None:
            channels = len(block)
            resampler = soxr.ResampleStream(from_rate, to_rate, channels, dtype="float32", quality="VHQ")
        yield np.ascontiguousarray(resampler.resample_chunk(block.T).T)
    if resampler is not None:
        end = np.zeros((0, channels), dtype=np.float32)
        yield np.ascontiguousarray(resampler.resample_chunk(end, last=True).T)


def to_stereo(audio: Audio) -> Audio:
    """Duplicate a mono channel; return stereo unchanged."""
    return audio if audio.shape[0] == 2 else np.repeat(audio, 2, axis=0)


def peak(audio: npt.NDArray[np.floating]) -> float:
    """Return the largest absolute sample, without a temporary array."""
    return max(float(audio.max(initial=0.0)), -float(audio.min(initial=0.0)))


def loudest(samples: Audio, sample_rate: int, seconds: float) -> slice:
    """Find the loudest excerpt of a mix, to a second."""
    length, total = round(seconds * sample_rate), samples.shape[1]
    if length >= total:
        return slice(0, total)
    edges = np.arange(0, total, sample_rate)
    energy = np.array([np.vdot(second, second) for second in np.split(samples, edges[1:], axis=1)])
    excerpts = np.convolve(energy, np.ones(max(1, length // sample_rate)), mode="valid")
    start = min(int(np.argmax(excerpts)) * sample_rate, total - length)
    return slice(start, start + length)


def is_silent(audio: npt.NDArray[np.floating]) -> bool:
    """Return whether the peak is at or under `SILENCE_DB`; stops at the first block above it."""
    limit = db_to_amplitude(SILENCE_DB)
    return all(peak(audio[..., start : start + _BLOCK]) <= limit for start in range(0, audio.shape[-1], _BLOCK))
