"""Networks that mix, behind one contract, and the baselines they are measured against.

Every network takes normalised stems (batch, stems, channels, samples) and returns a mix (batch, channels, samples) of
the same length. A further network is one more file and its line in `NETWORKS`. PyTorch is loaded when a network is
asked for, not before.
"""

import difflib
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fxnorm.errors import InputError
from fxnorm.models import metadata
from fxnorm.models.settings import ModelSettings, choose

if TYPE_CHECKING:
    from fxnorm.models.base import Network
    from fxnorm.models.checkpoint import Checkpoint
    from fxnorm.models.gbdt.model import Boosted

NETWORKS = {
    "tdcn": ("fxnorm.models.tdcn", "TDCN"),
    "waveunet": ("fxnorm.models.waveunet", "WaveUNet"),
    "hdemucs": ("fxnorm.models.hdemucs", "HDemucs"),
}
NAMES = tuple(NETWORKS)
BOOSTED = "boosted"  # no network: trees that choose gains


def find(name: str) -> "type[Network]":
    """The class of a network.

    Raises
    ------
    InputError
        If there is no such network, or PyTorch is not installed.
    """
    if name not in NETWORKS:
        nearest = difflib.get_close_matches(name.lower(), NAMES, n=1)
        hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
        raise InputError(f"unknown network {name!r}: expected one of {', '.join(NAMES)}{hint}")
    module, kind = NETWORKS[name]
    try:
        network: type[Network] = getattr(import_module(module), kind)
    except ModuleNotFoundError as error:
        raise InputError(f"{name} needs {error.name}, which is not installed: pip install {error.name}") from error
    return network


def presets(name: str) -> Mapping[str, ModelSettings]:
    """Settings of a network by preset.

    Raises
    ------
    InputError
        If there is no such network, or PyTorch is not installed.
    """
    return find(name).presets


def build(name: str, preset: str = "published", **settings: Any) -> "Network":
    """A network with fresh weights.

    Parameters
    ----------
    name : str
        One of `NAMES`.
    preset : str
        `published`, as in the literature; `small`, which trains on a CPU; for some networks `default`.
    **settings
        Single settings in place of the preset's.

    Returns
    -------
    Network
        A `torch.nn.Module`: stems (batch, 4, 2, samples) -> mix (batch, 2, samples).

    Raises
    ------
    InputError
        If the network, the preset, a setting or its value is unknown; a wrong name is answered with the nearest one.

    Examples
    --------
    >>> network = build("tdcn", "small", dropout=0.2)
    """
    network = find(name)
    return network(choose(name, network.presets, preset, settings))


def load(folder: Path) -> "Checkpoint | Boosted":
    """A trained model: a network in its checkpoint, or the boosted baseline.

    Parameters
    ----------
    folder : Path
        Of a checkpoint, or of a run that holds one.

    Raises
    ------
    CheckpointError
        If there is none, or it is damaged.
    InputError
        If a library that it needs is not installed.
    """
    found = metadata.find(folder)
    if metadata.read(found).get("model") == BOOSTED:
        from fxnorm.models.gbdt.model import Boosted

        return Boosted.load(found)
    try:
        from fxnorm.models.checkpoint import Checkpoint
    except ModuleNotFoundError as error:
        raise InputError(
            f"checkpoints need {error.name}, which is not installed: pip install 'fxnorm[train]'"
        ) from error
    return Checkpoint.load(found)
