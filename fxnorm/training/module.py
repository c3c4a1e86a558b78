"""What is computed in a training step and in validation: the Lightning module.

Everything here follows from the weights and from where the run stands: even dropout is drawn from (seed, epoch, batch),
so a run that is interrupted goes on exactly as if it had not been.
"""

import copy
import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pytorch_lightning as lightning
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fxnorm import losses, models
from fxnorm.audio import RATE
from fxnorm.errors import InputError, RunError
from fxnorm.models.checkpoint import Checkpoint
from fxnorm.models.network import Network
from fxnorm.recipe import Recipe
from fxnorm.training.dataset import Position

MOST_SKIPPED = 20  # steps in a row without finite gradients after which training ends
FRONT_END = ("encoder", "smoothing")  # what `reconstruct` trains
State = dict[str, Any]


class TrainingError(RunError):
    """Training cannot go on."""


@dataclass
class Tally:
    """What an epoch adds up to, and what its validation found."""

    loss: float = 0.0
    batches: int = 0
    gradient: float = 0.0
    steps: int = 0
    skipped: int = 0
    valid: float = math.nan
    baseline: float = math.nan


class System(lightning.LightningModule):
    """A network in training.

    Parameters
    ----------
    recipe : Recipe
    network : Network

    Attributes
    ----------
    position : Position
        Where the run stands.
    average : Network or None
        Running average of the weights.
    example : tuple of Tensor or None
        Output and target of the first validation piece, after a validation.
    """

    def __init__(self, recipe: Recipe, network: Network) -> None:
        super().__init__()
        self.recipe = recipe
        self.network = network
        self.average = copy.deepcopy(network).requires_grad_(False) if recipe.optimizer.average else None
        self.task: Task = Mixing(recipe, network) if recipe.task == "mix" else Reconstruction()
        if recipe.task == "reconstruct":
            train_front_end_alone(network)
        self.position = Position()
        self.tally = Tally()
        self.skipped_in_a_row = 0
        self.example: tuple[Tensor, Tensor] | None = None
        self._optimizer_state: State | None = None
        self._scaler_state: State = {}
        self._validated: list[Tensor] = []

    @property
    def best(self) -> Network:
        """The weights that are validated and kept."""
        return self.network if self.average is None else self.average

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """The optimiser, where it stood."""
        s = self.recipe.optimizer
        weights = [weight for weight in self.network.parameters() if weight.requires_grad]
        optimizer: torch.optim.Optimizer
        if s.name == "amsgrad":
            optimizer = torch.optim.Adam(weights, lr=s.rate, weight_decay=s.decay, amsgrad=True)
        else:
            optimizer = torch.optim.AdamW(weights, lr=s.rate, weight_decay=s.decay)
        if self._optimizer_state is not None:
            optimizer.load_state_dict(self._optimizer_state)
            self._optimizer_state = None
        return optimizer

    def on_train_start(self) -> None:
        """Put the scale of half precision where it stood."""
        if self._scaler_state:
            self.trainer.precision_plugin.load_state_dict(self._scaler_state)

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Set the learning rate and the seed that belong to this batch."""
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = self.recipe.rate(self.position.epoch, self.position.batch)
        place = [self.recipe.seed, self.position.epoch, self.position.batch, self.global_rank]
        torch.manual_seed(int(np.random.SeedSequence(place).generate_state(1)[0]))

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """The loss of a batch."""
        stems, mix = batch
        output, target = self.task(self.network, stems, mix)
        if self.trainer.world_size > 1 and self.recipe.loss.gather:
            output, target = self._from_all(output), self._from_all(target)
        loss = self.task.loss(output, target)
        self.tally.loss += float(loss.detach())
        self.tally.batches += 1
        return loss

    def configure_gradient_clipping(
        self,
        optimizer: Any,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip; a step whose gradients are not finite is not taken."""
        weights = [weight for group in optimizer.param_groups for weight in group["params"]]
        norm = float(torch.nn.utils.clip_grad_norm_(weights, self.recipe.optimizer.clip))
        if math.isfinite(norm):
            self.skipped_in_a_row = 0
            self.tally.gradient += norm
            self.tally.steps += 1
            return
        optimizer.zero_grad(set_to_none=True)  # without gradients the optimiser leaves weights and its own state alone
        self.skipped_in_a_row += 1
        self.tally.skipped += 1
        if self.skipped_in_a_row >= MOST_SKIPPED:
            raise TrainingError(
                f"{MOST_SKIPPED} steps in a row without finite gradients, in epoch {self.position.epoch + 1}; start "
                f"again with a lower optimizer.rate ({self.recipe.optimizer.rate:g} now)"
                + ("" if self.recipe.precision == "32" else " or precision=32")
            )

    def end_batch(self) -> None:
        """Move on to the next batch, and let the average follow the weights."""
        self.position.batch += 1
        if self.average is not None and self.between_steps and not self.skipped_in_a_row:
            done = self.position.epoch * self.recipe.data.batches + self.position.batch
            steps = done // self.recipe.optimizer.accumulate
            decay = min(self.recipe.optimizer.average, (1 + steps) / (10 + steps))  # young averages forget faster
            with torch.no_grad():
                torch._foreach_lerp_(
                    list(self.average.parameters()), [w.detach() for w in self.network.parameters()], 1.0 - decay
                )

    @property
    def between_steps(self) -> bool:
        """Whether no gradients are waiting for further batches."""
        batch = self.position.batch
        return batch % self.recipe.optimizer.accumulate == 0 or batch == self.recipe.data.batches

    def on_validation_epoch_start(self) -> None:
        """Forget what was validated before."""
        self._validated = []
        self.example = None

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """Score every piece by itself, so that scores do not depend on the batch, and the plain sum beside it."""
        stems, mix = batch
        outputs, targets = self.task(self.best, stems, mix)
        for stem, output, target in zip(stems, outputs, targets, strict=True):
            one = target[None]
            scores = [self.task.loss(output[None], one), self.task.baseline(stem[None], one), torch.ones(())]
            self._validated.append(torch.stack([score.cpu().double() for score in scores]))
        if self.example is None:
            self.example = outputs[0].float().cpu(), targets[0].float().cpu()

    def on_validation_epoch_end(self) -> None:
        """Average over all pieces of all devices."""
        sums = torch.stack(self._validated).sum(dim=0).float().to(self.device)
        loss, baseline, count = self.trainer.strategy.reduce(sums, reduce_op="sum").tolist()
        self.tally.valid, self.tally.baseline = loss / count, baseline / count

    def end_epoch(self) -> dict[str, float | int | None]:
        """Figures of the epoch that is done; the position moves to the next."""
        tally, self.tally = self.tally, Tally()
        row = {
            "train": _finite(tally.loss / max(1, tally.batches)),
            "valid": _finite(tally.valid),
            "sum": _finite(tally.baseline),
            "rate": self.recipe.rate(self.position.epoch, self.recipe.data.batches - 1),
            "gradient": tally.gradient / max(1, tally.steps),
            "skipped": tally.skipped,
        }
        self.position.epoch, self.position.batch = self.position.epoch + 1, 0
        return row

    def state(self) -> State:
        """Everything that going on needs: plain values and tensors."""
        return {
            "network": self.network.state_dict(),
            "average": self.average.state_dict() if self.average is not None else None,
            "optimizer": self.trainer.optimizers[0].state_dict(),
            "scaler": self.trainer.precision_plugin.state_dict(),
            "position": asdict(self.position),
            "tally": asdict(self.tally),
            "skipped_in_a_row": self.skipped_in_a_row,
        }

    def restore(self, state: State) -> None:
        """Go back to a state, before training begins."""
        self.network.load_state_dict(state["network"])
        if self.average is not None:
            self.average.load_state_dict(state["average"] or state["network"])
        self._optimizer_state = state["optimizer"]
        self._scaler_state = state["scaler"]
        self.position.epoch, self.position.batch = state["position"]["epoch"], state["position"]["batch"]
        self.tally = Tally(**state["tally"])
        self.skipped_in_a_row = state["skipped_in_a_row"]

    def _from_all(self, share: Tensor) -> Tensor:
        """The batches of all devices as one; gradients flow back to the device each item came from."""
        gathered = self.all_gather(share, sync_grads=True)
        if not isinstance(gathered, Tensor):
            raise TrainingError("devices answered with something that is no tensor")
        return gathered.flatten(0, 1)


class Task(nn.Module):
    """What a network is asked for, and how far off it is."""

    def forward(self, network: Network, stems: Tensor, mix: Tensor) -> tuple[Tensor, Tensor]:
        """What a network makes of the stems, and what it should have made."""
        raise NotImplementedError

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """How far apart the two are."""
        raise NotImplementedError

    def baseline(self, stems: Tensor, target: Tensor) -> Tensor:
        """Loss of what needs no learning."""
        raise NotImplementedError


class Mixing(Task):
    """Stems in, mix out."""

    def __init__(self, recipe: Recipe, network: Network) -> None:
        super().__init__()
        context = {} if recipe.loss.name == "mrstft" else {"context_frames": losses.context_frames(network.context)}
        self.measure = losses.build(recipe.loss.name, **context | recipe.loss.settings)
        silence = torch.zeros(1, 2, round(recipe.data.seconds * RATE))
        try:
            self.measure(silence, silence)
        except InputError as error:
            raise InputError(
                f"data.seconds: {recipe.data.seconds:g} s are too short for this network: {error}"
            ) from None

    def forward(self, network: Network, stems: Tensor, mix: Tensor) -> tuple[Tensor, Tensor]:
        return network(stems), mix

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        loss: Tensor = self.measure(output, target)
        return loss

    def baseline(self, stems: Tensor, target: Tensor) -> Tensor:
        return self.loss(stems.sum(dim=1), target)


class Reconstruction(Task):
    """Stems in, the same stems out, through the front end alone; mean absolute difference in time."""

    def forward(self, network: Network, stems: Tensor, mix: Tensor) -> tuple[Tensor, Tensor]:
        front_end: Any = network
        return front_end.reconstruct(stems), stems

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        return F.l1_loss(output.float(), target)

    def baseline(self, stems: Tensor, target: Tensor) -> Tensor:
        return target.abs().mean()  # of silence


def build_network(recipe: Recipe) -> Network:
    """The network of a recipe, with fresh weights or those of the run it starts from.

    Raises
    ------
    InputError
        If the network, its preset or its settings are unknown, or the other run's network has other sizes.
    CheckpointError
        If the other run's checkpoint cannot be read.
    """
    torch.manual_seed(recipe.seed)
    network = models.build(recipe.network.name, recipe.network.preset, **recipe.network.settings)
    if recipe.start_from is not None:
        inner = recipe.start_from / "checkpoint"
        given = Checkpoint.load(inner if inner.is_dir() else recipe.start_from).model
        if (given.name, given.settings) != (network.name, network.settings):
            raise InputError(
                f"start_from: expected the weights of {network.name} with the settings of this recipe, got "
                f"{given.name} with others; train both with the same network.preset and network.settings"
            )
        network.load_state_dict(given.state_dict())
    return network


def train_front_end_alone(network: Network) -> None:
    """Hold every weight that reconstruction does not use.

    Raises
    ------
    InputError
        If the network has no front end that can be trained alone.
    """
    if not hasattr(network, "reconstruct"):
        raise InputError(f"task: {network.name} has no front end to train alone; take tdcn, or task=mix")
    for name, weight in network.named_parameters():
        weight.requires_grad_(name.split(".")[0] in FRONT_END)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
