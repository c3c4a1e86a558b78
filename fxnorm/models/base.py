"""The contract of every network."""

from collections.abc import Callable, Mapping
from typing import ClassVar

from torch import Tensor, nn

from fxnorm.corpus.stems import STEMS
from fxnorm.errors import InputError
from fxnorm.models import chunked
from fxnorm.models.settings import ModelSettings

CHANNELS = 2
INPUTS = len(STEMS) * CHANNELS

Progress = Callable[[float], None]  # share that is done, 0 to 1


class Network(nn.Module):
    """Stems in, mix out, sample by sample in the same place, any length.

    Attributes
    ----------
    name : str
        Its name in the registry.
    presets : dict
        Its settings by preset.
    settings : ModelSettings
        What builds the same network again.
    """

    name: ClassVar[str]
    presets: ClassVar[Mapping[str, ModelSettings]]

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        self.settings = settings

    @property
    def guard(self) -> int:
        """Samples at each side of a piece whose output lacks context: left out of the loss, overlapped in mixing.

        Convolutions count. Statistics over the whole piece (normalisation, squeeze-excitation, recurrent layers) look
        further, so pieces agree with the whole to the degree that their statistics do.
        """
        raise NotImplementedError

    def forward(self, stems: Tensor) -> Tensor:
        """Mix normalised stems.

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
        return self.mix(stems.flatten(1, 2))

    def mix(self, x: Tensor) -> Tensor:
        """The network itself: channels of all stems (batch, 8, samples) -> (batch, 2, samples)."""
        raise NotImplementedError

    def mix_long(self, stems: Tensor, *, progress: Progress = lambda share: None) -> Tensor:
        """Mix a song of any length in bounded memory, in evaluation mode and without gradients.

        Parameters
        ----------
        stems : Tensor, shape (4, 2, samples)
            Where they are; pieces are moved to the network's device.
        progress : callable

        Returns
        -------
        Tensor, shape (2, samples)
            In the place of the stems. How near to `forward` of the whole song, each network says.
        """
        return chunked.mix(self, stems, progress=progress)
