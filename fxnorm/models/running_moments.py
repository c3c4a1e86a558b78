"""Group normalisation of an array that is computed in chunks."""

from collections.abc import Sequence
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn


class RunningMoments:
    """Mean and variance of each group of channels, updated chunk by chunk.

    Parameters
    ----------
    count : int
        Number of values per group.
    means, variances : sequence of float
        By group.
    """

    def __init__(self, count: int, means: Sequence[float], variances: Sequence[float]) -> None:
        self.count = count
        self.means = np.asarray(means)
        self.squares = count * np.asarray(variances)  # sums of squared deviations

    @classmethod
    def empty(cls, groups: int = 1) -> Self:
        """Return the moments of no values."""
        return cls(0, [0.0] * groups, [0.0] * groups)

    @classmethod
    def from_tensor(cls, x: Tensor, groups: int = 1) -> Self:
        """Compute the moments of an array (channels, frames)."""
        rows = x.reshape(groups, -1)
        variances, means = torch.var_mean(rows, 1, correction=0)
        return cls(rows.shape[1], means.tolist(), variances.tolist())

    def update(self, chunk: "RunningMoments") -> None:
        """Add the moments of a chunk.

        Notes
        -----
        Chan, Golub & LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances", 1979.
        """
        count, difference = self.count + chunk.count, chunk.means - self.means
        self.squares = self.squares + chunk.squares + difference**2 * (self.count * chunk.count / count)
        self.means = self.means + difference * (chunk.count / count)
        self.count = count

    def normalize(self, x: Tensor, norm: nn.GroupNorm) -> Tensor:
        """Apply a group normalisation with these moments to a chunk (channels, frames)."""
        per_group = norm.num_channels // norm.num_groups
        deviations = np.sqrt(self.squares / self.count + norm.eps)
        mean, deviation = (torch.from_numpy(values.repeat(per_group)).to(x) for values in (self.means, deviations))
        scale = norm.weight / deviation
        return torch.addcmul((norm.bias - mean * scale)[:, None], x, scale[:, None])
