"""Loudness: integrated LUFS after ITU-R BS.1770-4, pushed to the average by a plain gain."""

from functools import cache

import numpy as np
import numpy.typing as npt

from fxnorm.audio import Audio, peak
from fxnorm.kernels.loudness import weighted_energy
from fxnorm.normalization.applied_effect import EffectSettings, Memo, Step
from fxnorm.units import amplitude_to_db, db_to_amplitude

BLOCK_S = 0.4
HOPS_PER_BLOCK = 4
ABSOLUTE_GATE_LUFS = -70.0
RELATIVE_GATE_LU = -10.0
OFFSET_LU = -0.691


class Settings(EffectSettings):
    """Loudness has nothing to set: the target is the average, the ceiling is full scale."""


PRESETS = {"published": Settings(), "default": Settings()}


def measure(
    audio: Audio, rate: int, *, settings: Settings = PRESETS["default"], memo: Memo | None = None
) -> float | None:
    """Integrated loudness with the absolute and the relative gate.

    Parameters
    ----------
    audio : ndarray, shape (channels, samples), float32
        A mono signal is metered as one channel.
    rate : int
        Sampling rate in Hz.
    settings, memo
        Unused: matching needs nothing but the loudness.

    Returns
    -------
    float or None
        LUFS; None where no whole block of 400 ms is louder than -70 LUFS. An incomplete last block is dropped.

    Notes
    -----
    ITU-R BS.1770-4, Annex 1, with the exact filter coefficients for every rate (B. De Man).
    """
    blocks = _mean_squares(audio, rate, HOPS_PER_BLOCK)
    gated = blocks[blocks > _energy(ABSOLUTE_GATE_LUFS)]
    if gated.size == 0:
        return None
    gate = gated.mean() * 10.0 ** (RELATIVE_GATE_LU / 10.0)
    return float(OFFSET_LU + 10.0 * np.log10(gated[gated > gate].mean()))


def short_term(audio: Audio, rate: int, *, seconds: float = 3.0) -> npt.NDArray[np.float64]:
    """Loudness over time, ungated, of windows that move on by 100 ms (EBU Tech 3341: 3 s, or 400 ms for momentary).

    Parameters
    ----------
    audio : ndarray, shape (channels, samples), float32
    rate : int
        Sampling rate in Hz.
    seconds : float
        Of a window.

    Returns
    -------
    ndarray, shape (windows,)
        LUFS, -120.691 for silence; empty if the audio is shorter than a window.
    """
    energy = _mean_squares(audio, rate, round(seconds * HOPS_PER_BLOCK / BLOCK_S))
    return OFFSET_LU + 10.0 * np.log10(np.maximum(energy, 1e-12))


def match(
    audio: Audio,
    rate: int,
    target: float,
    *,
    stem: str = "",
    settings: Settings = PRESETS["default"],
    strength: float = 1.0,
    overwrite: bool = False,
    memo: Memo | None = None,
) -> tuple[Audio, Step]:
    """Bring a stem to a loudness, and down again if its peak would leave full scale.

    Parameters
    ----------
    audio : ndarray, shape (channels, samples), float32
    rate : int
        Sampling rate in Hz.
    target : float
        LUFS.
    stem, settings, memo
        Unused: loudness is the same for every stem, and quickly found.
    strength : float
        Share of the gain in dB that is applied, 0 to 1.
    overwrite : bool
        The result may take the place of the input, which saves the memory of one.

    Returns
    -------
    audio : ndarray, shape (channels, samples), float32
    step : Step
    """
    loudness = measure(audio, rate)
    if loudness is None:
        return audio, Step("loudness", skipped="no block of 400 ms is louder than -70 LUFS")
    gain_db = strength * (target - loudness)
    largest = peak(audio) * db_to_amplitude(gain_db)
    gain = db_to_amplitude(gain_db) / (max(1.0, largest + 1e-6) if strength > 0.0 else 1.0)
    applied_db = float(amplitude_to_db(gain))
    step = Step(
        "loudness",
        parameters={"gain_db": round(applied_db, 4), "limited_db": round(gain_db - applied_db, 4)},
        before={"loudness_lufs": round(loudness, 4)},
        after={"loudness_lufs": round(loudness + applied_db, 4)},
    )
    return np.multiply(audio, np.float32(gain), out=audio if overwrite else None), step


def _mean_squares(audio: Audio, rate: int, hops_per_block: int) -> npt.NDArray[np.float64]:
    """z_j, eq. (3): weighted mean squares of whole blocks that begin 100 ms after one another."""
    hop = rate * BLOCK_S / HOPS_PER_BLOCK
    edges = (np.arange(int(audio.shape[1] / hop) + 1) * hop).astype(np.int64)
    if edges.size <= hops_per_block:
        return np.empty(0)
    hops = np.zeros(edges.size - 1)
    shelf, high_pass = _weighting(rate)
    weighted_energy(audio, shelf, high_pass, edges, hops)
    return np.convolve(hops, np.ones(hops_per_block), mode="valid") / (hop * hops_per_block)


def _energy(lufs: float) -> float:
    return 10.0 ** ((lufs - OFFSET_LU) / 10.0)


@cache
def _weighting(rate: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Both K-weighting stages as (b0, b1, b2, a1, a2) with a0 = 1.

    The standard prints coefficients for 48 kHz alone; B. De Man found the analogue filters that they come from.
    """
    w, q = np.tan(np.pi * 1681.9744509555319 / rate), 0.7071752369554193
    high = 10.0 ** (3.99984385397 / 20.0)
    poles = _bilinear(1.0, 1.0 / q, 1.0, w)
    shelf = np.append(_bilinear(high, high**0.499666774155 / q, 1.0, w), poles[1:]) / poles[0]
    w, q = np.tan(np.pi * 38.13547087613982 / rate), 0.5003270373253953
    poles = _bilinear(1.0, 1.0 / q, 1.0, w)
    high_pass = np.append([1.0, -2.0, 1.0], poles[1:] / poles[0])  # as printed, not divided by a0
    return shelf, high_pass


def _bilinear(second: float, first: float, zeroth: float, w: float) -> npt.NDArray[np.float64]:
    """A polynomial in s, of which 1 is the corner, as one in 1/z, where the warped corner is w."""
    return np.array(
        [second + first * w + zeroth * w * w, 2.0 * (zeroth * w * w - second), second - first * w + zeroth * w * w]
    )
