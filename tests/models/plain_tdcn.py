"""The TDCN in PyTorch's own layers, in order, each at full length.

Slow, obvious, and the oracle of `fxnorm.models.tdcn`: the parameters have the same names, so that one network loads
the other's weights.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class PlainBlock(nn.Module):
    """1x1 and dilated depthwise convolutions with residual and skip outputs."""

    def __init__(self, bottleneck: int, hidden: int, skip: int, dilation: int, last: bool) -> None:
        super().__init__()
        self.widen = nn.Conv1d(bottleneck, hidden, 1)
        self.first = nn.Sequential(nn.PReLU(), nn.GroupNorm(1, hidden, eps=1e-8))
        self.depthwise = nn.Conv1d(hidden, hidden, 3, dilation=dilation, padding="same", groups=hidden)
        self.second = nn.Sequential(nn.PReLU(), nn.GroupNorm(1, hidden, eps=1e-8))
        self.skip = nn.Conv1d(hidden, skip, 1)
        self.residual = None if last else nn.Conv1d(hidden, bottleneck, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y = self.second(self.depthwise(self.first(self.widen(x))))
        return (x if self.residual is None else x + self.residual(y)), self.skip(y)


class PlainTDCN(nn.Module):
    """The network of the paper; the defaults are its sizes."""

    def __init__(
        self,
        filters: int = 128,
        kernel: int = 64,
        smoothing: int = 128,
        pool: int = 64,
        bottleneck: int = 256,
        hidden: int = 128,
        skip: int = 64,
        repeats: int = 4,
        blocks: int = 6,
        lstm_layers: int = 3,
        excitation: int = 2048,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.pool = pool
        self.encoder = nn.Conv1d(8, filters, kernel, bias=False, padding="same")
        self.smoothing = nn.Conv1d(filters, filters, smoothing, bias=False, padding="same", groups=filters)
        self.norm = nn.GroupNorm(1, filters)
        self.narrow = nn.Conv1d(filters, bottleneck, 1)
        self.blocks = nn.ModuleList(
            PlainBlock(bottleneck, hidden, skip, 2 ** (i % blocks), last=i == repeats * blocks - 1)
            for i in range(repeats * blocks)
        )
        self.merge = nn.Sequential(nn.PReLU(), nn.Conv1d(skip, filters, 1))
        # half the filters in each direction; PyTorch warns of dropout that has no layers to stand between
        between = dropout if lstm_layers > 1 else 0.0
        self.lstm = nn.LSTM(filters, filters // 2, lstm_layers, batch_first=True, dropout=between, bidirectional=True)
        self.squeeze = nn.Linear(filters, excitation)
        self.excite = nn.Linear(excitation, filters)

    def forward(self, stems: Tensor) -> Tensor:
        """Mix stems of shape (batch, 4, 2, samples)."""
        samples = stems.shape[-1]
        x = F.pad(stems.flatten(1, 2), (0, -samples % self.pool))
        p = self.encoder(x)
        z = F.max_pool1d(F.softplus(self.smoothing(p.abs())), self.pool)
        x = self.narrow(self.norm(z))
        total = torch.zeros(())
        for block in self.blocks:
            x, skip = block(x)
            total = total + skip
        z = F.softplus(self.merge(total))
        z = F.softplus(self.lstm(z.transpose(1, 2))[0].transpose(1, 2))
        masked = F.interpolate(z, scale_factor=self.pool, mode="nearest") * p
        gains = torch.sigmoid(self.excite(torch.relu(self.squeeze(masked.abs().mean(dim=2)))))
        kernel = self.encoder.weight
        # 'same' pads the even kernel with half - 1 zeros on the left: the adjoint starts that far into the full output.
        left = (kernel.shape[2] - 1) // 2
        full = F.conv_transpose1d(masked * gains[:, :, None], kernel)
        stereo = full[..., left : left + x.shape[-1] * self.pool].unflatten(1, (4, 2)).sum(dim=1)
        return torch.tanh(stereo[..., :samples])
