"""Small songs on disk, checkpoints, and the command line."""

import sys
from typing import Any

import numpy as np
import pytest

from fxnorm import audio, audio_files, cli
from fxnorm.corpus.stems import STEMS
from fxnorm.normalization.chain import Chain
from fxnorm.normalization.settings import ChainSettings
from fxnorm.normalization.statistics import FxStats
from tests.signals import plucks

TINY = {"filters": 8, "kernel": 16, "smoothing": 16, "bottleneck": 8, "hidden": 8, "skip": 8, "repeats": 1, "blocks": 2}


@pytest.fixture
def fxnorm(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a command line in this process: exit code, output, error output."""

    def call(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["fxnorm", *map(str, words)])
        try:
            cli.main()
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return code, printed.out, printed.err

    return call


def stems(seconds: float = 1.2, *, seed: int = 0) -> dict[str, audio.Audio]:
    """Four stems by name."""
    return {stem: 0.4 * plucks(seconds, seed=10 * seed + number) for number, stem in enumerate(STEMS)}


@pytest.fixture
def song(tmp_path: Any) -> Any:
    """A folder with the stems of a song."""
    folder = tmp_path / "A Song"
    folder.mkdir()
    for stem, samples in stems().items():
        audio_files.write(folder / f"{stem}.wav", samples, audio.SAMPLE_RATE)
    return folder


@pytest.fixture
def chain() -> Chain:
    """Averages of MUSDB18, with two effects that are quick."""
    return Chain(FxStats.shipped("musdb18"), ChainSettings.preset(effects=("eq", "loudness")))


@pytest.fixture
def checkpoint(tmp_path: Any, chain: Chain) -> Any:
    """Save an untrained tiny network with a chain; return the folder of its run."""
    torch = pytest.importorskip("torch", reason="needs PyTorch")
    from fxnorm import models
    from fxnorm.models.checkpoint import Checkpoint

    torch.manual_seed(0)
    folder = tmp_path / "runs" / "tiny" / "checkpoint"
    Checkpoint(models.build("tdcn", "small", **TINY, excitation=8), chain).save(folder)
    return folder.parent


def lag(reference: audio.Audio, estimate: audio.Audio) -> int:
    """Return the delay of an estimate in samples."""
    spectrum = np.fft.rfft(estimate.sum(axis=0), 1 << 18) * np.conj(np.fft.rfft(reference.sum(axis=0), 1 << 18))
    correlation = np.fft.irfft(spectrum)
    return int((np.argmax(correlation) + (1 << 17)) % (1 << 18)) - (1 << 17)
