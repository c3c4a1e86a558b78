"""What the boosted model knows when it chooses the gains of a stem: how loud everything is around a slot.

Only the mid counts. How wide a stem is would help with wet stems, but there normalising leaves wet and dry furthest
apart (a mono recording has no side to widen), and what trees learn from it does harm to dry ones.
"""

import numpy as np
import numpy.typing as npt
from pydantic import PositiveFloat
from scipy.ndimage import gaussian_filter1d

from fxnorm.models.gbdt.band_grid import Floats
from fxnorm.models.settings import ModelSettings

FLOOR = 1e-10  # mean square under which nothing is heard


class Surroundings(ModelSettings):
    """Windows in time, Gaussian, by their standard deviation.

    Attributes
    ----------
    short_s, long_s : float
        Of the windows around a slot in seconds; a third one is the whole song.
    """

    short_s: PositiveFloat = 0.2
    long_s: PositiveFloat = 2.0

    def describe(self, levels: Floats, stem: int, slot_rate: float) -> Floats:
        """Features of one stem among all, slot by slot.

        Parameters
        ----------
        levels : ndarray, shape (4, 2, slots, bands), float32
            Mean squares of mid and side.
        stem : int
            Which one.
        slot_rate : float
            Slots a second.

        Returns
        -------
        ndarray, shape (slots, features), float32
            Levels of the mid in dB: the stem in the song, band by band, and every stem over all bands; then for either
            window the stem's bands over those in the song, its share of all stems, and every stem over all bands.
        """
        mids = levels[:, 0]
        song = mids.mean(axis=1, keepdims=True, dtype=np.float64)
        columns = [to_db(song[stem]), _of_all_bands(song)]
        for seconds in (self.short_s, self.long_s):
            around = smooth(mids, seconds * slot_rate)
            near_db = to_db(around[stem])
            columns += [near_db - to_db(song[stem]), near_db - to_db(around.sum(axis=0)), _of_all_bands(around)]
        slots = mids.shape[1]
        return np.concatenate(
            [np.broadcast_to(one, (slots, one.shape[1])) for one in columns], axis=1, dtype=np.float32
        )


def smooth(values: npt.NDArray[np.floating], slots: float) -> npt.NDArray[np.float64]:
    """Gaussian window over the slots of (..., slots, bands), of a standard deviation in slots."""
    smoothed: npt.NDArray[np.float64] = gaussian_filter1d(values, slots, axis=-2, mode="nearest", output=np.float64)
    return smoothed


def to_db(mean_square: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Level of a mean square in dB; what nobody hears reads alike."""
    level: npt.NDArray[np.float64] = 10.0 * np.log10(np.maximum(mean_square, FLOOR))
    return level


def _of_all_bands(mids: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Level of every stem in dB: (stems, slots, bands) -> (slots, stems)."""
    return to_db(mids.sum(axis=-1)).T
