"""Write the curves and a validation mix of a run for TensorBoard."""

import io
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as lightning
from tensorboard.compat.proto.summary_pb2 import Summary
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from fxnorm.audio import SAMPLE_RATE
from fxnorm.training.checkpointing import CheckpointCallback

LOG_INTERVAL = 10  # batches between points of the loss curve


class TensorBoardCallback(lightning.Callback):
    """Writes RUN/tensorboard from the history of a run.

    Parameters
    ----------
    folder : Path
    checkpointing : CheckpointCallback
        Precedes this callback in the trainer.
    """

    def __init__(self, folder: Path, checkpointing: CheckpointCallback) -> None:
        self.folder = folder
        self.checkpointing = checkpointing
        self.writer: SummaryWriter | None = None

    @property
    def step(self) -> int:
        """Number of batches since the beginning of the run."""
        position = self.checkpointing.module.position
        return position.epoch * self.checkpointing.recipe.data.batches_per_epoch + position.batch

    def on_train_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Open the event file, and hide events that an interrupted run wrote after its last state."""
        if trainer.is_global_zero:
            self.writer = SummaryWriter(str(self.folder), purge_step=self.step + 1)

    def on_train_batch_end(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Log the loss of every tenth batch."""
        if self.writer is not None and self.step % LOG_INTERVAL == 0:
            self.writer.add_scalar("batch/loss", float(outputs["loss"]), self.step)

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Log the record of the epoch and a validation mix."""
        if self.writer is None:
            return
        record = self.checkpointing.history[-1]
        for name, value in record.items():
            if value is not None:
                self.writer.add_scalar(f"epoch/{name}", value, self.step)
        if self.checkpointing.recipe.task == "mix" and self.checkpointing.module.example is not None:
            output, target = self.checkpointing.module.example
            self._add_audio("validation/mix", output)
            if len(self.checkpointing.history) == 1:
                self._add_audio("validation/target", target)
        self.writer.flush()

    def teardown(self, trainer: lightning.Trainer, module: lightning.LightningModule, stage: str) -> None:
        """Close the event file."""
        if self.writer is not None:
            self.writer.close()

    def _add_audio(self, tag: str, stereo: Tensor) -> None:
        """Add stereo audio; `SummaryWriter.add_audio` supports mono only."""
        if self.writer is None:
            return
        summary = Summary.Audio(
            sample_rate=SAMPLE_RATE,
            num_channels=2,
            length_frames=stereo.shape[1],
            encoded_audio_string=encode(stereo),
            content_type="audio/wav",
        )
        file: Any = self.writer.file_writer
        file.add_summary(Summary(value=[Summary.Value(tag=tag, audio=summary)]), self.step)


def encode(stereo: Tensor) -> bytes:
    """Encode a signal (2, samples) as a 16-bit WAV file, clipped at full scale, with zeros for non-finite samples."""
    samples = np.nan_to_num(stereo.numpy(), nan=0.0, posinf=0.0, neginf=0.0).clip(-1.0, 1.0)
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(np.ascontiguousarray((samples * 32767.0).round().astype("<i2").T).tobytes())
    return content.getvalue()
