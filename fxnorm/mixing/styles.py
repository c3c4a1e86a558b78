"""Bring a mix to a style: loudness, brightness and width."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch

from fxnorm.audio import Audio
from fxnorm.console.document import Console
from fxnorm.console.processors import Eq, Width
from fxnorm.dsp import mix_features
from fxnorm.dsp.mix_features import MixFeatures
from fxnorm.errors import InputError
from fxnorm.fitting import Target
from fxnorm.fitting import objectives as measures
from fxnorm.mixing.mastering import MasteringResult
from fxnorm.mixing.matching import Match, MatchSettings, Progress, match
from fxnorm.recipe.styles import FrequencyBalance, Style

TOLERANCES = {"loudness_lufs": 0.1, "centroid_hz": 100.0, "mid_share": 0.05, "frequency_balance": 0.05}
DEAD_BAND = 0.3  # of a tolerance
MONO_DB = -40.0  # a side signal weaker than this, relative to the mid signal, cannot make a mix wide
CREDIT_TOLERANCES = 5.0  # an error of so many tolerances scores 0


@dataclass(frozen=True)
class Aim:
    """A target and what became of it.

    Attributes
    ----------
    name : str
        "loudness_lufs", "centroid_hz", "mid_share", or "frequency_balance.low" and so on.
    aim, before, reached : float
    tolerance : float
    reason : str
        Why it was not reached; empty if it was.
    """

    name: str
    aim: float
    before: float
    reached: float
    tolerance: float
    reason: str = ""

    @property
    def is_reached(self) -> bool:
        """Whether the error is within the tolerance."""
        return abs(self.reached - self.aim) <= self.tolerance

    @property
    def score(self) -> float:
        """1 within the tolerance, falling in a straight line to 0 at five tolerances."""
        excess = abs(self.reached - self.aim) / self.tolerance - 1.0
        return min(1.0, max(0.0, 1.0 - excess / (CREDIT_TOLERANCES - 1.0)))

    def describe(self) -> str:
        """Describe the aim in one line, with the reason if it was not reached."""
        unit = {"loudness_lufs": " LUFS", "centroid_hz": " Hz"}.get(self.name, "")
        digits = {"loudness_lufs": 1, "centroid_hz": 0}.get(self.name, 2)
        name = self.name.partition(".")[0].removesuffix("_lufs").removesuffix("_hz").replace("_", " ")
        name += f" ({self.name.partition('.')[2]})" if "." in self.name else ""
        text = f"{name} {self.reached:.{digits}f}{unit} (aim {self.aim:.{digits}f}, before {self.before:.{digits}f})"
        return text if self.is_reached else f"{text}: {self.reason}"


@dataclass(frozen=True)
class StyleResult:
    """A console in a style, and its mix.

    Attributes
    ----------
    console : Console
    master : MasteringResult
    aims : tuple of Aim
    features : MixFeatures
        Of the mix.
    seconds : float
        Time that it took.
    """

    console: Console
    master: MasteringResult
    aims: tuple[Aim, ...]
    features: MixFeatures
    seconds: float

    @property
    def audio(self) -> Audio:
        """The mix, shape (2, samples)."""
        return self.master.audio

    @property
    def score(self) -> float:
        """Mean score of the aims, 0 to 1."""
        return sum(aim.score for aim in self.aims) / len(self.aims)

    @property
    def notices(self) -> tuple[str, ...]:
        """What was not reached, and why."""
        return tuple(aim.describe() for aim in self.aims if not aim.is_reached)

    def to_dict(self) -> dict[str, Any]:
        """Return aims and figures as plain JSON values."""
        return {
            "aims": [
                {
                    **{
                        key: round(value, 4) if isinstance(value, float) else value
                        for key, value in asdict(aim).items()
                    },
                    "is_reached": aim.is_reached,
                    "score": round(aim.score, 3),
                }
                for aim in self.aims
            ],
            "score": round(self.score, 3),
            "limiter_reduction_db": round(self.master.reduction_db, 2),
            "true_peak_dbtp": round(self.master.true_peak_db, 2),
            "features": self.features.to_dict(),
            "seconds": round(self.seconds, 1),
        }


def apply_style(
    console: Console,
    tracks: Mapping[str, Audio],
    sample_rate: int,
    style: Style,
    *,
    name: str = "",
    settings: MatchSettings | None = None,
    progress: Progress | None = None,
) -> StyleResult:
    """Bring a console to a style, as near to its own settings as the style allows.

    The master gets an equaliser of shelves and peaks, a bus compressor and a width, or uses its own; buses that tracks
    are routed to get an equaliser; where the master alone is not wide enough, widths and pans of tracks are moved, too.
    They are fitted by gradient. A limiter brings the mix to the loudness.

    Parameters
    ----------
    console : Console
        Start.
    tracks : mapping of str to ndarray, shape (channels, samples), float32
        Recordings.
    sample_rate : int
        In Hz.
    style : Style
    name : str
        Of the style, for the notes of the console.
    settings : MatchSettings, optional
        Budget of the limiter, steps, time and seed; loudness and ceiling are those of the style.
    progress : callable, optional
        Called with the share that is done and what is being done.

    Returns
    -------
    StyleResult
        Its aims say what was not reached, and why.

    Raises
    ------
    InputError
        If tracks are missing, silent, or too short for a loudness.
    """
    settings = replace(
        settings or MatchSettings(style.loudness_lufs), loudness_lufs=style.loudness_lufs, ceiling_db=style.ceiling_db
    )
    found = match(console, tracks, sample_rate, style_targets(style), settings, progress=progress)
    before = mix_features.measure(found.before, sample_rate)
    after = mix_features.measure(found.master.audio, sample_rate)
    if before is None or after is None:
        raise InputError(
            "expected a mix of at least 0.4 s above -70 LUFS, got a quieter or shorter one; check the tracks"
        )
    aims = tuple(_aims(style, before, after, found))
    notes = {"style": {"name": name or style.description, **style.to_dict()}}
    return StyleResult(
        replace(found.console, notes={**found.console.notes, **notes}), found.master, aims, after, found.seconds
    )


def style_targets(style: Style) -> list[Target]:
    """Return the targets of a style apart from loudness."""
    targets = [
        Target("centroid_hz", measures.centroid, torch.tensor([style.centroid_hz]), 100.0, DEAD_BAND),
        Target("mid_share", measures.mid_share, torch.tensor([style.mid_share]), 0.05, DEAD_BAND),
    ]
    if balance := style.frequency_balance:
        value = torch.tensor([balance.low, balance.mid, balance.high])
        targets.append(Target("frequency_balance", measures.frequency_balance, value, 0.05, DEAD_BAND))
    return targets


def measure_style(songs: Sequence[tuple[Audio, int]], *, description: str = "") -> Style:
    """Make a style of songs: the medians of their features.

    Parameters
    ----------
    songs : sequence of (ndarray, int)
        Audio, shape (channels, samples), and sample rate in Hz.
    description : str

    Raises
    ------
    InputError
        If there is no song, or one has no loudness.
    """
    import numpy as np

    found = [mix_features.measure(audio, sample_rate) for audio, sample_rate in songs]
    if not found or None in found:
        number = found.index(None) + 1 if found else 0
        raise InputError(f"expected songs that are heard, got silence as song {number}; leave it out")
    features = [each for each in found if each is not None]

    def median(name: str) -> float:
        return float(np.median([getattr(each, name) for each in features]))

    shares = np.median([each.frequency_balance for each in features], axis=0)
    low, mid, high = (round(float(share), 4) for share in shares / shares.sum())
    return Style(
        loudness_lufs=round(float(np.clip(median("loudness_lufs"), -40.0, -5.0)), 2),
        centroid_hz=round(median("centroid_hz"), 1),
        mid_share=round(median("mid_share"), 4),
        frequency_balance=FrequencyBalance(low=low, mid=mid, high=high),
        description=description,
    )


def _aims(style: Style, before: MixFeatures, after: MixFeatures, found: Match) -> list[Aim]:
    def aim(name: str, wish: float, was: float, reached: float, reason: str) -> Aim:
        each = Aim(name, wish, was, reached, TOLERANCES[name.partition(".")[0]])
        return each if each.is_reached else replace(each, reason=reason)

    loudness = "; ".join(found.master.notices) or "not reached"
    aims = [
        aim("loudness_lufs", style.loudness_lufs, before.loudness_lufs, after.loudness_lufs, loudness),
        aim("centroid_hz", style.centroid_hz, before.centroid_hz, after.centroid_hz, _spectrum_reason(found)),
        aim("mid_share", style.mid_share, before.mid_share, after.mid_share, _width_reason(style, before, found)),
    ]
    if balance := style.frequency_balance:
        wishes = (balance.low, balance.mid, balance.high)
        pairs = zip(("low", "mid", "high"), wishes, before.frequency_balance, after.frequency_balance, strict=True)
        aims += [
            aim(f"frequency_balance.{name}", wish, was, reached, _spectrum_reason(found))
            for name, wish, was, reached in pairs
        ]
    return aims


def _spectrum_reason(found: Match) -> str:
    at_end = [name for name in found.at_bounds if name.endswith("gain_db")]
    bands = [band for each in found.console.master.processors if isinstance(each, Eq) for band in each.bands]
    if at_end or any(abs(band.gain_db) > 11.5 for band in bands):
        return "bands of the EQ are at their limit of 12 dB; record or mix the song brighter or darker"
    return _time_reason(found) or "in conflict with the other targets; the nearest compromise was kept"


def _width_reason(style: Style, before: MixFeatures, found: Match) -> str:
    widths = [each.width for each in found.console.master.processors if isinstance(each, Width)]
    if style.mid_share < before.mid_share:
        if before.side_to_mid_db < MONO_DB:
            return "the mix is mono, which no width can widen; pan tracks apart, or record in stereo"
        if widths and widths[-1] > 1.9:
            return "the width is at its limit of 200 %; pan tracks further apart"
    elif widths and widths[-1] < 0.1:
        return "the width is at its limit of 0 %"
    return _time_reason(found) or "in conflict with the other targets; the nearest compromise was kept"


def _time_reason(found: Match) -> str:
    return "the time limit was met" if found.ran_out_of_time else ""
