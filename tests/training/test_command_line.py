"""`fxnorm train` and `fxnorm models` on the command line."""

import json

import pytest
import torch
import yaml
from click.testing import CliRunner

from fxnorm import cli
from fxnorm.cli.models import models
from fxnorm.cli.train import train
from fxnorm.training.module import TrainingModule
from tests.training.corpora import CHAIN, content


@pytest.fixture
def call(monkeypatch, capsys):
    """Run a verb as `fxnorm` does: exit code, output, error output."""
    verbs = {"train": train, "models": models}

    def run(verb, *words):
        monkeypatch.setattr(cli, "cli", verbs[verb])
        monkeypatch.setattr("sys.argv", ["fxnorm", *map(str, words)])
        try:
            cli.main()
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


@pytest.fixture
def path(root, tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(content(root, schedule=[[1, 1.0]])))
    return path


def test_from_a_recipe_to_a_network(call, path, tmp_path):
    code, printed, complaint = call("train", path, "data.batches_per_epoch=3", "-o", tmp_path / "run", "-d", "cpu")
    assert (code, complaint) == (0, "")
    assert "trained for 1 epoch\n" in printed
    assert "| best epoch" in printed
    assert yaml.safe_load((tmp_path / "run" / "recipe.yaml").read_text())["data"]["batches_per_epoch"] == 3
    code, printed, _ = call("train", "--resume", tmp_path / "run", "schedule=[[2, 1]]")
    assert (code, "trained for 2 epochs" in printed) == (0, True)
    code, printed, _ = call("models", tmp_path / "run")
    assert code == 0
    for words in ("tdcn", CHAIN.stats.title, CHAIN.stats.signature, "trained for"):
        assert words in printed
    metadata = json.loads(call("models", tmp_path / "run" / "checkpoint", "--json")[1])
    assert (metadata["model"], metadata["settings"]["filters"]) == ("tdcn", 8)
    assert metadata["chain"]["stats"]["title"] == CHAIN.stats.title


def test_the_run_is_named_after_the_recipe(call, path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert call("train", path, "data.batches_per_epoch=1", "validation.segments=1")[0] == 0
    assert (tmp_path / "runs" / "tiny" / "state.pt").exists()


def test_networks_are_listed_with_their_sizes(call):
    code, printed, _ = call("models")
    assert code == 0
    rows = {tuple(line.replace("|", " ").split()[:3]) for line in printed.splitlines()}
    assert rows >= {("tdcn", "published", "2,719,793"), ("waveunet", "published", "2,455,562"), ("naive", "–", "–")}
    assert "hdemucs" in printed
    entries = json.loads(call("models", "--json")[1])
    assert {(entry["model"], entry["preset"]) for entry in entries} >= {("tdcn", "small"), ("waveunet", "default")}


def test_memory_that_runs_out_is_no_fault_of_the_input(call, path, tmp_path, monkeypatch):
    def exhausted(self, batch, batch_idx):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(TrainingModule, "training_step", exhausted)
    code, printed, complaint = call("train", path, "-o", tmp_path / "run")
    assert (code, printed, complaint.count("\n")) == (1, "", 1)
    assert complaint.startswith("fxnorm: error: out of memory: lower data.batch_size (2 now")


def test_help_needs_nothing_heavy():
    for verb in (train, models):
        assert CliRunner().invoke(verb, ["--help"]).exit_code == 0
