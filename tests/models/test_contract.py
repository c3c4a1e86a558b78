"""Contract of all networks: stems in, mix out, any length, no delay."""

from typing import Any

import pytest

from fxnorm import models
from fxnorm.errors import InputError

torch = pytest.importorskip("torch", reason="needs PyTorch")

SMALL = [("tdcn", "small"), ("waveunet", "small"), ("waveunet", "default"), ("hdemucs", "small")]
GPU = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")]
DEVICES = ["cpu", pytest.param("cuda", marks=GPU)]
LEARNING_RATE = {"tdcn": 1e-3, "waveunet": 3e-3, "hdemucs": 1e-2}


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(params=SMALL, ids="-".join)
def network(request: pytest.FixtureRequest) -> Any:
    name, preset = request.param
    if name == "hdemucs":
        pytest.importorskip("demucs", reason="hdemucs needs the package demucs")
    return models.build(name, preset).eval()


def noise(*shape: int) -> Any:
    return 0.1 * torch.randn(*shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("samples", [1, 2, 63, 65, 1001, 9000])
def test_any_length_in_the_same_length_out(network: Any, samples: int) -> None:
    with torch.no_grad():
        mix = network(noise(2, 4, 2, samples))
    assert mix.shape == (2, 2, samples)
    assert mix.isfinite().all()


@pytest.mark.parametrize("shape", [(4, 2, 100), (1, 2, 4, 100), (1, 8, 100), (1, 4, 1, 100), (1, 4, 2, 0)])
def test_other_shapes_are_refused(network: Any, shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"expected stems of shape \(batch, 4, 2, samples\)"):
        network(torch.zeros(shape))


def test_the_same_twice(network: Any) -> None:
    stems = noise(1, 4, 2, 5000)
    with torch.no_grad():
        assert torch.equal(network(stems), network(stems))


def test_songs_of_a_batch_do_not_meet(network: Any) -> None:
    stems = noise(3, 4, 2, 5000)
    with torch.no_grad():
        together = network(stems)
        alone = torch.cat([network(song[None]) for song in stems])
    assert together.std() > 1e-3
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)


def test_stems_are_not_touched(network: Any) -> None:
    stems = noise(1, 4, 2, 3000)
    before = stems.clone()
    network(stems).sum().backward()
    assert torch.equal(stems, before)


def test_a_stem_that_moves_takes_its_mix_along(network: Any) -> None:
    shift = 1024  # whole frames and strides of every network
    burst = noise(1, 4, 2, 2000)
    early, late = torch.zeros(2, 1, 4, 2, 60_000)
    early[..., 28_000:30_000], late[..., 28_000 + shift : 30_000 + shift] = burst, burst
    with torch.no_grad():
        first, second = network(early), network(late)
    inside, moved = first[..., 26_000:32_000], second[..., 26_000 + shift : 32_000 + shift]
    alive = (inside - inside.mean(dim=-1, keepdim=True)).std()
    assert (moved - inside).std() < 0.01 * alive
    assert (second[..., 26_000:32_000] - inside).std() > 0.1 * alive


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("half", [False, True], ids=["float32", "bfloat16"])
def test_every_parameter_gets_a_finite_gradient(network: Any, half: bool, device: str) -> None:
    network.train().to(device)
    with torch.autocast(device, dtype=torch.bfloat16, enabled=half):
        mix = network(noise(2, 4, 2, 6000).to(device))
    mix.float().square().mean().backward()
    assert mix.isfinite().all()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
    assert sum(parameter.grad.abs().sum() for parameter in network.parameters()) > 0.0


@pytest.mark.parametrize("device", DEVICES)
def test_a_device_says_the_same_and_half_precision_nearly(network: Any, device: str) -> None:
    stems = noise(1, 4, 2, 9001)
    with torch.no_grad():
        on_cpu, on_device = network(stems), network.to(device)(stems.to(device))
        with torch.autocast(device, dtype=torch.float16 if device == "cuda" else torch.bfloat16):
            half = network(stems.to(device))
    assert (
        on_device.cpu() - on_cpu
    ).std() < 0.01 * on_cpu.std()  # a GPU's convolutions round to 10 bits unless told otherwise
    assert (half.float().cpu() - on_cpu).std() < 0.1 * on_cpu.std()


@pytest.mark.parametrize(("name", "preset"), SMALL[:3], ids=["-".join(pair) for pair in SMALL[:3]])
def test_it_compiles_to_one_graph(name: str, preset: str) -> None:
    dynamo = pytest.importorskip("torch._dynamo")
    network = models.build(name, preset).eval()
    stems = noise(1, 4, 2, 3000)
    with dynamo.config.patch(allow_rnn=True), torch.no_grad():
        compiled = torch.compile(network, backend="eager", fullgraph=True)
        torch.testing.assert_close(compiled(stems), network(stems))


def test_a_few_steps_of_training_bring_the_loss_down(network: Any) -> None:
    network.train()
    stems = 0.1 * torch.sin(torch.arange(8000) * torch.tensor([0.02, 0.03, 0.05, 0.08])[:, None, None]).repeat(
        1, 1, 2, 1
    )
    target = 0.2 * stems.sum(dim=1)
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE[network.name])
    losses = []
    for _ in range(12):
        optimizer.zero_grad()
        loss = (network(stems) - target).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.6 * losses[0]
