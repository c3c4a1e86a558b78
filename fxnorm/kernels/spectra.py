"""Sums over the bins of spectra."""

import math

import numba
import numpy as np
import numpy.typing as npt

# Power of an unscaled bin under which it holds nothing but the rounding of float32 transforms.
EMPTY_POWER = 1e-13


@numba.njit(cache=True, nogil=True)
def add_magnitude(spectra: npt.NDArray[np.complex64], out: npt.NDArray[np.float64]) -> None:
    """Add the magnitudes of (channels, frames, bins) to `out`, shape (channels, bins)."""
    for c in range(spectra.shape[0]):
        for f in range(spectra.shape[1]):
            for k in range(spectra.shape[2]):
                re = spectra[c, f, k].real
                im = spectra[c, f, k].imag
                out[c, k] += math.sqrt(re * re + im * im)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def add_similarity(
    total: npt.NDArray[np.complexfloating], difference: npt.NDArray[np.complexfloating], out: npt.NDArray[np.float64]
) -> None:
    """Add phi = 2·|L·conj R| / (|L|² + |R|²) of each bin of each frame to `out`; 1 where both are as good as zero.

    `total` and `difference`, L + R and L - R, are (frames, bins). Channels that are nearly the same differ by less
    than the rounding of their transforms; their difference, transformed by itself, keeps all its digits.
    """
    phi = np.empty(out.size, total.real.dtype)  # a loop in one precision: the compiler makes vector instructions of it
    for f in range(total.shape[0]):
        for k in range(out.size):
            sum_re, sum_im = total[f, k].real, total[f, k].imag
            difference_re, difference_im = difference[f, k].real, difference[f, k].imag
            left = np.sqrt((sum_re + difference_re) ** 2 + (sum_im + difference_im) ** 2)  # twice |L|
            right = np.sqrt((sum_re - difference_re) ** 2 + (sum_im - difference_im) ** 2)
            power = left * left + right * right
            phi[k] = (left + left) * right / power if power > 4.0 * EMPTY_POWER else 1.0
        out += phi


@numba.njit(cache=True, nogil=True)
def add_lean(
    left: npt.NDArray[np.complex64], right: npt.NDArray[np.complex64], floor: float, out: npt.NDArray[np.float64]
) -> None:
    """Add the signed similarity of each bin to `out`: (1 - phi), positive where the right channel is stronger.

    `left` and `right` are (frames, bins). Bins whose amplitude is under `floor` count as 0.
    """
    for f in range(left.shape[0]):
        for k in range(left.shape[1]):
            left_power = np.float64(left[f, k].real) ** 2 + np.float64(left[f, k].imag) ** 2
            right_power = np.float64(right[f, k].real) ** 2 + np.float64(right[f, k].imag) ** 2
            total = left_power + right_power
            if total > floor * floor and left_power != right_power:
                lean = 1.0 - 2.0 * math.sqrt(left_power * right_power) / total
                out[k] += lean if right_power > left_power else -lean


@numba.njit(cache=True, nogil=True)
def repan(
    near: npt.NDArray[np.complex64],
    far: npt.NDArray[np.complex64],
    near_pan: float,
    far_pan: float,
    far_share: npt.NDArray[np.float64],
    floor: float,
    max_boost: float,
    strength: float,
    outside_near: float,
    outside_far: float,
) -> None:
    """Scale both channels of (frames, bins) spectra in place so that the far one gets its wanted share.

    The stem is first panned by the amplitudes `near_pan` and `far_pan`. The far channel of the panned stem has the
    share phi/2 and is scaled to `far_share[k]`, the near channel to the rest. Bins beyond `far_share`, and frames
    whose largest |near + far| after the pan is under `floor`, are scaled by the `outside` gains instead.
    """
    for f in range(near.shape[0]):
        loudest = 0.0
        for k in range(near.shape[1]):
            re = near_pan * near[f, k].real + far_pan * far[f, k].real
            im = near_pan * near[f, k].imag + far_pan * far[f, k].imag
            loudest = max(loudest, re * re + im * im)
        matched_bins = far_share.size if loudest >= floor * floor else 0
        for k in range(near.shape[1]):
            near_gain = outside_near
            far_gain = outside_far
            if k < matched_bins:
                n = near_pan * abs(near[f, k])
                m = far_pan * abs(far[f, k])
                total = n * n + m * m
                share = min(max(n * m / total, 1e-12), 0.5) if total > 0.0 else 0.5
                near_gain = (near_pan * min((1.0 - far_share[k]) / (1.0 - share), max_boost)) ** strength
                far_gain = (far_pan * min(far_share[k] / share, max_boost)) ** strength
            near[f, k] *= np.float32(near_gain)
            far[f, k] *= np.float32(far_gain)


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def add_narrowed_similarity(
    total: npt.NDArray[np.complex64],
    difference: npt.NDArray[np.complex64],
    edges: npt.NDArray[np.int64],
    side_gains: npt.NDArray[np.float32],
    out: npt.NDArray[np.float64],
) -> None:
    """Add the similarity of each band b to `out[b, g]` for each gain g of the side.

    It is summed over frames and bins `edges[b]` to `edges[b + 1]`.

    `total` and `difference`, L + R and L - R, are (frames, bins). With their powers m and s and their real cross term
    c, the channels have four times the powers m + g²s ± 2gc.
    """
    widest = 0
    for b in range(edges.size - 1):
        widest = max(widest, edges[b + 1] - edges[b])
    mid, side, cross = np.empty((3, widest), np.float32)
    for f in range(total.shape[0]):
        for b in range(edges.size - 1):
            count = edges[b + 1] - edges[b]
            for i in range(count):
                mid_re, mid_im = total[f, edges[b] + i].real, total[f, edges[b] + i].imag
                side_re, side_im = difference[f, edges[b] + i].real, difference[f, edges[b] + i].imag
                mid[i] = mid_re**2 + mid_im**2
                side[i] = side_re**2 + side_im**2
                cross[i] = np.float32(2.0) * (mid_re * side_re + mid_im * side_im)
            # one gain at a time over a band in float32: loops that the compiler turns into vector instructions
            for g in range(side_gains.size):
                gain = side_gains[g]
                power = gain * gain
                similarity = np.float32(0.0)
                for i in range(count):
                    total_power = mid[i] + power * side[i]
                    cross_power = gain * cross[i]
                    product = max((total_power - cross_power) * (total_power + cross_power), np.float32(0.0))
                    similarity += (
                        np.sqrt(product) / total_power if total_power > np.float32(EMPTY_POWER) else np.float32(1.0)
                    )
                out[b, g] += similarity
