"""Bring a mix and its target together: sample rate, channels, length, silence at the ends, and time."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.fft

from fxnorm import audio
from fxnorm.audio import SAMPLE_RATE, Audio, is_silent, peak, resample, to_stereo
from fxnorm.errors import AudioError
from fxnorm.units import db_to_amplitude

TRIM_DB = -60.0  # relative to the target's peak
MAX_LAG_S = 0.5
LAG_EXCERPT_S = 30.0
MIN_CONFIDENCE = 100.0  # unrelated songs stay below 70, mixes of the same song above 200
MIN_GAIN_OVER_ZERO = 1.05  # a delay of half a sample has two equal peaks: prefer lag 0
MIN_SWAPPED_SIDE_CORRELATION = 0.5  # another panning of the same song stays below it in magnitude, or positive
_MIN_MID_CORRELATION = 0.3  # unrelated songs stay below 0.1, mixes of the same song above 0.6
_MIN_SIDE_DB = -40.0  # relative to the mid signal: no channels are swapped in a mix that sounds mono
_WHITENING_FLOOR = 1e-10  # relative to the largest bin: keeps bins that hold rounding errors alone from counting


@dataclass(frozen=True)
class AlignedPair:
    """A mix and its target, ready to compare.

    Attributes
    ----------
    target, mix : ndarray, shape (2, samples), float32
        At 44,100 Hz.
    start : int
        Sample of the target, at 44,100 Hz, at which both begin.
    lag : int
        Delay of the mix in samples; negative if it is early.
    notices : tuple of str
        Differences that were removed or found, one line each.
    """

    target: Audio
    mix: Audio
    start: int
    lag: int
    notices: tuple[str, ...] = ()


class Lag(NamedTuple):
    """Delay of a mix in samples, and the confidence of the estimate.

    The confidence is the peak of the correlation's magnitude over its median.
    """

    samples: int
    confidence: float


def align_pair(
    target: Audio, target_sample_rate: int, mix: Audio, mix_sample_rate: int, *, remove_lag: bool = False
) -> AlignedPair:
    """Convert a mix and its target to a common format.

    Both become stereo at 44,100 Hz with the length of the shorter one, and silence at the ends of the target is removed
    from both. The lag of the mix is estimated from the loudest half minute and reported, and so are swapped channels.

    Parameters
    ----------
    target, mix : ndarray, shape (1 or 2, samples), float32
    target_sample_rate, mix_sample_rate : int
        In Hz.
    remove_lag : bool
        Shift the mix by the estimated lag.

    Returns
    -------
    AlignedPair

    Raises
    ------
    AudioError
        If the target is silent, or silent for as long as the mix lasts.
    """
    if is_silent(target):
        raise AudioError("the target is silent: there is nothing to compare with; leave the song out")
    notices = _describe_formats(target, target_sample_rate, mix, mix_sample_rate)
    target = resample(to_stereo(target), target_sample_rate, SAMPLE_RATE)
    mix = resample(to_stereo(mix), mix_sample_rate, SAMPLE_RATE)
    notices += _describe_lengths(target, mix)
    lag = find_lag(target, mix)
    if has_swapped_channels(target, mix, lag.samples):
        notices.append("the mix has left and right swapped: expect poor panning scores, or swap its channels")
    start = 0
    if lag.samples:
        notices.append(_describe_lag(lag, removed=remove_lag))
        if remove_lag:
            start = max(0, -lag.samples)
            target, mix = target[:, start:], mix[:, max(0, lag.samples) :]
    samples = min(target.shape[1], mix.shape[1])
    span = trim_silence(target[:, :samples])
    if span.start == span.stop:
        raise AudioError("the target is silent for as long as the mix lasts; is it the same song?")
    target, mix = (np.ascontiguousarray(signal[:, span]) for signal in (target, mix))
    return AlignedPair(target, mix, start + span.start, lag.samples, tuple(notices))


def trim_silence(target: Audio) -> slice:
    """Find the span of samples without the silence at both ends; empty for a silent signal."""
    loud = np.flatnonzero(np.abs(target).max(axis=0, initial=0.0) > peak(target) * db_to_amplitude(TRIM_DB))
    return slice(int(loud[0]), int(loud[-1]) + 1) if loud.size and not is_silent(target) else slice(0, 0)


def find_lag(target: Audio, mix: Audio) -> Lag:
    """Estimate the delay of a mix by generalised cross-correlation with phase transform (GCC-PHAT).

    Parameters
    ----------
    target, mix : ndarray, shape (2, samples), float32
        At 44,100 Hz.

    Returns
    -------
    Lag
        Within half a second either way; 0 samples where the confidence is below `MIN_CONFIDENCE`.

    Notes
    -----
    C. H. Knapp and G. C. Carter, "The generalized correlation method for estimation of time delay", IEEE Trans. ASSP
    24, 1976. Whitening makes the peak of a different mix of the song (other levels, EQ, compression, polarity) as sharp
    as that of a copy, while beats and notes that unrelated songs share stay a small multiple of the median.
    """
    span = audio.loudest(target, SAMPLE_RATE, LAG_EXCERPT_S)
    stop = min(span.stop, mix.shape[1])
    target_mono, mix_mono = (signal[:, span.start : stop].sum(axis=0, dtype=np.float64) for signal in (target, mix))
    if not np.any(target_mono) or not np.any(mix_mono):
        return Lag(0, 0.0)
    max_lag = min(round(MAX_LAG_S * SAMPLE_RATE), target_mono.size - 1)
    correlation = _correlate_phases(target_mono, mix_mono, max_lag)
    best = int(np.argmax(correlation))
    confidence = float(correlation[best] / max(np.median(correlation), np.finfo(np.float64).tiny))
    is_clear = confidence >= MIN_CONFIDENCE and correlation[best] > MIN_GAIN_OVER_ZERO * correlation[max_lag]
    return Lag(best - max_lag if is_clear else 0, confidence)


def has_swapped_channels(target: Audio, mix: Audio, lag: int = 0) -> bool:
    """Whether a mix matches its target clearly better with left and right swapped.

    Swapping inverts the side signal and leaves the mid signal: the correlations of the two have opposite signs then,
    whatever the polarity of the mix.

    Parameters
    ----------
    target, mix : ndarray, shape (2, samples), float32
        At 44,100 Hz.
    lag : int
        Delay of the mix in samples.
    """
    target, mix = target[:, max(0, -lag) :], mix[:, max(0, lag) :]
    samples = min(target.shape[1], mix.shape[1])
    target, mix = target[:, :samples], mix[:, :samples]
    target_mid, mix_mid = target[0] + target[1], mix[0] + mix[1]
    target_side, mix_side = target[0] - target[1], mix[0] - mix[1]
    for mid, side in ((target_mid, target_side), (mix_mid, mix_side)):
        if np.linalg.norm(side) <= db_to_amplitude(_MIN_SIDE_DB) * np.linalg.norm(mid):
            return False
    mid_correlation = _correlate(target_mid, mix_mid)
    side_correlation = _correlate(target_side, mix_side) * np.sign(mid_correlation)
    return bool(abs(mid_correlation) >= _MIN_MID_CORRELATION and side_correlation <= -MIN_SWAPPED_SIDE_CORRELATION)


def _correlate(first: npt.NDArray[np.float32], second: npt.NDArray[np.float32]) -> float:
    """Return the correlation coefficient of two signals without an offset; 0 if one is silent."""
    energy = float(np.vdot(first, first)) * float(np.vdot(second, second))
    return float(np.vdot(first, second)) / energy**0.5 if energy > 0.0 else 0.0


def _correlate_phases(
    target: npt.NDArray[np.float64], mix: npt.NDArray[np.float64], max_lag: int
) -> npt.NDArray[np.float64]:
    """Compute the magnitude of the phase correlation at the lags -max_lag to max_lag."""
    points = scipy.fft.next_fast_len(2 * target.size, real=True)
    cross = scipy.fft.rfft(mix, points) * np.conj(scipy.fft.rfft(target, points))
    magnitude = np.abs(cross)
    cross /= np.maximum(magnitude, _WHITENING_FLOOR * magnitude.max())
    correlation = np.abs(scipy.fft.irfft(cross, points))
    return np.concatenate([correlation[points - max_lag :], correlation[: max_lag + 1]])


def _describe_formats(target: Audio, target_sample_rate: int, mix: Audio, mix_sample_rate: int) -> list[str]:
    notices = []
    if len(mix) != len(target):
        notices.append("the mix is mono" if len(mix) < len(target) else "the target is mono")
    if target_sample_rate != mix_sample_rate:
        notices.append(f"the mix has {mix_sample_rate:,} Hz, the target {target_sample_rate:,} Hz")
    return notices


def _describe_lengths(target: Audio, mix: Audio) -> list[str]:
    difference = mix.shape[1] - target.shape[1]
    if abs(difference) <= SAMPLE_RATE // 1000:
        return []
    return [f"the mix is {abs(difference) / SAMPLE_RATE:.3g} s {'longer' if difference > 0 else 'shorter'}"]


def _describe_lag(lag: Lag, *, removed: bool) -> str:
    direction = "late" if lag.samples > 0 else "early"
    handling = "was shifted" if removed else "was not shifted: expect poor scores, or align the mixes"
    return f"the mix is {abs(lag.samples):,} samples {direction} (confidence {lag.confidence:.0f}) and {handling}"
