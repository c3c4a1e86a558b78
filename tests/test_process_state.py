"""Library calls restore the state of the calling process."""

import logging
import os
import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest

from fxnorm import corpus, malloc
from fxnorm.normalization.corpus_normalization import normalize_corpus
from fxnorm.normalization.corpus_statistics import compute_stats
from fxnorm.normalization.normalizer import Normalizer
from fxnorm.normalization.output_layout import OutputLayout
from fxnorm.normalization.plan import NormalizationPlan
from fxnorm.normalization.settings import ChainSettings
from fxnorm.normalization.statistics import FxStats
from fxnorm.plots import plot_stats
from tests.normalization.test_corpus_passes import write_song
from tests.signals import noise


def snapshot() -> dict[str, Any]:
    state: dict[str, Any] = {
        "environment": dict(os.environ),
        "signals": {number: signal.getsignal(number) for number in signal.valid_signals()},
        "mask": signal.pthread_sigmask(signal.SIG_BLOCK, []) if hasattr(signal, "pthread_sigmask") else None,
        "handlers": list(logging.root.handlers),
        "levels": {
            name: logging.getLogger(name).level
            for name in ("root", "fxnorm", "pytorch_lightning", "lightning_fabric", "lightning.pytorch", "distributed")
        },
        "errors": np.geterr(),
        "random": random.getstate(),
        "numpy": str(np.random.get_state()),  # noqa: NPY002 - the state that no call may touch
        "matplotlib": (matplotlib.get_backend(), dict(matplotlib.rcParams)),
        "folder": Path.cwd(),
        "umask": _umask(),
    }
    try:
        import torch
    except ModuleNotFoundError:
        return state
    return state | {
        "threads": (torch.get_num_threads(), torch.get_num_interop_threads()),
        "precision": torch.get_float32_matmul_precision(),
        "tf32": (torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "gradients": torch.is_grad_enabled(),
        "type": torch.get_default_dtype(),
        "torch": torch.get_rng_state().tolist(),
    }


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@contextmanager
def unchanged(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Compare the process before and after the block; record calls whose effect cannot be read back."""
    told: list[Any] = []
    library = type("Library", (), {"mallopt": lambda *_: told.append("mallopt"), "malloc_trim": lambda *_: None})()
    monkeypatch.setattr(malloc, "_glibc", lambda: library)
    put, environment = os.environ.__class__.__setitem__, []
    monkeypatch.setattr(
        os.environ.__class__,
        "__setitem__",
        lambda self, name, value: (environment.append(name), put(self, name, value))[1],
    )
    before = snapshot()
    environment.clear()
    yield
    assert [name for name in environment if name.endswith("_NUM_THREADS")] == []
    after = snapshot()
    assert {name: (before[name], value) for name, value in after.items() if value != before[name]} == {}
    assert told == []


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("corpus")
    write_song(root / "Song", seconds=2.0)
    return root


def test_normalising_a_stem(monkeypatch: pytest.MonkeyPatch) -> None:
    with unchanged(monkeypatch):
        Normalizer(FxStats.shipped())(noise(1.0, seed=0), 44_100, "other")


@pytest.mark.parametrize("jobs", [1, 2])
def test_normalising_a_corpus(songs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jobs: int) -> None:
    with unchanged(monkeypatch):
        normalize_corpus(
            corpus.scan(songs),
            NormalizationPlan(FxStats.shipped(), ChainSettings.preset(), OutputLayout(tmp_path)),
            jobs=jobs,
        )


def test_measuring_and_drawing(songs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with unchanged(monkeypatch):
        stats, _ = compute_stats(corpus.scan(songs), title="t", measured_on="raw")
        plot_stats({"t": stats}, tmp_path / "stats.svg")


def test_mixing(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch", reason="needs PyTorch")
    from fxnorm import models

    network = models.build("tdcn", "small")
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with unchanged(monkeypatch):
            network.predict(np.stack([noise(1.0, seed=seed) for seed in range(4)]))
    finally:
        torch.set_num_threads(threads)


def test_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("torch", "pytorch_lightning", "tensorboard"):
        pytest.importorskip(name, reason="needs the extra `train`")
    from fxnorm import training
    from tests.training.corpora import make, write_corpus

    root = write_corpus(tmp_path / "corpus", songs=1)
    recipe = make(root, data={"batches_per_epoch": 1}, schedule=[[1, 1.0]], validation={"segments": 1})
    import fxnorm.training.loop  # noqa: F401 - loading libraries is not part of the call

    with unchanged(monkeypatch):
        assert training.train(recipe, tmp_path / "run").status == "finished"
