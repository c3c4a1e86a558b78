"""Long songs in overlapping pieces, faded into each other: for networks whose pieces are not exact."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from fxnorm.audio import RATE

if TYPE_CHECKING:
    from fxnorm.models.base import Network

PIECE = 10 * RATE  # samples, the fades included: as long as what networks are trained on
FADE = RATE  # in which one piece fades into the next


def mix(
    network: "Network",
    stems: Tensor,
    *,
    piece: int = PIECE,
    fade: int = FADE,
    progress: Callable[[float], None] = lambda share: None,
) -> Tensor:
    """Mix a song in pieces, each with the network's guard of context around it; the weights of two add up to one.

    Parameters
    ----------
    network : Network
        In evaluation mode; pieces are moved to its device.
    stems : Tensor, shape (4, 2, samples)
    piece, fade : int
        Samples of a piece, and of the overlap of two.
    progress : callable
        Called with the share that is done, 0 to 1.

    Returns
    -------
    Tensor, shape (2, samples)
        On the device of the stems. A song no longer than a piece is mixed at once.
    """
    total = stems.shape[-1]
    out = stems.new_empty(stems.shape[1], total)
    device = next(network.parameters()).device
    rise = torch.linspace(0.0, 1.0, fade + 2, device=out.device)[1:-1]
    for start in range(0, max(1, total - fade), piece - fade):
        stop = min(start + piece, total)
        first = max(0, start - network.guard)
        mixed = network(stems[None, ..., first : stop + network.guard].to(device))[0]
        new = mixed[:, start - first : stop - first].to(out.device)
        if start > 0:
            new[:, :fade] = torch.lerp(out[:, start : start + fade], new[:, :fade], rise)
        out[:, start:stop] = new
        progress(stop / total)
    return out
