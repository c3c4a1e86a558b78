"""Losses between a mix and its target, on the sum and the difference of the channels.

La and Lb after Martínez-Ramírez et al., "Automatic music mixing with deep learning and out-of-domain data", ISMIR 2022
(arXiv 2208.11428). They compare magnitudes of S = L + R and D = L - R, so swapped channels give the same loss.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fxnorm.audio import SAMPLE_RATE
from fxnorm.errors import InputError

N_FFT = 4096
HOP = 1024
A_WEIGHTING_TAPS = 101
LOW_PASS = (1.0, 0.85)
RESOLUTIONS = (512, 2048, 8192)

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
        _require_pair(output, target)
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
        _require_pair(output, target)
        if output.shape[-1] <= self.longest // 2:
            raise InputError(f"expected more than {self.longest // 2} samples, got {output.shape[-1]}")
        with torch.autocast(output.device.type, enabled=False):
            loss: Tensor = self.loss(output.float(), target.float())
        return loss


LOSSES: dict[str, Callable[..., nn.Module]] = {
    "La": lambda **settings: StereoLoss("La", **settings),
    "Lb": lambda **settings: StereoLoss("Lb", **settings),
    "mrstft": MultiResolutionLoss,
}


def build(name: str, **settings: object) -> nn.Module:
    """Build a loss by name: `La`, `Lb` or `mrstft`.

    Raises
    ------
    InputError
        If the loss or a setting is unknown.
    """
    if name not in LOSSES:
        raise InputError(f"unknown loss {name!r}: expected one of {', '.join(LOSSES)}")
    try:
        return LOSSES[name](**settings)
    except TypeError as error:
        raise InputError(f"loss {name}: {error}") from None


def context_frames(samples: int) -> int:
    """Return how many frames at each end begin within a number of samples of context."""
    return -(-samples // HOP)


@cache
def design_a_weighting(sample_rate: int) -> npt.NDArray[np.float64]:
    """Design a linear-phase FIR filter with the A-weighting curve of IEC 61672, shape (101,).

    Bilinear transform of the analog curve without prewarping, its magnitude at 512 frequencies, and a least-squares fit
    with consecutive pairs of points as bands.
    """
    from scipy import signal

    poles_hz = (20.598997, 107.65265, 737.86223, 12194.217)
    gain_db_at_1_khz = 1.9997
    w = [2.0 * np.pi * hz for hz in poles_hz]
    # H(s) = 10^(G/20) w4^2 s^4 / ((s + w1)^2 (s + w2) (s + w3) (s + w4)^2)
    gain = 10.0 ** (gain_db_at_1_khz / 20.0) * w[3] ** 2
    zeros, poles = np.zeros(4), -np.array([w[0], w[0], w[1], w[2], w[3], w[3]])
    b, a = signal.zpk2tf(*signal.bilinear_zpk(zeros, poles, gain, fs=sample_rate))
    frequencies, response = signal.freqz(b, a, worN=512, fs=sample_rate)
    taps: npt.NDArray[np.float64] = signal.firls(A_WEIGHTING_TAPS, frequencies, np.abs(response), fs=sample_rate)
    return taps


def _require_pair(output: Tensor, target: Tensor) -> None:
    if output.shape != target.shape or output.ndim != 3 or output.shape[1] != 2:
        raise InputError(
            f"expected output and target of shape (batch, 2, samples), got {tuple(output.shape)} and "
            f"{tuple(target.shape)}"
        )
