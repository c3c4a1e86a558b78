"""Compression: the peaks after the onsets, pushed to the average peak by a compressor."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from fxnorm.audio import Audio, is_silent, peak
from fxnorm.corpus.stems import require_stem
from fxnorm.dsp import onsets
from fxnorm.kernels import dynamics
from fxnorm.normalization.applied_effect import EffectSettings, Memo, Step
from fxnorm.units import amplitude_to_db, db_to_amplitude

PEAK_DB = -10.0  # the level at which the feature is defined and thresholds are given
PERCENTILE = 75.0
LEVEL_FLOOR = 1e-6  # -120 dB
THRESHOLDS_DB = np.arange(PEAK_DB, -40.25, -0.5)
LAST_RATIO = 20
_FEW = 16  # thresholds tried first
_BLOCK = 65_536  # samples worked on while they are in the cache
_ROUNDING_DB = 1e-6


class Ballistics(EffectSettings):
    """How fast a stem's compressor moves, and the gentlest ratio that is tried."""

    attack_ms: float
    release_ms: float
    first_ratio: int


class Settings(EffectSettings):
    """Which compressor is searched for, and what counts as having reached the target.

    Attributes
    ----------
    linked : bool
        One gain for both channels, driven by the louder one; otherwise each channel by itself.
    reference : {"input", "output"}
        What the peaks after the compressor are measured against. "input": they keep the scale of the input, so
        compression lowers them, and it acts on stems whose peaks are above the target. "output": the output is
        raised to -10 dBFS again, as measuring it would do, so compression evens the peaks out and lifts their mean,
        and it acts on stems whose peaks are below the target.
    aim_spreads : float
        How many spreads above the average peak the target lies. With "input" compression comes from above and has
        arrived one spread above the average; with "output" it comes from below, and only a target that most stems have
        to be lifted to makes them alike.
    ballistics : dict
        Per stem.
    """

    linked: bool
    reference: Literal["input", "output"]
    aim_spreads: float
    ballistics: dict[str, Ballistics]


PRESETS = {
    "published": Settings(
        linked=False,
        reference="input",
        aim_spreads=1.0,
        ballistics={
            "vocals": Ballistics(attack_ms=7.5, release_ms=400.0, first_ratio=4),
            "bass": Ballistics(attack_ms=10.0, release_ms=500.0, first_ratio=5),
            "drums": Ballistics(attack_ms=10.0, release_ms=180.0, first_ratio=6),
            "other": Ballistics(attack_ms=15.0, release_ms=666.0, first_ratio=4),
        },
    ),
    "default": Settings(
        linked=True,
        reference="output",
        aim_spreads=1.5,
        # An attack of one sample: the feature is made of single largest samples, and a slower one lets them pass.
        ballistics={
            "vocals": Ballistics(attack_ms=0.02, release_ms=80.0, first_ratio=4),
            "bass": Ballistics(attack_ms=0.02, release_ms=100.0, first_ratio=5),
            "drums": Ballistics(attack_ms=0.02, release_ms=40.0, first_ratio=6),
            "other": Ballistics(attack_ms=0.02, release_ms=130.0, first_ratio=4),
        },
    ),
}


@dataclass(frozen=True)
class Peaks:
    """Mean and population standard deviation of the loudest onset peaks, in dBFS and dB."""

    peak_db: float
    spread_db: float

    def to_dict(self) -> dict[str, float]:
        """Plain JSON values."""
        return {"peak_db": round(self.peak_db, 3), "spread_db": round(self.spread_db, 3)}


def measure(
    audio: Audio, rate: int, *, settings: Settings = PRESETS["default"], memo: Memo | None = None
) -> Peaks | None:
    """Onset peaks of a stem that is brought to a peak of -10 dBFS.

    Parameters
    ----------
    audio : ndarray, shape (channels, samples), float32
    rate : int
        Sampling rate in Hz. Onsets are looked for in frames of 1,024 samples at any rate.
    settings : Settings
        Of the matching that the memo is for.
    memo : dict, optional
        Gets what matching needs to know of the stem.

    Returns
    -------
    Peaks or None
        Averages over the channels that have an onset; None where none has.
    """
    if is_silent(audio):
        return None
    gain = _gain(audio)
    segments = [_segments(channel, gain) for channel in audio]
    if memo is not None and settings.linked:
        memo |= {f"segments {c}": edges for c, edges in enumerate(segments)}
    found = [_measure_channel(channel, gain, edges) for channel, edges in zip(audio, segments, strict=True)]
    measured = [peaks for peaks in found if peaks is not None]
    if not measured:
        return None
    return Peaks(
        float(np.mean([peaks.peak_db for peaks in measured])), float(np.mean([peaks.spread_db for peaks in measured]))
    )


def match(
    audio: Audio,
    rate: int,
    target: Peaks,
    *,
    stem: str,
    settings: Settings = PRESETS["default"],
    strength: float = 1.0,
    overwrite: bool = False,
    memo: Memo | None = None,
) -> tuple[Audio, Step]:
    """Bring a stem to a peak of -10 dBFS and compress it until its onset peaks reach the target.

    The first pair of ratio (outer, upwards from the stem's first ratio to 20) and threshold (inner, from -10 down to
    -40 dBFS in steps of 0.5 dB) that reaches it is taken. If none does, it is the last pair ("input"), or the
    threshold that comes nearest at the last ratio ("output"). Onsets are found once. A stem already on the far side of
    the target is not expanded.

    Parameters
    ----------
    audio : ndarray, shape (channels, samples), float32
    rate : int
        Sampling rate in Hz.
    target : Peaks
        Average peak and spread; the target lies `aim_spreads` spreads above the average.
    stem : str
        Chooses the ballistics.
    settings : Settings
    strength : float
        Share of the way from the measured peak to the target, and of the level change, 0 to 1.
    overwrite : bool
        The result may take the place of the input, which saves the memory of one.
    memo : dict, optional
        What is known of the stem already; what is found is added.

    Returns
    -------
    audio : ndarray, shape (channels, samples), float32
    step : Step

    Raises
    ------
    InputError
        If the stem is unknown.
    """
    ballistics = settings.ballistics[require_stem(stem)]
    sounding = [c for c in range(audio.shape[0]) if not is_silent(audio[c])]
    if not sounding:
        return audio, Step("compression", skipped="silent")
    memo = {} if memo is None else memo
    if settings.linked:
        return _match_group(audio, rate, target, ballistics, settings, strength, overwrite, memo)
    out = audio if overwrite else audio.copy()
    steps = []
    for c in sounding:
        _, step = _match_group(out[c : c + 1], rate, target, ballistics, settings, strength, True, {})
        steps.append(step)
    return out, _merge(steps, [("left", "right")[c] for c in sounding])


def compress(
    audio: Audio, rate: int, *, threshold_db: float, ratio: float, attack_ms: float, release_ms: float
) -> Audio:
    """Hard-knee compressor with one gain for all channels, driven by the louder one.

    Parameters
    ----------
    audio : ndarray, shape (channels, samples), float32
    rate : int
        Sampling rate in Hz.
    threshold_db, ratio, attack_ms, release_ms : float
        Level in dBFS above which the gain is reduced, by what ratio, and the two time constants.

    Returns
    -------
    ndarray, shape (channels, samples), float32
    """
    reduction = _levels_db(audio, 1.0).max(axis=0)
    attack, release = _coefficient(attack_ms, rate), _coefficient(release_ms, rate)
    dynamics.reduce_gain(reduction, threshold_db, 1.0 - 1.0 / ratio, attack, release, reduction)
    return _turn_down(audio, reduction, 1.0)


def summarize(peaks_db: npt.NDArray[np.float64]) -> Peaks:
    """Mean and deviation of the peaks strictly above their 75th percentile, of all peaks if none is above."""
    mean, deviation = _summarize(peaks_db)
    return Peaks(float(mean), float(deviation))


def _summarize(peaks_db: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """`summarize` along the last axis."""
    kept = peaks_db > np.percentile(peaks_db, PERCENTILE, axis=-1, keepdims=True)
    kept |= ~kept.any(axis=-1, keepdims=True)
    mean = np.mean(peaks_db, axis=-1, where=kept)
    return mean, np.std(peaks_db, axis=-1, where=kept)


def _measure_channel(channel: npt.NDArray[np.float32], gain: float, edges: npt.NDArray[np.int64]) -> Peaks | None:
    if edges.size < 2:
        return None
    largest = np.empty(edges.size - 1)
    dynamics.segment_peaks(channel, edges, largest)
    return summarize(amplitude_to_db(largest * np.float32(gain), floor_db=-120.0))


def _segments(channel: npt.NDArray[np.float32], gain: float) -> npt.NDArray[np.int64]:
    """Edges of the pieces between onsets; the last runs to the end; none if there is no onset."""
    starts = np.unique(np.clip(onsets.find(channel, gain=gain), 0, channel.size - 1))
    return np.append(starts, channel.size) if starts.size else starts


def _match_group(
    audio: Audio,
    rate: int,
    target: Peaks,
    ballistics: Ballistics,
    settings: Settings,
    strength: float,
    overwrite: bool,
    memo: Memo,
) -> tuple[Audio, Step]:
    search = _Search(audio, rate, ballistics, settings.reference, memo)
    input_gain_db = float(amplitude_to_db(search.gain))
    if not search.has_onsets:
        return audio, Step("compression", skipped="no onset found")
    before = search.before
    aim_db = target.peak_db + settings.aim_spreads * target.spread_db
    goal_db = before.peak_db + strength * (aim_db - before.peak_db)
    needed = before.peak_db >= aim_db if settings.reference == "input" else before.peak_db < aim_db
    parameters: dict[str, Any] = {"input_gain_db": round(strength * input_gain_db, 4)}
    gain = db_to_amplitude(strength * input_gain_db)
    out = audio if overwrite else np.empty_like(audio)
    if not needed or strength == 0.0:
        return (
            np.multiply(audio, np.float32(gain), out=out),
            Step(
                "compression",
                parameters=parameters,
                before=before.to_dict(),
                skipped=f"peaks are beyond {aim_db:.2f} dBFS already",
            ),
        )
    if "compressor" not in memo:
        ratio, threshold_db, after = search.first(goal_db)
        memo["compressor"] = np.array([ratio, threshold_db, after.peak_db, after.spread_db])
    ratio, threshold_db = int(memo["compressor"][0]), float(memo["compressor"][1])
    after = Peaks(*memo["compressor"][2:].tolist())
    parameters |= {
        "threshold_db": threshold_db,
        "ratio": ratio,
        "attack_ms": ballistics.attack_ms,
        "release_ms": ballistics.release_ms,
    }
    return _turn_down(audio, search.reduction(ratio, threshold_db), gain, out=out), Step(
        "compression", parameters=parameters, before=before.to_dict(), after=after.to_dict()
    )


class _Search:
    """The grid of compressors on one group of channels, evaluated in dB without computing any output."""

    def __init__(
        self, audio: Audio, rate: int, ballistics: Ballistics, reference: Literal["input", "output"], memo: Memo
    ) -> None:
        self.gain = _gain(audio)
        self._audio = audio[:1] if audio.shape[0] == 2 and np.array_equal(audio[0], audio[1]) else audio
        self._memo = memo
        self.attack = _coefficient(ballistics.attack_ms, rate)
        self.release = _coefficient(ballistics.release_ms, rate)
        self.ratios = range(ballistics.first_ratio, LAST_RATIO + 1)
        self.reference = reference
        for c, channel in enumerate(self._audio):
            if f"segments {c}" not in memo:
                memo[f"segments {c}"] = _segments(channel, self.gain)
        starts = [memo[f"segments {c}"][:-1] for c in range(len(self._audio))]
        # One set of edges for all channels, from the start of the stem: finer than each needs, and put together again.
        self.edges = np.unique(np.concatenate([[0, audio.shape[1]], *starts])).astype(np.int64)
        self.first_pieces = [np.searchsorted(self.edges, own) for own in starts]

    @property
    def has_onsets(self) -> bool:
        """Whether any channel has one."""
        return any(pieces.size for pieces in self.first_pieces)

    @cached_property
    def levels(self) -> Audio:
        """Level of each channel."""
        return _levels_db(self._audio, self.gain)

    @cached_property
    def detector(self) -> npt.NDArray[np.float32]:
        """Level of the louder channel; by itself where nothing else is left to find out."""
        if "compressor" in self._memo:
            return _levels_db(self._audio, self.gain, louder=True)[0]
        return self.levels.max(axis=0) if len(self.levels) > 1 else self.levels[0]

    @cached_property
    def plain(self) -> "_Row":
        """What there is without compression."""
        peaks_db = np.maximum.reduceat(self.levels, self.edges[:-1], axis=1)
        return self._row(peaks_db[:, np.newaxis].astype(np.float64))

    @property
    def before(self) -> Peaks:
        """The feature without compression."""
        if "before" not in self._memo:
            peaks = self._feature(self.plain, 0)
            self._memo["before"] = np.array([peaks.peak_db, peaks.spread_db])
        return Peaks(*self._memo["before"].tolist())

    def first(self, goal_db: float) -> tuple[int, float, Peaks]:
        """First pair of the grid whose peak reaches the goal, or what `match` promises if none does."""
        every = np.arange(THRESHOLDS_DB.size)
        for places in (every[:_FEW], every):  # most searches end within the first few
            weak = self._evaluate(0, places)
            if hit := self._hit(0, weak, places, goal_db):
                return hit
        last = len(self.ratios) - 1
        strong = self._evaluate(last, every)
        found = self._first_between(0, last, weak, strong, every, goal_db) or self._hit(last, strong, every, goal_db)
        if found:
            return found
        place = int(every[-1] if self.reference == "input" else np.argmax(self._past(strong, goal_db)))
        return self.ratios[last], float(THRESHOLDS_DB[place]), self._feature(strong, place)

    def reduction(self, ratio: float, threshold_db: float) -> npt.NDArray[np.float32]:
        """Smoothed gain reduction in dB. It takes the place of the detector: nothing can be searched afterwards."""
        slope = 1.0 - 1.0 / ratio
        dynamics.reduce_gain(self.detector, threshold_db, slope, self.attack, self.release, self.detector)
        return self.detector

    def _first_between(
        self, low: int, high: int, weak: "_Row", strong: "_Row", places: npt.NDArray[np.int64], goal_db: float
    ) -> tuple[int, float, Peaks] | None:
        """First pair that reaches the goal at a ratio between two whose rows are known, at some of the thresholds.

        At one threshold the reduction of every sample is proportional to the slope 1 - 1/ratio. A peak is the largest
        of levels that fall along straight lines, so it is convex in the slope, and so is the mean of the largest few:
        between two slopes it lies under their chord, and above the line on from no reduction through the first. Only
        thresholds at which that leaves the goal in reach are tried.
        """
        slopes = 1.0 - 1.0 / np.array(self.ratios[low : high + 1])[:, np.newaxis]
        chord = weak.peak_db + (strong.peak_db - weak.peak_db) * (slopes - slopes[0]) / (slopes[-1] - slopes[0])
        further = (slopes - slopes[0]) / slopes[0]
        least_peak = np.maximum(strong.peak_db, weak.peak_db + further * (weak.peak_db - self.plain.peak_db))
        least_loudest = np.maximum(
            strong.loudest_db, weak.loudest_db + further * (weak.loudest_db - self.plain.loudest_db)
        )
        best = _Row(least_peak if self.reference == "input" else chord, weak.spread_db, least_loudest)
        (left,) = np.nonzero((self._past(best, goal_db)[1:-1] > -_ROUNDING_DB).any(axis=0))
        if left.size == 0:
            return None
        middle = (low + high) // 2
        places, weak, strong = places[left], weak.at(left), strong.at(left)
        row = self._evaluate(middle, places)
        return (
            self._first_between(low, middle, weak, row, places, goal_db)
            or self._hit(middle, row, places, goal_db)
            or self._first_between(middle, high, row, strong, places, goal_db)
        )

    def _hit(
        self, ratio: int, row: "_Row", places: npt.NDArray[np.int64], goal_db: float
    ) -> tuple[int, float, Peaks] | None:
        """First pair of a row that reaches the goal."""
        (hits,) = np.nonzero(self._past(row, goal_db) > 0.0)
        if hits.size == 0:
            return None
        return self.ratios[ratio], float(THRESHOLDS_DB[places[hits[0]]]), self._feature(row, hits[0])

    def _past(self, row: "_Row", goal_db: float) -> npt.NDArray[np.float64]:
        """How far beyond the goal, in the direction in which compression moves the feature."""
        if self.reference == "input":
            return goal_db - row.peak_db
        return row.peak_db - row.loudest_db + PEAK_DB - goal_db

    def _feature(self, row: "_Row", place: int) -> Peaks:
        shift_db = PEAK_DB - row.loudest_db[place] if self.reference == "output" else 0.0
        return Peaks(float(row.peak_db[place] + shift_db), float(row.spread_db[place]))

    def _evaluate(self, ratio: int, places: npt.NDArray[np.int64]) -> "_Row":
        """What the compressors of one ratio do, at some places of the thresholds."""
        peaks_db = np.empty((len(self.levels), places.size, self.edges.size - 1))
        slope = 1.0 - 1.0 / self.ratios[ratio]
        thresholds = THRESHOLDS_DB[places]
        dynamics.reduced_peaks(
            self.detector, self.levels, thresholds, slope, self.attack, self.release, self.edges, peaks_db
        )
        return self._row(peaks_db)

    def _row(self, peaks_db: npt.NDArray[np.float64]) -> "_Row":
        """Features from the peaks of (channels, thresholds, pieces)."""
        own = [
            _summarize(np.maximum.reduceat(rows, pieces, axis=1))
            for rows, pieces in zip(peaks_db, self.first_pieces, strict=True)
            if pieces.size
        ]
        peak_db, spread_db = np.mean(own, axis=0)
        return _Row(peak_db, spread_db, peaks_db.max(axis=(0, 2)))


@dataclass(frozen=True)
class _Row:
    """Behind the compressors of one ratio, threshold by threshold, at the scale of the input: the mean onset peak, its
    spread, and the largest sample."""

    peak_db: npt.NDArray[np.float64]
    spread_db: npt.NDArray[np.float64]
    loudest_db: npt.NDArray[np.float64]

    def at(self, places: npt.NDArray[np.int64]) -> "_Row":
        """Some of the thresholds."""
        return _Row(self.peak_db[places], self.spread_db[places], self.loudest_db[places])


def _gain(audio: Audio) -> float:
    """To the peak at which the feature is defined."""
    return db_to_amplitude(PEAK_DB) / peak(audio)


def _levels_db(audio: Audio, gain: float, *, louder: bool = False) -> Audio:
    """Level of each sample after a gain, from -120 dB up; of the louder channel alone if asked for."""
    out = np.empty((1 if louder else len(audio), audio.shape[1]), dtype=np.float32)
    scale = np.float32(20.0 / np.log(10.0))
    for start in range(0, audio.shape[1], _BLOCK):
        block = out[:, start : start + _BLOCK]
        given = audio[:, start : start + _BLOCK] * np.float32(gain)
        np.abs(given, out=given)
        if louder:
            given = given.max(axis=0, keepdims=True)
        np.maximum(given, np.float32(LEVEL_FLOOR), out=block)
        np.log(block, out=block)
        block *= scale
    return out


def _turn_down(audio: Audio, reduction: npt.NDArray[np.float32], gain: float, *, out: Audio | None = None) -> Audio:
    """Turn all channels down by a reduction in dB, and up by a plain gain; `out` may be the audio itself."""
    out = np.empty_like(audio) if out is None else out
    for start in range(0, audio.shape[1], _BLOCK):
        here = slice(start, start + _BLOCK)
        factor = reduction[here] * np.float32(-np.log(10.0) / 20.0)
        np.exp(factor, out=factor)
        factor *= np.float32(gain)
        np.multiply(audio[:, here], factor, out=out[:, here])
    return out


def _coefficient(time_ms: float, rate: int) -> float:
    return float(np.exp(-1.0 / (0.001 * rate * time_ms)))


def _merge(steps: list[Step], sides: list[str]) -> Step:
    """One step for the stem: as it is when the channels were linked, side by side otherwise."""
    if len(steps) == 1:
        return steps[0]
    sided = list(zip(sides, steps, strict=True))
    skipped = [f"{side}: {step.skipped}" for side, step in sided if step.skipped]
    return Step(
        "compression",
        parameters={side: step.parameters for side, step in sided if step.parameters},
        before={side: step.before for side, step in sided if step.before},
        after={side: step.after for side, step in sided if step.after},
        skipped="; ".join(skipped) or None,
    )
