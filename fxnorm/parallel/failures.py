"""What went wrong with one item, as a value: one bad item stops nothing."""

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
    """A stem that could not be worked on, and why."""

    track: str
    stem: str
    reason: str


def attempt(function: Callable[[Item], Result], item: Item) -> Result | Exception:
    """What the function makes of the item, or the exception it raised."""
    try:
        return function(item)
    except Exception as error:  # one bad stem never stops the others
        _log.debug("failed: %s", item, exc_info=True)
        return error


def explain(error: Exception) -> str:
    """One line for a person; what nobody foresaw is named as such."""
    if isinstance(error, FxnormError):
        return str(error)
    if isinstance(error, MemoryError):
        return "not enough memory; use fewer processes (-j) or a shorter file"
    if isinstance(error, OSError):
        return f"{error.filename or ''}: {error.strerror or error}".lstrip(": ")
    return f"unforeseen {type(error).__name__}: {error}; please report it"
