"""Streaming in chunks equals processing at once."""

from typing import Any

import numpy as np
import pytest

from fxnorm import models

torch = pytest.importorskip("torch", reason="needs PyTorch")

from fxnorm.models import chunked, tdcn_streaming, waveunet_streaming  # noqa: E402
from fxnorm.models.chunk_pool import ChunkPool, chunks, slice_padded  # noqa: E402
from fxnorm.models.running_moments import RunningMoments  # noqa: E402

TINY = {
    "filters": 8,
    "kernel": 16,
    "smoothing": 24,
    "bottleneck": 12,
    "hidden": 8,
    "skip": 4,
    "repeats": 2,
    "blocks": 3,
    "lstm_layers": 2,
    "excitation": 8,
}


@pytest.fixture(autouse=True)
def two_threads() -> Any:
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


def song(samples: int, *, seed: int = 1) -> Any:
    """Stems with a rising level, so that moments of a chunk differ from those of the song."""
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(4, 2, samples, generator=rng) * torch.linspace(0.02, 0.4, samples)


def whole(network: Any, stems: Any) -> Any:
    with torch.inference_mode():
        return network(stems[None])[0]


def in_chunks(network: Any, stems: Any, **options: Any) -> Any:
    with torch.inference_mode():
        return network.apply_long(stems, **options)


def exactly(network: Any, stems: Any) -> Any:
    with torch.inference_mode():
        return waveunet_streaming.apply_long(network, stems)


@pytest.mark.parametrize("samples", [1, 63, 64, 65, 1000, 1024, 5003])
@pytest.mark.parametrize("changes", [{}, {"filters": 16, "bottleneck": 8, "smoothing": 130}], ids=["", "other sizes"])
def test_tdcn_in_chunks_is_exact(monkeypatch: pytest.MonkeyPatch, samples: int, changes: dict[str, int]) -> None:
    monkeypatch.setattr(tdcn_streaming, "FULL_RATE_CHUNK", 3)
    monkeypatch.setattr(tdcn_streaming, "MASKING_CHUNK", 7)
    network = models.build("tdcn", **(TINY | changes)).eval()
    stems = song(samples)
    torch.testing.assert_close(in_chunks(network, stems), whole(network, stems), atol=1e-5, rtol=0.0)


def test_tdcn_reaches_across_more_than_a_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tdcn_streaming, "MASKING_CHUNK", 2)  # dilations go up to 4 frames
    network = models.build("tdcn", **TINY).eval()
    stems = song(3000)
    torch.testing.assert_close(in_chunks(network, stems), whole(network, stems), atol=1e-5, rtol=0.0)


def test_tdcn_needs_the_whole_song() -> None:
    network = models.build("tdcn", **TINY).eval()
    stems = song(6400)
    first = whole(network, stems[..., :3200])
    assert (first - whole(network, stems)[:, :3200]).abs().max() > 1e-4


@pytest.mark.parametrize("samples", [1, 100, 257, 2000])
@pytest.mark.parametrize("stride", [1, 2, 4])
def test_waveunet_is_exact_where_asked_for(monkeypatch: pytest.MonkeyPatch, samples: int, stride: int) -> None:
    monkeypatch.setattr(waveunet_streaming, "CHUNK", 256)
    network = models.build("waveunet", "small", levels=3, stride=stride).eval()
    stems = song(samples)
    torch.testing.assert_close(exactly(network, stems), whole(network, stems), atol=1e-4, rtol=0.0)


def test_waveunet_by_itself_differs_where_the_song_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    network = models.build("waveunet", "small", levels=3).eval()
    stems = song(4000)
    with torch.inference_mode():
        faded = chunked.apply_chunked(network, stems, chunk=1000, crossfade=200)
    apart = (faded - whole(network, stems)).std() / whole(network, stems).std()
    assert apart > 1e-3


class Identity(torch.nn.Module):
    """Returns the first stem, and records its input."""

    context = 50

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(()))
        self.lengths: list[int] = []

    def forward(self, stems: Any) -> Any:
        self.lengths.append(stems.shape[-1])
        return stems[:, 0] * self.weight


@pytest.mark.parametrize("samples", [1, 99, 100, 101, 400, 401, 699, 701, 1234])
def test_overlapping_weights_add_up_to_one(samples: int) -> None:
    network = Identity()
    stems = song(samples)
    shares: list[float] = []
    with torch.inference_mode():
        mix = chunked.apply_chunked(network, stems, chunk=400, crossfade=100, progress=shares.append)  # type: ignore[arg-type]
    torch.testing.assert_close(mix, stems[0], atol=1e-6, rtol=0.0)
    assert max(network.lengths) <= 400 + 2 * 50
    assert shares[-1] == 1.0
    assert shares == sorted(shares)


def test_a_song_of_one_piece_is_mixed_at_once() -> None:
    network = models.build("waveunet", "small").eval()
    stems = song(5000)
    assert torch.equal(in_chunks(network, stems), whole(network, stems))


@pytest.mark.parametrize("name", ["tdcn", "waveunet"])
def test_a_network_predicts_arrays_and_says_how_far_it_is(name: str) -> None:
    network = models.build(name, "small")
    stems = song(3000).numpy()
    before = stems.copy()
    shares: list[float] = []
    mix = network.predict(stems, progress=shares.append)
    assert (mix.shape, mix.dtype) == ((2, 3000), np.float32)
    assert np.isfinite(mix).all()
    assert np.array_equal(stems, before)
    assert shares[-1] == pytest.approx(1.0)
    assert shares == sorted(shares)
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize("groups", [1, 3])
def test_moments_of_chunks_are_those_of_the_whole(groups: int) -> None:
    x = 5.0 + song(3000).flatten(0, 1)[:6] * torch.arange(1.0, 7.0)[:, None]
    norm = torch.nn.GroupNorm(groups, 6)
    torch.nn.init.uniform_(norm.weight)
    torch.nn.init.uniform_(norm.bias)
    moments = RunningMoments.empty(groups)
    for span in chunks(3000, 700):
        moments.update(RunningMoments.from_tensor(x[:, span], groups))
    with torch.no_grad():
        torch.testing.assert_close(moments.normalize(x, norm), norm(x[None])[0], atol=1e-5, rtol=1e-5)


def test_workers_keep_the_order_and_pass_errors_on() -> None:
    with ChunkPool(torch.device("cpu")) as workers:
        assert workers.run(lambda span: span.start, chunks(10, 3)) == [0, 3, 6, 9]
        with pytest.raises(ZeroDivisionError):
            workers.run(lambda span: 1 / (span.start - 3), chunks(10, 3))
    assert torch.get_num_threads() == 2
    assert list(chunks(10, 4, backwards=True)) == [slice(8, 10), slice(4, 8), slice(0, 4)]


def test_a_window_has_zeros_outside() -> None:
    x = torch.arange(1.0, 5.0)[None]
    assert slice_padded(x, -2, 6).tolist() == [[0, 0, 1, 2, 3, 4, 0, 0]]
    assert slice_padded(x, 1, 3).tolist() == [[2, 3]]
    assert slice_padded(x, 5, 7).tolist() == [[0, 0]]
    assert slice_padded(x, -3, -1).tolist() == [[0, 0]]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_a_gpu_is_exact_too() -> None:
    network = models.build("tdcn", "small").eval().cuda()
    stems = song(300_000)
    assert (in_chunks(network, stems) - whole(network, stems.cuda()).cpu()).abs().max() < 1e-3
