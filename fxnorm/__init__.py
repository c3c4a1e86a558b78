"""Effect normalisation of music stems, and automatic mixing learned from it.

The names here are loaded when they are first used: importing fxnorm itself costs nothing.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "Chain": "fxnorm.normalization.chain",
    "ChainSettings": "fxnorm.normalization.settings",
    "FxStats": "fxnorm.normalization.statistics",
    "Normalizer": "fxnorm.normalization.normalizer",
    "STEMS": "fxnorm.corpus.stems",
    "FxnormError": "fxnorm.errors",
    "open_model": "fxnorm.models",
}
_ROOMS = (
    "audio",
    "audio_files",
    "corpus",
    "demo",
    "dsp",
    "evaluation",
    "mixing",
    "models",
    "normalization",
    "parallel",
    "synth",
)

__all__ = [*_HOMES, *_ROOMS]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name in _ROOMS:
        return import_module(f"fxnorm.{name}")
    raise AttributeError(f"module 'fxnorm' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
