"""Losses between a mix and its target, on the sum and the difference of the channels."""

from collections.abc import Callable

from torch import nn

from fxnorm.errors import InputError
from fxnorm.losses.a_weighting import design_a_weighting
from fxnorm.losses.mrstft import MultiResolutionLoss
from fxnorm.losses.stereo import EPS, HOP, N_FFT, StereoLoss, context_frames

__all__ = [
    "EPS",
    "HOP",
    "LOSSES",
    "N_FFT",
    "MultiResolutionLoss",
    "StereoLoss",
    "build",
    "context_frames",
    "design_a_weighting",
]

LOSSES: dict[str, Callable[..., nn.Module]] = {
    "La": lambda **settings: StereoLoss("La", **settings),
    "Lb": lambda **settings: StereoLoss("Lb", **settings),
    "mrstft": MultiResolutionLoss,
}


def build(name: str, **settings: object) -> nn.Module:
    """Build a loss by name: `La`, `Lb` or `mrstft`.

    Raises
    ------
    InputError
        If the loss or a setting is unknown.
    """
    if name not in LOSSES:
        raise InputError(f"unknown loss {name!r}: expected one of {', '.join(LOSSES)}")
    try:
        return LOSSES[name](**settings)
    except TypeError as error:
        raise InputError(f"loss {name}: {error}") from None
