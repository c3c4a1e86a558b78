"""The multi-resolution STFT loss."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from fxnorm.errors import InputError
from fxnorm.losses.pair import require_pair

RESOLUTIONS = (512, 2048, 8192)


class MultiResolutionLoss(nn.Module):
    """Multi-resolution STFT loss on sum and difference, as the package `auraloss` defines it.

    Parameters
    ----------
    sizes : sequence of int
        FFT lengths; windows have the same length, hops a quarter of it.

    Raises
    ------
    InputError
        If `auraloss` is not installed.

    Notes
    -----
    Steinmetz et al., "Automatic multitrack mixing with a differentiable mixing console of neural audio effects",
    ICASSP 2021 (arXiv 2010.10291).
    """

    def __init__(self, sizes: Sequence[int] = RESOLUTIONS) -> None:
        super().__init__()
        try:
            from auraloss.freq import SumAndDifferenceSTFTLoss
        except ModuleNotFoundError as error:
            raise InputError(f"this loss needs {error.name}, which is not installed: pip install auraloss") from error
        self.longest = max(sizes)
        self.loss = SumAndDifferenceSTFTLoss(list(sizes), [size // 4 for size in sizes], list(sizes))

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        """Compare (batch, 2, samples) with (batch, 2, samples) in 32 bits, also under autocast.

        Raises
        ------
        InputError
            If the shapes differ, are not stereo, or are too short for the longest spectrum.
        """
        require_pair(output, target)
        if output.shape[-1] <= self.longest // 2:
            raise InputError(f"expected more than {self.longest // 2} samples, got {output.shape[-1]}")
        with torch.autocast(output.device.type, enabled=False):
            loss: Tensor = self.loss(output.float(), target.float())
        return loss
