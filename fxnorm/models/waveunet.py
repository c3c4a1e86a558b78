"""Wave-U-Net: valid convolutions over samples with down- and upsampling and skips, aligned with its input.

Stoller, Ewert & Dixon, "Wave-U-Net", ISMIR 2018 (arXiv 1806.03185), with the sizes of Martínez-Ramírez et al., ISMIR
2022 (arXiv 2208.11428).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from pydantic import Field, PositiveInt, field_validator
from torch import Tensor, nn
from torch.nn import functional as F

from fxnorm.models.network import CHANNELS, INPUTS, Network
from fxnorm.models.settings import ModelSettings

GROUP = 8  # channels normalised together


class WaveUNetSettings(ModelSettings):
    """Sizes of the network.

    Attributes
    ----------
    levels : int
        Number of resolutions, including the lowest.
    features : int
        Channels of the first level, doubled at each further level; a multiple of 8.
    kernel : int
        Taps of every convolution; odd.
    stride : int
        Decimation from one level to the next; 1, as published, keeps every layer at full rate.
    resampling_taps : int
        Length of the fixed sinc filter around each change of the sample rate; odd.
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
    "published": WaveUNetSettings(),
    "default": WaveUNetSettings(stride=2),
    "small": WaveUNetSettings(levels=4, features=8, stride=4, resampling_taps=31),
}


def normalize_alone(norm: nn.GroupNorm, signal: "Signal") -> Tensor:
    """Normalise a signal by its own moments."""
    normalized: Tensor = norm(signal.x)
    return normalized


Normalize = Callable[[nn.GroupNorm, "Signal"], Tensor]


class Signal(NamedTuple):
    """Features with their position and normalisation: frame i belongs to input sample `start + i * hop`."""

    x: Tensor
    start: int
    hop: int
    normalize: Normalize = normalize_alone

    def crop_to(self, target: "Signal") -> Tensor:
        """Crop features to the positions of another signal of the same hop."""
        first = (target.start - self.start) // self.hop
        return self.x[..., first : first + target.x.shape[-1]]


class WaveUNet(Network):
    """Mixing by a U-shaped stack of valid convolutions with skips.

    The input is padded by the samples that valid convolutions remove, so output and input are aligned.
    """

    name = "waveunet"
    presets = PRESETS
    settings: WaveUNetSettings

    def __init__(self, settings: WaveUNetSettings) -> None:
        super().__init__(settings)
        s = settings
        sizes = [s.features * 2**level for level in range(s.levels)]
        shallow, deep = sizes[:-1], sizes[1:]
        inputs = [INPUTS, *shallow[1:]]
        self.down = nn.ModuleList(Down(s, *channels) for channels in zip(inputs, shallow, deep, strict=True))
        self.bottleneck = Convolution(deep[-1], deep[-1], s.kernel)
        self.up = nn.ModuleList(Up(s, *channels) for channels in zip(deep[::-1], shallow[::-1], strict=True))
        self.output = nn.Conv1d(sizes[0], CHANNELS, 1)

    @property
    def context(self) -> int:
        """Samples that valid convolutions remove at each end: 34 with the published sizes."""
        s = self.settings
        reach = s.kernel // 2
        resampling = s.resampling_taps // 2 if s.stride > 1 else 0
        hops = [s.stride**level for level in range(s.levels)]
        # per level two convolutions on the way down, two on the way up, and a filter around each resampling
        return sum(hop * (4 * reach + 2 * resampling) for hop in hops[:-1]) + hops[-1] * reach

    @property
    def padding(self) -> tuple[int, int]:
        """Samples before and after a span that its output needs; the second is larger where a level does not divide."""
        return self.context, self.context + self.settings.stride ** (self.settings.levels - 1) - 1

    def forward_flat(self, x: Tensor) -> Tensor:
        """Map (batch, 8, samples) -> (batch, 2, samples)."""
        return self.forward_valid(F.pad(x, self.padding), -self.context, 0, x.shape[-1])

    def forward_valid(
        self, x: Tensor, begin: int, start: int, stop: int, normalize: Normalize = normalize_alone
    ) -> Tensor:
        """Compute output samples from start to stop, of an input that begins at `begin` and includes their padding."""
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
        """Convolve, normalise and rectify."""
        norm: Any
        convolution, norm, activation = self.layers
        convolved = signal._replace(x=convolution(signal.x), start=signal.start + self.reach * signal.hop)
        return convolved._replace(x=activation(signal.normalize(norm, convolved)))


class Down(nn.Module):
    """Convolution for the skip, expansion to the channels of the next level, decimation."""

    def __init__(self, s: WaveUNetSettings, inputs: int, channels: int, deeper_channels: int) -> None:
        super().__init__()
        self.skip = Convolution(inputs, channels, s.kernel)
        self.expand = Convolution(channels, deeper_channels, s.kernel)
        self.resampler = Resampler(s.stride, s.resampling_taps) if s.stride > 1 else None

    def forward(self, signal: Signal) -> tuple[Signal, Signal]:
        """Return the skip, and the input of the next level."""
        skip = self.skip(signal)
        expanded = self.expand(skip)
        return skip, expanded if self.resampler is None else self.resampler.down(expanded)


class Up(nn.Module):
    """Interpolation to the rate of the skip, reduction to its channels, convolution of both."""

    def __init__(self, s: WaveUNetSettings, deeper_channels: int, channels: int) -> None:
        super().__init__()
        self.resampler = Resampler(s.stride, s.resampling_taps) if s.stride > 1 else None
        self.reduce = Convolution(deeper_channels, channels, s.kernel)
        self.merge = Convolution(2 * channels, channels, s.kernel)

    def forward(self, signal: Signal, skip: Signal) -> Signal:
        """Merge the output of the deeper level with the skip."""
        low = self.reduce(signal if self.resampler is None else self.resampler.up(signal))
        merged: Signal = self.merge(low._replace(x=torch.cat([low.x, skip.crop_to(low)], dim=1)))
        return merged


class Resampler(nn.Module):
    """Change of the sample rate by an integer factor with a fixed windowed sinc; valid samples only."""

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
        edge = 2 * self.reach  # frames computed from part of the taps
        x = x[..., edge : x.shape[-1] - edge].reshape(*signal.x.shape[:2], -1)
        return signal._replace(x=x, start=signal.start + self.reach * hop, hop=hop)


def design_lowpass(stride: int, taps: int) -> Tensor:
    """Design a windowed sinc with its -6 dB point at the Nyquist frequency of the lower rate, shape (taps,).

    Each of its `stride` phases sums to 1 / stride, so that decimation and interpolation keep a constant without ripple.
    """
    n = torch.arange(taps, dtype=torch.float64) - taps // 2
    kernel = torch.sinc(n / stride) * torch.hann_window(taps + 2, periodic=False, dtype=torch.float64)[1:-1]
    for phase in range(stride):
        kernel[phase::stride] /= stride * kernel[phase::stride].sum()
    return kernel.float()


def _flatten(x: Tensor) -> Tensor:
    """Move channels to the batch, so that all share one kernel: (batch * channels, 1, frames)."""
    return x.flatten(0, 1)[:, None]
