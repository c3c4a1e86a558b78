"""Application of a network to long songs in overlapping chunks with crossfades.

For networks whose output depends on the whole input through normalisation: chunks do not equal the whole exactly.
"""

import torch
from torch import Tensor

from fxnorm.audio import SAMPLE_RATE
from fxnorm.models.base import Progress
from fxnorm.models.network import Network

CHUNK = 10 * SAMPLE_RATE  # samples, crossfades included: the length that networks are trained on
CROSSFADE = SAMPLE_RATE  # samples


def apply_chunked(
    network: Network,
    stems: Tensor,
    *,
    chunk: int = CHUNK,
    crossfade: int = CROSSFADE,
    progress: Progress = lambda share: None,
) -> Tensor:
    """Apply a network to chunks with its context at each end; the weights of a crossfade add up to one.

    Parameters
    ----------
    network : Network
        In evaluation mode; chunks are moved to its device.
    stems : Tensor, shape (4, 2, samples)
    chunk, crossfade : int
        Length of a chunk, and overlap of two, in samples.
    progress : callable
        Called with the share completed, 0 to 1.

    Returns
    -------
    Tensor, shape (2, samples)
        On the device of the stems. A song no longer than a chunk is mapped at once.
    """
    total = stems.shape[-1]
    out = stems.new_empty(stems.shape[1], total)
    device = next(network.parameters()).device
    rise = torch.linspace(0.0, 1.0, crossfade + 2, device=out.device)[1:-1]
    for start in range(0, max(1, total - crossfade), chunk - crossfade):
        stop = min(start + chunk, total)
        extended_start = max(0, start - network.context)
        extended = network(stems[None, ..., extended_start : stop + network.context].to(device))[0]
        mix = extended[:, start - extended_start : stop - extended_start].to(out.device)
        if start > 0:
            mix[:, :crossfade] = torch.lerp(out[:, start : start + crossfade], mix[:, :crossfade], rise)
        out[:, start:stop] = mix
        progress(stop / total)
    return out
