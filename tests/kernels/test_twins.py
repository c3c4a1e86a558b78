"""Compiled kernels agree with uncompiled ones and with their plain twins, on random input and at the edges."""

import copy
import importlib
import pkgutil

import numpy as np
import pytest
from numba.extending import is_jitted

from fxnorm import kernels
from fxnorm.dsp.true_peak import interpolator
from fxnorm.kernels import (
    ballistics,
    biquads,
    dynamics,
    features,
    halfband,
    knee,
    limiter,
    loudness,
    silence,
    spectra,
    synth,
    true_peak,
)
from tests.kernels import plain_kernels as plain

RNG = np.random.default_rng(0)
SHELF = np.array([1.5, -2.7, 1.2, -1.7, 0.73])
HIGH_PASS = np.array([1.0, -2.0, 1.0, -1.99, 0.99])
EDGES = np.array([0, 100, 100, 417])  # the second segment has no samples
PHASES = interpolator()


def floats(*shape, scale=1.0):
    return (scale * RNG.standard_normal(shape)).astype(np.float32)


def random_spectra(*shape):
    """Random spectra whose first bin is one channel alone and whose last frame is zero."""
    bins = (RNG.standard_normal(shape) + 1j * RNG.standard_normal(shape)).astype(np.complex64)
    bins[..., -1, :] = 0.0
    return bins


def zeros(*shape, dtype=np.float64):
    return np.zeros(shape, dtype)


def some(*shape):
    """An output array with earlier content."""
    return RNG.uniform(1.0, 2.0, shape)


def weighted_energy():
    for channels in (1, 2, 3, 4, 5):
        yield floats(channels, 417), SHELF, HIGH_PASS, EDGES, some(3)
    yield floats(1, 1), SHELF, HIGH_PASS, np.array([0, 1]), some(1)
    yield zeros(2, 417, dtype=np.float32), SHELF, HIGH_PASS, EDGES, some(3)


def weigh():
    yield np.float32(0.5), (0.0, 0.0, 0.0, 0.0), SHELF, HIGH_PASS
    yield np.float32(-0.2), (0.1, -0.2, 0.3, -0.4), SHELF, HIGH_PASS


def settle():
    yield ((0.5, -2e-30, 5e-31, -1e-320),)


def faded():
    yield (floats(2, 50) * np.logspace(0.0, -38.0, 50, dtype=np.float32),)
    yield (zeros(1, 8, dtype=np.float32),)
    yield (zeros(2, 0, dtype=np.float32),)
    yield (np.array([[0.0, 0.0], [0.0, 1e-40]], np.float32),)


def reduce_gain():
    for level in (-30.0 + floats(417, scale=12.0), floats(1), np.full(50, -120.0, np.float32), np.arange(-50.0, 0.0)):
        yield level.astype(np.float32), -30.0, 0.75, 0.9, 0.99, zeros(level.size, dtype=np.float32)
    yield np.full(50, -30.0, np.float32), -30.0, 0.75, 0.9, 0.99, zeros(50, dtype=np.float32)


def reduced_peaks():
    for channels, thresholds in ((1, [-20.0, -30.0, -40.0]), (2, [-40.0, -25.0]), (2, [-30.0])):
        loud = -30.0 + floats(channels, 417, scale=12.0)
        for audio in (loud, np.full_like(loud, -120.0), np.concatenate([loud[:, :200], loud[:, 200:] - 60.0], axis=1)):
            shape = channels, len(thresholds), 3
            yield audio.max(axis=0), audio, np.array(thresholds), 0.8, 0.9, 0.99, EDGES, zeros(*shape)
    yield floats(1), floats(1, 1), np.array([-20.0]), 0.8, 0.9, 0.99, np.array([0, 1]), zeros(1, 1, 1)


def segment_peaks():
    yield floats(417), EDGES, zeros(3)
    yield floats(417), np.array([100, 101, 417]), zeros(2)
    yield -np.abs(floats(417)), EDGES, zeros(3)
    yield zeros(417, dtype=np.float32), EDGES, some(3)


def onset_strength():
    for frames in (1, 6, 7, 8, 60):
        yield np.abs(RNG.standard_normal(frames)), zeros(frames)
    yield zeros(20), some(20)


def add_magnitude():
    yield random_spectra(2, 4, 9), some(2, 9)
    yield random_spectra(1, 1, 1), some(1, 1)


def add_similarity():
    yield random_spectra(4, 9), random_spectra(4, 9), some(9)
    total = random_spectra(4, 9).astype(np.complex128)
    yield total, 1e-9 * random_spectra(4, 9).astype(np.complex128), some(9)
    for power in (0.9 * plain.EMPTY_POWER, 1.1 * plain.EMPTY_POWER):  # all of it left
        faint = np.full((1, 3), np.sqrt(power), np.complex128)
        yield faint, faint, some(3)


def add_lean():
    left, right = random_spectra(4, 9), random_spectra(4, 9)
    yield left, right, 1e-3, some(9)
    yield left, left, 0.0, some(9)
    for floor in (0.99, 1.01):  # beside the amplitude of the bin
        yield np.full((1, 2), 0.6, np.complex64), np.full((1, 2), 0.8j, np.complex64), floor, some(2)


def repan():
    options = 0.7, 0.3, np.linspace(0.0, 0.5, 6)
    for floor, max_boost, strength in ((0.0, np.inf, 1.0), (1.5, 2.0, 0.6), (100.0, 2.0, 1.0)):
        yield random_spectra(5, 9), random_spectra(5, 9), *options, floor, max_boost, strength, 0.7, 0.3
    alone = random_spectra(2, 9)
    yield alone, np.zeros_like(alone), *options, 0.0, 4.0, 0.8, 1.0, 1.0
    yield alone[:, :1].copy(), alone[:, :1].copy(), 0.5, 0.5, np.array([0.2]), 0.0, 4.0, 1.0, 1.0, 1.0


def add_narrowed_similarity():
    gains = np.array([1.0, 0.5, 0.0], np.float32)
    yield random_spectra(4, 12), random_spectra(4, 12), np.array([2, 3, 12]), gains, some(2, 3)
    yield random_spectra(1, 1), random_spectra(1, 1), np.array([0, 1]), gains, some(1, 3)
    for power in (0.9 * plain.EMPTY_POWER, 1.1 * plain.EMPTY_POWER):
        faint = np.full((1, 3), np.sqrt(power), np.complex64)
        yield 0.0 * faint, faint, np.array([0, 3]), np.array([1.0], np.float32), some(1, 1)
        yield faint / np.complex64(np.sqrt(2)), faint / np.complex64(np.sqrt(2)), np.array([0, 3]), gains, some(1, 3)


def spectral_shape():
    for bins in (1, 15, 16, 17, 33):
        magnitudes = np.abs(floats(4, bins))
        magnitudes[1] = 0.0
        magnitudes[2] *= 1e-7
        yield magnitudes, np.linspace(0.0, 22_050.0, bins), 0.85, 1e-10, zeros(4, 4)
    line = zeros(1, 33, dtype=np.float32)
    line[0, 20] = 1.0
    yield line, np.linspace(0.0, 22_050.0, 33), 0.85, 1e-10, zeros(4, 1)


def spectral_distance():
    for bins in (1, 7, 8, 9, 33):
        mix, target = floats(3, 2 * bins), floats(3, 2 * bins)
        mix[1], target[2] = 0.0, 0.0
        for power_gain in (1.0, 0.3):
            yield mix, target, power_gain, 1e-8, some(3)


def energies():
    yield (floats(2, 417),)
    yield (floats(2, 1),)
    yield (zeros(2, 5, dtype=np.float32),)


def products():
    for channels, samples in ((2, 417), (1, 1)):
        yield floats(channels, samples), floats(channels, samples)
    yield floats(2, 5), zeros(2, 5, dtype=np.float32)


def side_dissimilarity():
    edges = np.array([[0, 9], [0, 1], [1, 5], [5, 9]])
    yield random_spectra(2, 4, 9), edges, zeros(4, 4)
    yield np.stack([random_spectra(4, 9), zeros(4, 9, dtype=np.complex64)]), edges, zeros(4, 4)
    yield np.repeat(random_spectra(1, 4, 9), 2, axis=0), edges, some(4, 4)


def hop_levels():
    for hop in (1, 7, 8, 9, 32):
        channel = floats(5 * hop + hop // 2)
        channel[: 2 * hop] = 0.0
        yield channel, hop, 1e-30, zeros(3, 5)


def interpolated_peaks():
    for channels, samples in ((1, 1), (1, 37), (2, 100), (2, 0)):
        yield floats(channels, samples + PHASES.shape[1] - 1), PHASES, some(samples).astype(np.float32)
    yield zeros(2, 60, dtype=np.float32), PHASES, zeros(41, dtype=np.float32)
    burst = np.tile(np.float32([0.8, 0.8, -0.8, -0.8]), 15)
    yield np.stack([burst, burst[::-1]]), PHASES, zeros(41, dtype=np.float32)


def smooth_held():
    for first, second, samples in ((2, 2, 1), (4, 3, 417), (30, 30, 200), (1, 1, 70)):
        held = np.round(RNG.uniform(0.0, 1.0, samples + first + second - 2) * 2**24).astype(np.float32) / 2**24
        held[: held.size // 2] *= held[: held.size // 2] > 0.9
        for state in (0.0, 0.7, 1e-31):
            yield held, first, second, 0.9, state, zeros(samples)
    yield zeros(306, dtype=np.float32), 4, 4, 0.5, 1.0, zeros(300)


def add_harmonics():
    for samples, harmonics in ((1, 1), (31, 3), (32, 3), (33, 5), (100, 2)):
        frames = -(-samples // 16) + 1
        yield np.cumsum(RNG.uniform(0.0, 0.1, samples)) - 0.5, some(frames, harmonics), 16, some(samples)


def reductions():
    for reduction in (np.abs(RNG.standard_normal(417)), np.ones(1), zeros(50), np.arange(50.0), np.arange(50.0)[::-1]):
        yield reduction.copy()


def smooth():
    for reduction in reductions():
        for state, offset in ((0.0, 0), (3.0, 1), (0.5, 63), (1e-31, 64)):
            yield reduction, 0.6, 0.95, state, offset, zeros(reduction.size)
    yield np.abs(floats(417)), 0.6, 0.95, 0.0, 0, zeros(417, dtype=np.float32)


def biquad_cases():
    """Sections with their input and output states, for one channel and for two."""
    for samples, offset in ((417, 0), (100, 7), (2, 63), (1, 64)):
        for channels, count in ((1, 1), (1, 2), (2, 2), (1, 3), (2, 3), (3, 4), (2, 0)):
            sections = np.array([[*section[:3], 1.0, *section[3:]] for section in (SHELF, HIGH_PASS) * 2])[:count]
            states = np.zeros((channels, count + 1, 2)) if offset == 0 else floats(channels, count + 1, 2).astype("f8")
            yield floats(channels, samples), sections, states, offset


def filter_cascade():
    for audio, sections, states, offset in biquad_cases():
        yield audio, sections, states, offset, np.empty_like(audio)
        yield audio.astype(np.float64), sections, states, offset, np.empty(audio.shape)
        yield zeros(*audio.shape), sections, zeros(*states.shape), offset, np.empty(audio.shape)


def filter_pair():
    for audio, sections, states, offset in biquad_cases():
        if len(audio) == 2 and len(sections):
            yield audio.astype(np.float64), sections[0], states[:, 0], states[:, 1], offset


def filter_two():
    for audio, sections, states, offset in biquad_cases():
        if len(sections) > 1:
            yield audio[0].astype(np.float64), sections[:2], states[0, :2], states[0, 2], offset


def filter_single():
    for audio, sections, states, offset in biquad_cases():
        if len(sections):
            yield audio[0].astype(np.float64), sections[0], states[0, 0], states[0, 1], offset


def keep_last():
    for samples in (0, 1, 2, 3, 100):
        yield floats(samples).astype(np.float64), some(2)


def filter_section():
    for audio, sections, _, _ in biquad_cases():
        if len(sections):
            yield audio, sections[0], np.empty_like(audio)


def section_gradient():
    for audio, section, out in filter_section():
        plain.filter_section(audio, section, out)
        yield audio, out, section, floats(*audio.shape), some(6)


def smooth_gradient():
    for reduction in reductions():
        smoothed = zeros(reduction.size)
        plain.smooth(reduction, 0.6, 0.95, 0.0, 0, smoothed)
        yield reduction, smoothed, 0.6, 0.95, RNG.standard_normal(reduction.size)


def soft_knee():
    for width in (0.0, 6.0):
        for level in (-30.0 + floats(417, scale=12.0), np.float32([-33.0, -30.0, -27.0, -120.0, 0.0]), floats(0)):
            yield level, np.float32(-30.0), np.float32(width), np.empty_like(level)
            yield level.astype(np.float64), -30.0, width, np.empty(level.size)


def soft_knee_gradient():
    for level, threshold, width, out in soft_knee():
        yield level, threshold, width, RNG.standard_normal(level.size).astype(out.dtype)


def filter_halfband():
    for channels, samples, reach in ((1, 417, 8), (2, 256, 3), (2, 1, 1)):
        yield floats(channels, samples + 2 * reach - 1), floats(reach), floats(channels, samples)


# Kernel, plain twin, and the arguments of both.
TWINS = {
    loudness.weighted_energy: (plain.weighted_energy, weighted_energy),
    loudness._weigh: (plain.weigh, weigh),
    loudness._settle: (plain.settle, settle),
    loudness._is_zero: (plain.is_zero, faded),
    silence.flush: (plain.flush, faded),
    silence.is_zero: (plain.is_zero, faded),
    dynamics.reduce_gain: (plain.reduce_gain, reduce_gain),
    dynamics.reduced_peaks: (plain.reduced_peaks, reduced_peaks),
    dynamics.segment_peaks: (plain.segment_peaks, segment_peaks),
    dynamics.onset_strength: (plain.onset_strength, onset_strength),
    spectra.add_magnitude: (plain.add_magnitude, add_magnitude),
    spectra.add_similarity: (plain.add_similarity, add_similarity),
    spectra.add_lean: (plain.add_lean, add_lean),
    spectra.repan: (plain.repan, repan),
    spectra.add_narrowed_similarity: (plain.add_narrowed_similarity, add_narrowed_similarity),
    features.spectral_shape: (plain.spectral_shape, spectral_shape),
    features.spectral_distance: (plain.spectral_distance, spectral_distance),
    features.energies: (plain.energies, energies),
    features.products: (plain.products, products),
    features.side_dissimilarity: (plain.side_dissimilarity, side_dissimilarity),
    features.hop_levels: (plain.hop_levels, hop_levels),
    true_peak.interpolated_peaks: (plain.interpolated_peaks, interpolated_peaks),
    limiter.smooth_held: (plain.smooth_held, smooth_held),
    synth.add_harmonics: (plain.add_harmonics, add_harmonics),
    biquads.filter_cascade: (plain.filter_cascade, filter_cascade),
    biquads._filter_pair: (plain.filter_pair, filter_pair),
    biquads._filter_two: (plain.filter_two, filter_two),
    biquads._filter_single: (plain.filter_single, filter_single),
    biquads._keep_last: (plain.keep_last, keep_last),
    biquads.filter_section: (plain.filter_section, filter_section),
    biquads.section_gradient: (plain.section_gradient, section_gradient),
    ballistics.smooth: (plain.smooth, smooth),
    ballistics.smooth_gradient: (plain.smooth_gradient, smooth_gradient),
    knee.soft_knee: (plain.soft_knee, soft_knee),
    knee.soft_knee_gradient: (plain.soft_knee_gradient, soft_knee_gradient),
    halfband.filter_halfband: (plain.filter_halfband, filter_halfband),
}


def outcome(function, arguments):
    """Return the result of a function and its arguments after the call, flattened."""
    arguments = copy.deepcopy(arguments)
    returned = function(*arguments)
    arrays = [value for value in arguments if isinstance(value, np.ndarray)]
    if returned is None:
        values = []
    elif isinstance(returned, np.ndarray):
        values = [returned]
    else:  # numbers, in tuples
        values = [np.hstack(np.array(returned, dtype=object).ravel()).astype(np.float64)]
    return [*values, *arrays]


@pytest.mark.parametrize("kernel", TWINS, ids=lambda kernel: kernel.__name__)
def test_compiled_uncompiled_and_plain_agree(kernel) -> None:
    twin, cases = TWINS[kernel]
    for number, arguments in enumerate(cases()):
        wanted = outcome(twin, arguments)
        for function in (kernel, kernel.py_func):
            for value, expected in zip(outcome(function, arguments), wanted, strict=True):
                np.testing.assert_allclose(value, expected, rtol=2e-5, atol=1e-6, err_msg=f"case {number}")


def test_every_kernel_has_a_plain_twin() -> None:
    names = [f"{kernels.__name__}.{module.name}" for module in pkgutil.iter_modules(kernels.__path__)]
    modules = [importlib.import_module(name) for name in names]
    compiled = {value for module in modules for value in vars(module).values() if is_jitted(value)}
    assert compiled
    assert compiled == set(TWINS)
