"""Callbacks that report progress and end a run on a signal."""

import signal
import threading
from typing import Any

import pytorch_lightning as lightning

from fxnorm.parallel.runner import Progress
from fxnorm.training.checkpointing import CheckpointCallback
from fxnorm.training.process_state import SIGNALS
from fxnorm.training.run_folder import sort_by_score


class Interrupted(Exception):  # noqa: N818 - not an error
    """Ends a run whose state is saved."""


class SignalCallback(lightning.Callback):
    """Saves and ends the run after the current step on Ctrl-C or SIGTERM; a second signal ends it at once.

    Parameters
    ----------
    checkpointing : CheckpointCallback
        Precedes this callback in the trainer.
    """

    def __init__(self, checkpointing: CheckpointCallback) -> None:
        self.checkpointing = checkpointing
        self.received = False

    def on_train_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Install the signal handlers."""
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                signal.signal(number, self._receive)

    def on_train_batch_end(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Save and end in all processes if one of them received a signal."""
        if self.checkpointing.can_save_in_epoch and trainer.strategy.reduce_boolean_decision(self.received, all=False):
            self.checkpointing.save()
            raise Interrupted

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """End; the state of the epoch is saved."""
        if not trainer.should_stop and trainer.strategy.reduce_boolean_decision(self.received, all=False):
            raise Interrupted

    def _receive(self, number: int, frame: object) -> None:
        self.received = True
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


class ProgressCallback(lightning.Callback):
    """Reports the epoch, the loss and the best score after each batch.

    Parameters
    ----------
    checkpointing : CheckpointCallback
        Precedes this callback in the trainer.
    progress : callable
        Called as `progress(batches, total, description)`.
    """

    def __init__(self, checkpointing: CheckpointCallback, progress: Progress) -> None:
        self.checkpointing = checkpointing
        self.progress = progress

    def on_train_batch_end(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Report the batch."""
        if not trainer.is_global_zero:
            return
        recipe, history = self.checkpointing.recipe, self.checkpointing.history
        position = self.checkpointing.module.position
        description = f"epoch {position.epoch + 1}/{recipe.epochs}, loss {float(outputs['loss']):.3f}"
        if order := sort_by_score(history):
            description += f", best {history[order[0]]['valid']:.3f}"
        batches = recipe.data.batches_per_epoch
        self.progress(position.epoch * batches + position.batch, recipe.epochs * batches, description)
