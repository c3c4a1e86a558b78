"""The recipe of a network."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, field_validator, model_validator

from fxnorm.choices import Device
from fxnorm.recipe.base import BaseRecipe
from fxnorm.recipe.groups import DataSettings, LossSettings, NetworkSettings, OptimizerSettings, ValidationSettings


class Recipe(BaseRecipe):
    """Training of a network.

    Attributes
    ----------
    wet : Path or None
        Corpus of the same stems before normalisation; required by `data.remix` and `data.stem_dropout`.
    task : {"mix", "reconstruct"}
        Map stems to a mix, or pretrain the front end of the network as an autoencoder.
    init_from : Path or None
        Run or checkpoint that provides the initial weights.
    network : NetworkSettings
    loss : LossSettings
    data : DataSettings
    optimizer : OptimizerSettings
    schedule : sequence of (int, float)
        Stages: number of epochs, and factor of the learning rate.
    validation : ValidationSettings
    save_every : int
        Batches between saved states within an epoch; 0 saves at the end of epochs only.
    device : {"auto", "cpu", "cuda", "mps"}
    devices, num_nodes, strategy, precision
        Arguments of Lightning's `Trainer`.
    compile : bool
        Compile the network with `torch.compile`: takes minutes at the start, and speeds up training on a GPU.
    """

    wet: Path | None = None
    task: Literal["mix", "reconstruct"] = "mix"
    init_from: Path | None = None
    network: NetworkSettings = NetworkSettings()
    loss: LossSettings = LossSettings()
    data: DataSettings = DataSettings()
    optimizer: OptimizerSettings = OptimizerSettings()
    schedule: tuple[tuple[PositiveInt, PositiveFloat], ...] = Field(default=((200, 1.0),), min_length=1)
    validation: ValidationSettings = ValidationSettings()
    save_every: NonNegativeInt = 400
    device: Device = "auto"
    devices: PositiveInt = 1
    num_nodes: PositiveInt = 1
    strategy: str = "auto"
    precision: Literal["32", "bf16-mixed", "16-mixed"] = "32"
    compile: bool = False

    @field_validator("precision", mode="before")
    @classmethod
    def _as_text(cls, precision: object) -> object:
        return str(precision) if isinstance(precision, int) else precision

    @model_validator(mode="after")
    def _check_combinations(self) -> Self:
        for key in ("remix", "stem_dropout"):
            if getattr(self.data, key) > 0.0 and self.wet is None:
                raise ValueError(f"data.{key}: needs the stems before normalising; add wet=FOLDER")
        if self.data.jitter_db > 0.0 and self.data.remix == 0.0:
            raise ValueError("data.jitter_db: applies to remixed stems only; add data.remix=0.5")
        world_size = self.devices * self.num_nodes
        if self.data.batch_size % world_size:
            raise ValueError(
                f"data.batch_size: expected a multiple of the {world_size} devices, got {self.data.batch_size}"
            )
        return self

    @property
    def epochs(self) -> int:
        """Number of epochs of the whole schedule."""
        return sum(epochs for epochs, _ in self.schedule)

    def lr_at(self, epoch: int, batch: int) -> float:
        """Return the learning rate at a batch of an epoch, both counted from 0."""
        steps_per_epoch = -(-self.data.batches_per_epoch // self.optimizer.accumulate_grad_batches)
        step = epoch * steps_per_epoch + batch // self.optimizer.accumulate_grad_batches
        warmup_factor = min(1.0, (step + 1) / (self.optimizer.warmup + 1))
        return self.optimizer.lr * self._schedule_factor(epoch) * warmup_factor

    def _schedule_factor(self, epoch: int) -> float:
        end = 0
        for epochs, factor in self.schedule:
            end += epochs
            if epoch < end:
                return factor
        return self.schedule[-1][1]
