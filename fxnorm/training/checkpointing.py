"""Save and restore a network's run: history, state and the best checkpoints.

    RUN/history.json   one record per epoch
    RUN/state.pt       tensors and plain values to resume from
    RUN/checkpoint/    the best epoch so far
    RUN/best/          the best few epochs
    RUN/tensorboard/   curves and audio, see `tensorboard`

Each file is replaced atomically, the state before the history. Batches after the last saved state are computed again
with the same results.
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
from fxnorm.training.module import TrainingError, TrainingModule
from fxnorm.training.run_folder import CHECKPOINT, HISTORY, EpochRecord, sort_by_score

FORMAT = "fxnorm-training"
VERSION = 3
STATE, BEST = "state.pt", "best"


class CheckpointCallback(lightning.Callback):
    """Writes the folder of a run during training.

    Parameters
    ----------
    folder : Path
    recipe : Recipe
    chain : Chain
        Chain of the corpus; stored in every checkpoint.
    module : TrainingModule

    Attributes
    ----------
    history : list of dict
        A record for each completed epoch.
    """

    def __init__(self, folder: Path, recipe: Recipe, chain: Chain, module: TrainingModule) -> None:
        self.folder = folder
        self.recipe = recipe
        self.chain = chain
        self.module = module
        self.history: list[EpochRecord] = []
        self._epoch_start = time.monotonic()

    @property
    def finished(self) -> bool:
        """Whether the schedule or the patience is exhausted."""
        patience = self.recipe.validation.patience
        order = sort_by_score(self.history)
        epochs_since_best = len(self.history) - 1 - order[0] if order else len(self.history)
        return len(self.history) >= self.recipe.epochs or 0 < patience <= epochs_since_best

    def restore(self) -> None:
        """Restore the saved state, if there is one.

        Raises
        ------
        InputError
            If the state is damaged, or belongs to another network or to a corpus with another chain.
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
            if _shapes(state["network"]) != _shapes(self.module.network.state_dict()):
                raise ValueError("its network was another one, or of another size")
            self.module.restore(state)
            self.history = state["history"]
        except Exception as error:  # a foreign file can fail in any way
            reason = str(error).strip().splitlines() or [type(error).__name__]
            raise InputError(
                f"{path}: not the state of this run ({reason[0]}); delete the folder to start again, or undo the change"
            ) from error

    def save(self) -> None:
        """Write the state, then the history; only the main process writes.

        Raises
        ------
        RunError
            If they cannot be written; the previous files are unchanged.
        """
        if not self.module.trainer.is_global_zero:
            return
        content = io.BytesIO()
        header = {"format": FORMAT, "version": VERSION, "chain": self.chain.signature, "history": self.history}
        torch.save(header | self.module.state(), content)
        try:
            with files.replacing(self.folder / STATE) as temporary:
                temporary.write_bytes(content.getbuffer())
            files.write_text(self.folder / HISTORY, documents.to_text(self.history, indent=1))
        except OSError as error:
            raise _write_error(self.folder, str(error.strerror)) from error

    def on_train_epoch_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Start the clock of the epoch."""
        self._epoch_start = time.monotonic()

    def on_train_batch_end(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Advance the position, and save within the epoch every `save_every` batches."""
        self.module.advance()
        interval, position = self.recipe.save_every, self.module.position.batch
        if interval and position % interval < self.recipe.optimizer.accumulate_grad_batches and self.can_save_in_epoch:
            self.save()

    @property
    def can_save_in_epoch(self) -> bool:
        """Whether the position is between optimizer steps, and not at the end of the epoch."""
        return self.module.between_steps and self.module.position.batch < self.recipe.data.batches_per_epoch

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Append the record of the epoch, export its weights if they are among the best, save, and stop if finished."""
        seconds = round(time.monotonic() - self._epoch_start, 3)
        self.history.append({**self.module.end_epoch(), "seconds": seconds})
        if trainer.is_global_zero:
            self._export_best()
        self.save()
        trainer.should_stop = self.finished

    def _export_best(self) -> None:
        epoch = len(self.history) - 1
        best = sort_by_score(self.history)[: self.recipe.validation.keep]
        try:
            if epoch in best and self.recipe.validation.keep > 1:
                self._export(self.folder / BEST / _name(epoch))
            if best[:1] == [epoch]:
                self._export(self.folder / CHECKPOINT)
        except CheckpointError as error:
            raise _write_error(self.folder, str(error)) from error
        names = {_name(epoch) for epoch in best}
        for folder in self.folder.glob(f"{BEST}/*"):
            if folder.name not in names:
                shutil.rmtree(folder, ignore_errors=True)

    def _export(self, folder: Path) -> None:
        Checkpoint(
            self.module.best,
            chain=self.chain,
            recipe=self.recipe.to_dict(),
            history=self.history,
        ).save(folder)


def _shapes(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in tensors.items()}


def _name(epoch: int) -> str:
    return f"epoch-{epoch + 1:04d}"


def _write_error(folder: Path, reason: str) -> TrainingError:
    return TrainingError(
        f"{folder}: cannot be written ({reason}); the last good state and checkpoint are still there: make room, then "
        "run the same command again to go on"
    )
