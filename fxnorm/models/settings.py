"""Settings of models: presets, and single fields that differ from them."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from fxnorm.errors import InputError


class ModelSettings(BaseModel):
    """Base of the settings of every model: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


S = TypeVar("S", bound=ModelSettings)


def choose(model: str, presets: Mapping[str, S], preset: str, changes: Mapping[str, Any]) -> S:
    """Copy the settings of a preset with some fields changed.

    Raises
    ------
    InputError
        If the preset or a field is unknown, or a value is invalid.
    """
    if preset not in presets:
        raise InputError(f"unknown preset {preset!r} of {model}: {suggest(preset, presets)}")
    base = presets[preset]
    fields = type(base).model_fields
    for key in changes:
        if key not in fields:
            raise InputError(f"unknown setting {key!r} of {model}: {suggest(key, fields)}")
    try:
        return type(base).model_validate(base.model_dump() | dict(changes))
    except ValidationError as error:
        details = error.errors()[0]
        field = ".".join(str(name) for name in details["loc"])
        message = str(details["msg"]).removeprefix("Value error, ")
        raise InputError(f"{model}: {f'{field}: ' if field else ''}{message}") from None


def suggest(name: str, names: Iterable[str]) -> str:
    """List the expected names as text, with the one nearest to a wrong name."""
    nearest = difflib.get_close_matches(name.lower(), list(names), n=1)
    hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
    return f"expected one of {', '.join(names)}{hint}"
