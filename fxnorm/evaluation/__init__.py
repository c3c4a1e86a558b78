"""Evaluation of mixes against human mixes: metrics, statistics over songs, reports and listening tests."""

from importlib import import_module
from typing import Any

_HOMES = {
    "Comparison": "comparison",
    "DomainGap": "domain_gap",
    "EvaluationSong": "songs",
    "MixScore": "scoring",
    "Results": "results",
    "compare": "metrics",
    "evaluate": "benchmark",
    "find_mixes": "songs",
    "match_songs": "songs",
    "measure_domain_gap": "domain_gap",
    "score_songs": "scoring",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"fxnorm.evaluation.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'fxnorm.evaluation' has no attribute {name!r}")
