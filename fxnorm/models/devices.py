"""Devices of PyTorch."""

import torch

from fxnorm.choices import DEVICES
from fxnorm.errors import InputError


def choose(name: str) -> torch.device:
    """Choose a device by name; `auto` takes a GPU if there is one.

    Raises
    ------
    InputError
        If the device is unknown or missing.
    """
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return torch.device(next((gpu for gpu in ("cuda", "mps") if available[gpu]), "cpu"))
    if name not in available:
        raise InputError(f"device: expected one of {', '.join(DEVICES)}, got {name!r}")
    if not available[name]:
        kind = {"cuda": "an NVIDIA GPU", "mps": "an Apple GPU"}[name]
        raise InputError(f"device: expected {kind}, found none; take -d cpu or -d auto")
    return torch.device(name)
