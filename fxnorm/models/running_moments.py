"""Group normalisation of an array that comes in pieces."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn


class Moments:
    """Mean and variance of each group of channels, taken in piece by piece, and the normalisation by them."""

    def __init__(self, count: int, means: Sequence[float], variances: Sequence[float]) -> None:
        self.count = count
        self.means = np.asarray(means)
        self.squares = count * np.asarray(variances)  # sums of squared distances from the mean

    @classmethod
    def none(cls, groups: int = 1) -> "Moments":
        """Before the first piece."""
        return cls(0, [0.0] * groups, [0.0] * groups)

    @classmethod
    def of(cls, x: Tensor, groups: int = 1) -> "Moments":
        """Those of an array (channels, frames)."""
        rows = x.reshape(groups, -1)
        variances, means = torch.var_mean(rows, 1, correction=0)
        return cls(rows.shape[1], means.tolist(), variances.tolist())

    def add(self, piece: "Moments") -> None:
        """Take in those of a piece.

        Notes
        -----
        Chan, Golub & LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances", 1979.
        """
        count, apart = self.count + piece.count, piece.means - self.means
        self.squares = self.squares + piece.squares + apart**2 * (self.count * piece.count / count)
        self.means = self.means + apart * (piece.count / count)
        self.count = count

    def normalize(self, x: Tensor, norm: nn.GroupNorm) -> Tensor:
        """What a group normalisation makes of a piece (channels, frames) of the whole."""
        per_group = norm.num_channels // norm.num_groups
        deviations = np.sqrt(self.squares / self.count + norm.eps)
        mean, deviation = (torch.from_numpy(values.repeat(per_group)).to(x) for values in (self.means, deviations))
        scale = norm.weight / deviation
        return torch.addcmul((norm.bias - mean * scale)[:, None], x, scale[:, None])
