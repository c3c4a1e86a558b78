"""Registry of trainable models: where each class lives. A module is imported when its model is used."""

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from fxnorm.errors import InputError
from fxnorm.models.settings import suggest

if TYPE_CHECKING:
    from fxnorm.models.base import TrainablePredictor


class Entry(NamedTuple):
    """Locations of a model, each as "module:name".

    Attributes
    ----------
    location : str
        Its class, a `TrainablePredictor`.
    apply_long : str
        For a network: function that applies it to a song of any length.
    """

    location: str
    apply_long: str = "fxnorm.models.chunked:apply_chunked"


NETWORKS = {
    "tdcn": Entry("fxnorm.models.tdcn:TDCN", "fxnorm.models.tdcn_streaming:apply_long"),
    "waveunet": Entry("fxnorm.models.waveunet:WaveUNet"),
    "hdemucs": Entry("fxnorm.models.hdemucs:HDemucs"),
}
# Mixers of tracks, which stand on a higher floor: only their location is known here.
MIXERS = {"rules": Entry("fxnorm.mixing.rules.mixer:RuleMixer")}
TREES = {"boosted": Entry("fxnorm.models.gbdt.model:BoostedTrees")}


def names() -> tuple[str, ...]:
    """Return the names of all trainable models."""
    return (*NETWORKS, *TREES)


def find(name: str) -> "type[TrainablePredictor]":
    """Return the class of a trainable model.

    Raises
    ------
    InputError
        If there is no such model, or a package that it needs is not installed.
    """
    _require_name(name, names(), "model")
    predictor: type[TrainablePredictor] = _load(name, (NETWORKS | TREES)[name].location)
    return predictor


def find_network(name: str) -> Any:
    """Return the class of a network, a `Network`.

    Raises
    ------
    InputError
        If there is no such network, or a package that it needs is not installed.
    """
    _require_name(name, NETWORKS, "network")
    return _load(name, NETWORKS[name].location)


def find_mixer(name: str) -> Any:
    """Return the class of a mixer of tracks, a `MixModel`.

    Raises
    ------
    InputError
        If there is no such mixer.
    """
    _require_name(name, MIXERS, "mixer")
    return _load(name, MIXERS[name].location)


def find_apply_long(name: str) -> Callable[..., Any]:
    """Import the function that applies a network to a song of any length: (network, stems, progress=) -> mix."""
    function: Callable[..., Any] = _load(name, NETWORKS[name].apply_long)
    return function


def _require_name(name: str, expected: Iterable[str], noun: str) -> None:
    if name not in expected:
        raise InputError(f"unknown {noun} {name!r}: {suggest(name, expected)}")


def _load(name: str, location: str) -> Any:
    module, _, attribute = location.partition(":")
    try:
        return getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        raise InputError(f"{name} needs {error.name}, which is not installed: pip install {error.name}") from error
