"""Settings of networks: presets, and single changes to them."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from fxnorm.errors import InputError


class ModelSettings(BaseModel):
    """Base of every network's settings: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


S = TypeVar("S", bound=ModelSettings)


def choose(network: str, presets: Mapping[str, S], preset: str, changes: Mapping[str, Any]) -> S:
    """Settings of a preset with some fields changed.

    Raises
    ------
    InputError
        If the preset or a field is unknown, or a value makes no sense.
    """
    if preset not in presets:
        raise InputError(f"unknown preset {preset!r} of {network}: {_expected(preset, presets)}")
    start = presets[preset]
    known = type(start).model_fields
    for key in changes:
        if key not in known:
            raise InputError(f"unknown setting {key!r} of {network}: {_expected(key, known)}")
    try:
        return type(start).model_validate(start.model_dump() | dict(changes))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        message = str(first["msg"]).removeprefix("Value error, ")
        raise InputError(f"{network}: {f'{place}: ' if place else ''}{message}") from None


def _expected(wrong: str, names: Iterable[str]) -> str:
    nearest = difflib.get_close_matches(wrong.lower(), list(names), n=1)
    hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
    return f"expected one of {', '.join(names)}{hint}"
