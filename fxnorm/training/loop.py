"""A recipe becomes a run: everything is checked, then trained, and every foreseeable end has one readable line."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytorch_lightning as lightning
import torch
from pytorch_lightning.utilities.exceptions import MisconfigurationException
from torch.utils.data import DataLoader

from fxnorm.errors import FxnormError, InputError
from fxnorm.recipe import Recipe
from fxnorm.training.checkpointing import STATE, Keeper
from fxnorm.training.dataset import TrainingPieces, Turns, ValidationPieces
from fxnorm.training.module import System, TrainingError, build_network
from fxnorm.training.process_state import SIGNALS, process_state_restored
from fxnorm.training.run_folder import Outcome, open_run, rank, require_same_recipe
from fxnorm.training.songs import Corpus, open_corpus
from fxnorm.training.tensorboard import Journal

ACCELERATORS = {"auto": "auto", "cpu": "cpu", "cuda": "gpu", "mps": "mps"}

Progress = Callable[[int, int, str], None]  # batches done, batches in all, how it goes


@process_state_restored()
def train(
    recipe: Recipe, folder: Path, *, resume: bool = False, progress: Progress = lambda done, total, what: None
) -> Outcome:
    """Train a network, or go on with a run that was interrupted.

    Parameters
    ----------
    recipe : Recipe
    folder : Path
        Of the run. If a run of the same recipe is there already, it goes on where it stopped, exactly as if it had
        not been interrupted.
    resume : bool
        Go on even if the recipe has changed since.
    progress : callable
        Called after every batch with (batches done, batches in all, how it goes).

    Returns
    -------
    Outcome

    Raises
    ------
    InputError
        If the corpus, the folder, the device or the network does not fit the recipe.
    TrainingError
        If memory or the disk is full, or gradients stay without finite values.
    """
    require_device(recipe)
    if resume and not (folder / STATE).exists():
        raise InputError(f"{folder}: expected a run to resume, found no state in it; name the folder of a run")
    corpus = open_corpus(recipe.corpus, wet=recipe.wet, mixing=recipe.task == "mix")
    system = System(recipe, build_network(recipe))
    if not resume:
        require_same_recipe(folder, recipe)
    keeper = Keeper(folder, recipe, corpus.chain, system)
    keeper.restore()
    open_run(folder, recipe)
    if keeper.finished:
        return Outcome(folder, "finished", keeper.history)
    with readable_errors(recipe):
        callbacks = [keeper, Journal(folder / "tensorboard", keeper), Narrator(keeper, progress), Interruption(keeper)]
        trainer = build_trainer(recipe, callbacks, epochs=recipe.epochs - len(keeper.history))
        if recipe.compile:
            system.network.compile()
        try:
            trainer.fit(system, datamodule=Pieces(recipe, corpus, system))
        except Interrupted:
            return Outcome(folder, "interrupted", keeper.history, trainer.is_global_zero)
    return Outcome(folder, "finished", keeper.history, trainer.is_global_zero)


def require_device(recipe: Recipe) -> None:
    """Make sure that the devices of a recipe are there.

    Raises
    ------
    InputError
        If they are not.
    """
    if recipe.device == "cuda":
        there = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if there < recipe.devices:
            raise InputError(
                f"device: expected {recipe.devices} NVIDIA GPU, found {there}; train with -d cpu or -d auto"
            )
    if recipe.device == "mps" and not torch.backends.mps.is_available():
        raise InputError("device: expected an Apple GPU, found none; train with -d cpu or -d auto")


def build_trainer(recipe: Recipe, callbacks: list[lightning.Callback], *, epochs: int) -> lightning.Trainer:
    """Lightning's loop over the devices of a recipe, and nothing that we do ourselves.

    Raises
    ------
    InputError
        If Lightning does not know the strategy, or the devices are not there.
    """
    try:
        return lightning.Trainer(
            accelerator=ACCELERATORS[recipe.device],
            devices=recipe.devices,
            num_nodes=recipe.num_nodes,
            strategy=recipe.strategy,
            precision=recipe.precision,
            accumulate_grad_batches=recipe.optimizer.accumulate,
            max_epochs=epochs,
            callbacks=callbacks,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
        )
    except (ValueError, MisconfigurationException) as error:
        raise InputError(f"device, devices, strategy or precision: {error}") from error


class Pieces(lightning.LightningDataModule):
    """The loaders of this process: its share of every batch, and of the validation pieces."""

    def __init__(self, recipe: Recipe, corpus: Corpus, system: System) -> None:
        super().__init__()
        self.recipe = recipe
        self.corpus = corpus
        self.system = system

    def train_dataloader(self) -> DataLoader[Any]:
        """Random pieces, from where the run stands."""
        data, rank, world = self.recipe.data, *self._place()
        turns = Turns(self.system.position, batch=data.batch, batches=data.batches, rank=rank, world=world)
        return self._load(
            TrainingPieces(self.corpus.train, data, self.recipe.seed), sampler=turns, batch_size=data.batch // world
        )

    def val_dataloader(self) -> DataLoader[Any]:
        """The same pieces in every epoch."""
        data, rank, world = self.recipe.data, *self._place()
        pieces = ValidationPieces(
            self.corpus.valid, seconds=data.seconds, count=max(world, self.recipe.validation.pieces)
        )
        return self._load(pieces, sampler=range(rank, len(pieces), world), batch_size=max(1, data.batch // world))

    def _load(self, pieces: Any, **how: Any) -> DataLoader[Any]:
        workers = self.recipe.data.workers
        return DataLoader(
            pieces,
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=torch.cuda.is_available() and self.recipe.device in ("auto", "cuda"),
            worker_init_fn=leave_signals_to_parent,
            generator=torch.Generator(),  # the global one belongs to the steps
            **how,
        )

    def _place(self) -> tuple[int, int]:
        if self.trainer is None:
            raise TrainingError("pieces are loaded by a trainer alone")
        return self.trainer.global_rank, self.trainer.world_size


class Interrupted(Exception):  # noqa: N818 - not an error
    """Ends a run whose state is saved."""


class Interruption(lightning.Callback):
    """Ends the run after the step in hand when Ctrl-C or SIGTERM comes; a second one ends it at once."""

    def __init__(self, keeper: Keeper) -> None:
        self.keeper = keeper
        self.asked = False

    def on_train_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Listen."""
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                signal.signal(number, self._ask)

    def on_train_batch_end(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Save and end, all processes together."""
        if self.keeper.can_be_left and trainer.strategy.reduce_boolean_decision(self.asked, all=False):
            self.keeper.save()
            raise Interrupted

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """End; the keeper has saved."""
        if not trainer.should_stop and trainer.strategy.reduce_boolean_decision(self.asked, all=False):
            raise Interrupted

    def _ask(self, number: int, frame: object) -> None:
        self.asked = True
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


class Narrator(lightning.Callback):
    """Tells how far training is."""

    def __init__(self, keeper: Keeper, progress: Progress) -> None:
        self.keeper = keeper
        self.progress = progress

    def on_train_batch_end(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """One line a batch."""
        if not trainer.is_global_zero:
            return
        recipe, position, history = self.keeper.recipe, self.keeper.system.position, self.keeper.history
        what = f"epoch {position.epoch + 1}/{recipe.epochs}, loss {float(outputs['loss']):.3f}"
        if best := rank(history):
            what += f", best {history[best[0]]['valid']:.3f}"
        batches = recipe.data.batches
        self.progress(position.epoch * batches + position.batch, recipe.epochs * batches, what)


def leave_signals_to_parent(worker: int) -> None:
    """A reading process ends when its parent does, not at Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextmanager
def readable_errors(recipe: Recipe) -> Iterator[None]:
    """What can go wrong on the way, each in one line."""
    try:
        yield
    except FxnormError as error:
        # a reading process sends its error with the whole way it came
        text = str(error).strip()
        if not text.startswith("Caught "):
            raise
        raise type(error)(text.splitlines()[-1].partition(": ")[2]) from None
    except SystemExit as stop:  # what Lightning makes of a second Ctrl-C
        raise KeyboardInterrupt from stop
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise _out_of_memory(recipe) from error
    except RuntimeError as error:
        text = str(error)
        if "allocate memory" in text or "out of memory" in text:
            raise _out_of_memory(recipe) from error
        if "DataLoader worker" in text:
            raise TrainingError(
                f"a reading process died, most often for lack of memory; lower data.workers ({recipe.data.workers} now)"
            ) from error
        raise


def _out_of_memory(recipe: Recipe) -> TrainingError:
    data = recipe.data
    return TrainingError(
        f"out of memory: lower data.batch ({data.batch} now; optimizer.accumulate makes up for it) or data.seconds "
        f"({data.seconds:g} now), or set precision=bf16-mixed"
    )
