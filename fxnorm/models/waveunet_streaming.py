"""Wave-U-Net on a song of any length, in chunks that equal the whole song to rounding.

A group normalisation depends on all of its input, so a chunk alone differs from the same chunk within its song. The
moments are gathered over the whole song, one normalisation after the other, since each depends on those before it: one
pass over the song for each, up to that layer, and a last one for the mix. Starting from the moments of each chunk and
refining them in a few passes fails: the moments of later layers get worse before they get better.
"""

from collections.abc import Mapping

from torch import Tensor, nn

from fxnorm.models.base import Progress
from fxnorm.models.chunk_pool import ChunkPool, chunks, slice_padded
from fxnorm.models.running_moments import RunningMoments
from fxnorm.models.waveunet import Signal, WaveUNet

CHUNK = 1 << 16  # samples; a multiple of the largest hop


def apply_long(network: WaveUNet, stems: Tensor, *, progress: Progress = lambda share: None) -> Tensor:
    """Map a song to its mix in chunks, in nine times the time of `chunked.apply_chunked`; see `Network.apply_long`."""
    channels = stems.flatten(0, 1)
    samples = stems.shape[-1]
    out = stems.new_empty(2, samples)
    moments_by_norm: dict[nn.GroupNorm, RunningMoments] = {}
    passes = 1 + sum(isinstance(module, nn.GroupNorm) for module in network.modules())

    def process(span: slice) -> tuple[nn.GroupNorm, RunningMoments] | None:
        try:
            out[:, span] = apply_to_chunk(network, channels, span, moments_by_norm)
        except UnknownMoments as error:
            return error.norm, error.moments  # without the exception, whose traceback holds all tensors
        return None

    with ChunkPool(network.output.weight.device) as pool:
        for number in range(passes):

            def report(stop: int, number: int = number) -> None:
                progress(((number + stop / samples) / passes) ** 2)  # each pass is longer than the one before it

            for result in pool.run(process, chunks(samples, CHUNK), progress=report):
                if result is not None:
                    norm, moments = result
                    moments_by_norm.setdefault(norm, RunningMoments.empty(norm.num_groups)).update(moments)
    return out


class UnknownMoments(Exception):  # noqa: N818 (ends a pass; no error)
    """Raised at the first normalisation without moments, with those of the chunk."""

    def __init__(self, norm: nn.GroupNorm, moments: RunningMoments) -> None:
        super().__init__()
        self.norm = norm
        self.moments = moments


def apply_to_chunk(
    network: WaveUNet, channels: Tensor, span: slice, moments_by_norm: Mapping[nn.GroupNorm, RunningMoments]
) -> Tensor:
    """Mix of a chunk, (2, samples), by moments of the whole song; raises `UnknownMoments` where one is missing."""
    samples = channels.shape[1]

    def normalize(norm: nn.GroupNorm, signal: Signal) -> Tensor:
        if norm in moments_by_norm:
            return moments_by_norm[norm].normalize(signal.x[0], norm)[None]
        # Frames of this chunk only; those beyond the song count with its first and last chunk.
        begin = 0 if span.start == 0 else -((signal.start - span.start) // signal.hop)
        end = signal.x.shape[-1] if span.stop == samples else -((signal.start - span.stop) // signal.hop)
        raise UnknownMoments(norm, RunningMoments.from_tensor(signal.x[0, :, begin:end], norm.num_groups))

    before, after = network.padding
    x = slice_padded(channels, span.start - before, span.stop + after).to(network.output.weight.device)
    return network.forward_valid(x[None], span.start - before, span.start, span.stop, normalize)[0]
