"""K-weighted energy in one pass."""

import numba
import numpy as np
import numpy.typing as npt


@numba.njit(cache=True, nogil=True)
def weighted_energy(
    channel: npt.NDArray[np.float32],
    shelf: npt.NDArray[np.float64],
    high_pass: npt.NDArray[np.float64],
    edges: npt.NDArray[np.int64],
    out: npt.NDArray[np.float64],
) -> None:
    """Add to `out[k]` the energy of samples `edges[k]` to `edges[k + 1]` after two biquads in series.

    A biquad is (b0, b1, b2, a1, a2) with a0 = 1, run in transposed direct form II from a zero state.
    """
    b0, b1, b2, a1, a2 = shelf[0], shelf[1], shelf[2], shelf[3], shelf[4]
    d0, d1, d2, c1, c2 = high_pass[0], high_pass[1], high_pass[2], high_pass[3], high_pass[4]
    s1 = s2 = q1 = q2 = 0.0
    for segment in range(out.size):
        energy = 0.0
        for n in range(edges[segment], edges[segment + 1]):
            x = np.float64(channel[n])
            y = b0 * x + s1
            s1 = b1 * x - a1 * y + s2
            s2 = b2 * x - a2 * y
            z = d0 * y + q1
            q1 = d1 * y - c1 * z + q2
            q2 = d2 * y - c2 * z
            energy += z * z
        out[segment] += energy
