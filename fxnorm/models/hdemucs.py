"""HDemucs: a separation network, adapted to mix.

Défossez, "Hybrid spectrogram and waveform source separation", ISMIR 2021 MDX workshop (arXiv 2111.03600), as the
package `demucs` builds it. Needs that package: `pip install demucs`.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from pydantic import Field, PositiveInt, field_validator
from torch import Tensor, nn
from torch.nn import functional as F

from fxnorm.corpus.stems import STEMS
from fxnorm.errors import InputError
from fxnorm.models.network import CHANNELS, Network
from fxnorm.models.settings import ModelSettings

SHORTEST = 4096  # samples of one spectrum; shorter input is zero-padded
NORM_GROUPS = 4
# Names of the same layers in torchaudio
TORCHAUDIO_PREFIXES = {
    "freq_encoder.": "encoder.",
    "freq_decoder.": "decoder.",
    "time_encoder.": "tencoder.",
    "time_decoder.": "tdecoder.",
}
TORCHAUDIO_UNUSED = "tencoder.4.norm1."  # never called


class HDemucsSettings(ModelSettings):
    """Size, start and blend.

    Attributes
    ----------
    channels : int
        Channels of the first layer; a multiple of 4.
    sum_share : float
        Share of the plain sum of the stems in the output, 0 to 1; the rest is the network's. One half lowers artefacts
        of the network by 6 dB.
    weights : Path or None
        Local file of separation weights to start from, `.safetensors` or `.th`; not stored in checkpoints, which have
        their own weights.
    """

    channels: PositiveInt = 48
    sum_share: float = Field(default=0.5, ge=0.0, lt=1.0)
    weights: Path | None = None

    @field_validator("channels")
    @classmethod
    def _in_groups(cls, channels: int) -> int:
        if channels % NORM_GROUPS:
            raise ValueError(f"expected a multiple of {NORM_GROUPS}, got {channels}; channels are normalised in groups")
        return channels


PRESETS = {"published": HDemucsSettings(), "small": HDemucsSettings(channels=8)}


class HDemucs(Network):
    """Hybrid network from all stems to one stereo signal, blended with the sum of the stems."""

    name = "hdemucs"
    presets = PRESETS
    settings: HDemucsSettings

    def __init__(self, settings: HDemucsSettings) -> None:
        super().__init__(settings.model_copy(update={"weights": None}))
        self.hybrid = _build(settings.channels)
        if settings.weights is not None:
            weights = read_weights(settings.weights)
            self.hybrid.load_state_dict(adapt(weights, self.hybrid.state_dict(), label=str(settings.weights)))
        for branch in (self.hybrid.encoder, self.hybrid.tencoder):
            branch[0].conv = widen(branch[0].conv)

    @property
    def context(self) -> int:
        """One second; the receptive field is larger, with negligible weight beyond."""
        return 44_100

    def forward_flat(self, x: Tensor) -> Tensor:
        """Map (batch, 8, samples) -> (batch, 2, samples)."""
        samples = x.shape[-1]
        padded = F.pad(x, (0, max(0, SHORTEST - samples)))
        mix: Tensor = self.hybrid(padded)[:, 0, :, :samples]
        stem_sum = x.unflatten(1, (len(STEMS), CHANNELS)).sum(dim=1)
        return torch.lerp(mix, stem_sum.to(mix.dtype), self.settings.sum_share)


def widen(narrow: nn.Conv1d | nn.Conv2d) -> nn.Module:
    """Repeat a first layer of a stereo signal over all stems, and average its outputs."""
    stems = len(STEMS)
    wide = type(narrow)(
        stems * narrow.in_channels,
        narrow.out_channels,
        narrow.kernel_size,  # type: ignore[arg-type]
        narrow.stride,  # type: ignore[arg-type]
        narrow.padding,  # type: ignore[arg-type]
    )
    with torch.no_grad():
        wide.weight.copy_(narrow.weight.repeat(1, stems, *[1] * (narrow.weight.ndim - 2)) / stems)
        if narrow.bias is not None and wide.bias is not None:
            wide.bias.copy_(narrow.bias)
    return wide


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read tensors from a `.safetensors` or `.th` file, with the names of `demucs`; no code in the file is run.

    Raises
    ------
    InputError
        If the file is missing, of another kind, or holds anything but named tensors.
    """
    readers: dict[str, Callable[[Path], object]] = {".safetensors": _read_safetensors, ".th": _read_torch}
    if path.suffix not in readers:
        raise InputError(f"{path}: expected weights in a .safetensors or .th file, got {path.suffix or 'no suffix'!r}")
    try:
        content = readers[path.suffix](path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}); check the path") from error
    except Exception as error:  # both libraries raise many kinds on damaged files
        raise InputError(
            f"{path}: expected named tensors and nothing else, got a file that is damaged or holds code; "
            "save its state dict as .safetensors"
        ) from error
    if isinstance(content, Mapping) and isinstance(content.get("state"), Mapping):
        content = content["state"]
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise InputError(f"{path}: expected named tensors, got other content; save the state dict alone")
    renamed = {_rename(str(key)): value.float() for key, value in content.items()}
    return {name: tensor for name, tensor in renamed.items() if not name.startswith(TORCHAUDIO_UNUSED)}


def adapt(weights: Mapping[str, Tensor], expected: Mapping[str, Tensor], *, label: str) -> dict[str, Tensor]:
    """Adapt separation weights to a network with one output.

    The last layers of a separation network hold one set of filters per source. The sum of the filters outputs the sum
    of the sources, the mix.

    Raises
    ------
    InputError
        If a tensor is missing, left over, or of a shape that does not fit.
    """
    if difference := sorted(expected.keys() ^ weights.keys()):
        raise InputError(
            f"{label}: expected the tensors of HDemucs, got another set ({difference[0]} and {len(difference)} in all)"
        )
    fitted = {}
    for name, target in expected.items():
        tensor = weights[name]
        axis = 1 if name.endswith("weight") else 0  # outputs of a transposed convolution
        if name.split(".")[0] in ("decoder", "tdecoder") and "conv_tr" in name and tensor.shape != target.shape:
            sources, remainder = divmod(tensor.shape[axis], target.shape[axis])
            if sources and not remainder:
                tensor = tensor.unflatten(axis, (sources, -1)).sum(dim=axis)
        if tensor.shape != target.shape:
            raise InputError(
                f"{label}: expected {name} of shape {tuple(target.shape)}, got {tuple(weights[name].shape)}; "
                "set 'channels' to that of the trained weights"
            )
        fitted[name] = tensor
    return fitted


def _build(channels: int) -> Any:
    try:
        from demucs.hdemucs import HDemucs as Hybrid
    except ModuleNotFoundError as error:
        raise InputError(f"hdemucs needs {error.name}, which is not installed: pip install demucs") from error
    return Hybrid(sources=["mix"], audio_channels=CHANNELS, channels=channels, norm_groups=NORM_GROUPS)


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors.torch import load_file

    return load_file(path)


def _read_torch(path: Path) -> object:
    return torch.load(path, map_location="cpu", weights_only=True)


def _rename(name: str) -> str:
    for prefix, replacement in TORCHAUDIO_PREFIXES.items():
        if name.startswith(prefix):
            return replacement + name.removeprefix(prefix)
    return name
