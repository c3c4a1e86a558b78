"""A mix and its target side by side: one rate, two channels, one length, the same silence left out, in step."""

from dataclasses import dataclass

import numpy as np
import scipy.fft

from fxnorm import audio
from fxnorm.audio import RATE, Audio, is_silent, peak, resample, to_stereo
from fxnorm.errors import AudioError
from fxnorm.units import db_to_amplitude

TRIM_DB = -60.0  # of the target's peak: what is quieter at its ends is left out
LAG_S = 0.5  # within which a shift is looked for
LAG_EXCERPT_S = 30.0
SURE = 0.3  # correlation at the best lag, under which nothing is said
CLEARER = 1.05  # how much more than in step


@dataclass(frozen=True)
class Pair:
    """What metrics compare.

    Attributes
    ----------
    target, mix : ndarray, shape (2, samples), float32
        At 44,100 Hz.
    start : int
        Sample of the target, at 44,100 Hz, at which both begin.
    lag : int
        Samples by which the mix came late; negative if it came early.
    notices : tuple of str
        What had to be done to bring them together.
    """

    target: Audio
    mix: Audio
    start: int
    lag: int
    notices: tuple[str, ...] = ()


def pair(target: Audio, target_rate: int, mix: Audio, mix_rate: int, *, align: bool = False) -> Pair:
    """Bring a mix and its target together.

    Both become stereo at 44,100 Hz and as long as the shorter; silence at the ends of the target is left out of both.
    A lag is looked for by cross-correlation of the loudest half minute, and told; only `align` takes it away.

    Parameters
    ----------
    target, mix : ndarray, shape (1 or 2, samples), float32
    target_rate, mix_rate : int
        Sampling rates in Hz.
    align : bool
        Move the mix by the lag that was found.

    Returns
    -------
    Pair

    Raises
    ------
    AudioError
        If the target is silent, or nothing is left where both have samples.
    """
    notices = []
    if is_silent(target):
        raise AudioError("the target is silent: there is nothing to compare with; leave the song out")
    if len(mix) < len(target):
        notices.append("the mix is mono")
    elif len(target) < len(mix):
        notices.append("the target is mono")
    if target_rate != mix_rate:
        notices.append(f"the mix has {mix_rate:,} Hz, the target {target_rate:,} Hz")
    target, mix = (resample(to_stereo(one), rate, RATE) for one, rate in ((target, target_rate), (mix, mix_rate)))
    difference = mix.shape[1] - target.shape[1]
    if abs(difference) > RATE // 1000:
        notices.append(f"the mix is {abs(difference) / RATE:.3g} s {'longer' if difference > 0 else 'shorter'}")
    lag, correlation = find_lag(target, mix)
    start = 0
    if lag:
        how = f"{abs(lag):,} samples {'late' if lag > 0 else 'early'} (correlation {correlation:.2f})"
        done = "moved" if align else "left so: expect poor scores, or have it aligned"
        notices.append(f"the mix came {how} and was {done}")
    if lag and align:
        start = max(0, -lag)
        target, mix = target[:, start:], mix[:, max(0, lag) :]
    samples = min(target.shape[1], mix.shape[1])
    here = sounding(target[:, :samples])
    target, mix = target[:, here], mix[:, here]
    if target.shape[1] == 0:
        raise AudioError("the target is silent for as long as the mix lasts; is it the same song?")
    start += here.start
    return Pair(np.ascontiguousarray(target), np.ascontiguousarray(mix), start, lag, tuple(notices))


def sounding(target: Audio) -> slice:
    """Where audio sounds: without the silence at its ends."""
    loud = np.flatnonzero(np.abs(target).max(axis=0, initial=0.0) > peak(target) * db_to_amplitude(TRIM_DB))
    return slice(int(loud[0]), int(loud[-1]) + 1) if loud.size and not is_silent(target) else slice(0, 0)


def find_lag(target: Audio, mix: Audio) -> tuple[int, float]:
    """Samples by which a mix comes late, within half a second, and the correlation there; 0 if nothing clear is found.

    Parameters
    ----------
    target, mix : ndarray, shape (2, samples), float32
        At one rate, 44,100 Hz.
    """
    here = audio.loudest(target, RATE, LAG_EXCERPT_S)
    stop = min(here.stop, mix.shape[1])
    one, other = (signal[:, here.start : stop].sum(axis=0, dtype=np.float64) for signal in (target, mix))
    energy = float(np.sqrt(np.vdot(one, one) * np.vdot(other, other)))
    if energy == 0.0:
        return 0, 0.0
    points = scipy.fft.next_fast_len(2 * one.size, real=True)
    spectrum = scipy.fft.rfft(other, points) * np.conj(scipy.fft.rfft(one, points))
    correlation = scipy.fft.irfft(spectrum, points) / energy
    reach = min(round(LAG_S * RATE), one.size - 1)
    around = np.abs(np.concatenate([correlation[-reach:], correlation[: reach + 1]]) if reach else correlation[:1])
    best = int(np.argmax(around))
    clear = around[best] >= SURE and around[best] > CLEARER * around[reach]
    return (best - reach, float(around[best])) if clear else (0, float(around[reach]))
