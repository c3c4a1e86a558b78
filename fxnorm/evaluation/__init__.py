"""Scores of audio against audio: metrics, songs as the unit, and a report."""

from importlib import import_module
from typing import Any

_HOMES = {
    "Results": "results",
    "Song": "songs",
    "Test": "results",
    "compare": "metrics",
    "find_mixes": "songs",
    "match_songs": "songs",
    "save": "results",
    "score_songs": "scoring",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"fxnorm.evaluation.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'fxnorm.evaluation' has no attribute {name!r}")
