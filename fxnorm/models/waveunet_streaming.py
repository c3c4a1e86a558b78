"""Wave-U-Net on a song of any length: the same samples as from the whole song at once, a piece at a time.

A group normalisation divides by what it finds in all of its input, so that a piece alone comes out otherwise than the
same piece within its song. Here the moments are gathered over the whole song, one layer after the other, for those of
a layer depend on the normalisations before it: a pass over the song for each, as far as that layer, and then one that
mixes, which together take several times as long. To start from what each piece has by itself and improve it in a few
passes does not do: the moments of later layers get worse before they get better.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from torch import Tensor, nn

from fxnorm.models.chunk_pool import Workers, pieces, window
from fxnorm.models.running_moments import Moments

if TYPE_CHECKING:
    from fxnorm.models.waveunet import Signal, WaveUNet

PIECE = 1 << 16  # samples; a multiple of the largest hop

Progress = Callable[[float], None]


def mix(network: "WaveUNet", stems: Tensor, *, progress: Progress = lambda share: None) -> Tensor:
    """Mix a song in pieces.

    Parameters
    ----------
    network : WaveUNet
        In evaluation mode; pieces are moved to its device.
    stems : Tensor, shape (8, samples)
    progress : callable
        Called with the share that is done, 0 to 1.

    Returns
    -------
    Tensor, shape (2, samples)
        On the device of the stems.
    """
    samples = stems.shape[1]
    out = stems.new_empty(2, samples)
    known: dict[nn.GroupNorm, Moments] = {}
    passes = 1 + sum(isinstance(module, nn.GroupNorm) for module in network.modules())

    def work(here: slice) -> tuple[nn.GroupNorm, Moments] | None:
        try:
            out[:, here] = run(network, stems, here, known)
        except Unknown as found:
            return found.norm, found.moments  # without the exception, which holds on to all that led to it
        return None

    with Workers(network.output.weight.device) as workers:
        for number in range(passes):

            def tell(done: int, number: int = number) -> None:
                progress(((number + done / samples) / passes) ** 2)  # each pass is longer than the one before it

            for found in workers.run(work, pieces(samples, PIECE), progress=tell):
                if found is not None:
                    norm, moments = found
                    known.setdefault(norm, Moments.none(norm.num_groups)).add(moments)
    return out


class Unknown(Exception):  # noqa: N818 (no error, but where a pass ends)
    """The first normalisation whose moments are not known, and what a piece adds to them."""

    def __init__(self, norm: nn.GroupNorm, moments: Moments) -> None:
        super().__init__()
        self.norm = norm
        self.moments = moments


def run(network: "WaveUNet", stems: Tensor, here: slice, known: Mapping[nn.GroupNorm, Moments]) -> Tensor:
    """Mix a piece by moments of the whole song, (2, samples); raises `Unknown` where they are not known."""
    samples = stems.shape[1]

    def normalize(norm: nn.GroupNorm, signal: "Signal") -> Tensor:
        if norm in known:
            return known[norm].normalize(signal.x[0], norm)[None]
        # the frames of the piece itself; what lies before and after the song counts with its first and last piece
        begin = 0 if here.start == 0 else -((signal.start - here.start) // signal.hop)
        end = signal.x.shape[-1] if here.stop == samples else -((signal.start - here.stop) // signal.hop)
        raise Unknown(norm, Moments.of(signal.x[0, :, begin:end], norm.num_groups))

    before, after = network.context
    x = window(stems, here.start - before, here.stop + after).to(network.output.weight.device)
    return network.shorten(x[None], here.start - before, here.start, here.stop, normalize)[0]
