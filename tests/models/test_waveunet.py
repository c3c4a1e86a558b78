"""The Wave-U-Net: number of parameters, context and alignment."""

from typing import Any

import pytest

from fxnorm import models
from fxnorm.errors import InputError

torch = pytest.importorskip("torch", reason="needs PyTorch")
waveunet = pytest.importorskip("fxnorm.models.waveunet")


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


def without_statistics(network: Any) -> Any:
    """Remove normalisation, which spans the whole segment, and ReLU: only the convolutions are left."""
    for module in network.modules():
        if isinstance(module, waveunet.Convolution):
            module.layers[1] = module.layers[2] = torch.nn.Identity()
    return network


@pytest.mark.parametrize("preset", ["published", "default"])
def test_the_published_size(preset: str) -> None:
    network = models.build("waveunet", preset)
    trainable = sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)
    assert trainable == 2_455_562
    assert len(network.state_dict()) == len(list(network.parameters()))  # the sinc is not among the weights


def test_seventeen_valid_convolutions_take_68_samples() -> None:
    network = models.build("waveunet")
    assert 2 * network.context == 68
    taken = sum(layer.kernel_size[0] - 1 for layer in network.modules() if isinstance(layer, torch.nn.Conv1d))
    assert taken == 68


def test_published_output_sits_in_the_middle_of_what_it_read() -> None:
    network = without_statistics(models.build("waveunet", features=8))
    stems = torch.randn(1, 4, 2, 301, requires_grad=True)
    network(stems)[0, :, 150].sum().backward()
    (reached,) = torch.nonzero(stems.grad[0].abs().sum(dim=(0, 1)), as_tuple=True)
    assert (reached.min(), reached.max()) == (150 - 34, 150 + 34)


@pytest.mark.parametrize(("stride", "levels"), [(2, 5), (2, 3), (3, 3), (4, 4)])
def test_nothing_beyond_the_context_is_read(stride: int, levels: int) -> None:
    network = without_statistics(models.build("waveunet", features=8, stride=stride, levels=levels))
    middle = 2 * network.context
    stems = torch.randn(1, 4, 2, 4 * network.context, requires_grad=True)
    network(stems)[0, :, middle].sum().backward()
    (reached,) = torch.nonzero(stems.grad[0].abs().sum(dim=(0, 1)), as_tuple=True)
    # on the way down a sample may be read from a frame that begins up to one hop beside it
    assert middle - network.context <= reached.min() < middle - network.context // 2
    assert middle + network.context // 2 < reached.max() <= middle + network.context


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_pieces_agree_with_the_whole_inside_their_context(stride: int) -> None:
    network = without_statistics(models.build("waveunet", features=8, stride=stride, levels=4)).eval()
    stems = torch.randn(1, 4, 2, 6000)
    start = 1024  # a whole number of the slowest hop
    with torch.no_grad():
        whole, piece = network(stems), network(stems[..., start:4001])
    inside = slice(network.context, piece.shape[-1] - network.context)
    torch.testing.assert_close(piece[..., inside], whole[..., start:4001][..., inside], atol=1e-5, rtol=1e-4)
    assert (piece - whole[..., start:4001])[..., 0].abs().max() > 1e-4


@pytest.mark.parametrize(("stride", "taps"), [(2, 15), (3, 31), (4, 31)])
def test_slow_signals_survive_a_change_of_rate_in_their_place(stride: int, taps: int) -> None:
    resampler = waveunet.Resampler(stride, taps)
    time = torch.arange(600, dtype=torch.float32)
    wave = torch.sin(0.02 * time)[None, None]
    low = resampler.down(waveunet.Signal(wave, start=0, hop=1))
    positions = low.start + low.hop * torch.arange(low.x.shape[-1])
    assert low.hop == stride
    torch.testing.assert_close(low.x[0, 0], torch.sin(0.02 * positions), atol=5e-3, rtol=0.0)
    back = resampler.up(low)
    assert back.hop == 1
    torch.testing.assert_close(back.x, waveunet.Signal(wave, 0, 1).crop_to(back), atol=5e-3, rtol=0.0)


@pytest.mark.parametrize(("stride", "taps"), [(2, 15), (3, 31), (4, 31)])
def test_the_low_pass_keeps_constants_and_stops_what_would_fold(stride: int, taps: int) -> None:
    kernel = waveunet.design_lowpass(stride, taps)
    response = torch.fft.rfft(kernel, 4096).abs()
    assert response[0].item() == pytest.approx(1.0)
    assert response[4096 // (2 * stride)].item() == pytest.approx(0.5, abs=0.05)
    assert response[int(1.7 * 4096 / (2 * stride)) :].max() < 0.03
    for phase in range(stride):
        assert kernel[phase::stride].sum().item() == pytest.approx(1.0 / stride)


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("kernel", 4, "kernel: expected an odd number of taps, got 4"),
        ("resampling_taps", 16, "resampling_taps: expected an odd number of taps, got 16"),
        ("features", 20, "features: expected a multiple of 8, got 20"),
        ("levels", 1, "levels: Input should be greater than or equal to 2"),
        ("featurs", 24, "unknown setting 'featurs' of waveunet: .*did you mean 'features'"),
    ],
)
def test_sizes_that_make_no_sense_are_refused(setting: str, value: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        models.build("waveunet", **{setting: value})
