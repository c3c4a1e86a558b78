"""Tiny normalised corpora with cards, tiny networks, and recipes that train them in seconds."""

from pathlib import Path
from typing import Any

import numpy as np

from fxnorm import audio, audio_files, recipe
from fxnorm.corpus.stems import STEMS
from fxnorm.normalization.chain import Chain
from fxnorm.normalization.record import RECORD
from fxnorm.normalization.settings import ChainSettings
from fxnorm.normalization.statistics import FxStats
from tests.signals import noise

TINY = {"filters": 8, "kernel": 16, "smoothing": 16, "bottleneck": 8, "hidden": 8, "skip": 8, "repeats": 1, "blocks": 2}
NETWORK = {"name": "tdcn", "preset": "small", "settings": TINY | {"excitation": 8, "lstm_layers": 2}}
CHAIN = Chain(FxStats.shipped("musdb18"), ChainSettings.preset(effects=("eq", "loudness")))


def write_song(
    root: Path, location: str, *, seed: int, seconds: float = 1.0, stems: tuple[str, ...] = STEMS, chain: Chain = CHAIN
) -> None:
    """Write noise stems to `root/normalized/location`; louder, unbalanced ones to `root/wet/location`."""
    normalized, wet = root / "normalized" / location, root / "wet" / location
    normalized.mkdir(parents=True)
    wet.mkdir(parents=True)
    chain.save(root / "normalized" / "chain.json")
    mix = np.zeros((2, round(seconds * audio.SAMPLE_RATE)), dtype=np.float32)
    for index, stem in enumerate(stems):
        dry = noise(seconds, seed=10 * seed + index, level=0.05)
        engineered = dry * np.float32([[2.0], [1.0 + 0.2 * index]])
        audio_files.write(normalized / f"{stem}.wav", dry, audio.SAMPLE_RATE)
        record = {"stats": {"signature": chain.stats.signature}, "chain": chain.settings.effective_settings(stem)}
        RECORD.write(normalized / f"{stem}.json", RECORD.wrap(record))
        audio_files.write(wet / f"{stem}.wav", engineered, audio.SAMPLE_RATE)
        mix += engineered
    audio_files.write(normalized / "mixture.wav", mix, audio.SAMPLE_RATE)


def write_corpus(root: Path, *, songs: int = 3, seconds: float = 1.0, chain: Chain = CHAIN) -> Path:
    """Write training songs and one validation song."""
    for index in range(songs + 1):
        split = "train" if index < songs else "valid"
        write_song(root, f"{split}/song {index}", seed=index, seconds=seconds + 0.1 * index, chain=chain)
    return root


def content(root: Path, **changes: Any) -> dict[str, Any]:
    """Return plain values of a recipe that trains in seconds, with changes merged into its groups."""
    base: dict[str, Any] = {
        "corpus": str(root / "normalized"),
        "wet": str(root / "wet"),
        "network": NETWORK,
        "data": {"segment_s": 0.25, "batch_size": 2, "batches_per_epoch": 4, "workers": 0},
        "optimizer": {"lr": 0.01, "warmup": 2, "ema_decay": 0.9},
        "schedule": [[2, 1.0]],
        "validation": {"segments": 3},
        "device": "cpu",
    }
    for key, value in changes.items():
        base[key] = base.get(key, {}) | value if isinstance(value, dict) else value
    return base


def make(root: Path, **changes: Any) -> recipe.Recipe:
    """Return the checked recipe."""
    return recipe.check(content(root, **changes))
