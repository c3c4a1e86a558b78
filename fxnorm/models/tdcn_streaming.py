"""TDCN on a song of any length, in chunks that equal the whole song to rounding.

At full rate all layers are convolutions, so chunks with context are exact. The masking network runs on frames, 64 times
fewer than samples. Its normalisations and recurrent layers depend on the whole song: it is computed layer by layer over
all frames, in chunks, and holds two arrays of frames instead of about a hundred. Values of a chunk that a later pass
needs are recomputed, which costs less than storing them.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fxnorm.models.base import Progress
from fxnorm.models.chunk_pool import ChunkPool, chunks, slice_padded
from fxnorm.models.running_moments import RunningMoments
from fxnorm.models.tdcn import TDCN

FULL_RATE_CHUNK = 128  # frames: its filter bank takes 4 MB; 512 are a tenth faster and take more
MASKING_CHUNK = 2048  # frames


def apply_long(network: TDCN, stems: Tensor, *, progress: Progress = lambda share: None) -> Tensor:
    """Map a song to its mix in chunks; see `Network.apply_long`."""
    with ChunkPool(network.encoder.weight.device) as pool:
        ends = FullRateLayers(network, stems.flatten(0, 1), pool)
        mask = MaskingLayers(network, pool).compute(ends, progress)
        mask *= network.excitation(ends.squeeze(mask))[:, None]
        return ends.decode(mask, lambda share: progress(0.8 + 0.2 * share))


class FullRateLayers:
    """Encoder, smoothing and decoder over windows of whole frames."""

    def __init__(self, network: TDCN, stems: Tensor, chunk_pool: ChunkPool) -> None:
        s = network.settings
        self.network = network
        self.stems = stems
        self.chunk_pool = chunk_pool
        self.frames = -(-stems.shape[1] // s.pool)
        self.halo = -(-(s.kernel + s.smoothing) // s.pool)  # frames of context, rounded up

    def pool(self, pooled: Tensor, progress: Progress) -> None:
        """Fill an array (filters, frames) with pooled smoothed magnitudes."""

        def fill(span: slice) -> None:
            pooled[:, span] = self._without_halo(self.network.pool(self._encode(span).abs()))

        self._run(fill, progress)

    def squeeze(self, mask: Tensor) -> Tensor:
        """Average |mask p| over time, (filters,); the mask is positive and constant within a frame."""
        sums = mask.new_empty(-(-self.frames // FULL_RATE_CHUNK), len(mask))

        def add(span: slice) -> None:
            level = self._without_halo(F.avg_pool1d(self._encode(span).abs(), self.network.settings.pool))
            sums[span.start // FULL_RATE_CHUNK] = (mask[:, span] * level).sum(dim=1)

        self._run(add)
        return sums.sum(dim=0) / self.frames

    def decode(self, mask: Tensor, progress: Progress) -> Tensor:
        """Mix (2, samples) of a mask (filters, frames)."""
        pool, samples = self.network.settings.pool, self.stems.shape[1]
        out = self.stems.new_empty(2, samples)

        def fill(span: slice) -> None:
            factors = slice_padded(mask, span.start - self.halo, span.stop + self.halo)
            mix = self.network.decode(self._encode(span), factors[None])[0, :, self.halo * pool :]
            start, stop = span.start * pool, min(span.stop * pool, samples)
            out[:, start:stop] = mix[:, : stop - start]

        self._run(fill, progress)
        return out

    def _run(self, function: Callable[[slice], None], progress: Progress = lambda share: None) -> None:
        spans = chunks(self.frames, FULL_RATE_CHUNK)
        self.chunk_pool.run(function, spans, progress=lambda stop: progress(stop / self.frames))

    def _encode(self, span: slice) -> Tensor:
        """Filter bank over some frames and their halo, with zeros outside the song as for the whole song."""
        pool = self.network.settings.pool
        start, stop = (span.start - self.halo) * pool, (span.stop + self.halo) * pool
        p = self.network.encode(slice_padded(self.stems, start, stop)[None].to(self.network.encoder.weight.device))
        p[..., : max(0, -start)] = 0.0
        p[..., self.frames * pool - start :] = 0.0
        return p

    def _without_halo(self, frames: Tensor) -> Tensor:
        return frames[0, :, self.halo : -self.halo]


class MaskingLayers:
    """`TDCN.mask` on arrays (channels, frames) of a whole song."""

    def __init__(self, network: TDCN, chunk_pool: ChunkPool) -> None:
        self.network = network
        self.chunk_pool = chunk_pool

    def compute(self, ends: FullRateLayers, progress: Progress) -> Tensor:
        """Compute the mask of a song, (filters, frames)."""
        s = self.network.settings
        x = self.network.encoder.weight.new_empty(max(s.filters, s.bottleneck), ends.frames)
        ends.pool(x[: s.filters], lambda share: progress(0.3 * share))
        x = self.narrow(x)
        skips = x.new_zeros(s.skip, ends.frames)
        for number, block in enumerate(self.network.blocks, start=1):
            self.run_block(block, x, skips)
            progress(0.3 + 0.3 * number / len(self.network.blocks))
        del x
        return self.run_lstm(skips, lambda share: progress(0.6 + 0.1 * share))

    def narrow(self, x: Tensor) -> Tensor:
        """Compute the input of the first block, (bottleneck, frames), written over the pooled magnitudes."""
        pooled, out = x[: self.network.settings.filters], x[: self.network.settings.bottleneck]
        moments = self.measure(lambda span: pooled[:, span], x.shape[1])

        def fill(span: slice) -> None:
            out[:, span] = self.network.narrow(moments.normalize(pooled[:, span], self.network.norm))

        self.chunk_pool.run(fill, chunks(x.shape[1], MASKING_CHUNK))
        return out

    def run_block(self, block: Any, x: Tensor, skips: Tensor) -> None:
        """Add the residual of a `Block` to `x` and its skip output to `skips`.

        Each normalisation needs the moments of all frames before it can normalise the first: three passes.
        """
        frames, dilation = x.shape[1], block.depthwise.dilation[0]
        activate, norm = block.first
        second_activation, second_norm = block.second

        def widen(span: slice) -> Tensor:
            widened: Tensor = activate(block.widen(x[:, span]))
            return widened

        def convolve(span: slice) -> Tensor:
            start, stop = max(0, span.start - dilation), min(frames, span.stop + dilation)
            y = moments.normalize(widen(slice(start, stop)), norm)
            y = F.pad(y, (start - span.start + dilation, span.stop + dilation - stop))
            depthwise = block.depthwise
            convolved = F.conv1d(y, depthwise.weight, depthwise.bias, dilation=dilation, groups=len(y))
            activated: Tensor = second_activation(convolved)
            return activated

        moments = self.measure(widen, frames)
        second_moments = self.measure(convolve, frames)
        pending: tuple[slice, Tensor] | None = None  # residual, added after the next chunk has read its neighbours
        for span in chunks(frames, max(MASKING_CHUNK, dilation)):
            y = second_moments.normalize(convolve(span), second_norm)
            skips[:, span] += block.skip(y)
            if pending is not None:
                x[:, pending[0]] += pending[1]
            pending = None if block.residual is None else (span, block.residual(y))
        if pending is not None:
            x[:, pending[0]] += pending[1]

    def run_lstm(self, skips: Tensor, progress: Progress) -> Tensor:
        """Compute the mask (filters, frames) from the sum of the skip outputs."""
        lstm, frames = self.network.lstm, skips.shape[1]
        x, out = (skips.new_empty(lstm.input_size, frames) for _ in range(2))
        for span in chunks(frames, MASKING_CHUNK):
            x[:, span] = F.softplus(self.network.merge(skips[:, span]))
        for layer in range(lstm.num_layers):
            run_direction(extract_direction(lstm, f"_l{layer}"), x, out[: lstm.hidden_size])
            run_direction(extract_direction(lstm, f"_l{layer}_reverse"), x, out[lstm.hidden_size :], backwards=True)
            x, out = out, x
            progress((layer + 1) / lstm.num_layers)
        for span in chunks(frames, MASKING_CHUNK):
            out[:, span] = F.softplus(x[:, span])
        return out

    def measure(self, compute: Callable[[slice], Tensor], frames: int) -> RunningMoments:
        """Measure the moments of an array that is computed in chunks."""

        def measure_chunk(span: slice) -> RunningMoments:
            return RunningMoments.from_tensor(compute(span))

        moments = RunningMoments.empty()
        for chunk in self.chunk_pool.run(measure_chunk, chunks(frames, MASKING_CHUNK)):
            moments.update(chunk)
        return moments


def run_direction(lstm: nn.LSTM, x: Tensor, out: Tensor, *, backwards: bool = False) -> None:
    """Run one layer in one direction over (features, frames), carrying its state from chunk to chunk."""
    state = None
    for span in chunks(x.shape[1], MASKING_CHUNK, backwards=backwards):
        frames = x[:, span].T
        y, state = lstm(frames.flip(0) if backwards else frames, state)
        out[:, span] = (y.flip(0) if backwards else y).T


def extract_direction(lstm: nn.LSTM, suffix: str) -> nn.LSTM:
    """Extract one layer in one direction of an LSTM, with copied weights."""
    weights = {name: getattr(lstm, f"{name}{suffix}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}
    direction = nn.LSTM(weights["weight_ih"].shape[1], lstm.hidden_size, device="meta")
    direction.to_empty(device=weights["weight_ih"].device)
    with torch.no_grad():
        for name, weight in weights.items():
            getattr(direction, f"{name}_l0").copy_(weight)
    direction.flatten_parameters()  # contiguous weights, as cuDNN requires
    return direction
