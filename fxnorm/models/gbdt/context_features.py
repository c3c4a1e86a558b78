"""Features of the boosted trees: levels of all stems in windows around a frame.

Levels of the mid only. The width of a stem would help with processed stems, but normalised width differs most between
processed and dry stems (a mono recording has no side to widen), and trees that use it do worse on dry ones.
"""

import numpy as np
import numpy.typing as npt
from pydantic import PositiveFloat
from scipy.ndimage import gaussian_filter1d

from fxnorm.models.gbdt.band_grid import Floats
from fxnorm.models.settings import ModelSettings
from fxnorm.units import power_to_db

FLOOR = 1e-10  # mean square; lower levels are inaudible


class ContextFeatures(ModelSettings):
    """Gaussian windows in time, by their standard deviation.

    Attributes
    ----------
    short_s, long_s : float
        Of the windows around a frame, in seconds; a third window is the whole song.
    """

    short_s: PositiveFloat = 0.2
    long_s: PositiveFloat = 2.0

    def extract(self, levels: Floats, stem: int, frame_rate: float) -> Floats:
        """Extract the features of one stem for every frame.

        Parameters
        ----------
        levels : ndarray, shape (4, 2, frames, bands), float32
            Mean squares of mid and side.
        stem : int
            Index of the stem.
        frame_rate : float
            Frames per second.

        Returns
        -------
        ndarray, shape (frames, features), float32
            Levels of the mid in dB. First of the whole song: the stem in each band, and every stem over all bands. Then
            for each window: the stem's bands relative to the song, relative to the sum of all stems, and every stem
            over all bands.
        """
        mids = levels[:, 0]
        song = mids.mean(axis=1, keepdims=True, dtype=np.float64)
        columns = [to_db(song[stem]), _sum_bands_db(song)]
        for seconds in (self.short_s, self.long_s):
            smoothed = smooth(mids, seconds * frame_rate)
            stem_db = to_db(smoothed[stem])
            columns += [stem_db - to_db(song[stem]), stem_db - to_db(smoothed.sum(axis=0)), _sum_bands_db(smoothed)]
        frames = mids.shape[1]
        return np.concatenate(
            [np.broadcast_to(column, (frames, column.shape[1])) for column in columns], axis=1, dtype=np.float32
        )


def smooth(values: npt.NDArray[np.floating], std_frames: float) -> npt.NDArray[np.float64]:
    """Smooth (..., frames, bands) over frames by a Gaussian window."""
    smoothed: npt.NDArray[np.float64] = gaussian_filter1d(
        values, std_frames, axis=-2, mode="nearest", output=np.float64
    )
    return smoothed


def to_db(mean_square: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Convert a mean square to dB, limited to an audible floor."""
    return power_to_db(np.maximum(mean_square, FLOOR))


def _sum_bands_db(mids: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Sum the level of every stem over all bands in dB: (stems, frames, bands) -> (frames, stems)."""
    return to_db(mids.sum(axis=-1)).T
