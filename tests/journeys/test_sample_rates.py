"""A corpus of multitracks at 48 kHz goes through check, stats, normalize, train, mix and evaluate."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from fxnorm import audio, audio_files
from fxnorm.cli import main
from fxnorm.corpus.stems import STEMS
from fxnorm.synth import make_multitrack
from tests.training.corpora import NETWORK

SAMPLE_RATE = 48_000
SPLITS = ("train", "train", "valid", "test")
SECONDS = 3.0


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("rate")
    for index, split in enumerate(SPLITS):
        song = make_multitrack(0, index, seconds=SECONDS)
        for kind, recordings in (("dry", song.dry), ("wet", {**song.wet, "mixture": song.mixture})):
            folder = root / kind / split / song.name
            folder.mkdir(parents=True)
            for name, recording in recordings.items():
                resampled = audio.resample(recording, audio.SAMPLE_RATE, SAMPLE_RATE)
                audio_files.write(folder / f"{name}.wav", resampled, SAMPLE_RATE)
    return root


@pytest.fixture
def fxnorm(monkeypatch, capsys):
    """Run a command line in this process; return its output."""

    def call(*words: object) -> str:
        monkeypatch.setattr(sys, "argv", ["fxnorm", *map(str, words)])
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        printed = capsys.readouterr()
        assert code == 0, printed.err
        return printed.out

    return call


def test_from_48_khz_files_to_a_trained_network_and_its_mixes(fxnorm, corpus, tmp_path):
    wet, normalized, run = corpus / "wet", tmp_path / "normalized", tmp_path / "run"
    reports = json.loads(fxnorm("corpus", "check", wet, "--json", "-j", 1))
    assert {file["sample_rate_hz"] for report in reports for file in report["files"]} == {SAMPLE_RATE}
    assert not any(report["errors"] for report in reports)

    fxnorm("stats", "compute", wet, "-o", tmp_path / "stats.json", "-j", 1, "-q")
    statistics = json.loads((tmp_path / "stats.json").read_text(encoding="utf-8"))
    assert statistics["sample_rate_hz"] == audio.SAMPLE_RATE
    assert set(statistics["stems"]) == set(STEMS)

    fxnorm("normalize", wet, "-o", normalized, "--stats", tmp_path / "stats.json", "-j", 1, "-q")
    folders = {path.parent for path in normalized.rglob("bass.wav")}
    assert len(folders) == len(SPLITS)

    recipe = {
        "corpus": str(normalized),
        "wet": str(wet),
        "network": NETWORK,
        "data": {"segment_s": 0.5, "batch_size": 2, "batches_per_epoch": 3, "workers": 0},
        "schedule": [[1, 1.0]],
        "validation": {"segments": 2},
        "device": "cpu",
    }
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
    assert "trained for 1 epoch" in fxnorm("train", tmp_path / "recipe.yaml", "-o", run, "-q")

    (tracks,) = (corpus / "dry" / "test").iterdir()
    fxnorm("mix", tracks, "-o", tmp_path / "mix.wav", "--model", run, "-d", "cpu")
    mix, sample_rate = audio_files.read(tmp_path / "mix.wav")
    assert np.isfinite(mix).all()
    assert mix.any()
    assert mix.shape[1] / sample_rate == pytest.approx(SECONDS, abs=1e-3)

    words = ("--dry-stems", corpus / "dry", "-m", run, "-m", "sum", "-o", tmp_path / "report.html", "-d", "cpu")
    assert "Dry stems, 1 song" in fxnorm("evaluate", wet, *words, "-j", 1, "-q")
    comparisons = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["comparisons"]
    assert comparisons[0]["means"]["mrstft"]["sum"]["mean"] < 0.05  # the wet stems add up to the mixture
