"""Train a network: check the recipe, run Lightning's trainer, and reduce each expected error to one line."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytorch_lightning as lightning
import torch
from pytorch_lightning.utilities.exceptions import MisconfigurationException

from fxnorm.errors import FxnormError, InputError
from fxnorm.parallel.runner import Progress, silent_progress
from fxnorm.recipe import Recipe
from fxnorm.training.callbacks import Interrupted, ProgressCallback, SignalCallback
from fxnorm.training.checkpointing import STATE, CheckpointCallback
from fxnorm.training.corpus import open_corpus
from fxnorm.training.datamodule import DataModule
from fxnorm.training.module import TrainingError, TrainingModule
from fxnorm.training.process_state import process_state_restored
from fxnorm.training.run_folder import RunResult, open_run, require_same_recipe
from fxnorm.training.tasks import build_network
from fxnorm.training.tensorboard import TensorBoardCallback

ACCELERATORS = {"auto": "auto", "cpu": "cpu", "cuda": "gpu", "mps": "mps"}


@process_state_restored()
def train(recipe: Recipe, folder: Path, *, resume: bool = False, progress: Progress = silent_progress) -> RunResult:
    """Train a network, or continue an interrupted run; see `fxnorm.training.train`."""
    require_device(recipe)
    if resume and not (folder / STATE).exists():
        raise InputError(f"{folder}: expected a run to resume, found no state in it; name the folder of a run")
    corpus = open_corpus(recipe.corpus, wet=recipe.wet, mixing=recipe.task == "mix")
    module = TrainingModule(recipe, build_network(recipe))
    if not resume:
        require_same_recipe(folder, recipe)
    checkpointing = CheckpointCallback(folder, recipe, corpus.chain, module)
    checkpointing.restore()
    if checkpointing.finished:
        open_run(folder, recipe)
        return RunResult(folder, "finished", checkpointing.history)
    with readable_errors(recipe):
        trainer = build_trainer(recipe, checkpointing, progress)
        open_run(folder, recipe)  # a refused recipe leaves no folder
        if recipe.compile:
            module.network.compile()
        try:
            trainer.fit(module, datamodule=DataModule(recipe, corpus, module.position))
        except Interrupted:
            return RunResult(folder, "interrupted", checkpointing.history, is_main_process=trainer.is_global_zero)
    return RunResult(folder, "finished", checkpointing.history, is_main_process=trainer.is_global_zero)


def require_device(recipe: Recipe) -> None:
    """Check that the devices of a recipe exist.

    Raises
    ------
    InputError
        If one does not.
    """
    if recipe.device == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if count < recipe.devices:
            raise InputError(
                f"device: expected {recipe.devices} NVIDIA GPU, found {count}; train with -d cpu or -d auto"
            )
    if recipe.device == "mps" and not torch.backends.mps.is_available():
        raise InputError("device: expected an Apple GPU, found none; train with -d cpu or -d auto")


def build_trainer(recipe: Recipe, checkpointing: CheckpointCallback, progress: Progress) -> lightning.Trainer:
    """Create Lightning's trainer without its logger, checkpoints, progress bar and sampler, which fxnorm replaces.

    Raises
    ------
    InputError
        If Lightning does not know the strategy, or a device does not exist.
    """
    callbacks = [
        checkpointing,  # first: the others read the position and the history that it advances
        TensorBoardCallback(checkpointing.folder / "tensorboard", checkpointing),
        ProgressCallback(checkpointing, progress),
        SignalCallback(checkpointing),
    ]
    try:
        return lightning.Trainer(
            accelerator=ACCELERATORS[recipe.device],
            devices=recipe.devices,
            num_nodes=recipe.num_nodes,
            strategy=recipe.strategy,
            precision=recipe.precision,
            accumulate_grad_batches=recipe.optimizer.accumulate_grad_batches,
            max_epochs=recipe.epochs - len(checkpointing.history),
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


@contextmanager
def readable_errors(recipe: Recipe) -> Iterator[None]:
    """Reduce the errors of a run to one line that names the key to change."""
    try:
        yield
    except FxnormError as error:
        # a loader process sends its error with a traceback
        text = str(error).strip()
        if not text.startswith("Caught "):
            raise
        raise type(error)(text.splitlines()[-1].partition(": ")[2]) from None
    except SystemExit as stop:  # raised by Lightning on a second Ctrl-C
        raise KeyboardInterrupt from stop
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise _out_of_memory(recipe) from error
    except RuntimeError as error:
        text = str(error)
        if "allocate memory" in text or "out of memory" in text:
            raise _out_of_memory(recipe) from error
        if "DataLoader worker" in text:
            raise TrainingError(
                "a loader process ended unexpectedly, most often for lack of memory; lower data.workers "
                f"({recipe.data.workers} now)"
            ) from error
        raise


def _out_of_memory(recipe: Recipe) -> TrainingError:
    data = recipe.data
    return TrainingError(
        f"out of memory: lower data.batch_size ({data.batch_size} now; optimizer.accumulate_grad_batches makes up for "
        f"it) or data.segment_s ({data.segment_s:g} now), or set precision=bf16-mixed"
    )
