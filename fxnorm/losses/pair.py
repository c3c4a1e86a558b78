"""The check of a mix and its target that all losses share."""

from torch import Tensor

from fxnorm.errors import InputError


def require_pair(output: Tensor, target: Tensor) -> None:
    """Raise `InputError` unless both are stereo and of one shape."""
    if output.shape != target.shape or output.ndim != 3 or output.shape[1] != 2:
        raise InputError(
            f"expected output and target of shape (batch, 2, samples), got {tuple(output.shape)} and "
            f"{tuple(target.shape)}"
        )
