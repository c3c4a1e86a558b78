"""Trained networks on disk: weights as safetensors, everything else as a JSON card. Nothing is ever unpickled.

A checkpoint is a folder with `card.json` and the file of weights that the card names. The name holds the weights'
hash, and the card is written last: whatever interrupts a save, the folder holds the old checkpoint or the new one.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import torch
from safetensors import SafetensorError
from safetensors.torch import load as unpack
from safetensors.torch import save as pack
from torch import Tensor

from fxnorm import __version__, files, models
from fxnorm.audio import Audio
from fxnorm.errors import InputError
from fxnorm.models import metadata
from fxnorm.models.base import Network, Progress
from fxnorm.models.metadata import CARD, CheckpointError
from fxnorm.normalization.chain import Chain


@dataclass(frozen=True)
class Checkpoint:
    """A network, and all that has to be known to use it or to train it on.

    Attributes
    ----------
    network : Network
    chain : Chain or None
        How its stems were normalised; None for a network that no corpus has trained.
    recipe : dict
        How it was trained.
    history : list of dict
        Figures of each epoch so far; its length is the position.
    version : str
        Of the fxnorm that made it.
    """

    network: Network
    chain: Chain | None = None
    recipe: Mapping[str, Any] = field(default_factory=dict)
    history: Sequence[Mapping[str, Any]] = ()
    version: str = __version__

    def save(self, folder: Path) -> None:
        """Write the weights, then the card, each whole.

        Raises
        ------
        CheckpointError
            If the folder cannot be written, or the card holds anything but plain JSON values.
        """
        folder = Path(folder)
        content = pack({name: _plain(tensor) for name, tensor in self.network.state_dict().items()})
        weights = f"weights-{_digest(content)}.safetensors"
        text = metadata.DOCUMENT.to_text(self._card(weights))  # refused before anything is written
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with files.replacing(folder / weights) as temporary:
                temporary.write_bytes(content)
            files.write_text(folder / CARD, text)
            for old in folder.glob("weights-*.safetensors"):
                if old.name != weights:
                    old.unlink()
        except OSError as error:
            raise CheckpointError(
                f"{folder}: cannot be written ({error.strerror}); check the folder and its permissions"
            ) from error

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a checkpoint; its network is on the CPU and in evaluation mode.

        Raises
        ------
        CheckpointError
            If a file is missing, damaged, of another format or version, or does not fit the network.
        """
        folder = Path(folder)
        card = metadata.read(folder)
        try:
            name, settings, weights = card["model"], card["settings"], card["weights"]
            about = metadata.about(card, folder)
            network: Network = models.build(name, **settings)
        except InputError as error:
            raise CheckpointError(f"{folder / CARD}: {error}") from error
        except (KeyError, TypeError, AttributeError) as error:
            raise CheckpointError(f"{folder / CARD}: incomplete ({error}); save the checkpoint again") from error
        path = folder / Path(weights).name
        _fill(network, _read_weights(path), str(path))
        return cls(network.eval(), **about)

    def mix(self, stems: Audio, *, progress: Progress = lambda share: None) -> Audio:
        """Mix a song of any length in bounded memory.

        Parameters
        ----------
        stems : ndarray, shape (4, 2, samples), float32
            Normalised by `chain`, at 44,100 Hz.
        progress : callable
            Called with the share that is done, 0 to 1.

        Returns
        -------
        ndarray, shape (2, samples), float32
        """
        with torch.inference_mode():
            mix: Audio = self.network.eval().mix_long(torch.from_numpy(stems), progress=progress).numpy()
        return mix

    def _card(self, weights: str) -> dict[str, Any]:
        return metadata.compose(
            self.network.name,
            weights,
            settings=self.network.settings.model_dump(mode="json"),
            chain=self.chain,
            recipe=self.recipe,
            history=self.history,
            version=self.version,
        )


def _read_weights(path: Path) -> dict[str, Tensor]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror}); copy it beside its card") from error
    if path.stem != f"weights-{_digest(content)}":
        raise CheckpointError(f"{path}: damaged, its content does not have the hash in its name; copy it again")
    try:
        tensors: dict[str, Tensor] = unpack(content)
    except SafetensorError as error:
        raise CheckpointError(f"{path}: expected safetensors ({error})") from error
    return tensors


def _fill(network: Network, tensors: Mapping[str, Tensor], what: str) -> None:
    wanted = network.state_dict()
    if different := sorted(wanted.keys() ^ tensors.keys()):
        raise CheckpointError(
            f"{what}: expected the weights of {network.name}, got those of another network "
            f"({len(different)} tensors differ, {different[0]!r} first)"
        )
    for name, tensor in tensors.items():
        if tensor.shape != wanted[name].shape:
            raise CheckpointError(
                f"{what}: expected {name!r} of shape {tuple(wanted[name].shape)}, got {tuple(tensor.shape)}; "
                "the card's settings belong to other weights"
            )
    network.load_state_dict(tensors)


def _plain(tensor: Tensor) -> Tensor:
    return tensor.detach().cpu().contiguous()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
