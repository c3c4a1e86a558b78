"""Metadata of a checkpoint: everything about a trained model but its weights, as JSON."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fxnorm.documents import DocumentType
from fxnorm.errors import FxnormError, StatsError
from fxnorm.normalization.chain import Chain

METADATA = "metadata.json"
RUN_CHECKPOINT = "checkpoint"  # folder of the best checkpoint within a run


class CheckpointError(FxnormError):
    """A checkpoint cannot be used."""


DOCUMENT = DocumentType(
    "fxnorm-checkpoint",
    1,
    noun="the metadata of a checkpoint",
    remedy="name the folder of a checkpoint that this fxnorm wrote",
    error=CheckpointError,
    indent=1,
    finite=True,
)


def find(folder: Path) -> Path:
    """Return the folder of a checkpoint: the given one, or the checkpoint within a run."""
    folder = Path(folder)
    inner = folder / RUN_CHECKPOINT
    return inner if not (folder / METADATA).exists() and (inner / METADATA).exists() else folder


def run_name(folder: Path) -> str:
    """Name of a checkpoint: that of its run, or of its own folder outside a run."""
    folder = folder.resolve()
    return folder.parent.name if folder.name == RUN_CHECKPOINT else folder.name


def digest(folder: Path) -> str:
    """Return the hash of the metadata, which name the weights by their hash: equal for equal checkpoints."""
    return hashlib.sha256((folder / METADATA).read_bytes()).hexdigest()[:16]


def compose(
    model: str,
    weights: str,
    *,
    settings: Mapping[str, Any],
    chain: Chain | None,
    recipe: Mapping[str, Any],
    history: Sequence[Mapping[str, Any]],
    version: str,
) -> dict[str, Any]:
    """Compose metadata.

    Parameters
    ----------
    model : str
        Name of the model.
    weights : str
        File name of its weights, in the same folder.
    settings : dict
        Settings to build the same model again.
    chain : Chain or None
        Normalisation of its stems.
    recipe : dict
        Recipe of its training.
    history : list of dict
        Figures of each epoch or trial.
    version : str
        Version of fxnorm that wrote it.
    """
    content = {
        "fxnorm": version,
        "model": model,
        "settings": dict(settings),
        "weights": weights,
        "recipe": dict(recipe),
        "history": [dict(row) for row in history],
        "chain": chain.to_dict() if chain is not None else None,
    }
    return DOCUMENT.wrap(content)


def parse(content: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return the chain, recipe, history and version from metadata.

    Raises
    ------
    KeyError
        If one is missing.
    CheckpointError
        If the chain is damaged.
    """
    try:
        chain = Chain.from_dict(content["chain"], "chain") if content["chain"] is not None else None
    except (StatsError, ValueError) as error:
        raise CheckpointError(f"{folder / METADATA}: {error}") from error
    return {"chain": chain, "recipe": content["recipe"], "history": content["history"], "version": content["fxnorm"]}


def read(folder: Path) -> dict[str, Any]:
    """Read the metadata of a checkpoint.

    Raises
    ------
    CheckpointError
        If the file is missing, or of another format or version.
    """
    return DOCUMENT.read(Path(folder) / METADATA)
