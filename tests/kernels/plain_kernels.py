"""Plain twins of the kernels in double precision, with the same arguments and output arrays."""

import itertools

import numpy as np
from scipy.signal import lfilter, lfiltic, sosfilt

EMPTY_POWER = 1e-13
LOWEST = -1e9  # the peak of a segment without samples


def weighted_energy(audio, shelf, high_pass, edges, out):
    sections = np.array([[*section[:3], 1.0, *section[3:]] for section in (shelf, high_pass)])
    filtered, states = sosfilt(sections, audio.astype(np.float64), zi=np.zeros((2, len(audio), 2)))
    for k, (low, high) in enumerate(itertools.pairwise(edges)):
        out[k] += np.sum(filtered[:, low:high] ** 2)
    return np.concatenate(list(states), axis=1)


def weigh(sample, state, shelf, high_pass):
    (y,), shelf_state = lfilter(shelf[:3], [1.0, *shelf[3:]], [float(sample)], zi=state[:2])
    (z,), high_pass_state = lfilter(high_pass[:3], [1.0, *high_pass[3:]], [y], zi=state[2:])
    return z, (*shelf_state, *high_pass_state)


def settle(state):
    return tuple(np.where(np.abs(state) >= 1e-30, state, 0.0))


def flush(audio):
    audio[np.abs(audio) < np.float32(1e-30)] = 0.0


def is_zero(audio):
    return not audio.any()


def reduce_gain(level, threshold, slope, attack, release, out):
    previous = 0.0
    for n, sample in enumerate(level.astype(np.float64)):
        reduction = max(0.0, (sample - threshold) * slope)
        coefficient = attack if reduction > previous else release
        previous = coefficient * previous + (1.0 - coefficient) * reduction
        out[n] = previous
    return previous


def reduced_peaks(detector, levels, thresholds, slope, attack, release, edges, out):
    last = np.empty(thresholds.size)
    for t, threshold in enumerate(thresholds):
        reduction = np.empty(detector.size)
        last[t] = reduce_gain(detector, threshold, slope, attack, release, reduction)
        for k, (low, high) in enumerate(itertools.pairwise(edges)):
            out[:, t, k] = (levels - reduction)[:, low:high].max(axis=1, initial=LOWEST)
    return last


def segment_peaks(channel, edges, out):
    out[:] = [np.abs(channel[low:high]).max(initial=0.0) for low, high in itertools.pairwise(edges)]


def onset_strength(novelty, out):
    padded = np.concatenate([np.zeros(6), novelty])
    b, a = 0.15998789 * np.array([1.0, 2.0, 1.0]), [1.0, 0.23484048]
    for n in range(novelty.size):
        values = lfilter(b, a, lfilter(b, a, padded[n : n + 7])[::-1])[::-1]
        out[n] = values[5] - np.median(values) - 0.058 * values.mean()


def add_magnitude(spectra, out):
    out += np.abs(spectra.astype(np.complex128)).sum(axis=1)


def similarity(left, right):
    """Similarity of each bin; 1 where both channels are negligible."""
    left, right = np.abs(left), np.abs(right)
    power = left**2 + right**2
    return np.where(power > EMPTY_POWER, 2.0 * left * right / np.maximum(power, EMPTY_POWER), 1.0)


def add_similarity(total, difference, out):
    total, difference = total.astype(np.complex128), difference.astype(np.complex128)
    out += similarity((total + difference) / 2.0, (total - difference) / 2.0).sum(axis=0)


def add_lean(left, right, floor, out):
    left, right = np.abs(left.astype(np.complex128)), np.abs(right.astype(np.complex128))
    loud = left**2 + right**2 > floor**2
    phi = 2.0 * left * right / np.where(loud, left**2 + right**2, 1.0)
    out += np.where(loud, (1.0 - phi) * np.sign(right - left), 0.0).sum(axis=0)


def repan(near, far, near_pan, far_pan, far_share, floor, max_boost, strength, outside_near, outside_far):
    for near_row, far_row in zip(near, far, strict=True):
        silent = np.abs(near_pan * near_row + far_pan * far_row).max() < floor
        for k in range(near_row.size):
            gains = outside_near, outside_far
            if not silent and k < far_share.size:
                panned = near_pan * abs(complex(near_row[k])), far_pan * abs(complex(far_row[k]))
                energy = panned[0] ** 2 + panned[1] ** 2
                share = np.clip(panned[0] * panned[1] / energy, 1e-12, 0.5) if energy else 0.5
                boosts = (1.0 - far_share[k]) / (1.0 - share), far_share[k] / share
                gains = [
                    (pan * min(boost, max_boost)) ** strength
                    for pan, boost in zip((near_pan, far_pan), boosts, strict=True)
                ]
            near_row[k] *= gains[0]
            far_row[k] *= gains[1]


def add_narrowed_similarity(total, difference, edges, side_gains, out):
    for b, (low, high) in enumerate(itertools.pairwise(edges)):
        mid = total[:, low:high].astype(np.complex128) / np.sqrt(2.0)
        side = difference[:, low:high].astype(np.complex128) / np.sqrt(2.0)
        for g, gain in enumerate(side_gains.astype(np.float64)):
            out[b, g] += similarity(mid + gain * side, mid - gain * side).sum()


def spectral_shape(magnitudes, frequencies, share, floor, out):
    for frame, row in enumerate(magnitudes.astype(np.float64)):
        power = np.maximum(row**2, floor)
        flatness = np.exp(np.log(power).mean()) / power.mean()
        if not row.any():
            out[:, frame] = 0.0, 0.0, frequencies[0], flatness
            continue
        centroid = np.average(frequencies, weights=row)
        bandwidth = np.sqrt(np.average((frequencies - centroid) ** 2, weights=row))
        rolloff = frequencies[np.argmax(np.cumsum(row) >= share * row.sum())]
        out[:, frame] = centroid, bandwidth, rolloff, flatness


def spectral_distance(mix, target, power_gain, floor, out):
    mix_power, target_power = (
        np.maximum(floor, gain * (x[:, ::2].astype(np.float64) ** 2 + x[:, 1::2].astype(np.float64) ** 2))
        for x, gain in ((mix, power_gain), (target, 1.0))
    )
    out[0] += np.sum((np.sqrt(mix_power) - np.sqrt(target_power)) ** 2)
    out[1] += np.sum(target_power)
    out[2] += np.sum(np.abs(np.log(np.sqrt(mix_power)) - np.log(np.sqrt(target_power))))


def energies(stereo):
    left, right = stereo.astype(np.float64)
    return tuple(float(np.sum(x**2)) for x in (left, right, left + right, left - right))


def products(first, second):
    first, second = first.astype(np.float64), second.astype(np.float64)
    return tuple(float(np.sum(x)) for x in (first * second, first**2, second**2))


def side_dissimilarity(spectra, edges, out):
    left, right = np.abs(spectra.astype(np.complex128))
    power = left**2 + right**2
    dissimilarity = np.where(power > 0.0, 1.0 - 2.0 * left * right / np.where(power > 0.0, power, 1.0), 0.0)
    for band, (low, high) in enumerate(edges):
        out[band] = np.sqrt(np.mean(dissimilarity[:, low:high] ** 2, axis=1))


def hop_levels(channel, hop, tiny, out):
    magnitudes = np.abs(channel[: out.shape[1] * hop].astype(np.float64)).reshape(-1, hop)
    out[:] = np.sum(magnitudes**2, axis=1), magnitudes.max(axis=1), np.log10(magnitudes + tiny).sum(axis=1)


def interpolated_peaks(window, phases, out):
    for n in range(out.size):
        around = window[:, n : n + phases.shape[1]].astype(np.float64)
        out[n] = np.abs(phases.astype(np.float64) @ around.T).max()


def smooth_held(held, first, second, release, state, out):
    weights = np.convolve(np.full(first, 1.0 / first), np.full(second, 1.0 / second))
    for n, mean in enumerate(np.convolve(held.astype(np.float64), weights, mode="valid")):
        fallen = release * state
        state = max(mean, fallen if fallen > 1e-30 else 0.0)
        out[n] = state
    return state


def add_harmonics(phase, amplitudes, hop, out):
    for n in range(phase.size):
        frame, share = n // hop, n % hop / hop
        for k in range(amplitudes.shape[1]):
            amplitude = (1.0 - share) * amplitudes[frame, k] + share * amplitudes[frame + 1, k]
            out[n] += amplitude * np.sin(2.0 * np.pi * (k + 1) * phase[n])


def smooth(signal, attack, release, state, offset, out):
    for n, sample in enumerate(signal):
        step = 1.0 - (attack if sample > state else release)
        state += step * (sample - state)
        out[n] = state
    return state


def filter_cascade(audio, sections, states, offset, out):
    for channel, levels, result in zip(audio, states, out, strict=True):
        signal = channel.astype(np.float64)
        for section, (before, after) in zip(sections, itertools.pairwise(levels.copy()), strict=True):
            levels[0], signal = latest(signal, levels[0]), continue_filter(signal, section, before, after)
            levels = levels[1:]
        levels[0] = latest(signal, levels[0])
        result[:] = signal


def filter_pair(signal, section, before, after, offset):
    for one, x, y in zip(signal, before, after, strict=True):
        filter_single(one, section, x, y, offset)


def filter_two(signal, sections, before, after, offset):
    middle = before[1].copy()
    filter_single(signal, sections[0], before[0], middle, offset)
    filter_single(signal, sections[1], before[1], after, offset)


def filter_single(signal, section, before, after, offset):
    filtered = continue_filter(signal, section, before, after)
    before[:] = latest(signal, before)
    signal[:] = filtered


def keep_last(signal, state):
    state[:] = latest(signal, state)


def continue_filter(signal, section, inputs, outputs):
    """Filter on from the last two inputs and outputs."""
    b, a = section[:3], section[3:]
    return lfilter(b, a, signal, zi=lfiltic(b, a, outputs, inputs))[0]


def latest(signal, state):
    """Return the last two samples, the latest first; those before the signal are the state."""
    return np.concatenate([state[::-1], signal])[:-3:-1]


def filter_section(audio, section, out):
    out[:] = lfilter(section[:3], section[3:], audio.astype(np.float64))


def section_gradient(audio, filtered, section, gradient, coefficients):
    b, a = section[:3], section[3:]
    for x, y, g in zip(audio, filtered, gradient, strict=True):
        u = lfilter([1.0], a, g[::-1].astype(np.float64))[::-1]
        for k in range(3):
            coefficients[k] += np.dot(u[k:], x[: x.size - k])
        for k in (1, 2):
            coefficients[3 + k] -= np.dot(u[k:], y[: y.size - k])
        g[:] = lfilter(b, [1.0], u[::-1])[::-1]


def smooth_gradient(signal, smoothed, attack, release, gradient):
    previous = np.concatenate([[0.0], smoothed[:-1]])
    poles = np.where(signal > previous, attack, release)
    # the transposed recursion, written as a matrix: l = (I - S')^-1 g, where S has the poles under its diagonal
    matrix = np.eye(signal.size) - np.diag(poles[1:], 1)
    carried = np.linalg.solve(matrix, gradient.astype(np.float64))
    terms = carried * (previous - signal)
    gradient[:] = (1.0 - poles) * carried
    return terms[signal > previous].sum(), terms[signal <= previous].sum()


def soft_knee(level, threshold, knee, out):
    above = level.astype(np.float64) - threshold
    inside = (above + 0.5 * knee) ** 2 / (2.0 * knee) if knee else np.maximum(above, 0.0)
    out[:] = np.where(above < -0.5 * knee, 0.0, np.where(above > 0.5 * knee, above, inside))


def soft_knee_gradient(level, threshold, knee, gradient):
    above = level.astype(np.float64) - threshold
    position = np.clip(above / knee + 0.5, 0.0, 1.0) if knee else (above > 0.0).astype(np.float64)
    of_knee = np.dot(gradient, 0.5 * (position - position**2))
    gradient *= position
    return -gradient.sum(dtype=np.float64), of_knee


def filter_halfband(padded, taps, out):
    full = np.concatenate([taps[::-1], taps]).astype(np.float64)
    for channel, result in zip(padded, out, strict=True):
        result[:] = np.convolve(channel, full, mode="valid")
