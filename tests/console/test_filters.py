"""Filters and smoothers against their definitions and other implementations."""

import numpy as np
import pytest
from scipy import signal

from fxnorm.console import filtering
from fxnorm.console.processors import Eq, EqBand
from fxnorm.console.processors.eq import KINDS
from fxnorm.dsp.biquads import Band
from fxnorm.kernels.ballistics import smooth, smooth_gradient
from fxnorm.kernels.silence import SPAN, TINY
from tests.console.drawing import RATES, draw, signals

NO_ORACLE = "not installed: pip install -e .[oracles]"


def error_db(found: np.ndarray, expected: np.ndarray) -> float:
    """Energy of the difference to the expected signal."""
    return 10.0 * np.log10(np.sum((found - expected) ** 2) / np.sum(expected**2) + 1e-40)


@pytest.mark.parametrize("rate", RATES)
def test_biquads_equal_those_of_scipy(rate: int) -> None:
    for seed in range(20):
        processor = draw("eq", seed)
        sections = filtering.sections([band.band for band in processor.bands], rate)
        for name, audio in signals(20_000, seed).items():
            expected = signal.sosfilt(sections, audio)
            for out in (processor.process(audio, rate), processor.vjp(audio, rate)[0]):
                if name == "silence":
                    assert not out.any()
                else:
                    assert error_db(out, expected) < -120.0
            single = audio.astype(np.float32)
            if name != "silence":  # computed in double precision as well, and rounded once
                expected = signal.sosfilt(sections, single.astype(np.float64))
                assert error_db(processor.process(single, rate), expected) < -120.0


@pytest.mark.parametrize("kind", KINDS)
def test_bands_have_the_gain_that_they_say(kind: str) -> None:
    band = EqBand(kind, 1_000.0, 6.0)
    frequencies = np.array([1.0, 1_000.0, 22_000.0])
    _, response = signal.freqz_sos(filtering.sections([band.band], 44_100), frequencies, fs=44_100)
    low, middle, high = 20.0 * np.log10(np.abs(response) + 1e-12)
    expected = {
        "peak": (0.0, 6.0, 0.0),
        "low_shelf": (6.0, 3.0, 0.0),
        "high_shelf": (0.0, 3.0, 6.0),
        "low_pass": (0.0, -3.01, None),
        "high_pass": (None, -3.01, 0.0),
    }[kind]
    for found, wanted in zip((low, middle, high), expected, strict=True):
        assert found == pytest.approx(wanted, abs=0.01) if wanted is not None else found < -80.0


def test_a_band_above_half_the_rate_is_moved() -> None:
    (moved,) = filtering.sections([Band("low_pass", 20_000.0)], 22_050)
    (highest,) = filtering.sections([Band("low_pass", 0.49 * 22_050)], 22_050)
    np.testing.assert_array_equal(moved, highest)


def reductions() -> dict[str, np.ndarray]:
    """Gain reductions in dB."""
    levels = {name: 20.0 * np.log10(np.maximum(np.abs(x[0]), 1e-6)) for name, x in signals(5_000).items()}
    return {name: np.maximum(level + 40.0, 0.0) for name, level in levels.items()}


def plain_smooth(reduction: np.ndarray, attack: float, release: float) -> np.ndarray:
    """Run the recursion as it is written down."""
    out = np.empty_like(reduction)
    state = 0.0
    for n, x in enumerate(reduction.tolist()):
        if n % SPAN == 0 and state < TINY:
            state = 0.0
        pole = attack if x > state else release
        state = pole * state + (1.0 - pole) * x
        out[n] = state
    return out


@pytest.mark.parametrize("times_ms", [(0.1, 10.0), (10.0, 150.0), (250.0, 10.0), (30.0, 30.0), (1.0, 2500.0)])
@pytest.mark.parametrize("name", reductions())
def test_the_smoother_equals_a_plain_loop_exactly(name: str, times_ms: tuple[float, float]) -> None:
    reduction = reductions()[name]
    attack, release = (float(np.exp(-1000.0 / (44_100 * ms))) for ms in times_ms)
    out = np.empty_like(reduction)
    last = smooth(reduction, attack, release, 0.0, 0, out)
    np.testing.assert_array_equal(out, plain_smooth(reduction, attack, release))
    assert last == out[-1]


def test_a_step_rises_and_falls_by_its_time_constants() -> None:
    step = np.concatenate([np.ones(44_100), np.zeros(44_100)])
    attack, release = (float(np.exp(-1000.0 / (44_100 * ms))) for ms in (10.0, 100.0))
    out = np.empty_like(step)
    smooth(step, attack, release, 0.0, 0, out)
    assert out[440] == pytest.approx(1.0 - np.exp(-1.0), abs=1e-3)
    assert out[44_100 + 4_409] == pytest.approx(np.exp(-1.0), abs=1e-3)


@pytest.mark.parametrize("times_ms", [(0.1, 10.0), (10.0, 150.0), (250.0, 10.0), (1.0, 2500.0)])
@pytest.mark.parametrize("name", reductions())
def test_the_smoother_equals_torchcomp(name: str, times_ms: tuple[float, float]) -> None:
    torch = pytest.importorskip("torch")
    torchcomp = pytest.importorskip("torchcomp.core", reason=NO_ORACLE)
    reduction = reductions()[name]
    attack, release = (float(np.exp(-1000.0 / (44_100 * ms))) for ms in times_ms)
    weights = np.random.default_rng(0).standard_normal(reduction.size)

    out = np.empty_like(reduction)
    smooth(reduction, attack, release, 0.0, 0, out)
    carried = weights.copy()
    of_attack, of_release = smooth_gradient(reduction, out, attack, release, carried)

    # theirs smooths a gain, which falls while the reduction rises, with 1 - pole
    given = torch.tensor(-reduction[np.newaxis], requires_grad=True)
    coefficients = [torch.tensor([1.0 - pole], dtype=torch.float64, requires_grad=True) for pole in (attack, release)]
    theirs = torchcomp.compressor_core(given, torch.zeros(1, dtype=torch.float64), *coefficients)
    (theirs * torch.from_numpy(weights)).sum().backward()

    np.testing.assert_allclose(out, -theirs.detach().numpy()[0], atol=1e-6)
    if name != "silence":  # at x = y the choice is arbitrary
        np.testing.assert_allclose(carried, given.grad.numpy()[0], atol=1e-6)
        # -y by 1 - a is y by a
        for mine, other in zip((of_attack, of_release), coefficients, strict=True):
            assert mine == pytest.approx(float(other.grad), rel=1e-6, abs=1e-6)


def test_the_equaliser_equals_dasp() -> None:
    torch = pytest.importorskip("torch")
    dasp = pytest.importorskip("dasp_pytorch.functional", reason=NO_ORACLE)
    kinds = ("low_shelf", "peak", "peak", "peak", "peak", "high_shelf")
    rng = np.random.default_rng(0)
    for _ in range(10):
        bands = tuple(
            EqBand(kind, 20.0 * 1000.0 ** rng.uniform(0.1, 0.95), rng.uniform(-12.0, 12.0), rng.uniform(0.4, 4.0))
            for kind in kinds
        )
        eq = Eq(bands)
        audio = np.zeros((1, 40_000))
        audio[:, :20_000] = signals(20_000)["noise"][:1]
        values = np.array(eq.values()).reshape(-1, 3)[:, [1, 0, 2]]  # gain, frequency, Q
        arguments = [torch.tensor([value], dtype=torch.float64) for value in values.ravel()]
        theirs = dasp.parametric_eq(torch.from_numpy(audio)[np.newaxis], 44_100, *arguments)
        assert error_db(eq.process(audio, 44_100), theirs.numpy()[0]) < -120.0
