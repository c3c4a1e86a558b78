"""Loudness after ITU-R BS.1770-4: integrated and short-term LUFS."""

from collections.abc import Callable
from functools import cache

import numpy as np
import numpy.typing as npt

from fxnorm.audio import Audio
from fxnorm.kernels.biquads import filter_cascade
from fxnorm.kernels.loudness import weighted_energy
from fxnorm.units import db_to_amplitude, db_to_power, power_to_db

BLOCK_S = 0.4
HOPS_PER_BLOCK = 4
ABSOLUTE_GATE_LUFS = -70.0
RELATIVE_GATE_LU = -10.0
OFFSET_LU = -0.691


def measure(audio: Audio, sample_rate: int) -> float | None:
    """Measure the integrated loudness with the absolute and the relative gate.

    Parameters
    ----------
    audio : ndarray, shape (channels, samples), float32
        A mono signal is measured as one channel.
    sample_rate : int
        In Hz.

    Returns
    -------
    float or None
        LUFS; None if no complete block of 400 ms exceeds -70 LUFS. An incomplete last block is dropped.

    Notes
    -----
    ITU-R BS.1770-4, Annex 1, with the exact filter coefficients for every sample rate (B. De Man).
    """
    return gated_loudness(_mean_squares(audio, sample_rate, HOPS_PER_BLOCK))


def measure_vjp(
    audio: npt.NDArray[np.floating], sample_rate: int
) -> tuple[float | None, Callable[[float], npt.NDArray[np.floating]]]:
    """Measure the integrated loudness, and return a function that carries a gradient back.

    Parameters
    ----------
    audio, sample_rate
        As for `measure`.

    Returns
    -------
    loudness : float or None
        As from `measure`.
    pullback : callable
        Takes the gradient with respect to the loudness and returns that with respect to the audio, of its shape and
        dtype. The choice of blocks by the gates has none; nor has silence.
    """
    hop = sample_rate * BLOCK_S / HOPS_PER_BLOCK
    blocks = _mean_squares(audio, sample_rate, HOPS_PER_BLOCK)
    chosen = gated(blocks)
    if not chosen.any():
        return None, lambda gradient: np.zeros_like(audio)
    mean = blocks[chosen].mean()

    def pullback(gradient: float) -> npt.NDArray[np.floating]:
        # each block is a sum of hops; d 10 log10(z) = 10 / (z ln 10) dz; the energy of a sample is its square
        per_hop = np.convolve(chosen, np.ones(HOPS_PER_BLOCK)) / (chosen.sum() * hop * HOPS_PER_BLOCK)
        per_hop *= gradient * 10.0 / (np.log(10.0) * mean)
        edges = (np.arange(per_hop.size + 1) * hop).astype(np.int64)
        sections = _sections(sample_rate)
        weighted = _filtered(audio[:, : edges[-1]], sections)
        weighted *= 2.0 * np.repeat(per_hop, np.diff(edges))
        out = np.zeros_like(audio)
        # the adjoint of a filter at rest is the filter backwards in time
        out[:, : edges[-1]] = _filtered(weighted[:, ::-1], sections)[:, ::-1]
        return out

    return float(OFFSET_LU + power_to_db(mean)), pullback


def short_term(audio: Audio, sample_rate: int, *, seconds: float = 3.0, hop_s: float = 0.1) -> npt.NDArray[np.float64]:
    """Measure the ungated loudness of windows (EBU Tech 3341: 3 s for short-term, 400 ms for momentary).

    Parameters
    ----------
    audio : ndarray, shape (channels, samples), float32
    sample_rate : int
        In Hz.
    seconds : float
        Length of a window, a multiple of the hop.
    hop_s : float
        Distance between windows, in seconds.

    Returns
    -------
    ndarray, shape (windows,)
        LUFS, -120.691 for silence; empty if the audio is shorter than a window.
    """
    energy = _mean_squares(audio, sample_rate, round(seconds / hop_s), hop_s=hop_s)
    return OFFSET_LU + power_to_db(np.maximum(energy, 1e-12))


class Weighting:
    """K-weighting of a recording that comes block by block."""

    def __init__(self, sample_rate: int, channels: int) -> None:
        self._sections = _sections(sample_rate)
        self._states = np.zeros((channels, len(self._sections) + 1, 2))
        self._position = 0

    def push(self, block: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Weight the next samples, shape (channels, samples)."""
        out = np.empty(block.shape)
        filter_cascade(np.ascontiguousarray(block), self._sections, self._states, self._position, out)
        self._position += block.shape[1]
        return out


def gated_loudness(blocks: npt.NDArray[np.float64]) -> float | None:
    """Return the loudness of weighted mean squares of blocks behind both gates, in LUFS; None if none exceeds them."""
    chosen = gated(blocks)
    return float(OFFSET_LU + power_to_db(blocks[chosen].mean())) if chosen.any() else None


def gated(blocks: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Choose the blocks, given by their weighted mean squares, above the absolute and the relative gate."""
    chosen = blocks > _energy(ABSOLUTE_GATE_LUFS)
    if not chosen.any():
        return chosen
    gate = blocks[chosen].mean() * db_to_power(RELATIVE_GATE_LU)
    return chosen & (blocks > gate)


def _filtered(audio: npt.NDArray[np.floating], sections: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Filter from rest with sections in series."""
    out = np.empty(audio.shape)
    filter_cascade(np.ascontiguousarray(audio), sections, np.zeros((len(audio), len(sections) + 1, 2)), 0, out)
    return out


def _mean_squares(
    audio: npt.NDArray[np.floating], sample_rate: int, hops_per_block: int, *, hop_s: float = BLOCK_S / HOPS_PER_BLOCK
) -> npt.NDArray[np.float64]:
    """Return the weighted mean squares z_j of eq. (3), in complete blocks that start every hop."""
    hop = sample_rate * hop_s
    edges = (np.arange(int(audio.shape[1] / hop) + 1) * hop).astype(np.int64)
    if edges.size <= hops_per_block:
        return np.empty(0)
    hops = np.zeros(edges.size - 1)
    shelf, high_pass = _weighting(sample_rate)
    weighted_energy(audio, shelf, high_pass, edges, hops)
    return np.convolve(hops, np.ones(hops_per_block), mode="valid") / (hop * hops_per_block)


def _sections(sample_rate: int) -> npt.NDArray[np.float64]:
    """Return both K-weighting stages as sections of `filter_cascade`."""
    return np.array([[*stage[:3], 1.0, *stage[3:]] for stage in _weighting(sample_rate)])


def _energy(lufs: float) -> float:
    return db_to_power(lufs - OFFSET_LU)


@cache
def _weighting(sample_rate: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Design both K-weighting stages as (b0, b1, b2, a1, a2) with a0 = 1.

    The standard prints coefficients for 48 kHz only; B. De Man derived the analogue filters behind them.
    """
    w, q = np.tan(np.pi * 1681.9744509555319 / sample_rate), 0.7071752369554193
    high = db_to_amplitude(3.99984385397)
    poles = _bilinear(1.0, 1.0 / q, 1.0, w)
    shelf = np.append(_bilinear(high, high**0.499666774155 / q, 1.0, w), poles[1:]) / poles[0]
    w, q = np.tan(np.pi * 38.13547087613982 / sample_rate), 0.5003270373253953
    poles = _bilinear(1.0, 1.0 / q, 1.0, w)
    high_pass = np.append([1.0, -2.0, 1.0], poles[1:] / poles[0])  # as printed, not divided by a0
    return shelf, high_pass


def _bilinear(second: float, first: float, zeroth: float, w: float) -> npt.NDArray[np.float64]:
    """Apply the bilinear transform to a polynomial in s: corner 1 becomes the prewarped corner w."""
    return np.array(
        [second + first * w + zeroth * w * w, 2.0 * (zeroth * w * w - second), second - first * w + zeroth * w * w]
    )
