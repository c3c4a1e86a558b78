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


@numba.njit(cache=True, nogil=True)
def soft_knee_gradient(level: Samples, threshold: Level, knee: Level, gradient: Samples) -> tuple[float, float]:
    """Carry a gradient back through `soft_knee`.

    With the position in the knee p = (x - T) / W + 1/2, from 0 to 1: d/dx = p, d/dT = -p, d/dW = p/2 - p²/2.

    Parameters
    ----------
    level : ndarray, shape (samples,)
        In dB.
    threshold, knee : floating
        In dB, of the type of the level.
    gradient : ndarray, shape (samples,)
        With respect to the output; replaced by that with respect to the level.

    Returns
    -------
    threshold, knee : float
        Gradients with respect to these.
    """
    of_threshold = of_knee = 0.0
    for n in range(level.size):
        above = np.float64(level[n]) - threshold
        if knee > 0.0:
            position = min(max(above / knee + 0.5, 0.0), 1.0)
        elif above > 0.0:
            position = 1.0
        else:
            position = 0.0
        of_knee += gradient[n] * 0.5 * position * (1.0 - position)
        gradient[n] *= position
        of_threshold -= gradient[n]
    return of_threshold, of_knee
