"""TDCN on a song of any length: the same samples as from the whole song at once, a piece at a time.

At full rate everything is convolution, and pieces with some context are exact. The masking network works on frames,
64 times fewer. It is taken over the whole song, because its normalisations and its recurrent layers see all of it, but
in pieces, too, and it keeps two arrays of frames in place of some hundred. What was computed for one piece is computed
again where a later pass needs it: that costs less than to keep it.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fxnorm.models.chunk_pool import Workers, pieces, window
from fxnorm.models.running_moments import Moments

if TYPE_CHECKING:
    from fxnorm.models.tdcn import TDCN

FRAMES = 128  # of a piece at full rate: its filter bank takes 4 MB; 512 are a tenth faster and hold more
MANY_FRAMES = 2048  # of a piece in the masking network

Progress = Callable[[float], None]


def mix(network: "TDCN", stems: Tensor, *, progress: Progress = lambda share: None) -> Tensor:
    """Mix a song in pieces.

    Parameters
    ----------
    network : TDCN
        In evaluation mode; pieces are moved to its device.
    stems : Tensor, shape (8, samples)
    progress : callable
        Called with the share that is done, 0 to 1.

    Returns
    -------
    Tensor, shape (2, samples)
        On the device of the stems.
    """
    with Workers(network.encoder.weight.device) as workers:
        song = Song(network, stems, workers)
        mask = Masking(network, workers).compute(song, progress)
        mask *= network.excitation(song.squeeze(mask))[:, None]
        return song.decode(mask, lambda share: progress(0.8 + 0.2 * share))


class Song:
    """The ends of the network at full rate, over windows of whole frames."""

    def __init__(self, network: "TDCN", stems: Tensor, workers: Workers) -> None:
        s = network.settings
        self.network = network
        self.stems = stems
        self.workers = workers
        self.frames = -(-stems.shape[1] // s.pool)
        self.halo = -(-(s.kernel + s.smoothing) // s.pool)  # frames of context, with some to spare

    def pool(self, pooled: Tensor, progress: Progress) -> None:
        """Fill an array (filters, frames) with pooled smoothed magnitudes."""

        def fill(here: slice) -> None:
            pooled[:, here] = self._inside(self.network.pool(self._encode(here).abs()))

        self._run(fill, progress)

    def squeeze(self, mask: Tensor) -> Tensor:
        """Mean of |mask p| over time, (filters,): the mask is positive and constant in a frame."""
        sums = mask.new_empty(-(-self.frames // FRAMES), len(mask))

        def add(here: slice) -> None:
            level = self._inside(F.avg_pool1d(self._encode(here).abs(), self.network.settings.pool))
            sums[here.start // FRAMES] = (mask[:, here] * level).sum(dim=1)

        self._run(add)
        return sums.sum(dim=0) / self.frames

    def decode(self, mask: Tensor, progress: Progress) -> Tensor:
        """The mix that belongs to a mask of (filters, frames)."""
        pool, samples = self.network.settings.pool, self.stems.shape[1]
        out = self.stems.new_empty(2, samples)

        def fill(here: slice) -> None:
            factors = window(mask, here.start - self.halo, here.stop + self.halo)
            mixed = self.network.decode(self._encode(here), factors[None])[0, :, self.halo * pool :]
            start, stop = here.start * pool, min(here.stop * pool, samples)
            out[:, start:stop] = mixed[:, : stop - start]

        self._run(fill, progress)
        return out

    def _run(self, work: Callable[[slice], None], progress: Progress = lambda share: None) -> None:
        self.workers.run(work, pieces(self.frames, FRAMES), progress=lambda done: progress(done / self.frames))

    def _encode(self, here: slice) -> Tensor:
        """The filter bank over some frames and their halo; zeros outside the song, as the whole song has them."""
        pool = self.network.settings.pool
        start, stop = (here.start - self.halo) * pool, (here.stop + self.halo) * pool
        p = self.network.encode(window(self.stems, start, stop)[None].to(self.network.encoder.weight.device))
        p[..., : max(0, -start)] = 0.0
        p[..., self.frames * pool - start :] = 0.0
        return p

    def _inside(self, frames: Tensor) -> Tensor:
        return frames[0, :, self.halo : -self.halo]


class Masking:
    """What `TDCN.mask` does, on arrays (channels, frames) of a whole song."""

    def __init__(self, network: "TDCN", workers: Workers) -> None:
        self.network = network
        self.workers = workers

    def compute(self, song: Song, progress: Progress) -> Tensor:
        """The mask of a song, (filters, frames)."""
        s = self.network.settings
        x = self.network.encoder.weight.new_empty(max(s.filters, s.bottleneck), song.frames)
        song.pool(x[: s.filters], lambda share: progress(0.3 * share))
        x = self.narrow(x)
        skips = x.new_zeros(s.skip, song.frames)
        for number, block in enumerate(self.network.blocks, start=1):
            self.run_block(block, x, skips)
            progress(0.3 + 0.3 * number / len(self.network.blocks))
        del x
        return self.recur(skips, lambda share: progress(0.6 + 0.1 * share))

    def narrow(self, x: Tensor) -> Tensor:
        """What enters the first block, (bottleneck, frames), in the place of the pooled magnitudes."""
        pooled, entering = x[: self.network.settings.filters], x[: self.network.settings.bottleneck]
        moments = self.measure(lambda here: pooled[:, here], x.shape[1])

        def fill(here: slice) -> None:
            entering[:, here] = self.network.narrow(moments.normalize(pooled[:, here], self.network.norm))

        self.workers.run(fill, pieces(x.shape[1], MANY_FRAMES))
        return entering

    def run_block(self, block: Any, x: Tensor, skips: Tensor) -> None:
        """One `tdcn.Block`: its residual is added to `x`, its skip to `skips`.

        Each normalisation needs the moments of all frames before it can normalise the first: three passes.
        """
        frames, reach = x.shape[1], block.depthwise.dilation[0]
        activate, norm = block.first
        activate_again, norm_again = block.second

        def widen(here: slice) -> Tensor:
            widened: Tensor = activate(block.widen(x[:, here]))
            return widened

        def convolve(here: slice) -> Tensor:
            start, stop = max(0, here.start - reach), min(frames, here.stop + reach)
            y = moments.normalize(widen(slice(start, stop)), norm)
            y = F.pad(y, (start - here.start + reach, here.stop + reach - stop))
            depthwise = block.depthwise
            convolved = F.conv1d(y, depthwise.weight, depthwise.bias, dilation=reach, groups=len(y))
            again: Tensor = activate_again(convolved)
            return again

        moments = self.measure(widen, frames)
        moments_again = self.measure(convolve, frames)
        late: tuple[slice, Tensor] | None = None  # a residual, added when the next piece has read what is there
        for here in pieces(frames, max(MANY_FRAMES, reach)):
            y = moments_again.normalize(convolve(here), norm_again)
            skips[:, here] += block.skip(y)
            if late is not None:
                x[:, late[0]] += late[1]
            late = None if block.residual is None else (here, block.residual(y))
        if late is not None:
            x[:, late[0]] += late[1]

    def recur(self, skips: Tensor, progress: Progress) -> Tensor:
        """The mask that belongs to the sum of the skips, (filters, frames)."""
        lstm, frames = self.network.lstm, skips.shape[1]
        x, out = (skips.new_empty(lstm.input_size, frames) for _ in range(2))
        for here in pieces(frames, MANY_FRAMES):
            x[:, here] = F.softplus(self.network.merge(skips[:, here]))
        for layer in range(lstm.num_layers):
            run_direction(single(lstm, f"_l{layer}"), x, out[: lstm.hidden_size])
            run_direction(single(lstm, f"_l{layer}_reverse"), x, out[lstm.hidden_size :], backwards=True)
            x, out = out, x
            progress((layer + 1) / lstm.num_layers)
        for here in pieces(frames, MANY_FRAMES):
            out[:, here] = F.softplus(x[:, here])
        return out

    def measure(self, compute: Callable[[slice], Tensor], frames: int) -> Moments:
        """Moments of an array that is computed piece by piece."""
        moments = Moments.none()
        for piece in self.workers.run(lambda here: Moments.of(compute(here)), pieces(frames, MANY_FRAMES)):
            moments.add(piece)
        return moments


def run_direction(one: nn.LSTM, x: Tensor, out: Tensor, *, backwards: bool = False) -> None:
    """One layer in one direction over (features, frames), its state carried from piece to piece."""
    state = None
    for here in pieces(x.shape[1], MANY_FRAMES, backwards=backwards):
        frames = x[:, here].T
        y, state = one(frames.flip(0) if backwards else frames, state)
        out[:, here] = (y.flip(0) if backwards else y).T


def single(lstm: nn.LSTM, which: str) -> nn.LSTM:
    """One layer in one direction, with a copy of the weights of a larger whole."""
    weights = {name: getattr(lstm, f"{name}{which}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}
    one = nn.LSTM(weights["weight_ih"].shape[1], lstm.hidden_size, device="meta")
    one.to_empty(device=weights["weight_ih"].device)
    with torch.no_grad():
        for name, weight in weights.items():
            getattr(one, f"{name}_l0").copy_(weight)
    one.flatten_parameters()  # in one piece, as a GPU wants them
    return one
