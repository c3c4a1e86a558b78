"""The record of a normalised stem: its processors, from which the same samples can be rendered again."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from fxnorm.documents import DocumentType
from fxnorm.errors import InputError
from fxnorm.normalization.effect import AppliedEffect
from fxnorm.normalization.effects import applied_from_dict
from fxnorm.normalization.impulse_responses import ImpulseResponses
from fxnorm.normalization.reverb import ImpulseResponse
from fxnorm.normalization.settings import first_line

# Its version is part of the signature of every result: raise it when the chain computes other samples.
RECORD = DocumentType("fxnorm-card", 2, noun="the record of a stem", remedy="normalise the corpus again", indent=2)


def load_record(path: Path, *, folder: Path | None = None) -> tuple[AppliedEffect, ...]:
    """Read the processors of a record.

    Parameters
    ----------
    path : Path
        Record of a normalised stem.
    folder : Path, optional
        Folder of the impulse responses, if they are no longer in the folder that the record names.

    Returns
    -------
    tuple of AppliedEffect
        For `normalizer.replay`.

    Raises
    ------
    InputError
        If the file cannot be read, is no complete record of this version, or its impulse responses are missing.
    """
    return applied_from_record(RECORD.read(path), str(path), folder=folder)


def applied_from_record(
    content: Any, label: str = "record", *, folder: Path | None = None
) -> tuple[AppliedEffect, ...]:
    """Return the processors of the content of a record; parameters and errors as for `load_record`."""
    RECORD.check(content, label)
    if "steps" not in content:
        raise InputError(f"{label}: expected a complete record, got one of an unfinished run; normalise again")
    try:
        sources = {name: ImpulseResponses.from_dict(source) for name, source in content["impulse_responses"].items()}
        responses = _load_responses(content["steps"], sources, folder)
        return tuple(applied_from_dict(step, responses) for step in content["steps"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        reason = first_line(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
        raise InputError(f"{label}: damaged ({reason}); normalise again") from error


def _load_responses(
    steps: list[dict[str, Any]], sources: Mapping[str, ImpulseResponses], folder: Path | None
) -> dict[str, ImpulseResponse]:
    """Load impulse responses by identity, of those sources that a processor needs."""
    responses: dict[str, ImpulseResponse] = {}
    for step in steps:
        if step.get("processor") is not None and (source := sources.get(step["effect"])) is not None:
            if folder is not None and source.folder is not None:
                source = replace(source, folder=folder)
            responses |= {response.identity: response for response in replace(source, identities=()).load()}
    return responses
