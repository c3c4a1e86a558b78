"""The card of a checkpoint: everything about a trained model but its weights, as JSON, whatever kind of model it is."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fxnorm.documents import DocumentType
from fxnorm.errors import FxnormError, StatsError
from fxnorm.normalization.chain import Chain

CARD = "card.json"
RUN_CHECKPOINT = "checkpoint"  # where a training run keeps its best


class CheckpointError(FxnormError):
    """A checkpoint cannot be used."""


DOCUMENT = DocumentType(
    "fxnorm-checkpoint",
    1,
    noun="the card of a checkpoint",
    remedy="name the folder of a checkpoint that this fxnorm wrote",
    error=CheckpointError,
    indent=1,
    finite=True,
)


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
    content = {
        "fxnorm": version,
        "model": model,
        "settings": dict(settings),
        "weights": weights,
        "recipe": dict(recipe),
        "history": [dict(epoch) for epoch in history],
        "chain": chain.to_dict() if chain is not None else None,
    }
    return DOCUMENT.wrap(content)


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
    return DOCUMENT.read(Path(folder) / CARD)
