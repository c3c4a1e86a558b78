"""Multi-resolution STFT distance, as auraloss defines it, in a fifth of its time and without PyTorch or its memory.

C. J. Steinmetz and J. D. Reiss, "auraloss: Audio-focused loss functions in PyTorch", DMRN+15, 2020. At each resolution,
the spectral convergence, || |X| - |Y| || / || |Y| || with Frobenius norms over the whole, plus the mean absolute
difference of log magnitudes; the mean over the resolutions. Hann windows as long as the transform, a quarter of it
apart, centred.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt
import scipy.fft

from fxnorm.audio import Audio, is_silent
from fxnorm.kernels.features import spectral_distance

SIZES = (512, 2048, 8192)
LONG_SIZES = (8192, 16_384, 32_768)
PIECE_S = 30.0
FLOOR = 1e-8  # of powers
_TOGETHER = 1 << 17  # samples of the frames that are transformed at once: fewer cost more calls, more leave the cache

Signal = npt.NDArray[np.float32]


def compare(target: Audio, mix: Audio, rate: int, *, gain: float | None = None) -> dict[str, float | None]:
    """Distances of a mix from its target.

    Parameters
    ----------
    target, mix : ndarray, shape (2, samples), float32
        Of one length; both in -1..1, as they would be heard.
    rate : int
        Sampling rate in Hz.
    gain : float, optional
        That brings the mix to the target's loudness.

    Returns
    -------
    dict of str to float or None
        `mrstft`, of 512, 2,048 and 8,192 points on L + R and L - R, mean of the two; `mrstft_matched`, the same of the
        mix times `gain`; `mrstft_long`, of 8,192, 16,384 and 32,768 points on both channels, mean over the pieces of
        30 s in which the target sounds. None where a spectrum does not fit in, or the target is silent.
    """
    gains = (1.0,) if gain is None else (1.0, gain)
    short: list[float] | list[None] = [None] * len(gains)
    if not is_silent(target) and target.shape[1] > SIZES[-1] // 2:
        pairs = [(mix[0] + mix[1], target[0] + target[1]), (mix[0] - mix[1], target[0] - target[1])]
        short = np.mean([distances([pair], SIZES, gains) for pair in pairs], axis=0).tolist()
    step = round(PIECE_S * rate)
    pieces = [slice(start, start + step) for start in range(0, target.shape[1], step)]
    pieces = [here for here in pieces if target[0, here].size > LONG_SIZES[-1] // 2 and not is_silent(target[:, here])]
    long = [distances(list(zip(mix[:, here], target[:, here], strict=True)), LONG_SIZES)[0] for here in pieces]
    return {
        "mrstft": short[0],
        "mrstft_matched": None if gain is None else short[1],
        "mrstft_long": float(np.mean(long)) if long else None,
    }


def distances(
    pairs: Sequence[tuple[Signal, Signal]], sizes: Sequence[int], gains: Sequence[float] = (1.0,)
) -> list[float]:
    """Distance of each gain times the mix, over all pairs of (mix, target) as one.

    Parameters
    ----------
    pairs : sequence of two ndarray, shape (samples,), float32
        More samples than half the largest size.
    sizes : sequence of int
        Points of the transforms.
    gains : sequence of float
    """
    found = np.zeros(len(gains))
    for size in sizes:
        sums = np.zeros((len(gains), 3))
        count = 0
        for mix, target in pairs:
            ours, theirs = _frames(mix, size), _frames(target, size)
            few = max(1, _TOGETHER // size)
            for first in range(0, len(ours), few):
                one, other = (
                    scipy.fft.rfft(frames[first : first + few] * _hann(size), overwrite_x=True).view(np.float32)
                    for frames in (ours, theirs)
                )
                for gain, own in zip(gains, sums, strict=True):
                    spectral_distance(one, other, gain * gain, FLOOR, own)
            count += len(ours) * (size // 2 + 1)
        found += np.sqrt(sums[:, 0] / sums[:, 1]) + sums[:, 2] / count
    return (found / len(sizes)).tolist()


def _frames(signal: Signal, size: int) -> Signal:
    padded = np.pad(signal, size // 2, mode="reflect")
    return np.lib.stride_tricks.sliding_window_view(padded, size)[:: size // 4]


@cache
def _hann(size: int) -> Signal:
    return (0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(size) / size)).astype(np.float32)
