"""A hard-knee compressor: levels, smoothed gain reduction and its application, in blocks that stay in the cache."""

import numpy as np
import numpy.typing as npt

from fxnorm.audio import Audio
from fxnorm.kernels import dynamics

LEVEL_FLOOR = 1e-6  # -120 dB
_BLOCK = 65_536


def compress(
    audio: Audio, sample_rate: int, *, threshold_db: float, ratio: float, attack_ms: float, release_ms: float
) -> Audio:
    """Compress all channels by one gain that follows the louder one.

    Parameters
    ----------
    audio : ndarray, shape (channels, samples), float32
    sample_rate : int
        In Hz.
    threshold_db, ratio, attack_ms, release_ms : float
        Level in dBFS above which the gain is reduced, the ratio, and the time constants of the gain.

    Returns
    -------
    ndarray, shape (channels, samples), float32
    """
    reduction = levels_db(audio, 1.0).max(axis=0)
    attack, release = smoothing_coefficient(attack_ms, sample_rate), smoothing_coefficient(release_ms, sample_rate)
    dynamics.reduce_gain(reduction, threshold_db, 1.0 - 1.0 / ratio, attack, release, reduction)
    return attenuate(audio, reduction, 1.0)


def levels_db(audio: Audio, gain: float, *, louder: bool = False) -> Audio:
    """Return the level of each sample in dB after a gain, at least -120 dB; of the louder channel only on request."""
    out = np.empty((1 if louder else len(audio), audio.shape[1]), dtype=np.float32)
    scale = np.float32(20.0 / np.log(10.0))
    for start in range(0, audio.shape[1], _BLOCK):
        block = out[:, start : start + _BLOCK]
        scaled = audio[:, start : start + _BLOCK] * np.float32(gain)
        np.abs(scaled, out=scaled)
        if louder:
            scaled = scaled.max(axis=0, keepdims=True)
        np.maximum(scaled, np.float32(LEVEL_FLOOR), out=block)
        np.log(block, out=block)
        block *= scale
    return out


def attenuate(audio: Audio, reduction: npt.NDArray[np.float32], gain: float, *, out: Audio | None = None) -> Audio:
    """Attenuate all channels by a reduction in dB and multiply by a gain; `out` may be the audio itself."""
    out = np.empty_like(audio) if out is None else out
    for start in range(0, audio.shape[1], _BLOCK):
        span = slice(start, start + _BLOCK)
        factor = reduction[span] * np.float32(-np.log(10.0) / 20.0)
        np.exp(factor, out=factor)
        factor *= np.float32(gain)
        np.multiply(audio[:, span], factor, out=out[:, span])
    return out


def smoothing_coefficient(time_ms: float, sample_rate: int) -> float:
    """Return the coefficient of a one-pole smoother with a time constant."""
    return float(np.exp(-1.0 / (0.001 * sample_rate * time_ms)))
