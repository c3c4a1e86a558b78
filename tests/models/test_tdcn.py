"""The TDCN equals the plain network in PyTorch's layers; laws of its parts."""

import math
from typing import Any

import pytest

from fxnorm import models
from fxnorm.errors import InputError

torch = pytest.importorskip("torch", reason="needs PyTorch")
plain_tdcn = pytest.importorskip("tests.models.plain_tdcn")
convolutions = pytest.importorskip("fxnorm.models.convolutions")

pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same'")


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


def twins(preset: str) -> tuple[Any, Any]:
    """Our network and the plain one with the same weights."""
    ours = models.build("tdcn", preset).eval()
    plain = plain_tdcn.PlainTDCN(**ours.settings.model_dump()).eval()
    plain.load_state_dict(ours.state_dict())
    return ours, plain


def test_the_published_size() -> None:
    network = models.build("tdcn")
    assert sum(parameter.numel() for parameter in network.parameters()) == 2_719_793
    assert network.context == 32_446


@pytest.mark.parametrize(
    ("preset", "batch", "samples"), [("published", 1, 9001), ("small", 2, 20_001), ("small", 1, 64), ("small", 2, 1)]
)
def test_it_is_the_plain_network(preset: str, batch: int, samples: int) -> None:
    ours, plain = twins(preset)
    stems = 0.3 * torch.randn(batch, 4, 2, samples)
    mix, oracle = ours(stems), plain(stems)
    assert oracle.std() > 1e-4
    torch.testing.assert_close(mix, oracle, atol=1e-5, rtol=0.0)
    weights = torch.randn_like(mix)
    gradients = torch.autograd.grad(mix, list(ours.parameters()), weights)
    expected = torch.autograd.grad(oracle, list(plain.parameters()), weights)
    # Gradients of single parameters can cancel to rounding errors: compare these relative to the largest.
    largest = max(gradient.norm() for gradient in expected)
    for (name, _), gradient, reference in zip(ours.named_parameters(), gradients, expected, strict=True):
        assert (gradient - reference).norm() <= 1e-3 * reference.norm() + 1e-6 * largest, name


@pytest.mark.parametrize("taps", [1, 2, 7, 64, 128, 200])
@pytest.mark.parametrize("samples", [1, 63, 64, 1000, 2049])
def test_every_form_of_a_convolution_is_the_direct_one(taps: int, samples: int) -> None:
    x = torch.randn(2, 3, samples, requires_grad=True)
    across, each = torch.randn(5, 3, taps, requires_grad=True), torch.randn(3, 1, taps, requires_grad=True)
    for form, weight, groups in ((convolutions.convolve, across, 1), (convolutions.convolve_each, each, 3)):
        y, direct = form(x, weight), convolutions._directly(x, weight, groups)
        same = torch.nn.functional.conv1d(x, weight, groups=groups, padding="same")
        torch.testing.assert_close(direct, same, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(y, direct, atol=1e-4, rtol=1e-4)
        upstream = torch.randn_like(y)
        for gradient, reference in zip(
            torch.autograd.grad(y, (x, weight), upstream),
            torch.autograd.grad(direct, (x, weight), upstream),
            strict=True,
        ):
            torch.testing.assert_close(gradient, reference, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("kernel", [63, 64])
def test_the_decoder_puts_samples_where_the_encoder_read_them(kernel: int) -> None:
    network = models.build("tdcn", "small", kernel=kernel)
    x, y = torch.randn(1, 8, 640), torch.randn(1, 24, 640)
    weight = network.encoder.weight
    # <A x, y> = <x, A* y>: adjointness
    there, back = convolutions.convolve(x, weight), network._synthesize(y, weight)
    assert (there * y).sum().item() == pytest.approx((x * back).sum().item(), rel=1e-4)


def test_nothing_beyond_the_context_reaches_the_mask() -> None:
    network = models.build("tdcn", "small", repeats=1, blocks=3).eval()
    for block in network.blocks:  # statistics over all frames would connect all samples
        block.first[1] = block.second[1] = torch.nn.Identity()
    network.norm = torch.nn.Identity()
    network.lstm = Transparent()
    torch.nn.init.zeros_(network.excite.weight)
    stems = torch.randn(1, 4, 2, 6400, requires_grad=True)
    middle = 3200
    network(stems)[0, :, middle].sum().backward()
    influence = stems.grad[0].abs().sum(dim=(0, 1))
    (reached,) = torch.nonzero(influence > 1e-5 * influence.max(), as_tuple=True)  # spectra leave rounding elsewhere
    assert middle - network.context <= reached.min() < middle - network.context // 4
    assert middle + network.context // 4 < reached.max() <= middle + network.context


def test_forget_gates_remember_up_to_the_longest_memory() -> None:
    lstm = models.build("tdcn").lstm
    units = lstm.hidden_size
    forget = torch.cat([b[units : 2 * units] for n, b in lstm.named_parameters() if n.startswith("bias_ih")])
    inputs = torch.cat([b[:units] for n, b in lstm.named_parameters() if n.startswith("bias_ih")])
    assert forget.numel() == 6 * 64
    assert forget.min() >= 0.0
    assert math.log(25.0) < forget.max() <= math.log(31.0)
    assert torch.equal(inputs, -forget)
    assert not any(b.any() for n, b in lstm.named_parameters() if n.startswith("bias_hh"))


def test_dropout_acts_in_training_only() -> None:
    network = models.build("tdcn", "small", lstm_layers=2, dropout=0.5)
    stems = torch.randn(1, 4, 2, 3200)
    assert not torch.equal(network(stems), network(stems))
    network.eval()
    assert torch.equal(network(stems), network(stems))


def test_the_front_end_learns_to_reconstruct_its_input() -> None:
    network = models.build("tdcn", "small")
    stems = torch.randn(2, 4, 2, 1999)
    assert network.reconstruct(stems).shape == stems.shape
    front = [network.encoder.weight, network.smoothing.weight]
    optimizer = torch.optim.Adam(front, lr=1e-2)
    errors = []
    for _ in range(10):
        optimizer.zero_grad()
        error = (network.reconstruct(stems) - stems).abs().mean()
        error.backward()
        optimizer.step()
        errors.append(error.item())
    assert errors[-1] < 0.98 * errors[0]
    assert {name for name, p in network.named_parameters() if p.grad is not None} == {
        "encoder.weight",
        "smoothing.weight",
    }


def test_an_odd_number_of_filters_is_refused() -> None:
    with pytest.raises(InputError, match="filters: expected an even number, got 33"):
        models.build("tdcn", filters=33)


class Transparent(torch.nn.Module):
    """A stand-in for a recurrent layer, without recurrence."""

    def forward(self, x: Any) -> tuple[Any, None]:
        return x, None
