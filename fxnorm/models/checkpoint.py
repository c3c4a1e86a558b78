"""Trained models on disk: weights in one file, everything else as JSON metadata. Nothing is unpickled.

A checkpoint is a folder with `metadata.json` and the file of weights that it names. The name of the weights holds their
hash, and the metadata are written last: an interrupted save leaves either the old checkpoint or the new one.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from fxnorm import __version__, files
from fxnorm.errors import InputError
from fxnorm.models import metadata, registry
from fxnorm.models.base import TrainablePredictor
from fxnorm.models.metadata import METADATA, CheckpointError
from fxnorm.models.settings import choose
from fxnorm.normalization.chain import Chain


@dataclass(frozen=True)
class Checkpoint:
    """A trainable model with its chain, recipe and history, to use it or to continue its training.

    Attributes
    ----------
    model : TrainablePredictor
        A network or boosted trees. `Any`, because callers use attributes of one kind of model.
    chain : Chain or None
        Normalisation of its stems; None for a model that was not trained on a corpus.
    recipe : dict
        Recipe of its training.
    history : list of dict
        Figures of each epoch or trial.
    version : str
        Version of fxnorm that wrote it.
    """

    model: Any
    chain: Chain | None = None
    recipe: Mapping[str, Any] = field(default_factory=dict)
    history: Sequence[Mapping[str, Any]] = ()
    version: str = __version__

    def save(self, folder: Path) -> None:
        """Write the weights, then the metadata, each atomically.

        Raises
        ------
        CheckpointError
            If the folder cannot be written, or the metadata hold anything but finite JSON values.
        """
        folder = Path(folder)
        model: TrainablePredictor = self.model
        content = model.to_bytes()
        weights = f"weights-{_digest(content)}{model.weights_suffix}"
        text = metadata.DOCUMENT.to_text(self._metadata(weights))  # refused before anything is written
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with files.replacing(folder / weights) as temporary:
                temporary.write_bytes(content)
            files.write_text(folder / METADATA, text)
            for path in folder.glob("weights-*"):
                if path.name != weights:
                    path.unlink()
        except OSError as error:
            raise CheckpointError(
                f"{folder}: cannot be written ({error.strerror}); check the folder and its permissions"
            ) from error

    @classmethod
    def load(cls, folder: Path, *, device: str = "cpu") -> Self:
        """Read a checkpoint; a network is in evaluation mode.

        Parameters
        ----------
        folder : Path
        device : {"auto", "cpu", "cuda", "mps"}
            Device of a network.

        Raises
        ------
        CheckpointError
            If a file is missing, damaged, of another format or version, or does not fit the model.
        InputError
            If a package that the model needs is not installed, or the device is unknown or missing.
        """
        folder = Path(folder)
        content = metadata.read(folder)
        try:
            name, weights = content["model"], content["weights"]
            path = folder / Path(weights).name
            fields = metadata.parse(content, folder)
            presets = registry.find(name).presets
            settings = choose(name, presets, next(iter(presets)), content["settings"])
        except InputError as error:
            raise CheckpointError(f"{folder / METADATA}: {error}") from error
        except (KeyError, TypeError, AttributeError) as error:
            raise CheckpointError(f"{folder / METADATA}: incomplete ({error}); save the checkpoint again") from error
        model = registry.find(name).from_bytes(_read_weights(path), settings, label=str(path), device=device)
        return cls(model, **fields)

    def _metadata(self, weights: str) -> dict[str, Any]:
        return metadata.compose(
            self.model.name,
            weights,
            settings=self.model.settings.model_dump(mode="json"),
            chain=self.chain,
            recipe=self.recipe,
            history=self.history,
            version=self.version,
        )


def _read_weights(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror}); copy it beside {METADATA}") from error
    if path.stem != f"weights-{_digest(content)}":
        raise CheckpointError(f"{path}: damaged, its content does not have the hash in its name; copy it again")
    return content


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
