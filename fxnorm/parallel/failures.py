"""Failures as values, so that one bad item does not stop the others."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from fxnorm.errors import FxnormError

Item = TypeVar("Item")
Result = TypeVar("Result")

_log = logging.getLogger("fxnorm")


@dataclass(frozen=True)
class Failure:
    """Stem that failed, with the reason."""

    track: str
    stem: str
    reason: str


def attempt(function: Callable[[Item], Result], item: Item) -> Result | Exception:
    """Return the result of the function, or the exception it raised."""
    try:
        return function(item)
    except Exception as error:  # one bad stem never stops the others
        _log.debug("failed: %s", item, exc_info=True)
        return error


def explain(error: Exception) -> str:
    """Describe an exception in one line; unexpected ones are marked as such."""
    if isinstance(error, FxnormError):
        return str(error)
    if isinstance(error, MemoryError):
        return "not enough memory; use fewer processes (-j) or a shorter file"
    if isinstance(error, OSError):
        return f"{error.filename or ''}: {error.strerror or error}".lstrip(": ")
    return f"unforeseen {type(error).__name__}: {error}; please report it"
