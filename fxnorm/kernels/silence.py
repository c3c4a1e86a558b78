"""Exact zeros for decayed signals: arithmetic on subnormal numbers is slow."""

import numba
import numpy as np
import numpy.typing as npt

TINY = 1e-30  # -600 dB: smaller samples are zeros, and so are smaller states of a loop with feedback
SPAN = 64  # samples after which a loop with feedback looks at its state: too few to fall from TINY to subnormal


@numba.njit(cache=True, nogil=True)
def flush(audio: npt.NDArray[np.float32]) -> None:
    """Set samples (channels, samples) below `TINY` to zero, in place."""
    tiny = np.float32(TINY)
    for c in range(audio.shape[0]):
        channel = audio[c]
        for n in range(channel.size):
            sample = channel[n]
            channel[n] = sample if abs(sample) >= tiny else np.float32(0.0)


@numba.njit(cache=True, nogil=True)
def is_zero(audio: npt.NDArray[np.float32]) -> bool:
    """Whether all samples (channels, samples) are zero, known at the first that is not."""
    for c in range(audio.shape[0]):
        for n in range(audio.shape[1]):
            if audio[c, n] != 0.0:
                return False
    return True
