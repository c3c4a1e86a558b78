"""Chunks of long songs: their length and their crossfades."""

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from fxnorm.audio import SAMPLE_RATE  # noqa: E402
from fxnorm.models import chunked  # noqa: E402


class Counter(torch.nn.Module):
    """Answers its first chunk with ones, its second with twos."""

    context = 0

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(()))
        self.lengths: list[int] = []

    def forward(self, stems: Any) -> Any:
        self.lengths.append(stems.shape[-1])
        return torch.full_like(stems[:, 0], float(len(self.lengths))) * self.weight


def test_a_chunk_fades_into_the_next_by_equal_steps() -> None:
    network = Counter()
    with torch.inference_mode():
        mix = chunked.apply_chunked(network, torch.zeros(4, 2, 700), chunk=400, crossfade=100)  # type: ignore[arg-type]
    expected = np.concatenate([np.ones(300), 1.0 + np.arange(1, 101) / 101.0, np.full(300, 2.0)])
    np.testing.assert_allclose(mix[0].numpy(), expected, atol=1e-6)


def test_chunks_are_ten_seconds_and_fade_for_one() -> None:
    network = Counter()
    with torch.inference_mode():
        chunked.apply_chunked(network, torch.zeros(4, 2, 25 * SAMPLE_RATE))  # type: ignore[arg-type]
    assert network.lengths == [10 * SAMPLE_RATE, 10 * SAMPLE_RATE, 7 * SAMPLE_RATE]
