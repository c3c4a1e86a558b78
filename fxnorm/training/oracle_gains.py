"""Oracle gains: the gains that bring normalised stems closest to their mixture, and the targets of the boosted trees.

In each band, for mid and side, the gains g of the stems x for the mixture y solve the non-negative least squares

    min over g >= 0 of  sum |y - sum_i g_i x_i|^2  +  sum_i r_i (g_i - p_i)^2

with sums over spectrogram frames and bins. The second term draws gains that the signals determine poorly towards a
prior p: those of a frame towards those of the band in the whole song, those towards the gains of all bands together,
and those towards 1. The problem depends on the signals through their Gram matrices only.
"""

import numpy as np
import numpy.typing as npt

from fxnorm.audio import Audio
from fxnorm.models.gbdt.band_grid import BandGrid, Floats, real_cross_spectrum
from fxnorm.models.gbdt.context_features import FLOOR, smooth, to_db
from fxnorm.units import amplitude_to_db, db_to_amplitude

WINDOW_S = 0.2  # standard deviation of the window around a frame
# Weight of the prior relative to the mean square of the stem in the whole song: for frames, for bands, for the song
RIDGES = (0.01, 0.02, 1e-6)
SWEEPS = 30  # of coordinate descent, after which the gains no longer change
RANGE_DB = (-40.0, 30.0)
AUDIBLE = 1e-6  # relative to the mean square of the mixture over frames and bands; lower levels are not compared

Doubles = npt.NDArray[np.float64]


def gram_matrices(signals: Audio, grid: BandGrid) -> Floats:
    """Compute the Gram matrix of signals in each frame and band.

    Parameters
    ----------
    signals : ndarray, shape (signals, 2, samples), float32
        Stems, and the mixture last.
    grid : BandGrid

    Returns
    -------
    ndarray, shape (signals, signals, 2, frames, bands), float32
        For mid and side; the diagonal holds mean squares, as from `BandGrid.measure`.
    """
    count = len(signals)
    blocks = []
    for _, spectra in grid.blocks(signals):
        frames = spectra.shape[-2] // grid.frame_windows
        block = np.empty((count, count, 2, frames, grid.count), dtype=np.float32)
        for i in range(count):
            for j in range(i, count):
                block[i, j] = block[j, i] = grid.pool(real_cross_spectrum(spectra[i], spectra[j]))
        blocks.append(block)
    return np.concatenate(blocks, axis=-2)


def solve_gains(gram: Floats, grid: BandGrid) -> Floats:
    """Solve for the oracle gains of a song.

    Parameters
    ----------
    gram : ndarray, shape (5, 5, 2, frames, bands), float32
        Gram matrices of the stems and the mixture.
    grid : BandGrid

    Returns
    -------
    ndarray, shape (4, 2, frames, bands), float32
        In dB; NaN where the stem is silent in the whole song.
    """
    song = gram.mean(axis=-2, keepdims=True, dtype=np.float64)
    mean_squares = np.einsum("iisnb->isnb", song[:-1, :-1])
    smoothed = smooth(gram, WINDOW_S * grid.frame_rate)
    frame_ridge, band_ridge, song_ridge = RIDGES
    levels = mean_squares.sum(axis=-1, keepdims=True)
    gains = _solve(song.sum(axis=-1, keepdims=True), np.ones_like(levels), song_ridge * levels)
    gains = _solve(song, gains, band_ridge * mean_squares)
    gains = _solve(smoothed, gains, frame_ridge * mean_squares)
    low, high = RANGE_DB
    gains_db = np.clip(amplitude_to_db(gains, floor_db=low), low, high)
    return np.where(mean_squares > FLOOR, gains_db, np.nan).astype(np.float32)


def compare_levels(gram: Floats, gains_db: Floats) -> float:
    """Compute the level difference between the mix with given gains and the mixture.

    Parameters
    ----------
    gram : ndarray, shape (5, 5, 2, frames, bands), float32
    gains_db : ndarray, shape (4, 2, frames, bands), float32
        Frames and bands may have length 1, for all alike.

    Returns
    -------
    float
        Mean absolute difference in dB over mid and side, frames and bands in which the mixture is audible.
    """
    gains = db_to_amplitude(gains_db)
    mix = np.einsum("isnb,ijsnb,jsnb->snb", gains, gram[:-1, :-1], gains, optimize=True)
    mixture = gram[-1, -1]
    floor = AUDIBLE * mixture.mean() + FLOOR
    differences_db = np.abs(to_db(mix + floor) - to_db(mixture + floor))
    return float(differences_db[mixture > floor].mean()) if (mixture > floor).any() else 0.0


def _solve(gram: Doubles, prior: Doubles, ridge: Doubles) -> Doubles:
    """Solve ridge regression with gains >= 0 by coordinate descent; shapes end in (2, frames, bands) or ones."""
    stems = range(len(prior))
    gains = np.broadcast_to(prior, (len(prior), *gram.shape[2:])).copy()
    ridge, prior = np.broadcast_to(ridge, gains.shape), np.broadcast_to(prior, gains.shape)
    for _ in range(SWEEPS):
        for i in stems:
            cross_terms = sum(gram[i, j] * gains[j] for j in stems if j != i)
            residual = gram[i, -1] - cross_terms + ridge[i] * prior[i]
            gains[i] = np.maximum(residual, 0.0) / (gram[i, i] + ridge[i] + FLOOR**2)
    return gains
