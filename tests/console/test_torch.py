"""Processors on tensors: values, gradients, and the laws in torch against the kernels."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from fxnorm.audio import SAMPLE_RATE  # noqa: E402
from fxnorm.console import torch as console_torch  # noqa: E402
from fxnorm.console import torch_laws  # noqa: E402
from fxnorm.console.processors import Compressor, Eq, EqBand, Gain, Pan, Width  # noqa: E402
from fxnorm.dsp import loudness as loudness_meter  # noqa: E402
from fxnorm.errors import InputError  # noqa: E402
from fxnorm.kernels.ballistics import smooth  # noqa: E402
from tests.console.drawing import CONSTANT, KINDS, draw, signals  # noqa: E402
from tests.signals import noise  # noqa: E402

BATCH = 3


def differentiable(processor) -> bool:
    try:
        processor.vjp(np.zeros((2, 64)), SAMPLE_RATE)
    except InputError:
        return False
    return True


def batch_of(kind: str, samples: int, dtype=torch.float64, channels: int = 2, *, lowest: float = 0.05):
    """A structure, a batch of different signals, and of different values."""
    processor = draw(kind, 0)
    if not differentiable(processor):
        pytest.skip("has no gradient")
    chosen = list(signals(samples).values())
    audio = torch.tensor(np.stack([chosen[index][:channels] for index in (0, 2, 4)]), dtype=dtype)
    rng = np.random.default_rng(1)
    items = processor.parameters().values()
    rows = [[item.denormalize(rng.uniform(lowest, 0.95)) for item in items] for _ in range(BATCH)]
    try:
        for row in rows:
            processor.with_values(row)
    except InputError:  # values that are not valid together
        rows = [processor.values()] * BATCH
    return processor, audio, torch.tensor(rows, dtype=torch.float64).reshape(BATCH, -1)


def error_db(found, expected) -> float:
    return float(20.0 * torch.log10((found - expected).norm() / expected.norm().clamp(min=1e-30) + 1e-30))


def gradients(processor, audio, values, **options):
    """Result, and gradients with respect to audio and values."""
    audio, values = audio.clone().requires_grad_(), values.clone().requires_grad_()
    out = console_torch.process(processor, audio, values, SAMPLE_RATE, **options)
    weights = torch.linspace(-1.0, 2.0, out.shape[-1], dtype=out.dtype).cos()
    (out * weights).sin().sum().backward()
    return out.detach(), audio.grad, values.grad


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_equals_its_tracks(kind: str, dtype, channels: int) -> None:
    processor, audio, values = batch_of(kind, 9_000, dtype, channels)
    with torch.no_grad():
        out = console_torch.process(processor, audio, values, SAMPLE_RATE)
    assert out.dtype == dtype
    for index in range(BATCH):
        alone = processor.with_values(values[index].tolist()).process(audio[index].numpy(), SAMPLE_RATE)
        np.testing.assert_array_equal(out[index].numpy(), alone)
    with_gradient, to_audio, to_values = gradients(processor, audio, values)
    torch.testing.assert_close(with_gradient, out, rtol=1e-5, atol=1e-6)
    assert to_audio.shape == audio.shape
    assert to_values.shape == values.shape
    assert torch.isfinite(to_audio).all()
    assert torch.isfinite(to_values).all()


@pytest.mark.parametrize("kind", KINDS)
def test_autograd_agrees(kind: str) -> None:
    if kind in CONSTANT:
        pytest.skip(CONSTANT[kind])
    processor, audio, values = batch_of(kind, 40)
    audio = 0.3 * torch.randn(audio.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def law(audio, logits):
        return console_torch.process(processor, audio, console_torch.to_values(processor, logits), SAMPLE_RATE)

    logits = console_torch.to_logits(processor, values)
    inputs = audio.requires_grad_(), logits.requires_grad_()
    assert torch.autograd.gradcheck(law, inputs, eps=1e-6, atol=1e-5, rtol=1e-4)


def test_the_gradient_of_spread_mono_is_that_of_mono() -> None:
    mono = torch.randn(1, 1, 50, dtype=torch.float64, requires_grad=True)
    values = torch.tensor([[0.3]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, v: console_torch.process(Pan(), x, v, SAMPLE_RATE), (mono, values))


@pytest.mark.parametrize("exact", [True, False])
def test_a_key_has_a_gradient(exact: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    audio, key = (0.3 * torch.randn(2, 2, 40, dtype=torch.float64, generator=generator) for _ in range(2))
    values = torch.tensor([Compressor(-30.0, 4.0, 1.0, 20.0).values()] * 2, dtype=torch.float64)
    processor = Compressor()

    def law(audio, key):
        return console_torch.process(processor, audio, values, SAMPLE_RATE, key=key, exact=exact)

    assert torch.autograd.gradcheck(law, (audio.requires_grad_(), key.requires_grad_()), eps=1e-7, atol=1e-5)


def test_threads_change_nothing() -> None:
    processor, audio, values = batch_of("compressor", 5_000)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = gradients(processor, audio, values)
        torch.set_num_threads(3)
        three = gradients(processor, audio, values)
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(*pair) for pair in zip(one, three, strict=True))


# Error of the laws in torch, in dB below the result: of the output, and of both gradients.
LAW_ERRORS_DB = {torch.float64: (-250.0, -240.0), torch.float32: (-120.0, -95.0)}


@pytest.mark.parametrize("dtype", LAW_ERRORS_DB)
@pytest.mark.parametrize("kind", torch_laws.LAWS)
def test_laws_in_torch_equal_the_kernels(kind: str, dtype) -> None:
    limits = LAW_ERRORS_DB[dtype]
    for channels in (1, 2):
        # from 160 Hz, what rings has died away before it wraps around
        processor, audio, values = batch_of(kind, 16_000, dtype, channels, lowest=0.3)
        kernels = gradients(processor, audio, values, exact=True)
        laws = gradients(processor, audio, values, exact=False)
        errors = [error_db(law, kernel) for law, kernel in zip(laws, kernels, strict=True)]
        print(f"{kind}: {errors} dB")
        assert errors[0] < limits[0]
        assert max(errors[1:]) < limits[1]


def test_what_wraps_around_in_frequency_sampling() -> None:
    """The longest ringing that an equaliser can be asked for, 20 Hz at a Q of 10 and +12 dB, after a click in 0.2 s."""
    eq = Eq((EqBand("peak", 20.0, 12.0, 10.0),))
    audio = torch.zeros(1, 1, 8_820, dtype=torch.float64)
    audio[..., 100] = 1.0
    values = torch.tensor([eq.values()], dtype=torch.float64)
    exact, sampled = (console_torch.process(eq, audio, values, SAMPLE_RATE, exact=exact) for exact in (True, False))
    assert -55.0 < error_db(sampled, exact) < -50.0


@pytest.mark.parametrize("times_ms", [(0.1, 10.0), (10.0, 150.0), (250.0, 10.0), (0.1, 2500.0)])
def test_the_parallel_smoother_is_exact(times_ms: tuple[float, float]) -> None:
    attack, release = (float(np.exp(-1000.0 / (SAMPLE_RATE * ms))) for ms in times_ms)
    for audio in signals(10_000).values():
        level = 20.0 * np.log10(np.maximum(np.abs(audio), 1e-6))
        reduction = np.maximum(level + 40.0, 0.0)
        poles = (torch.full((2, 1), pole, dtype=torch.float64) for pole in (attack, release))
        found = torch_laws.smooth(torch.from_numpy(reduction), *poles)
        for mine, row in zip(found, reduction, strict=True):
            out = np.empty_like(row)
            smooth(row, attack, release, 0.0, 0, out)
            np.testing.assert_allclose(mine.numpy(), out, atol=1e-8)  # dB


def test_a_processor_without_a_law_uses_the_kernels() -> None:
    kind = next(kind for kind in KINDS if kind not in torch_laws.LAWS)
    processor, audio, values = batch_of(kind, 2_000)
    pairs = zip(*(gradients(processor, audio, values, exact=exact) for exact in (True, False)), strict=True)
    assert all(torch.equal(*pair) for pair in pairs)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("kind", KINDS)
def test_a_gpu_agrees(kind: str) -> None:
    processor, audio, values = batch_of(kind, 16_000, torch.float32, lowest=0.3)
    exact = gradients(processor, audio, values)
    audio, values = audio.cuda().requires_grad_(), values.cuda().requires_grad_()
    out = console_torch.process(processor, audio, values, SAMPLE_RATE)
    assert out.is_cuda
    weights = torch.linspace(-1.0, 2.0, out.shape[-1], device="cuda").cos()
    (out * weights).sin().sum().backward()
    for found, expected in zip((out.detach(), audio.grad, values.grad), exact, strict=True):
        assert error_db(found.cpu(), expected) < -70.0


@pytest.mark.parametrize("kind", KINDS)
def test_logits_map_as_those_of_parameters(kind: str) -> None:
    processor = draw(kind, 0)
    items = list(processor.parameters().values())
    for logit in (-8.0, -1.0, 0.0, 0.5, 6.0):
        logits = torch.full((2, len(items)), logit, dtype=torch.float64)
        values = console_torch.to_values(processor, logits)
        expected = [item.from_logit(logit) for item in items]
        np.testing.assert_allclose(values.numpy(), [expected] * 2, rtol=1e-12)
        back = [item.to_logit(value) for item, value in zip(items, expected, strict=True)]
        np.testing.assert_allclose(console_torch.to_logits(processor, values).numpy(), [back] * 2, rtol=1e-8, atol=1e-9)
    ends = torch.tensor([[item.low for item in items], [item.high for item in items]], dtype=torch.float64)
    expected = [[item.to_logit(item.low) for item in items], [item.to_logit(item.high) for item in items]]
    np.testing.assert_allclose(console_torch.to_logits(processor, ends).numpy(), expected, rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_saturated_logits_in_single_precision_stay_in_range(kind: str) -> None:
    processor, audio, values = batch_of(kind, 200, torch.float32)
    for logit in (-100.0, 100.0):
        extreme = console_torch.to_values(processor, torch.full(values.shape, logit))
        try:
            processor.with_values([item.low if logit < 0 else item.high for item in processor.parameters().values()])
        except InputError:
            continue  # not valid together
        assert torch.isfinite(console_torch.process(processor, audio, extreme, SAMPLE_RATE)).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_loudness_equals_the_meter(dtype) -> None:
    quiet = noise(3.0, seed=1)
    quiet[:, 40_000:90_000] *= 1e-3  # below the relative gate
    silent = np.zeros_like(quiet)
    audio = torch.tensor(np.stack([noise(3.0), quiet, silent])).to(dtype)
    found = console_torch.loudness(audio, SAMPLE_RATE)
    assert found.dtype == dtype
    for lufs, track in zip(found.tolist(), audio, strict=True):
        expected = loudness_meter.measure(track.float().numpy(), SAMPLE_RATE)
        assert lufs == pytest.approx(-120.691 if expected is None else expected, abs=1e-5)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_loudness_has_a_gradient(rate: int, channels: int) -> None:
    track = noise(1.5, rate=rate)[:channels].astype(np.float64)
    track[:, 20_000:30_000] *= 0.01
    audio = torch.tensor(np.stack([track, np.zeros_like(track)]), requires_grad=True)
    console_torch.loudness(audio, rate).backward(torch.tensor([2.0, 1.0], dtype=torch.float64))
    assert not audio.grad[1].any()
    direction = torch.randn(audio.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        above, below = (console_torch.loudness(audio + step * direction, rate)[0] for step in (1e-5, -1e-5))
    expected = 2.0 * (above - below) / 2e-5
    torch.testing.assert_close((audio.grad * direction).sum(), expected, rtol=1e-4, atol=0.0)


def test_louder_by_one_decibel_is_one_lu() -> None:
    audio = torch.from_numpy(noise(1.0))[None]
    level = torch.zeros(1, 1, requires_grad=True)
    console_torch.loudness(console_torch.process(Gain(), audio, level, SAMPLE_RATE), SAMPLE_RATE).sum().backward()
    assert float(level.grad) == pytest.approx(1.0, abs=1e-4)


def test_a_fader_is_found_by_its_loudness() -> None:
    audio = torch.from_numpy(noise(1.0))[None]
    logits = torch.zeros(1, 1, requires_grad=True)
    optimizer = torch.optim.Adam([logits], 0.1)
    for _ in range(150):
        optimizer.zero_grad()
        out = console_torch.process(Gain(), audio, console_torch.to_values(Gain(), logits), SAMPLE_RATE)
        (console_torch.loudness(out, SAMPLE_RATE) + 23.0).square().sum().backward()
        optimizer.step()
    assert float(console_torch.loudness(out.detach(), SAMPLE_RATE)) == pytest.approx(-23.0, abs=0.1)


def test_rounding_is_forgiven_and_more_is_not() -> None:
    audio = torch.zeros(1, 2, 100)
    values = torch.tensor([[2.0 + 1e-6]], requires_grad=True)
    console_torch.process(Width(), audio, values, SAMPLE_RATE).sum().backward()
    assert values.grad is not None
    for exact in (True, False):
        with pytest.raises(InputError, match=r"expected 0 to 2 for parameter 0 of track 0, got 2\.1; "):
            console_torch.process(Width(), audio, torch.tensor([[2.1]]), SAMPLE_RATE, exact=exact)
        with pytest.raises(InputError, match="got nan"):
            console_torch.process(Width(), audio, torch.tensor([[torch.nan]]), SAMPLE_RATE, exact=exact)


def test_wrong_shapes_are_refused() -> None:
    audio = torch.zeros(2, 2, 100)
    with pytest.raises(InputError, match=r"values of shape \(2, 1\), got \(1, 1\)"):
        console_torch.process(Gain(), audio, torch.zeros(1, 1), SAMPLE_RATE)
    with pytest.raises(InputError, match=r"audio of shape .*got \(2, 100\)"):
        console_torch.process(Gain(), audio[0], torch.zeros(2, 1), SAMPLE_RATE)
    with pytest.raises(InputError, match="in float16"):
        console_torch.process(Gain(), audio.half(), torch.zeros(2, 1), SAMPLE_RATE)
    with pytest.raises(InputError, match="a key of 2 tracks of 100 samples"):
        values = torch.tensor([Compressor().values()] * 2)
        console_torch.process(Compressor(), audio, values, SAMPLE_RATE, key=audio[..., :50])


def test_a_batch_of_none_and_no_parameters() -> None:
    assert console_torch.process(Gain(), torch.zeros(0, 2, 10), torch.zeros(0, 1), SAMPLE_RATE).shape == (0, 2, 10)
    audio = torch.randn(2, 2, 10)
    for exact in (True, False):
        assert torch.equal(console_torch.process(Eq(), audio, torch.zeros(2, 0), SAMPLE_RATE, exact=exact), audio)
