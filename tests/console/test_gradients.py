"""Gradients of every processor against central finite differences in float64."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from fxnorm.console.processor import Processor, Pullback, Samples
from fxnorm.console.processors import Compressor, Eq, EqBand
from fxnorm.errors import InputError
from tests.console.drawing import CONSTANT, KINDS, draw, fit, signals

RATE = 44_100
SAMPLES = 2_000
SEEDS = (0, 1, 2, 3)
AUDIO_COORDINATES = 8
STEP = 1e-5  # in 0..1 of a parameter's range
AUDIO_STEP = 1e-5
TOLERANCE = 1e-4
KINK = 2.0 * TOLERANCE  # one-sided differences that disagree by more are taken at a kink, where there is no gradient
CHECKED = 0.9  # of all coordinates, at least


class Comparison:
    """Differences of a loss, coordinate by coordinate, and the gradients that they are compared with."""

    def __init__(self) -> None:
        self.checked = self.kinks = 0
        self.worst = 0.0

    def check(self, loss: Callable[[float], float], gradient: float, step: float, rounding: float, label: str) -> None:
        middle = loss(0.0)
        for size in (step, 0.1 * step):  # a smaller one may stay on one side of a kink, and sees less of a curve
            above, below = loss(size), loss(-size)
            forward, backward, central = (
                (above - middle) / size,
                (middle - below) / size,
                (above - below) / (2.0 * size),
            )
            floor = rounding / size
            if abs(forward - backward) <= KINK * max(abs(forward), abs(backward)) + 4.0 * floor:
                break
        else:
            self.kinks += 1
            return
        self.checked += 1
        error = abs(central - gradient) - floor
        self.worst = max(self.worst, error / max(abs(central), abs(gradient), 1e-30))
        assert error <= TOLERANCE * max(abs(central), abs(gradient)), f"{label}: {gradient}, difference {central}"


def vjp_or_skip(processor: Processor, audio: Samples) -> tuple[Samples, Pullback]:
    try:
        return processor.vjp(audio, RATE)
    except InputError as error:
        assert "gradient" in str(error)
        pytest.skip("has no gradient, and says so")


def check_processor(processor: Processor, audio: Samples, label: str, seed: int, comparison: Comparison) -> None:
    """Compare the gradients of all parameters and of some samples."""
    rng = np.random.default_rng(seed)
    out, pullback = vjp_or_skip(processor, audio)
    weights = rng.standard_normal(out.shape)
    gradients = pullback(weights)
    rounding = 4e-15 * float(np.abs(weights * out).sum()) + 1e-18
    values = processor.values()
    for index, (name, item) in enumerate(processor.parameters().items()):

        def loss(step: float, index=index, item=item) -> float:
            moved = item.denormalize(item.normalize(values[index]) + step)
            settled = processor.with_values([*values[:index], moved, *values[index + 1 :]])
            return float(np.vdot(weights, settled.process(audio, RATE)))

        slope = np.log(item.high / item.low) * values[index] if item.scale == "log" else item.high - item.low
        comparison.check(loss, gradients.values[index] * slope, STEP, rounding, f"{processor} on {label}: {name}")
    for _ in range(AUDIO_COORDINATES):
        place = rng.integers(len(audio)), rng.integers(SAMPLES)

        def loss(step: float, place=place) -> float:
            moved = audio.copy()
            moved[place] += step
            return float(np.vdot(weights, processor.process(moved, RATE)))

        comparison.check(loss, gradients.audio[place], AUDIO_STEP, rounding, f"{processor} on {label}: {place}")


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_equal_finite_differences(kind: str) -> None:
    if kind in CONSTANT:
        pytest.skip(CONSTANT[kind])
    comparison = Comparison()
    for seed in SEEDS:
        processor = draw(kind, seed)
        for number, (name, stereo) in enumerate(signals(SAMPLES, seed).items()):
            audio = fit(processor, stereo[: 1 + (seed + number) % 2])
            check_processor(processor, audio, name, seed, comparison)
    print(f"{kind}: {vars(comparison)}")
    assert comparison.checked >= CHECKED * (comparison.checked + comparison.kinks)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", KINDS)
def test_gradients_have_the_shapes_and_types_of_what_went_in(kind: str, dtype: type) -> None:
    for channels in (1, 2):
        processor = draw(kind, 5)
        audio = fit(processor, signals(500)["noise"][:channels].astype(dtype))
        out, pullback = vjp_or_skip(processor, audio)
        before = out.copy()
        gradients = pullback(np.ones_like(out))
        assert out.dtype == gradients.audio.dtype == dtype
        assert out.shape == gradients.audio.shape == audio.shape
        assert gradients.values.shape == (len(processor.values()),)
        assert np.isfinite(gradients.values).all()
        np.testing.assert_array_equal(out, before)


@pytest.mark.parametrize("kind", KINDS)
def test_a_pullback_can_be_called_again(kind: str) -> None:
    processor = draw(kind, 6)
    out, pullback = vjp_or_skip(processor, fit(processor, signals(500)["noise"]))
    gradient = np.linspace(-1.0, 1.0, out.size).reshape(out.shape)
    first, second = pullback(gradient), pullback(gradient)
    np.testing.assert_array_equal(first.audio, second.audio)
    np.testing.assert_array_equal(first.values, second.values)
    np.testing.assert_array_equal(gradient, np.linspace(-1.0, 1.0, out.size).reshape(out.shape))


@pytest.mark.parametrize("kind", KINDS)
def test_with_a_gradient_the_result_is_the_same(kind: str) -> None:
    for seed in SEEDS:
        processor = draw(kind, seed)
        for audio in signals(3_000).values():
            whole = fit(processor, audio)
            out, _ = vjp_or_skip(processor, whole)
            np.testing.assert_allclose(out, processor.process(whole, RATE), rtol=1e-9, atol=1e-9)


def test_a_key_has_a_gradient() -> None:
    rng = np.random.default_rng(0)
    audio, key, weights = 0.2 * rng.standard_normal((3, 2, SAMPLES))
    processor = Compressor(-30.0, 4.0, 5.0, 80.0, 6.0)
    _, pullback = processor.vjp(audio, RATE, key=key)
    gradients = pullback(weights)
    comparison = Comparison()
    for _ in range(30):
        place = rng.integers(2), rng.integers(SAMPLES)
        for which, gradient in enumerate((gradients.audio, gradients.key)):

            def loss(step: float, place=place, which=which) -> float:
                moved = [audio.copy(), key.copy()]
                moved[which][place] += step
                return float(np.vdot(weights, processor.process(moved[0], RATE, key=moved[1])))

            comparison.check(loss, gradient[place], AUDIO_STEP, 1e-13, f"{which} {place}")
    assert comparison.checked >= 54


@pytest.mark.parametrize("detector", ["louder", "mean"])
def test_without_a_knee_there_is_a_gradient(detector: str) -> None:
    processor = Compressor(-25.0, 4.0, 5.0, 80.0, 0.0, 3.0, 0.8, detector=detector)
    audio = signals(SAMPLES)["noise"]
    weights = np.random.default_rng(0).standard_normal(audio.shape)
    _, pullback = processor.vjp(audio, RATE)
    comparison = Comparison()
    for name, gradient in zip(processor.parameters(), pullback(weights).values, strict=True):
        if name == "knee_db":  # at the end of its range
            continue

        def loss(step: float, name=name) -> float:
            moved = dataclasses.replace(processor, **{name: getattr(processor, name) + step})
            return float(np.vdot(weights, moved.process(audio, RATE)))

        comparison.check(loss, gradient, 1e-6, 1e-12, name)
    assert comparison.checked >= 5


def test_a_band_above_the_highest_frequency_stays_there() -> None:
    audio = signals(SAMPLES)["noise"]
    processor = Eq((EqBand("peak", 18_000.0, 6.0, 1.0),))
    out, pullback = processor.vjp(audio, 22_050)
    lower = Eq((EqBand("peak", 17_000.0, 6.0, 1.0),))
    np.testing.assert_array_equal(lower.vjp(audio, 22_050)[0], out)
    frequency, gain, q = pullback(out).values
    assert frequency == 0.0
    assert gain != 0.0
    assert q != 0.0
