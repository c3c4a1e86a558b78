"""Wave-U-Net: an hourglass of valid convolutions over samples, aligned with its input.

Stoller, Ewert & Dixon, "Wave-U-Net", ISMIR 2018 (arXiv 1806.03185), with the sizes of Martínez-Ramírez et al., ISMIR
2022 (arXiv 2208.11428).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from pydantic import Field, PositiveInt, field_validator
from torch import Tensor, nn
from torch.nn import functional as F

from fxnorm.models import waveunet_streaming
from fxnorm.models.base import CHANNELS, INPUTS, Network, Progress
from fxnorm.models.settings import ModelSettings

GROUP = 8  # channels normalised together


class Settings(ModelSettings):
    """Sizes of the network.

    Attributes
    ----------
    levels : int
        Resolutions, the lowest included.
    features : int
        Channels of the first level, doubled at each further one; a multiple of 8.
    kernel : int
        Taps of every convolution; odd.
    stride : int
        Samples of a level in one of the next. 1, as published, does without resampling: every layer at full rate.
    resampling_taps : int
        Length of the fixed sinc filter around each change of rate; odd.
    """

    levels: int = Field(default=5, ge=2)
    features: PositiveInt = 24
    kernel: PositiveInt = 5
    stride: PositiveInt = 1
    resampling_taps: PositiveInt = 15

    @field_validator("kernel", "resampling_taps")
    @classmethod
    def _odd(cls, taps: int) -> int:
        if taps % 2 == 0:
            raise ValueError(f"expected an odd number of taps, got {taps}; an even one has no middle to align")
        return taps

    @field_validator("features")
    @classmethod
    def _in_groups(cls, features: int) -> int:
        if features % GROUP:
            raise ValueError(f"expected a multiple of {GROUP}, got {features}; channels are normalised in groups of it")
        return features


PRESETS = {
    "published": Settings(),
    "default": Settings(stride=2),
    "small": Settings(levels=4, features=8, stride=4, resampling_taps=31),
}


def by_itself(norm: nn.GroupNorm, signal: "Signal") -> Tensor:
    """Normalise a signal by what is in it."""
    normalized: Tensor = norm(signal.x)
    return normalized


Normalize = Callable[[nn.GroupNorm, "Signal"], Tensor]


class Signal(NamedTuple):
    """Features, and where they lie: frame i belongs to input sample `start + i * hop`; and how they are normalised."""

    x: Tensor
    start: int
    hop: int
    normalize: Normalize = by_itself

    def crop_to(self, other: "Signal") -> Tensor:
        """The part of the features that lies where another signal of the same hop does."""
        first = (other.start - self.start) // self.hop
        return self.x[..., first : first + other.x.shape[-1]]


class WaveUNet(Network):
    """Mixing by a U-shaped stack of convolutions with skips.

    Valid convolutions shorten the signal; the input is padded by what they take, so that the output is as long as the
    input and every sample in its place.
    """

    name = "waveunet"
    presets = PRESETS
    settings: Settings

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        s = settings
        sizes = [s.features * 2**level for level in range(s.levels)]
        shallow, deep = sizes[:-1], sizes[1:]
        inputs = [INPUTS, *shallow[1:]]
        self.down = nn.ModuleList(
            Down(s, before, here, after) for before, here, after in zip(inputs, shallow, deep, strict=True)
        )
        self.bottleneck = Convolution(deep[-1], deep[-1], s.kernel)
        self.up = nn.ModuleList(Up(s, after, here) for here, after in zip(shallow[::-1], deep[::-1], strict=True))
        self.output = nn.Conv1d(sizes[0], CHANNELS, 1)

    @property
    def guard(self) -> int:
        """34 samples with the published sizes: what the valid convolutions take on each side."""
        s = self.settings
        reach = s.kernel // 2
        resampling = s.resampling_taps // 2 if s.stride > 1 else 0
        hops = [s.stride**level for level in range(s.levels)]
        # per level two convolutions on the way down, two on the way up, and a filter around each change of rate
        return sum(hop * (4 * reach + 2 * resampling) for hop in hops[:-1]) + hops[-1] * reach

    @property
    def context(self) -> tuple[int, int]:
        """Samples before and after a stretch that its output needs; some are lost where a level does not divide."""
        return self.guard, self.guard + self.settings.stride ** (self.settings.levels - 1) - 1

    def mix(self, x: Tensor) -> Tensor:
        """Mix (batch, 8, samples) -> (batch, 2, samples)."""
        return self.shorten(F.pad(x, self.context), -self.guard, 0, x.shape[-1])

    def mix_long(self, stems: Tensor, *, exact: bool = False, progress: Progress = lambda share: None) -> Tensor:
        """Mix a song in overlapping pieces as long as those it was trained on, each normalised by itself.

        `exact` normalises by the whole song instead, to rounding as `forward` does, and takes nine times as long.
        """
        if exact:
            return waveunet_streaming.mix(self, stems.flatten(0, 1), progress=progress)
        return super().mix_long(stems, progress=progress)

    def shorten(self, x: Tensor, begin: int, start: int, stop: int, normalize: Normalize = by_itself) -> Tensor:
        """Mix what lies at `begin` and has its context around it: the samples from start to stop."""
        signal = Signal(x, begin, 1, normalize)
        skips = []
        for down in self.down:
            skip, signal = down(signal)
            skips.append(skip)
        signal = self.bottleneck(signal)
        for up in self.up:
            signal = up(signal, skips.pop())
        out: Tensor = self.output(signal.x[..., start - signal.start : stop - signal.start])
        return out


class Convolution(nn.Module):
    """Valid convolution, group normalisation, ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        self.reach = kernel // 2
        self.layers = nn.Sequential(
            nn.Conv1d(inputs, outputs, kernel), nn.GroupNorm(outputs // GROUP, outputs), nn.ReLU()
        )

    def forward(self, signal: Signal) -> Signal:
        norm: Any
        convolution, norm, activation = self.layers
        convolved = signal._replace(x=convolution(signal.x), start=signal.start + self.reach * signal.hop)
        return convolved._replace(x=activation(signal.normalize(norm, convolved)))


class Down(nn.Module):
    """Features for the skip, more of them, and down to the next rate."""

    def __init__(self, s: Settings, inputs: int, here: int, after: int) -> None:
        super().__init__()
        self.skip = Convolution(inputs, here, s.kernel)
        self.grow = Convolution(here, after, s.kernel)
        self.resampler = Resampler(s.stride, s.resampling_taps) if s.stride > 1 else None

    def forward(self, signal: Signal) -> tuple[Signal, Signal]:
        skip = self.skip(signal)
        grown = self.grow(skip)
        return skip, grown if self.resampler is None else self.resampler.down(grown)


class Up(nn.Module):
    """Up to the rate of the skip, and the two together."""

    def __init__(self, s: Settings, after: int, here: int) -> None:
        super().__init__()
        self.resampler = Resampler(s.stride, s.resampling_taps) if s.stride > 1 else None
        self.shrink = Convolution(after, here, s.kernel)
        self.merge = Convolution(2 * here, here, s.kernel)

    def forward(self, signal: Signal, skip: Signal) -> Signal:
        low = self.shrink(signal if self.resampler is None else self.resampler.up(signal))
        merged: Signal = self.merge(low._replace(x=torch.cat([low.x, skip.crop_to(low)], dim=1)))
        return merged


class Resampler(nn.Module):
    """Changes the rate by a whole number with a fixed windowed sinc, valid part only."""

    kernel: Tensor

    def __init__(self, stride: int, taps: int) -> None:
        super().__init__()
        self.stride = stride
        self.reach = taps // 2
        self.register_buffer("kernel", design_lowpass(stride, taps)[None, None], persistent=False)

    def down(self, signal: Signal) -> Signal:
        """Keep every `stride`-th frame of the low-passed features."""
        x = F.conv1d(_flatten(signal.x), self.kernel, stride=self.stride)
        x = x.reshape(*signal.x.shape[:2], -1)
        return signal._replace(x=x, start=signal.start + self.reach * signal.hop, hop=signal.hop * self.stride)

    def up(self, signal: Signal) -> Signal:
        """Put zeros between the frames and low-pass them."""
        hop = signal.hop // self.stride
        x = F.conv_transpose1d(_flatten(signal.x), self.kernel * self.stride, stride=self.stride)
        edge = 2 * self.reach  # where the filter met less than the whole of its taps
        x = x[..., edge : x.shape[-1] - edge].reshape(*signal.x.shape[:2], -1)
        return signal._replace(x=x, start=signal.start + self.reach * hop, hop=hop)


def design_lowpass(stride: int, taps: int) -> Tensor:
    """Windowed sinc with its -6 dB point at the Nyquist frequency of the lower rate, shape (taps,).

    Each of its `stride` phases sums to 1 / stride, so that a constant comes through both ways without ripple.
    """
    n = torch.arange(taps, dtype=torch.float64) - taps // 2
    kernel = torch.sinc(n / stride) * torch.hann_window(taps + 2, periodic=False, dtype=torch.float64)[1:-1]
    for phase in range(stride):
        kernel[phase::stride] /= stride * kernel[phase::stride].sum()
    return kernel.float()


def _flatten(x: Tensor) -> Tensor:
    """Every channel a batch item of its own, so that all share one kernel: (batch * channels, 1, frames)."""
    return x.flatten(0, 1)[:, None]
