"""Distance between the features of a wet and a dry stem, before and after normalisation.

Normalisation should leave little of the distance between a wet and a dry stem of the same performance. Mono or silent
output would leave none, so the coherence of mid and side with the input is measured as well.
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from fxnorm.audio import SAMPLE_RATE, Audio, is_silent, to_stereo
from fxnorm.normalization.distances import distance
from fxnorm.normalization.effects import MATCHED_EFFECTS
from fxnorm.normalization.feature import Feature
from fxnorm.normalization.grid import BAND_HZ
from fxnorm.normalization.normalizer import pad

COHERENCE_POINTS = 2048
_NO_SIDE = 1e-6  # power of the side relative to the mid, below which the coherence of the side is undefined


@dataclass(frozen=True)
class StemGap:
    """Distances between a wet and a dry stem, and coherence of the normalised stems with their inputs.

    Attributes
    ----------
    song, stem : str
    before, after : dict
        By measure, in the units of `distances.measures`. A measure that is undefined for either stem (without onsets,
        say) is absent.
    mid_coherence, side_coherence : float or None
        Mean of wet and dry, 0 to 1; None for a signal without side.
    """

    song: str
    stem: str
    before: dict[str, float]
    after: dict[str, float]
    mid_coherence: float | None
    side_coherence: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


def measure_stem(
    song: str, stem: str, wet: Audio, dry: Audio, normalize: Callable[[Audio, str], Audio]
) -> StemGap | None:
    """Measure one pair of stems at 44,100 Hz.

    Parameters
    ----------
    song, stem : str
    wet, dry : ndarray, shape (channels, samples), float32
        The same performance with and without effects.
    normalize : callable
        Maps audio and the stem's name to normalised audio of the same length.

    Returns
    -------
    StemGap or None
        None if either stem is silent.
    """
    inputs = [to_stereo(wet), to_stereo(dry)]
    if any(is_silent(audio) for audio in inputs):
        return None
    outputs = [normalize(audio, stem) for audio in inputs]
    coherences = [coherence(*signals) for signals in zip(inputs, outputs, strict=True)]
    return StemGap(
        song=song,
        stem=stem,
        before=distance(*(features(audio, stem) for audio in inputs)),
        after=distance(*(features(audio, stem) for audio in outputs)),
        mid_coherence=mean_defined(mid for mid, _side in coherences),
        side_coherence=mean_defined(side for _mid, side in coherences),
    )


def features(audio: Audio, stem: str) -> dict[str, Feature | None]:
    """Measure the features of a stem, with curves smoothed as the averages are; None for an undefined feature."""
    padded = pad(audio)
    return {name: effect.measure_smoothed(padded, SAMPLE_RATE, stem) for name, effect in MATCHED_EFFECTS.items()}


def coherence(audio: Audio, normalized: Audio) -> tuple[float | None, float | None]:
    """Compute the mean magnitude-squared coherence of mid and side, weighted by the energy of the input.

    Parameters
    ----------
    audio, normalized : ndarray, shape (2, samples), float32
        Input and output of normalisation.

    Returns
    -------
    mid, side : float or None
        1 where the output is the input through some fixed filter, 0 where they are unrelated; None for an input without
        such a signal.
    """
    from scipy.signal import csd, welch

    mid_and_side = [np.stack([x[0] + x[1], x[0] - x[1]]) / 2.0 for x in (audio, normalized)]
    welch_options = {"fs": SAMPLE_RATE, "nperseg": COHERENCE_POINTS}
    frequencies, power = welch(mid_and_side[0], **welch_options)
    _, output_power = welch(mid_and_side[1], **welch_options)
    _, cross = csd(*mid_and_side, **welch_options)
    band = (frequencies >= BAND_HZ[0]) & (frequencies <= BAND_HZ[1])
    product = power * output_power
    squared = np.where(product > 0.0, np.abs(cross) ** 2 / np.where(product > 0.0, product, 1.0), 0.0)
    energy = power[:, band].sum(axis=1)
    weighted = (squared * power)[:, band].sum(axis=1)
    mid, side = (
        float(weighted[c] / energy[c]) if energy[c] > _NO_SIDE * energy.max() and energy[c] > 0.0 else None
        for c in range(2)
    )
    return mid, side


def mean_defined(values: Iterable[float | None]) -> float | None:
    """Average the values that are not None; None without any."""
    defined = [value for value in values if value is not None]
    return float(np.mean(defined)) if defined else None
