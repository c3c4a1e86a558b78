"""The gains that would turn normalised stems into their mixture: what the boosted model learns to guess.

The mixture is what every corpus has. In each band, for mid and side, the gains g of the stems x that come nearest to
the mixture y are those of least squares with no gain under zero,

    min over g >= 0 of  sum |y - sum_i g_i x_i|^2  +  sum_i r_i (g_i - p_i)^2

where sums go over frames and bins. The second term holds gains that the frames say little about to a prior p: those of
a slot to those of the band in the whole song, those to the ones of all bands together, and those to 1. All that is
needed is in the products of the signals with each other.
"""

import numpy as np
import numpy.typing as npt

from fxnorm.audio import Audio
from fxnorm.models.gbdt.band_grid import BandGrid, Floats, real_cross_spectrum
from fxnorm.models.gbdt.context_features import FLOOR, smooth, to_db

WINDOW_S = 0.2  # standard deviation of the window in which a slot's gains are fitted
# Weight of the prior over the mean square of the stem in the whole song: for slots, for bands, for the whole
RIDGES = (0.01, 0.02, 1e-6)
SWEEPS = 30  # of coordinate descent; more change nothing
RANGE_DB = (-40.0, 30.0)
AUDIBLE = 1e-6  # of the mixture's mean square over all slots and bands: what is lower does not count

Doubles = npt.NDArray[np.float64]


def multiply(stems_and_mixture: Audio, bands: BandGrid) -> Floats:
    """Products of all signals with each other, in every slot and band.

    Parameters
    ----------
    stems_and_mixture : ndarray, shape (signals, 2, samples), float32
        The mixture comes last.
    bands : BandGrid

    Returns
    -------
    ndarray, shape (signals, signals, 2, slots, bands), float32
        For mid and side; mean squares on the diagonal, as `BandGrid.measure` gives them.
    """
    signals = len(stems_and_mixture)
    parts = []
    for _, spectra in bands.blocks(stems_and_mixture):
        slots = spectra.shape[-2] // bands.frame_windows
        part = np.empty((signals, signals, 2, slots, bands.count), dtype=np.float32)
        for one in range(signals):
            for other in range(one, signals):
                part[one, other] = part[other, one] = bands.pool(real_cross_spectrum(spectra[one], spectra[other]))
        parts.append(part)
    return np.concatenate(parts, axis=-2)


def find_gains(products: Floats, bands: BandGrid) -> Floats:
    """Fit gains.

    Parameters
    ----------
    products : ndarray, shape (5, 5, 2, slots, bands), float32
        Of the stems and the mixture.
    bands : BandGrid

    Returns
    -------
    ndarray, shape (4, 2, slots, bands), float32
        In dB; NaN where the stem is silent throughout the song.
    """
    song = products.mean(axis=-2, keepdims=True, dtype=np.float64)
    own = np.einsum("iisnb->isnb", song[:-1, :-1])  # mean square of each stem
    around = smooth(products, WINDOW_S * bands.frame_rate)
    by_slot, by_band, by_song = RIDGES
    level = own.sum(axis=-1, keepdims=True)
    gains = _fit(song.sum(axis=-1, keepdims=True), np.ones_like(level), by_song * level)
    gains = _fit(song, gains, by_band * own)
    gains = _fit(around, gains, by_slot * own)
    low, high = RANGE_DB
    gains_db = np.clip(20.0 * np.log10(np.maximum(gains, 10.0 ** (low / 20.0))), low, high)
    return np.where(own > FLOOR, gains_db, np.nan).astype(np.float32)


def compare_levels(products: Floats, gains_db: Floats) -> float:
    """How far a mix with these gains is from the mixture.

    Parameters
    ----------
    products : ndarray, shape (5, 5, 2, slots, bands), float32
    gains_db : ndarray, shape (4, 2, slots, bands), float32
        One slot or band may stand for all.

    Returns
    -------
    float
        Mean absolute difference of the levels of bands in slots in dB, for mid and side, where the mixture is audible.
    """
    gains = 10.0 ** (gains_db / 20.0)
    mixed = np.einsum("isnb,ijsnb,jsnb->snb", gains, products[:-1, :-1], gains, optimize=True)
    wanted = products[-1, -1]
    floor = AUDIBLE * wanted.mean() + FLOOR
    apart = np.abs(to_db(mixed + floor) - to_db(wanted + floor))
    return float(apart[wanted > floor].mean()) if (wanted > floor).any() else 0.0


def _fit(products: Doubles, prior: Doubles, weight: Doubles) -> Doubles:
    """Least squares with gains of 0 or more, by coordinate descent; shapes end in (2, slots, bands) or ones."""
    stems = range(len(prior))
    gains = np.broadcast_to(prior, (len(prior), *products.shape[2:])).copy()
    weight, prior = np.broadcast_to(weight, gains.shape), np.broadcast_to(prior, gains.shape)
    for _ in range(SWEEPS):
        for i in stems:
            others = sum(products[i, j] * gains[j] for j in stems if j != i)
            pull = products[i, -1] - others + weight[i] * prior[i]
            gains[i] = np.maximum(pull, 0.0) / (products[i, i] + weight[i] + FLOOR**2)
    return gains
