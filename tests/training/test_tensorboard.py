"""Scalars and audio logged to TensorBoard."""

import io

import numpy as np
import soundfile
import torch
from tensorboard.backend.event_processing.event_accumulator import AUDIO, EventAccumulator

from fxnorm import training
from fxnorm.training.tensorboard import encode
from tests.training.corpora import make


def test_a_mix_is_encoded_in_stereo():
    stereo = torch.stack([torch.linspace(-2.0, 2.0, 100), torch.zeros(100)])
    stereo[1, 3] = float("nan")
    samples, rate = soundfile.read(io.BytesIO(encode(stereo)), always_2d=True)
    assert rate == 44100
    np.testing.assert_allclose(samples[:, 0], stereo[0].clip(-1.0, 1.0), atol=1e-4)
    assert not samples[:, 1].any()


def test_curves_and_sound_are_there(root, tmp_path):
    training.train(make(root, data={"batches_per_epoch": 10}), tmp_path / "run")
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard"), size_guidance={AUDIO: 0})
    events.Reload()
    assert [event.step for event in events.Scalars("epoch/valid")] == [10, 20]
    assert [event.step for event in events.Scalars("batch/loss")] == [10, 20]
    sounds = events.Audio("validation/mix")
    assert [(sound.step, sound.length_frames) for sound in sounds] == [(10, 11025), (20, 11025)]
    assert len(events.Audio("validation/target")) == 1


def test_what_a_run_noted_before_it_went_on_stays(root, tmp_path):
    training.train(make(root, data={"batches_per_epoch": 10}, schedule=[[1, 1.0]]), tmp_path / "run")
    training.train(make(root, data={"batches_per_epoch": 10}, schedule=[[2, 1.0]]), tmp_path / "run", resume=True)
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard"), size_guidance={AUDIO: 0})
    events.Reload()
    assert [event.step for event in events.Scalars("epoch/valid")] == [10, 20]
    assert [event.step for event in events.Audio("validation/mix")] == [10, 20]
