"""TDCN: a mask over a learned filter bank, computed by dilated convolutions and recurrent layers.

Martínez-Ramírez et al., "Automatic music mixing with deep learning and out-of-domain data", ISMIR 2022
(arXiv 2208.11428). The masking network follows Luo & Mesgarani, "Conv-TasNet", TASLP 2019 (arXiv 1809.07454).
"""

import torch
from pydantic import Field, PositiveInt, field_validator
from torch import Tensor, nn
from torch.nn import functional as F

from fxnorm.corpus.stems import STEMS
from fxnorm.models.convolutions import convolve, convolve_each
from fxnorm.models.network import CHANNELS, INPUTS, Network
from fxnorm.models.settings import ModelSettings

LONGEST_MEMORY = 32  # frames, Tmax of the chrono initialisation


class TdcnSettings(ModelSettings):
    """Sizes of the network.

    Attributes
    ----------
    filters, kernel : int
        Channels and taps of the filter bank.
    smoothing : int
        Taps of the smoothing filter of each channel.
    pool : int
        Samples in a frame.
    bottleneck, hidden, skip : int
        Channels of the masking network.
    repeats, blocks : int
        The masking network has `repeats` times `blocks` blocks, with dilation 1, 2, 4 ... within a repeat.
    lstm_layers : int
        Bidirectional layers, with half as many units as filters in each direction.
    excitation : int
        Hidden units of the squeeze-excitation.
    dropout : float
        Dropout between the recurrent layers.
    """

    filters: PositiveInt = 128
    kernel: PositiveInt = 64
    smoothing: PositiveInt = 128
    pool: PositiveInt = 64
    bottleneck: PositiveInt = 256
    hidden: PositiveInt = 128
    skip: PositiveInt = 64
    repeats: PositiveInt = 4
    blocks: PositiveInt = 6
    lstm_layers: PositiveInt = 3
    excitation: PositiveInt = 2048
    dropout: float = Field(default=0.1, ge=0.0, lt=1.0)

    @field_validator("filters")
    @classmethod
    def _even(cls, filters: int) -> int:
        if filters % 2:
            raise ValueError(f"filters: expected an even number, got {filters}; two directions share them")
        return filters


PRESETS = {
    "published": TdcnSettings(),
    "small": TdcnSettings(
        filters=24,
        smoothing=64,
        bottleneck=64,
        hidden=64,
        skip=32,
        repeats=2,
        blocks=5,
        lstm_layers=1,
        excitation=128,
    ),
}


class TDCN(Network):
    """Time-domain mixing by masking.

    A filter bank maps the stems to `filters` signals p at full rate. A mask is computed from their smoothed magnitudes,
    pooled to frames. Mask times p passes the transposed filter bank, and the four stereo signals are summed.
    """

    name = "tdcn"
    presets = PRESETS
    settings: TdcnSettings

    def __init__(self, settings: TdcnSettings) -> None:
        super().__init__(settings)
        s = settings
        self.encoder = nn.Conv1d(INPUTS, s.filters, s.kernel, bias=False)
        self.smoothing = nn.Conv1d(s.filters, s.filters, s.smoothing, groups=s.filters, bias=False)
        self.norm = nn.GroupNorm(1, s.filters)
        self.narrow = nn.Conv1d(s.filters, s.bottleneck, 1)
        count = s.repeats * s.blocks
        self.blocks = nn.ModuleList(Block(s, dilation=2 ** (i % s.blocks), last=i == count - 1) for i in range(count))
        self.merge = nn.Sequential(nn.PReLU(), nn.Conv1d(s.skip, s.filters, 1))
        dropout = s.dropout if s.lstm_layers > 1 else 0.0
        self.lstm = nn.LSTM(
            s.filters, s.filters // 2, s.lstm_layers, batch_first=True, dropout=dropout, bidirectional=True
        )
        self.squeeze = nn.Linear(s.filters, s.excitation)
        self.excite = nn.Linear(s.excitation, s.filters)
        init_chrono(self.lstm, LONGEST_MEMORY)

    @property
    def context(self) -> int:
        """Receptive field of filters and dilated convolutions: 32,446 samples with the published sizes."""
        s = self.settings
        frames = 2 * s.repeats * (2**s.blocks - 1)  # sum over the blocks of (3 - 1) * dilation
        return (s.kernel - 1) + (s.smoothing - 1) + s.pool * frames

    def forward_flat(self, x: Tensor) -> Tensor:
        """Map (batch, 8, samples) -> (batch, 2, samples)."""
        samples = x.shape[-1]
        p = self.encode(x)  # (batch, filters, whole frames of samples)
        magnitude = p.abs()
        mask = self.mask(self.pool(magnitude))  # (batch, filters, frames)
        # Squeeze-excitation over |mask p|: the mask is positive and constant within a frame.
        level = (mask * F.avg_pool1d(magnitude, self.settings.pool)).mean(dim=2)
        return self.decode(p, mask * self.excitation(level)[:, :, None])[..., :samples]

    def encode(self, x: Tensor) -> Tensor:
        """Filter bank p: (batch, 8, samples) -> (batch, filters, whole frames of samples)."""
        return convolve(F.pad(x, (0, -x.shape[-1] % self.settings.pool)), self.encoder.weight)

    def pool(self, magnitude: Tensor) -> Tensor:
        """Return the smoothed magnitudes of frames: (batch, filters, samples) -> (batch, filters, frames)."""
        # softplus is monotonic, so it commutes with the maximum: pool first, for 64 times fewer softplus.
        return F.softplus(F.max_pool1d(convolve_each(magnitude, self.smoothing.weight), self.settings.pool))

    def mask(self, x: Tensor) -> Tensor:
        """Compute a positive mask from smoothed magnitudes, (batch, filters, frames) both."""
        x = self.narrow(self.norm(x))
        skips = []
        for block in self.blocks:
            x, skip = block(x)
            skips.append(skip)
        x = F.softplus(self.merge(sum(skips)))
        x, _ = self.lstm(x.transpose(1, 2))
        return F.softplus(x.transpose(1, 2))

    def excitation(self, level: Tensor) -> Tensor:
        """Compute the gain of each filter from its mean masked level, (..., filters) both."""
        return torch.sigmoid(self.excite(torch.relu(self.squeeze(level))))

    def decode(self, p: Tensor, factors: Tensor) -> Tensor:
        """Mix (batch, 2, samples) of p, with its frames multiplied by factors (batch, filters, frames)."""
        masked = (p.unflatten(2, (-1, self.settings.pool)) * factors[..., None]).flatten(2)
        # The stems are summed at the end, so the filters are summed instead of the signals.
        kernel = self.encoder.weight.unflatten(1, (len(STEMS), CHANNELS)).sum(dim=1)  # (filters, 2, taps)
        return torch.tanh(self._synthesize(masked, kernel))

    def reconstruct(self, stems: Tensor) -> Tensor:
        """Pass stems through the front end and back, to train it as an autoencoder.

        Parameters
        ----------
        stems : Tensor, shape (batch, 4, 2, samples)

        Returns
        -------
        Tensor, shape (batch, 4, 2, samples)
            Smoothed magnitudes, pooled and unpooled, times p, through the transposed filter bank.
        """
        samples, pool = stems.shape[-1], self.settings.pool
        p = self.encode(stems.flatten(1, 2))
        smooth = F.softplus(convolve_each(p.abs(), self.smoothing.weight))
        peaks, indices = F.max_pool1d(smooth, pool, return_indices=True)
        unpooled = F.max_unpool1d(peaks, indices, [pool])
        return self._synthesize(unpooled * p, self.encoder.weight)[..., :samples].unflatten(1, (len(STEMS), CHANNELS))

    def _synthesize(self, x: Tensor, kernel: Tensor) -> Tensor:
        """Apply the adjoint of the filter bank, aligned with its input."""
        before = (kernel.shape[-1] - 1) // 2
        return F.conv_transpose1d(x, kernel)[..., before : before + x.shape[-1]]


class Block(nn.Module):
    """Dilated convolution over frames, with a residual output (except in the last block) and a skip output."""

    def __init__(self, s: TdcnSettings, *, dilation: int, last: bool) -> None:
        super().__init__()
        self.widen = nn.Conv1d(s.bottleneck, s.hidden, 1)
        self.first = nn.Sequential(nn.PReLU(), nn.GroupNorm(1, s.hidden, eps=1e-8))
        self.depthwise = nn.Conv1d(s.hidden, s.hidden, 3, dilation=dilation, padding=dilation, groups=s.hidden)
        self.second = nn.Sequential(nn.PReLU(), nn.GroupNorm(1, s.hidden, eps=1e-8))
        self.skip = nn.Conv1d(s.hidden, s.skip, 1)
        self.residual = None if last else nn.Conv1d(s.hidden, s.bottleneck, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map frames (batch, bottleneck, frames) to the same shape, and to (batch, skip, frames)."""
        y = self.second(self.depthwise(self.first(self.widen(x))))
        return x if self.residual is None else x + self.residual(y), self.skip(y)


def init_chrono(lstm: nn.LSTM, longest: int) -> None:
    """Draw the biases of the gates for memories of 1 to `longest` frames.

    Notes
    -----
    Tallec & Ollivier, "Can recurrent neural networks warp time?", ICLR 2018 (arXiv 1804.11188), section 2: forget bias
    log U(1, Tmax - 1), input bias its negative.
    """
    units = lstm.hidden_size
    for name, bias in lstm.named_parameters():
        if name.startswith("bias"):
            nn.init.zeros_(bias)
        if name.startswith("bias_ih"):
            with torch.no_grad():
                forget = torch.log(torch.empty(units).uniform_(1.0, longest - 1.0))
                bias[:units], bias[units : 2 * units] = -forget, forget
