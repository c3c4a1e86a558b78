"""Data loaders of one process of a run."""

import signal
from typing import Any

import pytorch_lightning as lightning
import torch
from torch.utils.data import DataLoader

from fxnorm.recipe import Recipe
from fxnorm.training.corpus import TrainingCorpus
from fxnorm.training.dataset import Position, ResumableSampler, TrainingDataset, ValidationDataset
from fxnorm.training.module import TrainingError


class DataModule(lightning.LightningDataModule):
    """Loaders of this process: its share of every batch, and of the validation segments.

    Parameters
    ----------
    recipe : Recipe
    corpus : TrainingCorpus
    position : Position
        Position of the run, at which the first epoch starts.
    """

    def __init__(self, recipe: Recipe, corpus: TrainingCorpus, position: Position) -> None:
        super().__init__()
        self.recipe = recipe
        self.corpus = corpus
        self.position = position

    def train_dataloader(self) -> DataLoader[Any]:
        """Load random examples."""
        data, (rank, world_size) = self.recipe.data, self._rank()
        sampler = ResumableSampler(
            self.position,
            batch_size=data.batch_size,
            batches=data.batches_per_epoch,
            rank=rank,
            world_size=world_size,
        )
        dataset = TrainingDataset(self.corpus.train, data, self.recipe.seed)
        return self._load(dataset, sampler=sampler, batch_size=data.batch_size // world_size)

    def val_dataloader(self) -> DataLoader[Any]:
        """Load the validation segments."""
        data, (rank, world_size) = self.recipe.data, self._rank()
        count = max(world_size, self.recipe.validation.segments)
        dataset = ValidationDataset(self.corpus.valid, segment_s=data.segment_s, count=count)
        sampler = range(rank, len(dataset), world_size)
        return self._load(dataset, sampler=sampler, batch_size=max(1, data.batch_size // world_size))

    def _load(self, dataset: Any, **options: Any) -> DataLoader[Any]:
        workers = self.recipe.data.workers
        return DataLoader(
            dataset,
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=torch.cuda.is_available() and self.recipe.device in ("auto", "cuda"),
            worker_init_fn=leave_signals_to_parent,
            generator=torch.Generator(),  # the global generator belongs to the training steps
            **options,
        )

    def _rank(self) -> tuple[int, int]:
        if self.trainer is None:
            raise TrainingError("data loaders need a trainer; pass the data module to Trainer.fit")
        return self.trainer.global_rank, self.trainer.world_size


def leave_signals_to_parent(_worker: int) -> None:
    """Let a loader process end with its parent, and not on Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
