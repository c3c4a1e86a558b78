"""The card of a checkpoint: everything about a trained model but its weights, as JSON, whatever kind of model it is."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fxnorm.errors import FxnormError, StatsError
from fxnorm.normalization.chain import Chain

FORMAT = "fxnorm-checkpoint"
VERSION = 1
CARD = "card.json"
RUN_CHECKPOINT = "checkpoint"  # where a training run keeps its best


class CheckpointError(FxnormError):
    """A checkpoint cannot be used."""


def find(folder: Path) -> Path:
    """The folder of a checkpoint: the one given, or the checkpoint within the run that it holds."""
    folder = Path(folder)
    inner = folder / RUN_CHECKPOINT
    return inner if not (folder / CARD).exists() and (inner / CARD).exists() else folder


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
    """The content of a card.

    Parameters
    ----------
    model : str
        Name of the model.
    weights : str
        File name of its weights, beside the card.
    settings : dict
        What builds the same model again.
    chain : Chain or None
        How its stems were normalised.
    recipe : dict
        How it was trained.
    history : list of dict
        Figures of each epoch.
    version : str
        Of the fxnorm that made it.
    """
    return {
        "format": FORMAT,
        "version": VERSION,
        "fxnorm": version,
        "model": model,
        "settings": dict(settings),
        "weights": weights,
        "recipe": dict(recipe),
        "history": [dict(epoch) for epoch in history],
        "chain": chain.to_dict() if chain is not None else None,
    }


def about(card: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Chain, recipe, history and version as a card has them.

    Raises
    ------
    KeyError
        If one is missing.
    CheckpointError
        If the chain is damaged.
    """
    try:
        chain = Chain.from_dict(card["chain"], "chain") if card["chain"] is not None else None
    except (StatsError, ValueError) as error:
        raise CheckpointError(f"{folder / CARD}: {error}") from error
    return {"chain": chain, "recipe": card["recipe"], "history": card["history"], "version": card["fxnorm"]}


def read(folder: Path) -> dict[str, Any]:
    """Read the card of a checkpoint.

    Raises
    ------
    CheckpointError
        If it is missing, something else, or of another version.
    """
    path = Path(folder) / CARD
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror}); name the folder of a checkpoint") from error
    except ValueError:
        content = None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise CheckpointError(f"{path}: expected the card of a checkpoint ({FORMAT!r} JSON), got something else")
    if content.get("version") != VERSION:
        raise CheckpointError(
            f"{path}: expected a checkpoint of version {VERSION}, got {content.get('version')!r}; "
            "use the fxnorm that wrote it"
        )
    return content
