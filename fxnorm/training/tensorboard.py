"""What TensorBoard shows of a run: curves, and a validation mix to listen to."""

import io
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as lightning
from tensorboard.compat.proto.summary_pb2 import Summary
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from fxnorm.audio import RATE
from fxnorm.training.checkpointing import Keeper

EVERY = 10  # batches between two points of the loss


class Journal(lightning.Callback):
    """Writes RUN/tensorboard; reads what the keeper has noted.

    Parameters
    ----------
    folder : Path
    keeper : Keeper
        Comes before the journal among the callbacks.
    """

    def __init__(self, folder: Path, keeper: Keeper) -> None:
        self.folder = folder
        self.keeper = keeper
        self.writer: SummaryWriter | None = None

    @property
    def step(self) -> int:
        """Batches since the beginning of the run."""
        position = self.keeper.system.position
        return position.epoch * self.keeper.recipe.data.batches + position.batch

    def on_train_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Open the file; what an interrupted run had noted beyond its state is hidden."""
        if trainer.is_global_zero:
            self.writer = SummaryWriter(str(self.folder), purge_step=self.step + 1)

    def on_train_batch_end(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Note the loss of some batches."""
        if self.writer is not None and self.step % EVERY == 0:
            self.writer.add_scalar("batch/loss", float(outputs["loss"]), self.step)

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Note the figures of the epoch, and how it sounds."""
        if self.writer is None:
            return
        row = self.keeper.history[-1]
        for name, value in row.items():
            if value is not None:
                self.writer.add_scalar(f"epoch/{name}", value, self.step)
        if self.keeper.recipe.task == "mix" and self.keeper.system.example is not None:
            output, target = self.keeper.system.example
            self._add_audio("validation/mix", output)
            if len(self.keeper.history) == 1:
                self._add_audio("validation/target", target)
        self.writer.flush()

    def teardown(self, trainer: lightning.Trainer, module: lightning.LightningModule, stage: str) -> None:
        """Close the file."""
        if self.writer is not None:
            self.writer.close()

    def _add_audio(self, tag: str, stereo: Tensor) -> None:
        """Add a stereo sound; the writer's own `add_audio` takes mono alone."""
        if self.writer is None:
            return
        sound = Summary.Audio(
            sample_rate=RATE,
            num_channels=2,
            length_frames=stereo.shape[1],
            encoded_audio_string=encode(stereo),
            content_type="audio/wav",
        )
        file: Any = self.writer.file_writer
        file.add_summary(Summary(value=[Summary.Value(tag=tag, audio=sound)]), self.step)


def encode(stereo: Tensor) -> bytes:
    """A 16-bit WAV file of a signal (2, samples), clipped at full scale; what is not finite is silence."""
    samples = np.nan_to_num(stereo.numpy(), nan=0.0, posinf=0.0, neginf=0.0).clip(-1.0, 1.0)
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.ascontiguousarray((samples * 32767.0).round().astype("<i2").T).tobytes())
    return content.getvalue()
