"""Training and validation steps of a network: the Lightning module.

Every result is a function of the weights and the position of the run: even dropout is seeded by (seed, epoch, batch),
so an interrupted run continues with the same numbers.
"""

import copy
import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pytorch_lightning as lightning
import torch
from torch import Tensor

from fxnorm.errors import RunError
from fxnorm.models.network import Network
from fxnorm.recipe import Recipe
from fxnorm.training.dataset import Position
from fxnorm.training.tasks import build_task

MAX_SKIPPED = 20  # consecutive steps with non-finite gradients after which training stops
State = dict[str, Any]


class TrainingError(RunError):
    """Training cannot continue."""


@dataclass
class EpochMetrics:
    """Sums over the batches of an epoch, and its validation scores."""

    loss: float = 0.0
    batches: int = 0
    grad_norm: float = 0.0
    steps: int = 0
    skipped: int = 0
    valid: float = math.nan
    baseline: float = math.nan

    def to_record(self, lr: float) -> dict[str, float | int | None]:
        """Return the record of the epoch, with its last learning rate; None for a non-finite loss."""
        return {
            "train": _finite(self.loss / max(1, self.batches)),
            "valid": _finite(self.valid),
            "sum": _finite(self.baseline),
            "lr": lr,
            "grad_norm": self.grad_norm / max(1, self.steps),
            "skipped": self.skipped,
        }


class TrainingModule(lightning.LightningModule):
    """A network with its optimizer, its averaged weights and its position.

    Parameters
    ----------
    recipe : Recipe
    network : Network

    Attributes
    ----------
    position : Position
    ema : Network or None
        Exponential moving average of the weights.
    example : tuple of Tensor or None
        Output and target of the first validation segment.
    """

    def __init__(self, recipe: Recipe, network: Network) -> None:
        super().__init__()
        self.recipe = recipe
        self.network = network
        self.ema = copy.deepcopy(network).requires_grad_(False) if recipe.optimizer.ema_decay else None
        self.task = build_task(recipe, network)
        self.position = Position()
        self.metrics = EpochMetrics()
        self.consecutive_skips = 0
        self.example: tuple[Tensor, Tensor] | None = None
        self._optimizer_state: State | None = None
        self._scaler_state: State = {}
        self._validation_scores: list[Tensor] = []

    @property
    def best(self) -> Network:
        """Network to validate and export: the averaged one, if there is one."""
        return self.network if self.ema is None else self.ema

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Create the optimizer, with its restored state."""
        s = self.recipe.optimizer
        weights = [weight for weight in self.network.parameters() if weight.requires_grad]
        optimizer: torch.optim.Optimizer
        if s.name == "amsgrad":
            optimizer = torch.optim.Adam(weights, lr=s.lr, weight_decay=s.weight_decay, amsgrad=True)
        else:
            optimizer = torch.optim.AdamW(weights, lr=s.lr, weight_decay=s.weight_decay)
        if self._optimizer_state is not None:
            optimizer.load_state_dict(self._optimizer_state)
            self._optimizer_state = None
        return optimizer

    def on_train_start(self) -> None:
        """Restore the gradient scaler of half precision."""
        if self._scaler_state:
            self.trainer.precision_plugin.load_state_dict(self._scaler_state)

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Set the learning rate and the random seed of the batch."""
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = self.recipe.lr_at(self.position.epoch, self.position.batch)
        key = [self.recipe.seed, self.position.epoch, self.position.batch, self.global_rank]
        torch.manual_seed(int(np.random.SeedSequence(key).generate_state(1)[0]))

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Compute the loss of a batch."""
        stems, mix = batch
        output, target = self.task(self.network, stems, mix)
        if self.trainer.world_size > 1 and self.recipe.loss.gather:
            output, target = self._gather(output), self._gather(target)
        loss: Tensor = self.task.loss(output, target)
        self.metrics.loss += float(loss.detach())
        self.metrics.batches += 1
        return loss

    def configure_gradient_clipping(
        self,
        optimizer: Any,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip the gradients; skip the step if they are not finite."""
        weights = [weight for group in optimizer.param_groups for weight in group["params"]]
        norm = float(torch.nn.utils.clip_grad_norm_(weights, self.recipe.optimizer.max_grad_norm))
        if math.isfinite(norm):
            self.consecutive_skips = 0
            self.metrics.grad_norm += norm
            self.metrics.steps += 1
            return
        optimizer.zero_grad(set_to_none=True)  # without gradients the optimizer changes neither weights nor its state
        self.consecutive_skips += 1
        self.metrics.skipped += 1
        if self.consecutive_skips >= MAX_SKIPPED:
            raise TrainingError(
                f"{MAX_SKIPPED} steps in a row without finite gradients, in epoch {self.position.epoch + 1}; start "
                f"again with a lower optimizer.lr ({self.recipe.optimizer.lr:g} now)"
                + ("" if self.recipe.precision == "32" else " or precision=32")
            )

    def advance(self) -> None:
        """Move the position to the next batch, and update the averaged weights after a step."""
        self.position.batch += 1
        if self.ema is not None and self.between_steps and not self.consecutive_skips:
            batches = self.position.epoch * self.recipe.data.batches_per_epoch + self.position.batch
            steps = batches // self.recipe.optimizer.accumulate_grad_batches
            decay = min(self.recipe.optimizer.ema_decay, (1 + steps) / (10 + steps))  # forget the first steps faster
            with torch.no_grad():
                torch._foreach_lerp_(
                    list(self.ema.parameters()), [w.detach() for w in self.network.parameters()], 1.0 - decay
                )

    @property
    def between_steps(self) -> bool:
        """Whether no gradients are accumulated."""
        batch = self.position.batch
        return batch % self.recipe.optimizer.accumulate_grad_batches == 0 or batch == self.recipe.data.batches_per_epoch

    def on_validation_epoch_start(self) -> None:
        """Clear the scores of the previous validation."""
        self._validation_scores = []
        self.example = None

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """Score each segment separately, so that scores do not depend on the batch size, and the baseline too."""
        stems, mix = batch
        outputs, targets = self.task(self.best, stems, mix)
        for segment, output, target in zip(stems[:, None], outputs[:, None], targets[:, None], strict=True):
            scores = [self.task.loss(output, target), self.task.baseline(segment, target), torch.ones(())]
            self._validation_scores.append(torch.stack([score.cpu().double() for score in scores]))
        if self.example is None:
            self.example = outputs[0].float().cpu(), targets[0].float().cpu()

    def on_validation_epoch_end(self) -> None:
        """Average the scores over the segments of all devices."""
        sums = torch.stack(self._validation_scores).sum(dim=0).float().to(self.device)
        loss, baseline, count = self.trainer.strategy.reduce(sums, reduce_op="sum").tolist()
        self.metrics.valid, self.metrics.baseline = loss / count, baseline / count

    def end_epoch(self) -> dict[str, float | int | None]:
        """Move the position to the next epoch, and return the record of the completed one."""
        lr = self.recipe.lr_at(self.position.epoch, self.recipe.data.batches_per_epoch - 1)
        record = self.metrics.to_record(lr)
        self.metrics = EpochMetrics()
        self.position.epoch, self.position.batch = self.position.epoch + 1, 0
        return record

    def state(self) -> State:
        """Return the state of the run as plain values and tensors."""
        return {
            "network": self.network.state_dict(),
            "ema": self.ema.state_dict() if self.ema is not None else None,
            "optimizer": self.trainer.optimizers[0].state_dict(),
            "scaler": self.trainer.precision_plugin.state_dict(),
            "position": asdict(self.position),
            "metrics": asdict(self.metrics),
            "consecutive_skips": self.consecutive_skips,
        }

    def restore(self, state: State) -> None:
        """Restore a state before training begins."""
        self.network.load_state_dict(state["network"])
        if self.ema is not None:
            self.ema.load_state_dict(state["ema"] or state["network"])
        self._optimizer_state = state["optimizer"]
        self._scaler_state = state["scaler"]
        self.position.epoch, self.position.batch = state["position"]["epoch"], state["position"]["batch"]
        self.metrics = EpochMetrics(**state["metrics"])
        self.consecutive_skips = state["consecutive_skips"]

    def _gather(self, batch: Tensor) -> Tensor:
        """Concatenate the batches of all devices; gradients flow back to the device of each example."""
        batches = self.all_gather(batch, sync_grads=True)
        if not isinstance(batches, Tensor):
            raise TrainingError(
                f"expected a tensor from all devices, got {type(batches).__name__}; set loss.gather=false"
            )
        return batches.flatten(0, 1)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
