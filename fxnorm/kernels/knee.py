"""Static curve of a compressor."""

import numba
import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.floating]
Level = float | np.floating


@numba.njit(cache=True, nogil=True)
def soft_knee(level: Samples, threshold: Level, knee: Level, out: Samples) -> None:
    """Write by how much a level exceeds a threshold, rounded over a knee; 0 or more.

    With the level x, the threshold T and the knee W: 0 under the knee, (x - T + W/2)² / 2W within it, x - T above it.

    Parameters
    ----------
    level : ndarray, shape (samples,)
        In dB.
    threshold, knee : floating
        In dB, of the type of the level, so that the loop is vectorised.
    out : ndarray, shape (samples,)
    """
    zero = level.dtype.type(0.0)
    half = level.dtype.type(0.5)
    start = threshold - half * knee
    scale = half / knee if knee > zero else zero
    for n in range(level.size):
        shifted = level[n] - start
        above = shifted if shifted > zero else zero
        within = above if above < knee else knee
        out[n] = (above - within) + within * within * scale
