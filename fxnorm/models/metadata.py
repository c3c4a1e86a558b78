"""Metadata of a checkpoint: everything about a trained model but its weights, as JSON."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fxnorm.errors import FxnormError, StatsError
from fxnorm.normalization.normalizer import Chain

FORMAT = "fxnorm-checkpoint"
VERSION = 1
METADATA = "metadata.json"
RUN_CHECKPOINT = "checkpoint"  # folder of the best checkpoint within a run


class CheckpointError(FxnormError):
    """A checkpoint cannot be used."""


def find(folder: Path) -> Path:
    """Folder of a checkpoint: the given one, or the checkpoint within a run."""
    folder = Path(folder)
    inner = folder / RUN_CHECKPOINT
    return inner if not (folder / METADATA).exists() and (inner / METADATA).exists() else folder


def run_name(folder: Path) -> str:
    """Name of a checkpoint: that of its run, or of its own folder outside a run."""
    folder = folder.resolve()
    return folder.parent.name if folder.name == RUN_CHECKPOINT else folder.name


def digest(folder: Path) -> str:
    """Hash of the metadata, which name the weights by their hash: equal for equal checkpoints."""
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
    return {
        "format": FORMAT,
        "version": VERSION,
        "fxnorm": version,
        "model": model,
        "settings": dict(settings),
        "weights": weights,
        "recipe": dict(recipe),
        "history": [dict(row) for row in history],
        "chain": chain.to_dict() if chain is not None else None,
    }


def parse(content: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Chain, recipe, history and version from metadata.

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


def to_text(content: Mapping[str, Any], folder: Path) -> str:
    """Text of the file.

    Raises
    ------
    CheckpointError
        If a value is not plain JSON, or not finite.
    """
    try:
        return json.dumps(content, indent=1, allow_nan=False) + "\n"
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{folder / METADATA}: expected plain, finite values in metadata ({error})") from error


def read(folder: Path) -> dict[str, Any]:
    """Read the metadata of a checkpoint.

    Raises
    ------
    CheckpointError
        If the file is missing, or of another format or version.
    """
    path = Path(folder) / METADATA
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror}); name the folder of a checkpoint") from error
    except ValueError:
        content = None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise CheckpointError(f"{path}: expected the metadata of a checkpoint ({FORMAT!r} JSON), got something else")
    if content.get("version") != VERSION:
        raise CheckpointError(
            f"{path}: expected a checkpoint of version {VERSION}, got {content.get('version')!r}; "
            "use the fxnorm that wrote it"
        )
    return content
