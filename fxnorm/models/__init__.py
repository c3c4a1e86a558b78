"""Models that mix four stems: baselines, boosted trees and networks behind one type, `MixModel`.

A further network is one file with a subclass of `Network`, and its line in `registry.NETWORKS`. PyTorch and XGBoost are
imported when a model that needs them is opened or built.
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fxnorm.models import registry
from fxnorm.models.settings import choose

if TYPE_CHECKING:
    from fxnorm.models.base import MixModel, MixResult, ModelInput
    from fxnorm.models.baselines import BASELINES
    from fxnorm.models.checkpoint import Checkpoint
    from fxnorm.models.network import Network
    from fxnorm.models.opening import open_model

NAMES = tuple(registry.NETWORKS)

_LOCATIONS = {
    "BASELINES": "fxnorm.models.baselines",
    "Checkpoint": "fxnorm.models.checkpoint",
    "MixModel": "fxnorm.models.base",
    "MixResult": "fxnorm.models.base",
    "ModelInput": "fxnorm.models.base",
    "open_model": "fxnorm.models.opening",
}

__all__ = [
    "BASELINES",
    "NAMES",
    "Checkpoint",
    "MixModel",
    "MixResult",
    "ModelInput",
    "build",
    "load",
    "open_model",
]


def __getattr__(name: str) -> Any:
    if name in _LOCATIONS:
        return getattr(import_module(_LOCATIONS[name]), name)
    raise AttributeError(f"module 'fxnorm.models' has no attribute {name!r}")


def build(name: str, preset: str = "published", **settings: Any) -> "Network":
    """Build a network with new weights.

    Parameters
    ----------
    name : str
        One of `NAMES`.
    preset : str
        `published`, as in the literature; `small`, which trains on a CPU; for some networks `default`.
    **settings
        Settings that differ from the preset.

    Returns
    -------
    Network
        A `torch.nn.Module`: stems (batch, 4, 2, samples) -> mix (batch, 2, samples).

    Raises
    ------
    InputError
        If the network, the preset, a setting or its value is unknown; the nearest name is suggested.

    Examples
    --------
    >>> network = build("tdcn", "small", dropout=0.2)
    """
    kind: type[Network] = registry.find_network(name)
    return kind(choose(name, kind.presets, preset, settings))


def load(folder: Path) -> "Checkpoint":
    """Read the checkpoint in a folder, or in the run that a folder holds.

    Raises
    ------
    CheckpointError
        If there is none, or it is damaged.
    InputError
        If a package that its model needs is not installed.
    """
    from fxnorm.models import metadata
    from fxnorm.models.checkpoint import Checkpoint

    return Checkpoint.load(metadata.find(folder))
