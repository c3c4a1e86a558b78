"""Excerpts: the same span of every mix, at equal loudness, also after alignment."""

from pathlib import Path

import numpy as np
import pytest

from fxnorm import audio, audio_files
from fxnorm.audio import SAMPLE_RATE
from fxnorm.dsp import loudness
from fxnorm.evaluation.excerpts import LUFS, cut_excerpt
from fxnorm.evaluation.songs import EvaluationSong
from tests.evaluation.test_alignment import delay
from tests.evaluation.test_metrics import music

TARGET = np.concatenate([0.1 * music(0, 4.0), music(1, 4.0), 0.1 * music(2, 4.0)], axis=1)


@pytest.mark.parametrize("lag", [-SAMPLE_RATE // 3, 0, SAMPLE_RATE // 4])
def test_every_mix_is_cut_at_the_same_place(tmp_path: Path, lag: int) -> None:
    mixes = {"in step": 0.5 * TARGET, "moved": delay(0.3 * TARGET, lag), "short": TARGET[:, : 5 * SAMPLE_RATE]}
    audio_files.write(tmp_path / "target.wav", TARGET, SAMPLE_RATE)
    for name, mix in mixes.items():
        audio_files.write(tmp_path / f"{name}.wav", mix, SAMPLE_RATE)
    song = EvaluationSong("song", tmp_path / "target.wav", {name: tmp_path / f"{name}.wav" for name in mixes})
    excerpt = cut_excerpt(song, 3.0, align=True)
    assert excerpt.start_s == pytest.approx(4.0, abs=1.1)
    for name, mix in excerpt.mixes.items():
        assert mix.shape == excerpt.target.shape
        nonzero = np.abs(mix).max(axis=0) > 0.0
        correlation = np.corrcoef(excerpt.target[:, nonzero].ravel(), mix[:, nonzero].ravel())[0, 1]
        assert correlation > 0.99, name
    assert LUFS == -23.0
    for mix in (excerpt.target, excerpt.mixes["in step"], excerpt.mixes["moved"]):
        level = loudness.measure(mix, SAMPLE_RATE)
        assert level == pytest.approx(loudness.measure(excerpt.target, SAMPLE_RATE), abs=0.1)
        assert level <= LUFS + 0.1
        assert audio.peak(mix) <= 1.0
