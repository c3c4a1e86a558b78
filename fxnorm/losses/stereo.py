"""The losses La and Lb on the sum and the difference of the channels.

After Martínez-Ramírez et al., "Automatic music mixing with deep learning and out-of-domain data", ISMIR 2022
(arXiv 2208.11428). They compare magnitudes of S = L + R and D = L - R, so swapped channels give the same loss.
"""

from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fxnorm.audio import SAMPLE_RATE
from fxnorm.errors import InputError
from fxnorm.losses.a_weighting import A_WEIGHTING_TAPS, design_a_weighting
from fxnorm.losses.pair import require_pair

N_FFT = 4096
HOP = 1024
LOW_PASS = (1.0, 0.85)

# Floor of magnitudes, chosen by measurement: two stereo mixes of 3 s, weighted. In half precision with a loss scale of
# 2^16 a gradient above 1 overflows. With sums over 4,096 samples (a full-scale sine reads 1,304) 1e-2 lies at -102 dB.
#
#   eps     La, relative to eps 1e-30    largest gradient: mix at -120 dB    silent target
#   1e-30            1                                   1.8e3                  2e27
#   1e-6             0.996                               3.2e2                  2e3
#   1e-4             0.91                                13                     22
#   1e-3             0.80                                1.3                    2.2
#   1e-2             0.68                                0.13                   0.23
#   1e-1             0.56                                0.014                  0.023
EPS = 1e-2

Kind = Literal["La", "Lb"]


class StereoLoss(nn.Module):
    """La or Lb.

    La adds, over S and D, the spectral convergence and the mean absolute difference of log magnitudes:

        || |X| - |Y| || / || |Y| ||  +  mean | ln |X| - ln |Y| |

    with Frobenius norms over the whole batch. Lb replaces the first term by the mean squared difference of magnitudes.

    Parameters
    ----------
    kind : {"La", "Lb"}
    weighted : bool
        Filter both signals with an A-weighting of 101 taps and the low-pass [1, 0.85] first.
    context_frames : int
        Frames excluded at each end, where the network lacked context; see the function `context_frames`.
    eps : float
        Floor of the magnitudes, and of the root mean square of the target's magnitudes.
    """

    taps: Tensor
    window: Tensor

    def __init__(self, kind: Kind = "La", *, weighted: bool = True, context_frames: int = 0, eps: float = EPS) -> None:
        super().__init__()
        if kind not in ("La", "Lb"):
            raise InputError(f"unknown stereo loss {kind!r}: expected La or Lb")
        if context_frames < 0 or eps <= 0.0:
            raise InputError(f"expected context_frames of 0 or more and eps above 0, got {context_frames} and {eps:g}")
        self.kind = kind
        self.weighted = weighted
        self.context_frames = context_frames
        self.eps = eps
        taps = np.convolve(design_a_weighting(SAMPLE_RATE), LOW_PASS)[::-1]
        self.register_buffer("taps", torch.tensor(taps.copy(), dtype=torch.float32)[None, None], persistent=False)
        self.register_buffer("window", torch.hann_window(N_FFT).sqrt(), persistent=False)

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        """Compare a mix with its target.

        Parameters
        ----------
        output, target : Tensor, shape (batch, 2, samples)
            At 44,100 Hz, any floating type; neither is changed.

        Returns
        -------
        Tensor, shape ()
            Computed in 32 bits, also under autocast.

        Raises
        ------
        InputError
            If the shapes differ, are not stereo, or leave no frame between the excluded ends.
        """
        require_pair(output, target)
        shortest = N_FFT + 2 * self.context_frames * HOP
        if output.shape[-1] < shortest:
            raise InputError(
                f"expected at least {shortest} samples ({self.context_frames} context frames at each end of one), "
                f"got {output.shape[-1]}"
            )
        with torch.autocast(output.device.type, enabled=False):
            terms = zip(self._magnitudes(output), self._magnitudes(target), strict=True)
            return torch.stack([self._compare(x, y) for x, y in terms]).sum()

    def _magnitudes(self, stereo: Tensor) -> Tensor:
        """Transform sum and difference, shape (2, batch, bins, frames)."""
        left, right = stereo.float().unbind(dim=1)
        signals = torch.stack([left + right, left - right])
        if self.weighted:
            edge = A_WEIGHTING_TAPS // 2
            padded = F.pad(signals.flatten(0, 1)[:, None], (edge + len(LOW_PASS) - 1, edge))
            signals = F.conv1d(padded, self.taps)[:, 0].unflatten(0, signals.shape[:2])
        spectra = torch.stft(
            signals.flatten(0, 1), N_FFT, HOP, window=self.window, center=False, return_complex=True
        ).abs()
        frames = spectra.shape[-1]
        return spectra[..., self.context_frames : frames - self.context_frames].unflatten(0, signals.shape[:2])

    def _compare(self, x: Tensor, y: Tensor) -> Tensor:
        logs = (torch.log(x + self.eps) - torch.log(y + self.eps)).abs().mean()
        if self.kind == "Lb":
            return (x - y).square().mean() + logs
        floor = self.eps * y.numel() ** 0.5
        return torch.linalg.vector_norm(x - y) / torch.linalg.vector_norm(y).clamp(min=floor) + logs


def context_frames(samples: int) -> int:
    """Return how many frames at each end begin within a number of samples of context."""
    return -(-samples // HOP)
