"""Panning: the mean similarity of the two channels over frequency, pushed to the average similarity."""

from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from fxnorm.audio import Audio, is_silent
from fxnorm.corpus.stems import require_stem
from fxnorm.dsp.stft import BINS, GRID_STEP, HOP, N_FFT, require_rate, smooth, transforms
from fxnorm.kernels.spectra import add_similarity
from fxnorm.normalization import panning_published, side_gains
from fxnorm.normalization.applied_effect import EffectSettings, Memo, Step

SMOOTHING_BINS = 501


class Repan(EffectSettings):
    """The published method: pan the stem to its side, then give every frame and bin the wanted similarity.

    Attributes
    ----------
    target_scale : float
        Factor on the target similarity.
    amount : float
        Amplitude of the stronger side in the first pan.
    max_boost_db : float or None
        Largest gain of a bin.
    outside : {"prepan", "restore"}
        What happens to quiet frames and to bins above the limit.
    limit_hz : dict
        Per stem, the frequency above which nothing is re-panned.
    """

    method: Literal["repan"] = "repan"
    target_scale: float = 0.9
    amount: float = 0.7
    max_boost_db: float | None = None
    outside: Literal["prepan", "restore"] = "prepan"
    limit_hz: dict[str, float] = Field(
        default_factory=lambda: {"vocals": 16_000.0, "bass": 16_000.0, "drums": 6_000.0, "other": 16_000.0}
    )


class Narrow(EffectSettings):
    """Turn the side signal down, band by band, until the mean similarity reaches the target.

    Attributes
    ----------
    exponent : float
        Of the target similarity; 0 would ask for mono, 1 for the average itself.
    range_db : float
        Largest attenuation of the side signal.
    taps : int
        Length of the linear-phase filter on the side signal; odd.
    """

    method: Literal["narrow"] = "narrow"
    exponent: float = 0.2
    range_db: float = 24.0
    taps: int = 2001


Settings = Annotated[Repan | Narrow, Field(discriminator="method")]

PRESETS: dict[str, Repan | Narrow] = {"published": Repan(), "default": Narrow()}


def measure(
    audio: Audio, rate: int, *, settings: Repan | Narrow = PRESETS["default"], memo: Memo | None = None
) -> npt.NDArray[np.float64] | None:
    """Mean similarity of the two channels in each bin.

    Parameters
    ----------
    audio : ndarray, shape (channels, samples), float32
    rate : int
        Sampling rate in Hz; 44,100.
    settings : Repan or Narrow
        Of the matching that the memo is for.
    memo : dict, optional
        Gets what matching needs to know of the stem, which is read in single precision then: other effects have worked
        on it.

    Returns
    -------
    ndarray, shape (32769,), or None
        0 where a bin is in one channel only, 1 where both are equally strong or both are zero. A mono stem is 1
        throughout; None where the stem is silent.

    Raises
    ------
    InputError
        If the rate is another.
    """
    require_rate(rate, "panning")
    if is_silent(audio):
        return None
    if audio.shape[0] == 1:
        return np.ones(BINS)
    narrowing = side_gains.Narrowing(settings.range_db) if isinstance(settings, Narrow) and memo is not None else None
    # The rounding of eq's float32 output moves the feature a hundred times as far as that of the transforms does: only
    # an untouched stem has more digits to read.
    untouched = memo is None
    similarity = np.zeros(BINS)
    count = 0
    for total, difference in transforms(audio, N_FFT, HOP, sum_and_difference=True, double=untouched):
        add_similarity(total, difference, similarity)
        if narrowing is not None:
            every = side_gains.HOP // HOP
            there = slice(-count % every, None, every)
            narrowing.add(total[there], difference[there])
        count += len(total)
    if memo is not None and narrowing is not None:
        memo["similarities"] = narrowing.mean()
    return similarity / count


def average(curve: npt.NDArray[np.float64], stem: str) -> npt.NDArray[np.float64]:
    """Smooth a corpus mean of 32,769 bins and bring it to the grid: what matching reads, shape (1025,)."""
    return to_grid(smooth(curve, SMOOTHING_BINS))


def to_grid(curve: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Mean of each 32 bins from the grid frequency upwards; the last bin as it is."""
    curve = np.asarray(curve, dtype=np.float64)
    return np.append(curve[:-1].reshape(-1, GRID_STEP).mean(axis=1), curve[-1])


def match(
    audio: Audio,
    rate: int,
    target: npt.NDArray[np.float64],
    *,
    stem: str,
    settings: Repan | Narrow = PRESETS["default"],
    strength: float = 1.0,
    overwrite: bool = False,
    memo: Memo | None = None,
) -> tuple[Audio, Step]:
    """Bring the similarity of a stem's channels to the target.

    Parameters
    ----------
    audio : ndarray, shape (2, samples), float32
    rate : int
        Sampling rate in Hz; 44,100.
    target : ndarray, shape (1025,)
        Wanted mean similarity at `spectra.grid_frequencies()`.
    stem : str
        Chooses the frequency limit of the published method.
    settings : Repan or Narrow
        The method and its numbers.
    strength : float
        Exponent of every gain, 0 to 1.
    overwrite : bool
        The result may take the place of the input, which saves the memory of one.
    memo : dict, optional
        What is known of the stem already; what is found is added.

    Returns
    -------
    audio : ndarray, shape (2, samples), float32
    step : Step

    Raises
    ------
    InputError
        If the stem is unknown or the rate is another.
    """
    require_rate(rate, "panning")
    require_stem(stem)
    if audio.shape[0] == 1:
        return audio, Step("panning", skipped="mono")
    if is_silent(audio):
        return audio, Step("panning", skipped="silent")
    if isinstance(settings, Repan):
        return _repan(audio, target, stem, settings, strength)
    return _narrow(audio, target, settings, strength, overwrite, {} if memo is None else memo)


def _repan(
    audio: Audio, target: npt.NDArray[np.float64], stem: str, settings: Repan, strength: float
) -> tuple[Audio, Step]:
    side = panning_published.find_side(audio)
    out = panning_published.repan(
        audio,
        settings.target_scale * target,
        side,
        amount=settings.amount,
        max_boost_db=settings.max_boost_db,
        outside=settings.outside,
        limit_hz=settings.limit_hz[stem],
        strength=strength,
    )
    return out, Step("panning", parameters={"method": "repan", "side": side, "pan": settings.amount})


def _narrow(
    audio: Audio, target: npt.NDArray[np.float64], settings: Narrow, strength: float, overwrite: bool, memo: Memo
) -> tuple[Audio, Step]:
    if "similarities" not in memo:
        memo["similarities"] = side_gains.measure_narrowed(audio, settings.range_db)
    wanted = side_gains.read_bands(np.clip(target, 0.0, 1.0) ** settings.exponent)
    before, gains_db = side_gains.find_side_gains(memo["similarities"], wanted, settings.range_db)
    bands = [f"{hz:g}" for hz in side_gains.BAND_CENTRES_HZ]
    step_before: dict[str, Any] = {"similarity_at_hz": dict(zip(bands, np.round(before, 3).tolist(), strict=True))}
    if not gains_db.any():
        return audio, Step("panning", before=step_before, skipped="no band is wider than the target")
    gains_db = strength * gains_db
    out = side_gains.apply_side_gains(audio, gains_db, settings.taps, overwrite=overwrite)
    parameters = {
        "method": "narrow",
        "side_gain_db_at_hz": dict(zip(bands, np.round(gains_db, 2).tolist(), strict=True)),
        "wanted_similarity_at_hz": dict(zip(bands, np.round(wanted, 3).tolist(), strict=True)),
    }
    return out, Step("panning", parameters=parameters, before=step_before)
