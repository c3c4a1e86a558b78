"""Base of every network."""

from collections.abc import Mapping
from typing import ClassVar, Self

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from fxnorm.audio import SAMPLE_RATE, Audio
from fxnorm.corpus.stems import STEMS
from fxnorm.errors import InputError
from fxnorm.models import devices, registry
from fxnorm.models.base import Progress
from fxnorm.models.metadata import CheckpointError
from fxnorm.models.settings import ModelSettings

CHANNELS = 2
INPUTS = len(STEMS) * CHANNELS


class Network(nn.Module):
    """Maps stems to a mix of the same length, aligned with them. A subclass defines `context` and `forward_flat`.

    Attributes
    ----------
    name : str
        Name in the registry.
    presets : dict
        Settings by preset.
    settings : ModelSettings
        Settings to build the same network again.
    """

    name: ClassVar[str]
    presets: ClassVar[Mapping[str, ModelSettings]]
    size_unit: ClassVar[str] = "parameters"
    history_unit: ClassVar[str] = "epoch"
    weights_suffix: ClassVar[str] = ".safetensors"
    description: ClassVar[str] = "The mix is made by a network; its gains and effects are not listed."
    sample_rate: ClassVar[int] = SAMPLE_RATE

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        self.settings = settings

    @property
    def size(self) -> int:
        """Number of parameters."""
        return sum(weight.numel() for weight in self.parameters())

    @property
    def context(self) -> int:
        """Receptive field of the output at each end of the input, in samples.

        Output this close to an end lacks context: it is excluded from the loss, and overlapped in long songs. Only
        convolutions count; statistics over the whole input (normalisation, squeeze-excitation, recurrent layers) reach
        further.
        """
        raise NotImplementedError

    def forward(self, stems: Tensor) -> Tensor:
        """Map normalised stems to a mix.

        Parameters
        ----------
        stems : Tensor, shape (batch, 4, 2, samples)
            In the order of `STEMS`, at 44,100 Hz.

        Returns
        -------
        Tensor, shape (batch, 2, samples)

        Raises
        ------
        InputError
            If the shape is another.
        """
        if stems.ndim != 4 or stems.shape[1:3] != (len(STEMS), CHANNELS) or stems.shape[3] == 0:
            raise InputError(
                f"{self.name}: expected stems of shape (batch, {len(STEMS)}, {CHANNELS}, samples), "
                f"got {tuple(stems.shape)}; stack {', '.join(STEMS)} in this order"
            )
        return self.forward_flat(stems.flatten(1, 2))

    def forward_flat(self, x: Tensor) -> Tensor:
        """Map the channels of all stems (batch, 8, samples) to the mix (batch, 2, samples)."""
        raise NotImplementedError

    def apply_long(self, stems: Tensor, *, progress: Progress = lambda share: None) -> Tensor:
        """Map a song of any length in bounded memory, by the function that the registry names for this network.

        Parameters
        ----------
        stems : Tensor, shape (4, 2, samples)
            On any device; chunks are moved to that of the network, which is in evaluation mode.
        progress : callable
            Called with the share completed, 0 to 1.

        Returns
        -------
        Tensor, shape (2, samples)
            On the device of the stems.
        """
        mix: Tensor = registry.find_apply_long(self.name)(self, stems, progress=progress)
        return mix

    def predict(self, stems: Audio, *, progress: Progress = lambda share: None) -> Audio:
        """Map a song of any length in evaluation mode: arrays (4, 2, samples) -> (2, samples)."""
        with torch.inference_mode():
            mix: Audio = self.eval().apply_long(torch.from_numpy(stems), progress=progress).numpy()
        return mix

    @classmethod
    def describe_preset(cls, preset: str) -> dict[str, int]:
        """Return the number of parameters and context of a preset."""
        network = cls(cls.presets[preset])
        return {"parameters": network.size, "context_samples": network.context}

    def to_bytes(self) -> bytes:
        """Return the weights as safetensors."""
        return save({name: tensor.detach().cpu().contiguous() for name, tensor in self.state_dict().items()})

    @classmethod
    def from_bytes(cls, content: bytes, settings: ModelSettings, *, label: str, device: str = "cpu") -> Self:
        """Build from settings and safetensors, in evaluation mode; see `TrainablePredictor.from_bytes`."""
        try:
            tensors = load(content)
        except SafetensorError as error:
            raise CheckpointError(f"{label}: expected safetensors ({error})") from error
        network = cls(settings)
        _require_tensors(network, tensors, label)
        network.load_state_dict(tensors)
        return network.eval().to(devices.choose(device))


def _require_tensors(network: Network, tensors: Mapping[str, Tensor], label: str) -> None:
    expected = network.state_dict()
    if difference := sorted(expected.keys() ^ tensors.keys()):
        raise CheckpointError(
            f"{label}: expected the weights of {network.name}, got those of another network "
            f"({len(difference)} tensors differ, {difference[0]!r} first)"
        )
    for name, tensor in tensors.items():
        if tensor.shape != expected[name].shape:
            raise CheckpointError(
                f"{label}: expected {name!r} of shape {tuple(expected[name].shape)}, got {tuple(tensor.shape)}; "
                "the settings in the metadata belong to other weights"
            )
