"""Attack and release of a gain reduction, and their gradient."""

import numba
import numpy as np
import numpy.typing as npt

from fxnorm.kernels.silence import SPAN, TINY

Samples = npt.NDArray[np.floating]


@numba.njit(cache=True, nogil=True)
def smooth(signal: Samples, attack: float, release: float, state: float, offset: int, out: Samples) -> float:
    """Smooth a signal of 0 or more with one pole: `attack` while it rises, `release` while it falls.

    y[n] = a y[n-1] + (1 - a) x[n], where a is `attack` if x[n] > y[n-1], else `release`.

    Parameters
    ----------
    signal : ndarray, shape (samples,)
    attack, release : float
        Poles, exp(-1 / (time constant * sample rate)).
    state : float
        Last output before the signal.
    offset : int
        Samples smoothed before these, so that the state is flushed at the same samples however a signal is cut.
    out : ndarray, shape (samples,)
        May be the signal itself.

    Returns
    -------
    float
        Last output.
    """
    attack_share, release_share = 1.0 - attack, 1.0 - release
    for start in range(-(offset % SPAN), signal.size, SPAN):
        if start >= 0 and state < TINY:
            state = 0.0
        for n in range(max(start, 0), min(start + SPAN, signal.size)):
            x = np.float64(signal[n])
            risen = attack * state + attack_share * x  # both, so that the choice is not waited for
            fallen = release * state + release_share * x
            state = risen if x > state else fallen
            out[n] = state
    return state


@numba.njit(cache=True, nogil=True)
def smooth_gradient(
    signal: Samples, smoothed: Samples, attack: float, release: float, gradient: Samples
) -> tuple[float, float]:
    """Carry a gradient back through `smooth` from a zero state.

    l[n] = gradient[n] + a[n+1] l[n+1]; the gradient of x[n] is (1 - a[n]) l[n], that of the pole the sum of
    l[n] (y[n-1] - x[n]) over the samples where it is used. The choice of the pole has none.

    Parameters
    ----------
    signal, smoothed : ndarray, shape (samples,)
        Input and output of `smooth`.
    attack, release : float
    gradient : ndarray, shape (samples,)
        With respect to the output; replaced by that with respect to the input.

    Returns
    -------
    attack, release : float
        Gradients with respect to the poles.
    """
    carried = 0.0
    of_attack = of_release = 0.0
    for stop in range(signal.size, 0, -SPAN):
        if abs(carried) < TINY:
            carried = 0.0
        for n in range(stop - 1, max(stop - SPAN, 0) - 1, -1):
            x = np.float64(signal[n])
            previous = np.float64(smoothed[n - 1]) if n > 0 else 0.0
            total = gradient[n] + carried
            if x > previous:
                pole = attack
                of_attack += total * (previous - x)
            else:
                pole = release
                of_release += total * (previous - x)
            gradient[n] = (1.0 - pole) * total
            carried = pole * total
    return of_attack, of_release
