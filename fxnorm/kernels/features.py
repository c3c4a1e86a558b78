"""Mixing features frame by frame, for the metrics."""

import numpy as np
import numpy.typing as npt
from numba import njit

_TOGETHER = 16  # powers multiplied before their logarithm is taken: between 1e-160 and 1e160 in double precision
_RATIOS = 8  # of powers, multiplied likewise: of the loudest audio that is read to the floor, 1e36 each
_FEW = 8  # samples, which may be smaller


@njit(cache=True)
def spectral_shape(
    magnitudes: npt.NDArray[np.float32],
    frequencies: npt.NDArray[np.float64],
    share: float,
    floor: float,
    out: npt.NDArray[np.float64],
) -> None:
    """Measure centroid, bandwidth, roll-off and flatness of spectra (frames, bins), into `out` (4, frames).

    A silent frame has 0 Hz of the first three. `share` is that of the magnitude below the roll-off, `floor` that of the
    powers in the flatness.
    """
    frames, bins = magnitudes.shape
    for frame in range(frames):
        total = 0.0
        weighted = 0.0
        power_sum = 0.0
        log_sum = 0.0
        product = 1.0
        for k in range(bins):
            magnitude = float(magnitudes[frame, k])
            total += magnitude
            weighted += magnitude * frequencies[k]
            power = max(floor, magnitude * magnitude)
            power_sum += power
            product *= power
            if k % _TOGETHER == _TOGETHER - 1:
                log_sum += np.log(product)
                product = 1.0
        log_sum += np.log(product)
        centroid = weighted / total if total > 0.0 else 0.0
        moment = 0.0
        cumulative = 0.0
        rolloff = -1.0
        for k in range(bins):
            magnitude = float(magnitudes[frame, k])
            deviation_hz = frequencies[k] - centroid
            moment += magnitude * deviation_hz * deviation_hz
            cumulative += magnitude
            if rolloff < 0.0 and cumulative >= share * total:
                rolloff = frequencies[k]
        out[0, frame] = centroid
        out[1, frame] = np.sqrt(moment / total) if total > 0.0 else 0.0
        out[2, frame] = rolloff
        out[3, frame] = np.exp(log_sum / bins) / (power_sum / bins)


@njit(cache=True, fastmath=True)
def spectral_distance(
    mix: npt.NDArray[np.float32],
    target: npt.NDArray[np.float32],
    power_gain: float,
    floor: float,
    out: npt.NDArray[np.float64],
) -> None:
    """Add up, over spectra (frames, 2 x bins) of real and imaginary parts side by side, into `out` (3,).

    The squared differences of magnitudes, the target's powers, and the absolute differences of the logarithms of
    magnitudes. Powers are no less than `floor`; `power_gain` is that of the mix.
    """
    bins = mix.shape[1] // 2
    row = -(-bins // _RATIOS)  # products of so many ratios, a logarithm of each
    mix_power = np.ones(row * _RATIOS, dtype=np.float32)
    target_power = np.ones(row * _RATIOS, dtype=np.float32)
    product = np.empty(row)
    gain, lowest_power = np.float32(power_gain), np.float32(floor)
    for frame in range(mix.shape[0]):
        mix_frame, target_frame = mix[frame], target[frame]
        squared_difference = np.float32(0.0)
        energy = np.float32(0.0)
        for k in range(bins):
            mix_power[k] = max(
                lowest_power, gain * (mix_frame[2 * k] * mix_frame[2 * k] + mix_frame[2 * k + 1] * mix_frame[2 * k + 1])
            )
            target_power[k] = max(
                lowest_power,
                target_frame[2 * k] * target_frame[2 * k] + target_frame[2 * k + 1] * target_frame[2 * k + 1],
            )
        for k in range(bins):
            difference = np.sqrt(mix_power[k]) - np.sqrt(target_power[k])
            squared_difference += difference * difference
            energy += target_power[k]
        product[:] = 1.0
        for ratio in range(_RATIOS):
            for k in range(row):
                a, b = mix_power[ratio * row + k], target_power[ratio * row + k]
                product[k] *= max(a, b) / min(a, b)
        log_sum = 0.0
        for k in range(row):
            log_sum += np.log(product[k])
        out[0] += squared_difference
        out[1] += energy
        out[2] += 0.5 * log_sum


@njit(cache=True)
def energies(stereo: npt.NDArray[np.float32]) -> tuple[float, float, float, float]:
    """Compute the sums of squares of left, right, their sum and their difference."""
    left, right, mid, side = 0.0, 0.0, 0.0, 0.0
    for k in range(stereo.shape[1]):
        left_sample, right_sample = float(stereo[0, k]), float(stereo[1, k])
        left += left_sample * left_sample
        right += right_sample * right_sample
        mid += (left_sample + right_sample) * (left_sample + right_sample)
        side += (left_sample - right_sample) * (left_sample - right_sample)
    return left, right, mid, side


@njit(cache=True)
def products(first: npt.NDArray[np.float32], second: npt.NDArray[np.float32]) -> tuple[float, float, float]:
    """Compute the inner products of two signals, of the first with itself, and of the second with itself."""
    cross, first_energy, second_energy = 0.0, 0.0, 0.0
    for channel in range(first.shape[0]):
        for k in range(first.shape[1]):
            a, b = float(first[channel, k]), float(second[channel, k])
            cross += a * b
            first_energy += a * a
            second_energy += b * b
    return cross, first_energy, second_energy


@njit(cache=True)
def side_dissimilarity(
    spectra: npt.NDArray[np.complex64], edges: npt.NDArray[np.int64], out: npt.NDArray[np.float64]
) -> None:
    """Compute the root mean square of 1 - phi in bands (bands, 2) of bins, of spectra (2, frames, bins).

    Into `out` (bands, frames).
    """
    bins = edges.max()
    squares = np.empty(bins)
    for frame in range(spectra.shape[1]):
        for k in range(bins):
            left, right = spectra[0, frame, k], spectra[1, frame, k]
            left_power = float(left.real) * float(left.real) + float(left.imag) * float(left.imag)
            right_power = float(right.real) * float(right.real) + float(right.imag) * float(right.imag)
            power = left_power + right_power
            apart = 1.0 - 2.0 * np.sqrt(left_power * right_power) / power if power > 0.0 else 0.0
            squares[k] = apart * apart
        for band in range(edges.shape[0]):
            out[band, frame] = np.sqrt(squares[edges[band, 0] : edges[band, 1]].mean())


@njit(cache=True)
def hop_levels(channel: npt.NDArray[np.float32], hop: int, tiny: float, out: npt.NDArray[np.float64]) -> None:
    """Sum of squares, largest magnitude and sum of log10(magnitude + tiny) of each hop, into `out` (3, hops)."""
    for index in range(out.shape[1]):
        energy = 0.0
        largest = 0.0
        logs = 0.0
        product = 1.0
        for k in range(hop):
            magnitude = abs(float(channel[index * hop + k]))
            energy += magnitude * magnitude
            largest = max(largest, magnitude)
            product *= magnitude + tiny
            if k % _FEW == _FEW - 1:
                logs += np.log10(product)
                product = 1.0
        out[0, index] = energy
        out[1, index] = largest
        out[2, index] = logs + np.log10(product)
