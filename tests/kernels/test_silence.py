"""Feedback loops and buffers reach zero in silence, without subnormal numbers, which are slow on some processors."""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import scipy.fft
from scipy import signal

import fxnorm
from fxnorm.audio import SAMPLE_RATE, Audio
from fxnorm.dsp import fir, onsets, stft
from fxnorm.dsp import loudness as loudness_meter
from fxnorm.dsp.biquads import Band, biquad
from fxnorm.kernels import ballistics, biquads, dynamics, limiter, loudness, silence, synth
from fxnorm.normalization import grid, reverb
from fxnorm.normalization.normalizer import PADDING, pad
from tests.signals import plucks

MUSIC = plucks(1.0)
# Below 1e-45 at its end.
TAIL = (MUSIC[:, 8_000:8_001] * 10.0 ** (-np.arange(2 * SAMPLE_RATE) / 2_000)).astype(np.float32)
ENDINGS = {
    "silence": np.hstack([MUSIC, np.zeros((2, SAMPLE_RATE), np.float32)]),
    "decay": np.hstack([MUSIC, TAIL]),
    "decay and silence": np.hstack([MUSIC, TAIL[:, :45_000], np.zeros((2, SAMPLE_RATE), np.float32)]),
}
# By these two coefficients a reduction falls to subnormal numbers in 0.7 s and stays there.
ATTACK, RELEASE = float(np.exp(-1.0)), float(np.exp(-1.0 / 44.1))


def subnormal(values: npt.ArrayLike) -> int:
    """Count subnormal values."""
    array = np.asarray(values)
    return int(np.count_nonzero((array != 0.0) & (np.abs(array) < np.finfo(array.dtype).tiny)))


def level_db(audio: Audio) -> npt.NDArray[np.float32]:
    return (20.0 * np.log10(np.maximum(np.abs(audio).max(axis=0), 1e-6))).astype(np.float32)


def weighted_energy(audio: Audio) -> list[npt.NDArray[np.float64]]:
    shelf, high_pass = loudness_meter._weighting(SAMPLE_RATE)
    edges = np.array([0, audio.shape[1] // 2, audio.shape[1]])
    energy = np.zeros(2)
    three = np.concatenate([audio, audio[:1]])
    return [loudness.weighted_energy(three, shelf, high_pass, edges, energy), energy]


def reduce_gain(audio: Audio) -> list[npt.NDArray[np.float64]]:
    out = np.zeros(audio.shape[1], np.float32)
    return [np.array([dynamics.reduce_gain(level_db(audio), -60.0, 0.75, ATTACK, RELEASE, out)]), out]


def reduced_peaks(audio: Audio) -> list[npt.NDArray[np.float64]]:
    level, peaks = level_db(audio), np.zeros((1, 2, 2))
    edges = np.array([0, SAMPLE_RATE, level.size])
    thresholds = np.array([-40.0, -60.0])
    return [
        dynamics.reduced_peaks(level, level[np.newaxis], thresholds, 0.75, ATTACK, RELEASE, edges, peaks),
        peaks,
    ]


def smooth(audio: Audio) -> list[npt.NDArray[np.float64]]:
    excess = np.maximum(level_db(audio) + 60.0, 0.0).astype(np.float64)
    out = np.zeros(audio.shape[1])
    state = ballistics.smooth(excess[:1000], ATTACK, RELEASE, 0.0, 0, out[:1000])
    return [np.array([ballistics.smooth(excess[1000:], ATTACK, RELEASE, state, 1000, out[1000:])]), out]


def onset_strength(audio: Audio) -> list[npt.NDArray[np.float64]]:
    novelty = np.abs(audio[0].reshape(-1, 100)).sum(axis=1, dtype=np.float64)
    out = np.zeros_like(novelty)
    dynamics.onset_strength(novelty, out)
    return [out]


def smooth_held(audio: Audio) -> list[npt.NDArray[np.float64]]:
    needed = np.clip(np.abs(audio[0]) - 0.05, 0.0, 0.5)
    held = np.floor(needed * 2**24).astype(np.float32) / np.float32(2**24)
    out = np.zeros(held.size - 100)
    return [np.array([limiter.smooth_held(held, 51, 51, RELEASE, 0.0, out)]), out]


def add_harmonics(audio: Audio) -> list[npt.NDArray[np.float64]]:
    hop = 100
    levels = np.abs(audio[0]).reshape(-1, hop).max(axis=1).astype(np.float64)
    amplitudes = np.stack([levels, 0.5 * levels]).T
    out = np.zeros(audio.shape[1])
    synth.add_harmonics(0.0101 * np.arange(out.size), np.vstack([amplitudes, np.zeros((1, 2))]), hop, out)
    return [out]


BANDS = np.stack([biquad(Band("high_pass", 40.0)), biquad(Band("peak", 100.0, 9.0)), biquad(Band("low_pass", 5_000.0))])


def filter_cascade(audio: Audio) -> list[np.ndarray]:
    stereo, mono = np.empty_like(audio), np.empty_like(audio[:1])
    states = np.zeros((2, 4, 2)), np.zeros((1, 4, 2))
    biquads.filter_cascade(audio, BANDS, states[0], 0, stereo)
    biquads.filter_cascade(audio[:1], BANDS, states[1], 0, mono)
    return [stereo, mono, *states]


def filter_section(audio: Audio) -> list[np.ndarray]:
    out = np.empty_like(audio)
    biquads.filter_section(audio, BANDS[1], out)
    return [out]


def section_gradient(audio: Audio) -> list[np.ndarray]:
    gradient, coefficients = np.ascontiguousarray(audio[:, ::-1]), np.zeros(6)
    biquads.section_gradient(np.ones_like(audio), np.ones_like(audio), BANDS[1], gradient, coefficients)
    return [gradient[:, ::-1], coefficients]


def smooth_gradient(audio: Audio) -> list[np.ndarray]:
    gradient = audio[0, ::-1].astype(np.float64)
    signal = np.zeros(gradient.size)
    poles = ballistics.smooth_gradient(signal, signal, ATTACK, RELEASE, gradient)
    return [gradient[::-1], np.array(poles)]


LOOPS = [
    weighted_energy,
    reduce_gain,
    reduced_peaks,
    smooth_held,
    onset_strength,
    filter_cascade,
    filter_section,
    section_gradient,
    smooth,
    smooth_gradient,
    add_harmonics,
]

# Kernels whose feedback is in the functions that they call, which the loop of this name runs: two channels, and one
# through an odd number of sections.
CALLERS = {"filter_cascade": {"_filter_pair", "_filter_two", "_filter_single"}}
# Kernels that multiply a variable into itself, but keep none from one sample or frame to the next.
MEMORYLESS = {
    "hop_levels": "a product of 8 magnitudes",
    "repan": "every bin is scaled once",
    "soft_knee_gradient": "every sample is scaled once",
    "spectral_distance": "a product of 8 ratios",
    "spectral_shape": "a product of 16 powers",
}
PACKAGE = Path(fxnorm.__file__).parent
RECURSIVE_FILTERS = {"filtfilt", "lfilter", "sosfilt", "sosfiltfilt"}


def called(node: ast.AST) -> str:
    """Name of the function or method that a node calls; empty if it calls none."""
    function = node.func if isinstance(node, ast.Call) else None
    return getattr(function, "id", None) or getattr(function, "attr", "")


def reads(node: ast.AST, compiled: set[str], *, scaled: bool = False) -> Iterator[tuple[str, bool]]:
    """Names that an expression reads, and whether it multiplies them or hands them to a compiled function."""
    scaled |= isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div)
    scaled |= called(node) in compiled
    if isinstance(node, ast.Name):
        yield node.id, scaled
    for child in ast.iter_child_nodes(node):
        yield from reads(child, compiled, scaled=scaled)


def written(target: ast.expr) -> Iterator[str]:
    """Names of the variables and arrays that a target assigns."""
    if isinstance(target, ast.Tuple):
        for element in target.elts:
            yield from written(element)
    else:
        yield next(node.id for node in ast.walk(target) if isinstance(node, ast.Name))


def has_feedback(function: ast.FunctionDef, compiled: set[str]) -> bool:
    """Whether a loop multiplies into a variable what came from it: y = a * y + x, also by way of other variables."""
    edges: set[tuple[str, str, bool]] = set()  # variable, what it is computed from, whether multiplied
    for loop in (node for node in ast.walk(function) if isinstance(node, ast.For | ast.While)):
        for node in ast.walk(loop):
            if isinstance(node, ast.AugAssign):
                (name,) = written(node.target)
                edges.add((name, name, isinstance(node.op, ast.Mult | ast.Div)))
                edges |= {(name, source, scaled) for source, scaled in reads(node.value, compiled)}
            elif isinstance(node, ast.Assign):
                for name in (name for target in node.targets for name in written(target)):
                    edges |= {(name, source, scaled) for source, scaled in reads(node.value, compiled)}
    reachable = {(name, source) for name, source, _ in edges}
    while further := {(a, d) for a, b in reachable for c, d in reachable if b == c} - reachable:
        reachable |= further
    return any(scaled and (name == source or (source, name) in reachable) for name, source, scaled in edges)


def compiled_functions(source: str) -> dict[str, ast.FunctionDef]:
    functions = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    return {
        function.name: function
        for function in functions
        if any("njit" in ast.unparse(decorator) for decorator in function.decorator_list)
    }


def kernels_with_feedback(source: str) -> set[str]:
    functions = compiled_functions(source)
    return {name for name, function in functions.items() if has_feedback(function, functions.keys())}


@pytest.mark.parametrize(
    ("body", "recursive"),
    [
        ("y = a * y + x[n]", True),
        ("y *= a", True),
        ("y[n % 2] = x[n] - a * y[n % 2]", True),
        ("z = b * x[n] + s\n        s = c * x[n] - a * z", True),
        ("y, s = step(x[n], s)", True),
        ("y += x[n] * x[n]", False),
        ("y = max(y, abs(x[n]))", False),
        ("out[n] = a * x[n] + b * x[n - 1]", False),
    ],
)
def test_feedback_is_recognized(body: str, recursive: bool) -> None:
    step = "@njit\ndef step(x, s):\n    return x + s, 0.5 * s\n"
    kernel = f"@numba.njit(cache=True)\ndef kernel(x, a, b, c, s, y, out):\n    for n in range(9):\n        {body}\n"
    assert kernels_with_feedback(step + kernel) == ({"kernel"} if recursive else set())


def test_every_kernel_with_feedback_is_among_the_loops() -> None:
    sources = [path.read_text(encoding="utf-8") for path in sorted((PACKAGE / "kernels").glob("*.py"))]
    found = set().union(*(kernels_with_feedback(source) for source in sources))
    covered = {name for loop in LOOPS for name in CALLERS.get(loop.__name__, {loop.__name__})}
    assert found == covered | MEMORYLESS.keys()


def test_compiled_functions_are_kernels() -> None:
    """Elsewhere the test above does not look."""
    for path in PACKAGE.rglob("*.py"):
        if path.parent.name != "kernels":
            assert not compiled_functions(path.read_text(encoding="utf-8")), path


def test_the_only_recursive_filter_outside_the_kernels_is_the_reverbs() -> None:
    """Synthesis apart: it filters noise and notes of songs that are made once."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if path.parent.name != "synth" and any(called(node) in RECURSIVE_FILTERS for node in ast.walk(tree)):
            found.add(path.relative_to(PACKAGE).as_posix())
    assert found == {"normalization/reverb.py"}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("loop", LOOPS, ids=lambda loop: loop.__name__)
def test_feedback_comes_to_rest(loop: Callable[[Audio], list[np.ndarray]], ending: str) -> None:
    audio = ENDINGS[ending].copy()
    silence.flush(audio)
    for values in loop(audio):
        assert subnormal(values) == 0
    if ending != "decay":
        assert loop(audio)[0].ravel()[-1] == 0.0


def test_loops_start_again_after_silence() -> None:
    audio = np.hstack([ENDINGS["silence"], MUSIC])
    shelf, high_pass = loudness_meter._weighting(SAMPLE_RATE)
    energy = np.zeros(3)
    loudness.weighted_energy(
        audio, shelf, high_pass, np.array([0, SAMPLE_RATE, 2 * SAMPLE_RATE, 3 * SAMPLE_RATE]), energy
    )
    assert energy[0] == energy[2] > 0.0


def test_a_reduction_at_rest_changes_no_peak() -> None:
    level = level_db(np.hstack([ENDINGS["silence"], MUSIC]))
    edges = np.array([0, SAMPLE_RATE, 2 * SAMPLE_RATE, 3 * SAMPLE_RATE])
    thresholds = np.array([-20.0, -30.0, -40.0])
    peaks = np.zeros((1, 3, 3))
    dynamics.reduced_peaks(level, level[np.newaxis], thresholds, 0.75, ATTACK, RELEASE, edges, peaks)
    np.testing.assert_array_equal(peaks[0, :, 0], peaks[0, :, 2])


def test_padding_makes_zeros_of_the_smallest_samples() -> None:
    small = np.float32([[1.0, 1e-29, -1e-29, 1e-31, -1e-31, 1e-42, 0.0, -1.0]])
    padded = pad(np.vstack([small, small]))
    np.testing.assert_array_equal(padded[0, PADDING:-PADDING], np.where(np.abs(small[0]) > 1e-30, small[0], 0.0))
    assert not padded[:, :PADDING].any()
    assert not padded[:, -PADDING:].any()


def test_zeros_are_known() -> None:
    audio = np.zeros((2, 1000), np.float32)
    assert silence.is_zero(audio)
    assert silence.is_zero(audio[:, :0])
    audio[1, 999] = -1e-30
    assert not silence.is_zero(audio)
    assert silence.is_zero(audio[:, :999])


@pytest.mark.parametrize("double", [False, True])
def test_spectra_of_silent_frames_are_zeros_of_the_same_kind(double: bool) -> None:
    audio = np.hstack([MUSIC, np.zeros((2, 4 * grid.N_FFT), np.float32)])
    every = list(stft.transforms(audio, grid.N_FFT, grid.HOP, double=double))
    assert {batch.dtype for batch in every} == {np.dtype(np.complex128 if double else np.complex64)}
    assert every[0].any()
    assert not every[-1].any()
    framed = np.lib.stride_tricks.sliding_window_view(audio, grid.N_FFT, axis=1)[:, :: grid.HOP]
    assert sum(batch.shape[1] for batch in every) == framed.shape[1]


def count_transforms(monkeypatch: pytest.MonkeyPatch, work: Callable[[], object]) -> int:
    """Number of values that go through `rfft`."""
    rfft, counts = scipy.fft.rfft, []

    def count(array: npt.NDArray[np.float32], *arguments: object, **options: object) -> object:
        counts.append(array.size)
        return rfft(array, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(scipy.fft, "rfft", count)
        work()
    return sum(counts)


SILENCE_AFTER = {
    "spectra": lambda audio: list(stft.transforms(audio, grid.N_FFT, grid.HOP)),
    "sum and difference": lambda audio: list(stft.transforms(audio, grid.N_FFT, grid.HOP, sum_and_difference=True)),
    "filters": lambda audio: fir.convolve_centred(audio, fir.linear_phase(np.ones(9), 101)[np.newaxis]),
    "onsets": lambda audio: onsets.find(audio[0]),
}


@pytest.mark.parametrize("work", SILENCE_AFTER.values(), ids=SILENCE_AFTER.keys())
def test_silence_is_not_transformed(monkeypatch: pytest.MonkeyPatch, work: Callable[[Audio], object]) -> None:
    """At most the batch in which it begins."""
    audio = np.tile(MUSIC, 8)
    rest = np.zeros_like(audio)
    once = count_transforms(monkeypatch, lambda: work(np.hstack([audio, rest])))
    longer = count_transforms(monkeypatch, lambda: work(np.hstack([audio, rest, rest, rest])))
    assert once == longer < count_transforms(monkeypatch, lambda: work(np.hstack([audio, audio])))


def test_the_shelves_of_a_reverb_come_to_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    sosfilt, states = signal.sosfilt, []

    def record(*arguments: object, zi: np.ndarray, **options: object) -> object:
        states.append(zi.copy())
        return sosfilt(*arguments, zi=zi, **options)

    bands = (Band("low_shelf", 600.0, -30.0), Band("high_shelf", 8_000.0, -30.0))
    sections = np.stack([biquad(band) for band in bands])
    monkeypatch.setattr(signal, "sosfilt", record)
    filtered = reverb._filter(ENDINGS["silence"], sections)
    np.testing.assert_allclose(filtered, sosfilt(sections, ENDINGS["silence"]), atol=1e-7)
    assert states[20].any()
    assert not states[-1].any()
    assert subnormal(states) == 0
