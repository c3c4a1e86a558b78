"""Mastering: processors, and a gain into a limiter that brings a mix to a loudness under a true-peak ceiling."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from fxnorm.audio import Audio, as_audio, loudest, peak
from fxnorm.console.processor import Processor, process_blocks
from fxnorm.console.processors import Compressor, Gain, Limiter
from fxnorm.console.processors.compressor import to_level_db
from fxnorm.console.processors.limiter import PASSES, LimiterStream
from fxnorm.console.settings import own_parameters
from fxnorm.dsp import loudness
from fxnorm.dsp.true_peak import true_peak_db
from fxnorm.errors import InputError
from fxnorm.kernels.ballistics import smooth

LUFS_RANGE = (-40.0, -5.0)
REDUCTION_RANGE_DB = (0.0, 24.0)
AIM_LU = 0.02  # the search ends when the loudness is this close
TOLERANCE_LU = 0.1  # a larger error is told
AIM_REDUCTION_DB = 0.1  # and when the reduction is this little under its budget
PERCENTILE = 99.0  # the budget may be exceeded for 1 % of the time: a lone click does not decide
EVALUATIONS = 12
FIRST_SLOPES = 0.7, 1.0  # LU of loudness and dB of reduction per dB of gain into the limiter
LEAST_SLOPE = 0.15
LEAST_STEP_DB = 1e-3
GLUE = Compressor(ratio=2.0, attack_ms=25.0, release_ms=250.0, knee_db=6.0)
GLUE_EXCERPT_S = 30.0
GLUE_PERCENTILE = 95.0


@dataclass(frozen=True)
class MasteringResult:
    """A master, and how it was made.

    Attributes
    ----------
    audio : ndarray, shape (channels, samples), float32
    sample_rate : int
        In Hz.
    processors : tuple of Processor
        Applied to the mix one after the other, they give the audio again, bit for bit; the limiter is the last.
    loudness_lufs : float or None
        Integrated loudness reached; None if the mix is too quiet or too short to be measured.
    true_peak_db : float
        In dBTP.
    reduction_db : float
        Reduction by the limiter that is exceeded for 1 % of the time.
    max_reduction_db : float
        Largest reduction by the limiter.
    notices : tuple of str
        What was not reached, and why.
    figures : dict
        Of the style or the reference that the mix was brought to, if there was one.
    """

    audio: Audio
    sample_rate: int
    processors: tuple[Processor, ...]
    loudness_lufs: float | None
    true_peak_db: float
    reduction_db: float
    max_reduction_db: float
    notices: tuple[str, ...] = ()
    figures: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return settings and figures as plain JSON values."""
        return {
            "sample_rate_hz": self.sample_rate,
            "seconds": round(self.audio.shape[1] / self.sample_rate, 3),
            "loudness_lufs": None if self.loudness_lufs is None else round(self.loudness_lufs, 2),
            "true_peak_dbtp": round(self.true_peak_db, 2),
            "reduction_db": round(self.reduction_db, 2),
            "max_reduction_db": round(self.max_reduction_db, 2),
            "processors": [processor.to_dict() for processor in self.processors],
            "notices": list(self.notices),
            **({"match": self.figures} if self.figures else {}),
        }


def master(
    audio: npt.ArrayLike,
    sample_rate: int,
    *,
    loudness_lufs: float = -14.0,
    ceiling_db: float = -1.0,
    processors: Sequence[Processor] | None = None,
    max_reduction_db: float = 6.0,
) -> MasteringResult:
    """Bring a mix to a loudness under a true-peak ceiling.

    Parameters
    ----------
    audio : array_like, shape (channels, samples)
        Mono or stereo.
    sample_rate : int
        In Hz.
    loudness_lufs : float
        Integrated loudness, -40 to -5 LUFS.
    ceiling_db : float
        True-peak ceiling, -12 to 0 dBTP.
    processors : sequence of Processor, optional
        Applied before the limiter, such as `glue`. If the last is a limiter, its times are used; its gain and ceiling
        are set anew.
    max_reduction_db : float
        Budget of the limiter, 0 to 24 dB, which may be exceeded for 1 % of the time. A loudness that needs more is
        not reached; a notice says so.

    Returns
    -------
    MasteringResult

    Raises
    ------
    InputError
        If a setting is out of range.
    AudioError
        If the audio has over two channels, no samples, or samples that are not finite.
    """
    require_settings(loudness_lufs, ceiling_db, max_reduction_db)
    if sample_rate <= 0:
        raise InputError(f"expected a sample rate above 0 Hz, got {sample_rate}; pass the rate of the audio")
    before = tuple(processors or ())
    last = before[-1] if before else None
    limiter = last if isinstance(last, Limiter) else Limiter()
    before = before[:-1] if limiter is last else before
    mix = as_audio(audio)
    for processor in before:
        mix = processor.process(mix, sample_rate)
    limiter = replace(limiter, gain_db=0.0, ceiling_db=ceiling_db)
    search = _Search(mix, sample_rate, limiter, loudness_lufs, max_reduction_db)
    attempt = search.run()
    return MasteringResult(
        attempt.audio,
        sample_rate,
        (*before, *attempt.processors),
        attempt.loudness_lufs,
        true_peak_db(attempt.audio),
        attempt.reduction_db,
        attempt.max_reduction_db,
        tuple(search.notices(attempt)),
    )


def require_settings(loudness_lufs: float, ceiling_db: float, max_reduction_db: float) -> None:
    """Make sure that the settings of a master are in range.

    Raises
    ------
    InputError
        If one is not.
    """
    ceiling = own_parameters(Limiter)["ceiling_db"]
    for noun, unit, value, (low, high) in (
        ("loudness", "LUFS", loudness_lufs, LUFS_RANGE),
        ("ceiling", "dBTP", ceiling_db, (ceiling.low, ceiling.high)),
        ("reduction", "dB", max_reduction_db, REDUCTION_RANGE_DB),
    ):
        if not low <= value <= high:
            raise InputError(
                f"expected a {noun} of {low:g} to {high:g} {unit}, got {value:g}; choose a value in this range"
            )


def glue(audio: Audio, sample_rate: int, *, reduction_db: float = 1.5) -> Compressor:
    """Choose a gentle bus compressor: ratio 2, attack 25 ms, release 250 ms, and the threshold that a reduction needs.

    Parameters
    ----------
    audio : ndarray, shape (channels, samples), float32
    sample_rate : int
        In Hz.
    reduction_db : float
        Reduction that is exceeded for 5 % of the loudest 30 s.

    Returns
    -------
    Compressor
        Its threshold is 0 dB for silence.
    """
    return set_threshold(GLUE, audio, sample_rate, reduction_db=reduction_db)


def set_threshold(compressor: Compressor, audio: Audio, sample_rate: int, *, reduction_db: float) -> Compressor:
    """Choose the threshold of a compressor by the reduction that is exceeded for 5 % of the loudest 30 s.

    Parameters
    ----------
    compressor : Compressor
        The other settings.
    audio : ndarray, shape (channels, samples), float32
        Its input.
    sample_rate : int
        In Hz.
    reduction_db : float

    Returns
    -------
    Compressor
        Its threshold is 0 dB for silence.
    """
    if not peak(audio):
        return replace(compressor, threshold_db=0.0)
    excerpt = audio[:, loudest(audio, sample_rate, GLUE_EXCERPT_S)]
    level_db = to_level_db(compressor.detect(excerpt))
    attack, release = compressor.poles(sample_rate)
    slope = np.float32(1.0 - 1.0 / compressor.ratio)
    low, high = (own_parameters(Compressor)["threshold_db"].low, own_parameters(Compressor)["threshold_db"].high)
    while high - low > 0.05:  # the higher the threshold, the less is reduced
        threshold_db = 0.5 * (low + high)
        needed_db = replace(compressor, threshold_db=threshold_db).excess_db(level_db) * slope
        smooth(needed_db, attack, release, 0.0, 0, needed_db)
        if np.percentile(needed_db[::32], GLUE_PERCENTILE) > reduction_db:
            low = threshold_db
        else:
            high = threshold_db
    return replace(compressor, threshold_db=round(high, 1))


@dataclass(frozen=True)
class _Attempt:
    """The mix at a gain into the limiter, and what came of it."""

    gain_db: float
    audio: Audio
    processors: tuple[Processor, ...]
    loudness_lufs: float | None
    reduction_db: float
    max_reduction_db: float


class _Search:
    """Search of the gain into the limiter.

    Loudness and reduction both grow with the gain. Secant steps lead to the limit that is met first; what has been
    tried brackets it.
    """

    def __init__(
        self, mix: Audio, sample_rate: int, limiter: Limiter, loudness_lufs: float, max_reduction_db: float
    ) -> None:
        self._mix = mix
        self._sample_rate = sample_rate
        self._limiter = limiter
        self._wish_lufs = loudness_lufs
        self._budget_db = max_reduction_db
        self._into_db = own_parameters(Limiter)["gain_db"].high
        before = own_parameters(Gain)["gain_db"]
        self._range_db = before.low, before.high + self._into_db

    def run(self) -> _Attempt:
        """Return the best attempt: the closest to the loudness of those within the budget."""
        measured = loudness.measure(self._mix, self._sample_rate)
        if measured is None:
            return self._attempt(0.0)
        low, high = self._range_db
        tried: list[float] = []
        attempt = best = self._attempt(float(np.clip(self._wish_lufs - measured, low, high)), passes=1)
        slopes = np.array(FIRST_SLOPES)
        while not self._is_done(attempt) and len(tried) < EVALUATIONS:
            tried.append(attempt.gain_db)
            excess = self._excess(attempt)
            low, high = (low, attempt.gain_db) if max(excess) > 0.0 else (attempt.gain_db, high)
            if high - low < LEAST_STEP_DB:
                break
            gain_db = attempt.gain_db - max(np.divide(excess, slopes))
            if not low < gain_db < high:
                end = low if gain_db <= low else high
                gain_db = 0.5 * (low + high) if end in tried else end
            previous, attempt = attempt, self._attempt(float(gain_db), passes=1)
            growth = np.subtract(self._excess(attempt), excess) / (attempt.gain_db - previous.gain_db)
            slopes = np.clip(growth, LEAST_SLOPE, 1.0)
            if self._rank(attempt) < self._rank(best):
                best = attempt
        return best if best.max_reduction_db == 0.0 else self._attempt(best.gain_db)

    def notices(self, attempt: _Attempt) -> list[str]:
        """Say what an attempt did not reach."""
        wish, reached = f"{self._wish_lufs:g} LUFS", attempt.loudness_lufs
        if reached is None:
            return [
                f"too quiet or too short to be brought to {wish} (it takes 0.4 s above -70 LUFS); "
                "only the ceiling was kept"
            ]
        if abs(reached - self._wish_lufs) <= TOLERANCE_LU:
            return []
        for limit_db, word in zip(self._range_db, ("less", "more"), strict=True):
            if attempt.gain_db == limit_db:
                return [f"{wish} needs {word} than {limit_db:g} dB of gain; reached {reached:.1f} LUFS"]
        if attempt.reduction_db < self._budget_db - 2.0 * AIM_REDUCTION_DB:
            return [f"{wish} lies between two steps of the gated loudness; reached {reached:.1f} LUFS"]
        return [
            f"{wish} needs more than {self._budget_db:g} dB of limiting; reached {reached:.1f} LUFS: compress the mix, "
            "lower the loudness, or allow more reduction"
        ]

    def _attempt(self, gain_db: float, *, passes: int = PASSES) -> _Attempt:
        """Apply a gain and the limiter; what the limiter's own gain cannot do is done before it."""
        into_db = min(max(gain_db, 0.0), self._into_db)
        limiter = replace(self._limiter, gain_db=into_db)
        processors: tuple[Processor, ...] = (limiter,)
        mix = self._mix
        if gain_db != into_db:
            trim = Gain(gain_db - into_db)
            processors = (trim, limiter)
            mix = trim.process(mix, self._sample_rate)
        stream = LimiterStream(limiter, self._sample_rate, len(mix), passes=passes)
        out = process_blocks(stream, mix)
        reached = loudness.measure(out, self._sample_rate)
        return _Attempt(gain_db, out, processors, reached, stream.reduction_db(PERCENTILE), stream.max_reduction_db)

    def _excess(self, attempt: _Attempt) -> tuple[float, float]:
        """Return by how many dB loudness and reduction exceed their limits; both grow with the gain."""
        return self._reached(attempt) - self._wish_lufs, attempt.reduction_db - self._budget_db

    def _is_done(self, attempt: _Attempt) -> bool:
        louder, over = self._excess(attempt)
        return over <= 0.0 and (abs(louder) <= AIM_LU or (louder < 0.0 and over >= -AIM_REDUCTION_DB))

    def _rank(self, attempt: _Attempt) -> tuple[float, float]:
        louder, over = self._excess(attempt)
        return max(0.0, over), abs(louder)

    def _reached(self, attempt: _Attempt) -> float:
        """Return the loudness of an attempt, that of the gate where it cannot be measured."""
        return loudness.ABSOLUTE_GATE_LUFS if attempt.loudness_lufs is None else attempt.loudness_lufs
