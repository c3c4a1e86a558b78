"""Training tasks: the output and target of a network, their loss, and the network that a recipe trains."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fxnorm import losses, models
from fxnorm.audio import SAMPLE_RATE
from fxnorm.errors import InputError
from fxnorm.models.checkpoint import Checkpoint
from fxnorm.models.metadata import find
from fxnorm.models.network import Network
from fxnorm.recipe import Recipe

FRONT_END = ("encoder", "smoothing")  # submodules that `reconstruct` trains


class Task(nn.Module):
    """Output, target and loss of a network."""

    def forward(self, network: Network, stems: Tensor, mix: Tensor) -> tuple[Tensor, Tensor]:
        """Return the output of a network and its target."""
        raise NotImplementedError

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """Compute the training loss."""
        raise NotImplementedError

    def baseline(self, stems: Tensor, target: Tensor) -> Tensor:
        """Compute the loss of a baseline without parameters."""
        raise NotImplementedError


class MixingTask(Task):
    """Map stems to a mix. The baseline is the sum of the stems."""

    def __init__(self, recipe: Recipe, network: Network) -> None:
        super().__init__()
        context = {} if recipe.loss.name == "mrstft" else {"context_frames": losses.context_frames(network.context)}
        self.criterion = losses.build(recipe.loss.name, **context | recipe.loss.settings)
        silence = torch.zeros(1, 2, round(recipe.data.segment_s * SAMPLE_RATE))
        try:
            self.criterion(silence, silence)
        except InputError as error:
            raise InputError(
                f"data.segment_s: {recipe.data.segment_s:g} s are too short for this network: {error}"
            ) from None

    def forward(self, network: Network, stems: Tensor, mix: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mix of the network and the reference mix."""
        return network(stems), mix

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """Compute the loss of the recipe."""
        loss: Tensor = self.criterion(output, target)
        return loss

    def baseline(self, stems: Tensor, target: Tensor) -> Tensor:
        """Compute the loss of the sum of the stems."""
        return self.loss(stems.sum(dim=1), target)


class ReconstructionTask(Task):
    """Reconstruct the stems through the front end, with the L1 loss in time. The baseline is silence."""

    def forward(self, network: Network, stems: Tensor, mix: Tensor) -> tuple[Tensor, Tensor]:
        """Return the reconstructed stems and the stems."""
        front_end: Any = network
        return front_end.reconstruct(stems), stems

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """Compute the L1 loss."""
        return F.l1_loss(output.float(), target)

    def baseline(self, stems: Tensor, target: Tensor) -> Tensor:
        """Compute the L1 loss of silence."""
        return target.abs().mean()


def build_task(recipe: Recipe, network: Network) -> Task:
    """Create the task of a recipe; reconstruction freezes the weights behind the front end.

    Raises
    ------
    InputError
        If the segments are too short for the network, its loss is unknown, or the network has no front end.
    """
    if recipe.task == "mix":
        return MixingTask(recipe, network)
    freeze_behind_front_end(network)
    return ReconstructionTask()


def build_network(recipe: Recipe) -> Network:
    """Create the network of a recipe, with random weights or those of `init_from`.

    Raises
    ------
    InputError
        If the network, its preset or its settings are unknown, or those of `init_from` differ.
    CheckpointError
        If the checkpoint of `init_from` cannot be read.
    """
    torch.manual_seed(recipe.seed)
    network = models.build(recipe.network.name, recipe.network.preset, **recipe.network.settings)
    if recipe.init_from is not None:
        source = Checkpoint.load(find(recipe.init_from)).model
        if (source.name, source.settings) != (network.name, network.settings):
            raise InputError(
                f"init_from: expected the weights of {network.name} with the settings of this recipe, got "
                f"{source.name} with others; train both with the same network.preset and network.settings"
            )
        network.load_state_dict(source.state_dict())
    return network


def freeze_behind_front_end(network: Network) -> None:
    """Freeze the weights that reconstruction does not use.

    Raises
    ------
    InputError
        If the network has no front end to train alone.
    """
    if not hasattr(network, "reconstruct"):
        raise InputError(f"task: {network.name} has no front end to train alone; take tdcn, or task=mix")
    for name, weight in network.named_parameters():
        weight.requires_grad_(name.split(".")[0] in FRONT_END)
