"""Compression: the peaks after the onsets, pushed to the average peak by a compressor."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from fxnorm.audio import Audio, is_silent, peak
from fxnorm.effects import onsets
from fxnorm.effects.step import EffectSettings, Step
from fxnorm.kernels import dynamics
from fxnorm.stems import require_stem
from fxnorm.units import amplitude_to_db, db_to_amplitude

PEAK_DB = -10.0  # the level at which the feature is defined and thresholds are given
PERCENTILE = 75.0
LEVEL_FLOOR = 1e-6  # -120 dB
THRESHOLDS_DB = np.arange(PEAK_DB, -40.25, -0.5)
LAST_RATIO = 20
_LANES = 8  # thresholds tried in one pass


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
    ballistics : dict
        Per stem.
    """

    linked: bool
    reference: Literal["input", "output"]
    ballistics: dict[str, Ballistics]


PRESETS = {
    "published": Settings(
        linked=False,
        reference="input",
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
        ballistics={
            "vocals": Ballistics(attack_ms=1.0, release_ms=400.0, first_ratio=4),
            "bass": Ballistics(attack_ms=1.0, release_ms=500.0, first_ratio=5),
            "drums": Ballistics(attack_ms=1.0, release_ms=180.0, first_ratio=6),
            "other": Ballistics(attack_ms=1.0, release_ms=666.0, first_ratio=4),
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


def measure(audio: Audio, rate: int) -> Peaks | None:
    """Onset peaks of a stem that is brought to a peak of -10 dBFS.

    Parameters
    ----------
    audio : ndarray, shape (channels, samples), float32
    rate : int
        Sampling rate in Hz. Onsets are looked for in frames of 1,024 samples at any rate.

    Returns
    -------
    Peaks or None
        Averages over the channels that have an onset; None where none has.
    """
    if is_silent(audio):
        return None
    gain = np.float32(db_to_amplitude(PEAK_DB) / peak(audio))
    found = [_measure_channel(channel * gain) for channel in audio]
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
) -> tuple[Audio, Step]:
    """Bring a stem to a peak of -10 dBFS and compress it until its onset peaks reach the target.

    The first pair of ratio (outer, upwards from the stem's first ratio to 20) and threshold (inner, from -10 down to
    -40 dBFS in steps of 0.5 dB) that reaches it is taken, the last pair if none does. Onsets are found once. A stem
    already on the far side of the target is not expanded.

    Parameters
    ----------
    audio : ndarray, shape (channels, samples), float32
    rate : int
        Sampling rate in Hz.
    target : Peaks
        Wanted peak and spread; "reached" means within the spread from the side that compression comes from
        ("input"), or not below the peak ("output").
    stem : str
        Chooses the ballistics.
    settings : Settings
    strength : float
        Share of the way from the measured peak to the target, and of the level change, 0 to 1.

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
    groups = [sounding] if settings.linked else [[c] for c in sounding]
    out = audio.copy()
    steps = []
    for group in groups:
        out[group], step = _match_group(audio[group], rate, target, ballistics, settings.reference, strength)
        steps.append(step)
    return out, _merge(steps, ["left", "right"] if len(steps) == 2 else [""])


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
    level = np.empty(audio.shape[1], dtype=np.float32)
    dynamics.level_db(audio, LEVEL_FLOOR, level)
    reduction = np.empty_like(level)
    dynamics.reduce_gain(
        level, threshold_db, 1.0 - 1.0 / ratio, _coefficient(attack_ms, rate), _coefficient(release_ms, rate), reduction
    )
    out = np.empty_like(audio)
    dynamics.apply_reduction(audio, reduction, out)
    return out


def summarize(peaks_db: npt.NDArray[np.float64]) -> Peaks:
    """Mean and deviation of the peaks strictly above their 75th percentile, of all peaks if none is above."""
    kept = peaks_db[peaks_db > np.percentile(peaks_db, PERCENTILE)]
    if kept.size == 0:
        kept = peaks_db
    return Peaks(float(kept.mean()), float(kept.std()))


def _measure_channel(channel: npt.NDArray[np.float32]) -> Peaks | None:
    edges = _segments(channel)
    if edges.size < 2:
        return None
    largest = np.empty(edges.size - 1)
    dynamics.segment_peaks(channel, edges, largest)
    return summarize(amplitude_to_db(largest, floor_db=-120.0))


def _segments(channel: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """Edges of the pieces between onsets; the last runs to the end; none if there is no onset."""
    starts = np.unique(np.clip(onsets.find(channel), 0, channel.size - 1))
    return np.append(starts, channel.size) if starts.size else starts


def _match_group(
    audio: Audio,
    rate: int,
    target: Peaks,
    ballistics: Ballistics,
    reference: Literal["input", "output"],
    strength: float,
) -> tuple[Audio, Step]:
    input_gain_db = PEAK_DB - float(amplitude_to_db(peak(audio)))
    scaled = audio * np.float32(db_to_amplitude(input_gain_db))
    rest_db = (strength - 1.0) * input_gain_db  # what strength leaves of the level change
    search = _Search(scaled, rate, ballistics, reference)
    if not search.edges:
        return audio, Step("compression", skipped="no onset found")
    before = search.before
    wanted_db = before.peak_db + strength * (target.peak_db - before.peak_db)
    if reference == "input":
        needed = before.peak_db >= target.peak_db + target.spread_db
        goal: Callable[[float], bool] = lambda peak_db: peak_db < wanted_db + strength * target.spread_db  # noqa: E731
    else:
        needed = before.peak_db < target.peak_db
        goal = lambda peak_db: peak_db >= wanted_db  # noqa: E731
    parameters: dict[str, Any] = {"input_gain_db": round(strength * input_gain_db, 4)}
    if not needed or strength == 0.0:
        return (
            scaled * np.float32(db_to_amplitude(rest_db)),
            Step(
                "compression",
                parameters=parameters,
                before=before.to_dict(),
                skipped=f"peaks are within reach of {target.peak_db:.2f} dBFS or beyond",
            ),
        )
    ratio, threshold_db, after = search.first(goal)
    compressed = compress(
        scaled,
        rate,
        threshold_db=threshold_db,
        ratio=ratio,
        attack_ms=ballistics.attack_ms,
        release_ms=ballistics.release_ms,
    )
    parameters |= {
        "threshold_db": threshold_db,
        "ratio": ratio,
        "attack_ms": ballistics.attack_ms,
        "release_ms": ballistics.release_ms,
    }
    out = compressed * np.float32(db_to_amplitude(rest_db))
    return out, Step("compression", parameters=parameters, before=before.to_dict(), after=after.to_dict())


class _Search:
    """The grid of compressors on one group of channels, evaluated in dB without computing any output."""

    def __init__(self, scaled: Audio, rate: int, ballistics: Ballistics, reference: Literal["input", "output"]) -> None:
        self.detector = np.empty(scaled.shape[1], dtype=np.float32)
        dynamics.level_db(scaled, LEVEL_FLOOR, self.detector)
        self.attack = _coefficient(ballistics.attack_ms, rate)
        self.release = _coefficient(ballistics.release_ms, rate)
        self.ratios = range(ballistics.first_ratio, LAST_RATIO + 1)
        self.reference = reference
        self.edges: list[npt.NDArray[np.int64]] = []
        self.levels: list[npt.NDArray[np.float32]] = []
        for channel in scaled:
            edges = _segments(channel)
            if edges.size < 2:
                continue
            level = self.detector
            if scaled.shape[0] > 1:
                level = np.empty_like(self.detector)
                dynamics.level_db(channel[np.newaxis], LEVEL_FLOOR, level)
            self.edges.append(edges)
            self.levels.append(level)

    @property
    def before(self) -> Peaks:
        """The feature without compression."""
        return self._evaluate(np.zeros(1), 1.0)[0]

    def first(self, goal: Callable[[float], bool]) -> tuple[int, float, Peaks]:
        """First pair whose peak meets the goal, the last pair of the grid if none does."""
        for ratio in self.ratios:
            for start in range(0, THRESHOLDS_DB.size, _LANES):
                thresholds = THRESHOLDS_DB[start : start + _LANES]
                for threshold_db, peaks in zip(thresholds, self._evaluate(thresholds, ratio), strict=True):
                    if goal(peaks.peak_db):
                        return ratio, float(threshold_db), peaks
        return ratio, float(threshold_db), peaks

    def _evaluate(self, thresholds: npt.NDArray[np.float64], ratio: float) -> list[Peaks]:
        slope = 1.0 - 1.0 / ratio
        per_channel = []
        largest = np.full(thresholds.size, -np.inf)
        for edges, level in zip(self.edges, self.levels, strict=True):
            # the first segment holds what comes before the first onset: it counts for the largest peak only
            whole = edges if edges[0] == 0 else np.concatenate([[0], edges])
            peaks_db = np.empty((thresholds.size, whole.size - 1))
            dynamics.reduced_peaks(self.detector, level, thresholds, slope, self.attack, self.release, whole, peaks_db)
            largest = np.maximum(largest, peaks_db.max(axis=1))
            per_channel.append([summarize(row) for row in peaks_db[:, whole.size - edges.size :]])
        shift = PEAK_DB - largest if self.reference == "output" else np.zeros(thresholds.size)
        return [
            Peaks(
                float(np.mean([channel[t].peak_db for channel in per_channel]) + shift[t]),
                float(np.mean([channel[t].spread_db for channel in per_channel])),
            )
            for t in range(thresholds.size)
        ]


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
