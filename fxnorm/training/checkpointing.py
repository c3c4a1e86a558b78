"""A network's run on disk: the history, the state to go on from, and the best checkpoints.

    RUN/history.json   one row an epoch: its length is the position
    RUN/state.pt       tensors and plain values
    RUN/checkpoint/    the best epoch so far
    RUN/best/          the best few
    RUN/tensorboard/   curves and sound, see `journal`

Every file is replaced whole, the state last: what an interruption loses is done again, and comes out the same.
"""

import io
import shutil
import time
from pathlib import Path
from typing import Any

import pytorch_lightning as lightning
import torch

from fxnorm import documents, files
from fxnorm.errors import InputError
from fxnorm.models.checkpoint import Checkpoint
from fxnorm.models.metadata import CheckpointError
from fxnorm.normalization.chain import Chain
from fxnorm.recipe import Recipe
from fxnorm.training.module import System, TrainingError
from fxnorm.training.run_folder import CHECKPOINT, HISTORY, Row, rank

FORMAT = "fxnorm-training"
VERSION = 2
STATE, BEST = "state.pt", "best"


class Keeper(lightning.Callback):
    """Writes a run's folder as training goes on.

    Parameters
    ----------
    folder : Path
    recipe : Recipe
    chain : Chain
        Of the corpus; goes into every checkpoint.
    system : System

    Attributes
    ----------
    history : list of dict
        A row for each epoch that is done.
    """

    def __init__(self, folder: Path, recipe: Recipe, chain: Chain, system: System) -> None:
        self.folder = folder
        self.recipe = recipe
        self.chain = chain
        self.system = system
        self.history: list[Row] = []
        self._began = time.monotonic()

    @property
    def finished(self) -> bool:
        """Whether the schedule, or patience, is at its end."""
        patience = self.recipe.validation.patience
        best = rank(self.history)
        waited = len(self.history) - 1 - best[0] if best else len(self.history)
        return len(self.history) >= self.recipe.epochs or 0 < patience <= waited

    def restore(self) -> None:
        """Put the system where the state on disk says, if there is one.

        Raises
        ------
        InputError
            If the state is damaged, or belongs to another network or a corpus that was normalised differently.
        """
        path = self.folder / STATE
        if not path.exists():
            return
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            if (state["format"], state["version"]) != (FORMAT, VERSION):
                raise ValueError(f"format {state['format']} {state['version']}")
            if state["chain"] != self.chain.signature:
                raise ValueError("its corpus was normalised with other averages or settings")
            if _shapes(state["network"]) != _shapes(self.system.network.state_dict()):
                raise ValueError("its network was another one, or of another size")
            self.system.restore(state)
            self.history = state["history"]
        except Exception as error:  # a file that is not ours can fail in any way
            reason = str(error).strip().splitlines() or [type(error).__name__]
            raise InputError(
                f"{path}: not the state of this run ({reason[0]}); delete the folder to start again, or undo the change"
            ) from error

    def save(self) -> None:
        """Write the state and then the history; other processes than the first write nothing.

        Raises
        ------
        RunError
            If they cannot be written; the last ones stay as they are.
        """
        if not self.system.trainer.is_global_zero:
            return
        content = io.BytesIO()
        about = {"format": FORMAT, "version": VERSION, "chain": self.chain.signature, "history": self.history}
        torch.save(about | self.system.state(), content)
        try:
            with files.replacing(self.folder / STATE) as temporary:
                temporary.write_bytes(content.getbuffer())
            files.write_text(self.folder / HISTORY, documents.to_text(self.history, indent=1))
        except OSError as error:
            raise _not_written(self.folder, str(error.strerror)) from error

    def on_train_epoch_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Look at the clock."""
        self._began = time.monotonic()

    def on_train_batch_end(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Move on, and save within the epoch where the recipe asks for it."""
        self.system.end_batch()
        every, batch = self.recipe.save_every, self.system.position.batch
        if every and batch % every < self.recipe.optimizer.accumulate and self.can_be_left:
            self.save()

    @property
    def can_be_left(self) -> bool:
        """Whether this is a place within an epoch to go on from: between steps, with batches still to come."""
        return self.system.between_steps and self.system.position.batch < self.recipe.data.batches

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Add the epoch's row, keep its weights if they are among the best, save, and end where it is time to."""
        self.history.append({**self.system.end_epoch(), "seconds": round(time.monotonic() - self._began, 3)})
        if trainer.is_global_zero:
            self._keep_best()
        self.save()
        trainer.should_stop = self.finished

    def _keep_best(self) -> None:
        now = len(self.history) - 1
        best = rank(self.history)[: self.recipe.validation.keep]
        try:
            if now in best and self.recipe.validation.keep > 1:
                self._export(self.folder / BEST / _name(now))
            if best[:1] == [now]:
                self._export(self.folder / CHECKPOINT)
        except CheckpointError as error:
            raise _not_written(self.folder, str(error)) from error
        names = {_name(epoch) for epoch in best}
        for old in self.folder.glob(f"{BEST}/*"):
            if old.name not in names:
                shutil.rmtree(old, ignore_errors=True)

    def _export(self, folder: Path) -> None:
        Checkpoint(
            self.system.best,
            chain=self.chain,
            recipe=self.recipe.to_dict(),
            history=self.history,
        ).save(folder)


def _shapes(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in tensors.items()}


def _name(epoch: int) -> str:
    return f"epoch-{epoch + 1:04d}"


def _not_written(folder: Path, reason: str) -> TrainingError:
    return TrainingError(
        f"{folder}: cannot be written ({reason}); the last good state and checkpoint are still there: make room, then "
        "run the same command again to go on"
    )
