"""Training runs: learning, resuming after interruptions, and errors of one line."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from fxnorm import files, training
from fxnorm.errors import FxnormError, InputError, RunError
from fxnorm.models.checkpoint import Checkpoint
from fxnorm.normalization.chain import Chain
from fxnorm.normalization.settings import ChainSettings
from fxnorm.training import callbacks, module, tasks
from fxnorm.training.checkpointing import CheckpointCallback
from fxnorm.training.run_folder import sort_by_score
from tests.training.corpora import CHAIN, TINY, content, make, write_corpus

gpu = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")]

ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}


def weights(folder: Path) -> dict[str, torch.Tensor]:
    state = torch.load(folder / "state.pt", weights_only=True)
    optimizer = state["optimizer"]["state"]
    moments = {f"{key}.{name}": value for key, entry in optimizer.items() for name, value in entry.items()}
    return {**{f"network.{k}": v for k, v in state["network"].items()}, **(state["ema"] or {}), **moments}


def history(folder: Path) -> list[dict[str, float]]:
    rows = json.loads((folder / "history.json").read_text())
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]


def assert_same_run(folder: Path, reference: Path) -> None:
    assert history(folder) == history(reference)
    left, right = weights(folder), weights(reference)
    assert left.keys() == right.keys()
    for name, tensor in left.items():
        assert torch.equal(tensor, right[name]), name


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def command(root: Path, folder: Path, **changes: object) -> list[str]:
    path = folder.parent / f"{folder.name}.yaml"
    path.write_text(yaml.safe_dump(content(root, **changes)))
    return [sys.executable, "-m", "fxnorm", "train", str(path), "-o", str(folder), "-q"]


def start(root: Path, folder: Path, **changes: object) -> "subprocess.Popen[str]":
    return subprocess.Popen(command(root, folder, **changes), env=ENVIRONMENT, stderr=subprocess.PIPE, text=True)


def wait_for(path: Path, process: "subprocess.Popen[str]") -> None:
    end = time.monotonic() + 60
    while not path.exists():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_run_leaves_everything_behind(root, tmp_path):
    reports = []
    recipe = make(root, validation={"keep": 2}, schedule=[[3, 1.0]])
    result = training.train(recipe, tmp_path / "run", progress=lambda *args: reports.append(args))
    assert (result.status, len(result.history), reports[-1][:2]) == ("finished", 3, (12, 12))
    assert history(tmp_path / "run") == [{k: v for k, v in row.items() if k != "seconds"} for row in result.history]
    checkpoint = Checkpoint.load(result.checkpoint)
    assert checkpoint.chain.to_dict() == CHAIN.to_dict()
    assert checkpoint.recipe["data"]["segment_s"] == 0.25
    best = sort_by_score(result.history)
    assert len(checkpoint.history) == best[0] + 1 == result.best
    names = sorted(path.name for path in (tmp_path / "run" / "best").iterdir())
    assert names == sorted(f"epoch-{epoch + 1:04d}" for epoch in best[:2])
    mix = checkpoint.model(torch.randn(1, 4, 2, 3000))
    assert mix.shape == (1, 2, 3000)
    assert mix.isfinite().all()
    assert list((tmp_path / "run" / "tensorboard").glob("events.*"))


def test_the_exported_weights_are_the_average(root, tmp_path):
    training.train(make(root, schedule=[[1, 1.0]]), tmp_path / "run")
    state = torch.load(tmp_path / "run" / "state.pt", weights_only=True)
    exported = Checkpoint.load(tmp_path / "run" / "checkpoint").model.state_dict()
    assert all(torch.equal(state["ema"][name], tensor) for name, tensor in exported.items())
    assert not all(torch.equal(state["network"][name], tensor) for name, tensor in exported.items())


def test_a_network_learns_one_song(root, tmp_path):
    recipe = make(
        root, data={"batches_per_epoch": 25, "channel_swap": 0.0}, schedule=[[3, 1.0]], optimizer={"ema_decay": 0.0}
    )
    rows = training.train(recipe, tmp_path / "run").history
    assert rows[-1]["train"] < 0.8 * rows[0]["train"]
    assert rows[-1]["valid"] < rows[0]["valid"]


@pytest.mark.parametrize(
    ("device", "precision"),
    [("cpu", "bf16-mixed")] + [pytest.param("cuda", kind, marks=gpu) for kind in ("32-true", "16-mixed", "bf16-mixed")],
)
def test_every_precision_learns_and_mixes_on_a_cpu(root, tmp_path, device, precision):
    result = training.train(make(root, device=device, precision=precision), tmp_path / "run")
    assert [row["skipped"] for row in result.history] == [0] * len(result.history)
    assert result.history[-1]["train"] < result.history[0]["train"]
    mix = Checkpoint.load(result.checkpoint).model.predict(torch.randn(4, 2, 3000).numpy())
    assert mix.shape == (2, 3000)


def test_a_network_is_compiled_where_the_recipe_asks_for_it(root, tmp_path, monkeypatch):
    compiled = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda module: compiled.append(module.name))
    training.train(make(root), tmp_path / "plain")
    assert compiled == []
    training.train(make(root, compile=True), tmp_path / "run")
    assert compiled == ["tdcn"]


def test_two_runs_of_one_recipe_are_equal(root, tmp_path):
    for name in ("one", "two"):
        training.train(make(root), tmp_path / name)
    assert_same_run(tmp_path / "one", tmp_path / "two")


def test_workers_change_nothing(root, tmp_path):
    training.train(make(root), tmp_path / "none")
    training.train(make(root, data={"workers": 2}), tmp_path / "two")
    assert_same_run(tmp_path / "none", tmp_path / "two")


def test_killed_and_resumed_is_as_if_nothing_had_happened(root, tmp_path):
    changes = {"data": {"batches_per_epoch": 6, "remix": 0.5}, "save_every": 2, "schedule": [[3, 1.0]]}
    training.train(make(root, **changes), tmp_path / "whole")
    process = start(root, tmp_path / "killed", **changes)
    wait_for(tmp_path / "killed" / "state.pt", process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (tmp_path / "killed" / "history.json").exists() or len(history(tmp_path / "killed")) < 3
    resumed = subprocess.run(command(root, tmp_path / "killed", **changes), env=ENVIRONMENT, capture_output=True)
    assert resumed.returncode == 0, resumed.stderr
    assert_same_run(tmp_path / "whole", tmp_path / "killed")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_the_step_and_says_how_to_go_on(root, tmp_path, number):
    changes = {"data": {"batches_per_epoch": 200, "workers": 1}, "save_every": 2, "schedule": [[1, 1.0]]}
    process = start(root, tmp_path / "run", **changes)
    wait_for(tmp_path / "run" / "state.pt", process)
    process.send_signal(number)
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == 130
    assert complaint.count("\n") == 1
    assert f"fxnorm train --resume {tmp_path / 'run'}" in complaint
    position = torch.load(tmp_path / "run" / "state.pt", weights_only=True)["position"]
    assert position["epoch"] == 0
    assert 2 <= position["batch"] < 200


@pytest.mark.parametrize("saved_at", [3, 4, 7])
def test_interrupted_within_an_epoch_and_resumed_is_equal(root, tmp_path, monkeypatch, saved_at):
    recipe = make(
        root, data={"batches_per_epoch": 4}, schedule=[[2, 1.0]], save_every=1, optimizer={"accumulate_grad_batches": 1}
    )
    training.train(recipe, tmp_path / "whole")
    count = 0

    def narrate(step, total, label):
        nonlocal count
        count += 1
        if count == saved_at:
            raise callbacks.Interrupted

    assert training.train(recipe, tmp_path / "cut", progress=narrate).status == "interrupted"
    assert training.train(recipe, tmp_path / "cut").status == "finished"
    assert_same_run(tmp_path / "whole", tmp_path / "cut")


def test_accumulation_is_a_larger_batch_and_resumes_between_steps(root, tmp_path):
    changes = {
        "data": {"batches_per_epoch": 5},
        "schedule": [[1, 1.0]],
        "save_every": 1,
        "optimizer": {"accumulate_grad_batches": 2},
    }
    recipe = make(root, **changes)
    training.train(recipe, tmp_path / "whole")
    steps = []

    def narrate(step, total, label):
        steps.append(step)
        if step == 3:
            raise callbacks.Interrupted

    training.train(recipe, tmp_path / "cut", progress=narrate)
    assert torch.load(tmp_path / "cut" / "state.pt", weights_only=True)["position"] == {"epoch": 0, "batch": 2}
    training.train(recipe, tmp_path / "cut")
    assert_same_run(tmp_path / "whole", tmp_path / "cut")


def test_a_finished_run_is_left_alone(root, tmp_path):
    recipe = make(root, schedule=[[1, 1.0]])
    training.train(recipe, tmp_path / "run")
    before = (tmp_path / "run" / "state.pt").stat().st_mtime_ns
    assert training.train(recipe, tmp_path / "run").status == "finished"
    assert (tmp_path / "run" / "state.pt").stat().st_mtime_ns == before


def test_a_longer_schedule_goes_on(root, tmp_path):
    training.train(make(root, schedule=[[1, 1.0]]), tmp_path / "run")
    longer = make(root, schedule=[[2, 1.0]])
    with pytest.raises(InputError, match="run of another recipe \\(schedule differs\\)"):
        training.train(longer, tmp_path / "run")
    assert len(training.train(longer, tmp_path / "run", resume=True).history) == 2
    training.train(longer, tmp_path / "whole")
    assert_same_run(tmp_path / "run", tmp_path / "whole")


def test_a_run_does_not_go_on_with_other_statistics_or_another_network(root, tmp_path):
    folder = tmp_path / "run"
    training.train(make(root, schedule=[[1, 1.0]]), folder)
    before = contents(folder)
    changed = Chain(CHAIN.stats, ChainSettings.preset(effects=("eq",)))
    write_corpus(tmp_path, songs=1, seconds=0.3, chain=changed)
    smaller, waveunet = {"settings": TINY | {"excitation": 4}}, {"name": "waveunet", "settings": {}}
    cases = {
        "normalised with other averages or settings": make(tmp_path, schedule=[[2, 1.0]]),
        "of another size": make(root, network=smaller, schedule=[[2, 1.0]]),
        "its network was another one": make(root, network=waveunet, schedule=[[2, 1.0]], data={"segment_s": 1}),
    }
    for message, recipe in cases.items():
        with pytest.raises(InputError, match="not the state of this run") as caught:
            training.train(recipe, folder, resume=True)
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)
        assert contents(folder) == before


def test_patience_ends_a_run(root, tmp_path):
    recipe = make(root, validation={"patience": 1}, optimizer={"lr": 1e-30}, schedule=[[9, 1.0]])
    result = training.train(recipe, tmp_path / "run")
    assert len(result.history) < 9
    assert result.best == len(result.history) - 1


class Poisoned(tasks.MixingTask):
    """A loss that is not finite on chosen calls."""

    bad: "range | frozenset[int]" = frozenset()
    calls = 0

    def loss(self, output, target):
        loss = super().loss(output, target)
        if not torch.is_grad_enabled():
            return loss
        type(self).calls += 1
        return loss * float("nan") if self.calls in self.bad else loss


@pytest.fixture
def poisoned(monkeypatch):
    monkeypatch.setattr(Poisoned, "calls", 0)
    monkeypatch.setattr(tasks, "MixingTask", Poisoned)
    return Poisoned


def test_steps_that_are_not_finite_are_skipped_and_counted(root, tmp_path, monkeypatch, poisoned):
    monkeypatch.setattr(poisoned, "bad", frozenset({2, 3}))
    rows = training.train(make(root), tmp_path / "run").history
    assert [row["skipped"] for row in rows] == [2, 0]
    assert all(tensor.isfinite().all() for tensor in weights(tmp_path / "run").values())


def test_twenty_in_a_row_end_the_run(root, tmp_path, monkeypatch, poisoned):
    monkeypatch.setattr(poisoned, "bad", range(5, 1000))
    with pytest.raises(module.TrainingError, match="20 steps in a row without finite gradients, in epoch 6"):
        training.train(make(root, schedule=[[20, 1.0]], validation={"patience": 0}), tmp_path / "run")
    assert Checkpoint.load(tmp_path / "run" / "checkpoint").model is not None


@pytest.mark.parametrize("where", ["state.pt", "weights-*.safetensors", "metadata.json"])
def test_a_full_disk_leaves_the_last_good_state_and_checkpoint(root, tmp_path, monkeypatch, where):
    recipe = make(root, schedule=[[2, 1.0]])
    folder = tmp_path / "run"
    training.train(make(root, schedule=[[1, 1.0]]), folder)
    before = contents(folder)
    whole = training.train(recipe, tmp_path / "whole")
    assert whole.best == 2  # forces saving a checkpoint
    replace = Path.replace

    def full(path, target):
        if fnmatch(target.name, where):
            path.write_bytes(path.read_bytes()[:100])
            raise OSError(errno.ENOSPC, "No space left on device")
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(RunError, match=r"No space left on device.*make room") as caught:
        training.train(recipe, folder, resume=True)
    assert "\n" not in str(caught.value)
    monkeypatch.undo()
    after = contents(folder)
    assert after["state.pt"] == before["state.pt"]
    assert not [name for name in after if files.TEMPORARY_PREFIX in name]
    Checkpoint.load(folder / "checkpoint")
    training.train(recipe, folder)  # with free space, the same command continues
    assert_same_run(folder, tmp_path / "whole")


def more_than_there_is(self, batch, batch_idx):
    return torch.empty(1 << 60, dtype=torch.uint8)


def more_than_a_gpu_has(self, batch, batch_idx):
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


def more_than_numpy_gets(self, batch, batch_idx):
    return np.empty(1 << 60, dtype=np.uint8)


@pytest.mark.parametrize("step", [more_than_there_is, more_than_a_gpu_has, more_than_numpy_gets])
def test_out_of_memory_names_what_to_lower(root, tmp_path, monkeypatch, step):
    monkeypatch.setattr(module.TrainingModule, "training_step", step)
    with pytest.raises(
        module.TrainingError, match=r"lower data\.batch_size \(2 now.*data\.segment_s \(0\.25 now"
    ) as caught:
        training.train(make(root), tmp_path / "run")
    assert "\n" not in str(caught.value)


def test_a_file_that_breaks_in_a_worker_is_one_line(tmp_path):
    write_corpus(tmp_path, songs=1, seconds=0.3)
    recipe = make(tmp_path, data={"workers": 1})
    path = tmp_path / "normalized" / "train" / "song 0" / "bass.wav"
    samples = path.read_bytes()
    path.write_bytes(samples[:-4000] + b"\xff" * 4000)  # NaN
    with pytest.raises(FxnormError) as caught:
        training.train(recipe, tmp_path / "run")
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_front_end_is_trained_alone_and_is_a_start(root, tmp_path):
    first = make(root, task="reconstruct", wet=None, schedule=[[2, 1.0]], data={"batches_per_epoch": 10})
    rows = training.train(first, tmp_path / "front").history
    assert rows[1]["valid"] < rows[0]["valid"]
    learned = Checkpoint.load(tmp_path / "front" / "checkpoint").model
    fresh = tasks.build_network(first)
    assert not torch.equal(learned.encoder.weight, fresh.encoder.weight)
    assert torch.equal(learned.excite.weight, fresh.excite.weight)
    second = make(root, init_from=str(tmp_path / "front"), seed=5)
    assert torch.equal(tasks.build_network(second).encoder.weight, learned.encoder.weight)
    for network in ({"settings": {}}, {"name": "waveunet", "settings": {}}):
        changed = make(root, init_from=str(tmp_path / "front"), network=network)
        with pytest.raises(InputError, match=f"init_from: expected the weights of {changed.network.name}.*got tdcn"):
            tasks.build_network(changed)


def test_wrong_runs_are_refused_before_anything_is_written(root, tmp_path):
    cases = {
        "data.segment_s": make(root, data={"segment_s": 0.05}),
        "no front end": make(root, task="reconstruct", network={"name": "waveunet", "settings": {}}),
        "unknown network": make(root, network={"name": "tdnc"}),
        "unknown setting 'filtrs'": make(root, network={"settings": {"filtrs": 8}}),
        "unknown loss": make(root, loss={"name": "Lc"}),
        "expected a folder of songs": make(root, corpus=str(tmp_path / "none")),
    }
    if not torch.cuda.is_available():
        cases["expected 1 NVIDIA GPU, found 0"] = make(root, device="cuda")
    for message, recipe in cases.items():
        with pytest.raises(InputError) as caught:
            training.train(recipe, tmp_path / "run")
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="expected a run to resume"):
        training.train(make(root), tmp_path / "run", resume=True)
    assert not (tmp_path / "run").exists()


def test_a_damaged_state_runs_nothing(root, tmp_path):
    import pickle

    recipe = make(root, schedule=[[2, 1.0]])
    training.train(make(root, schedule=[[1, 1.0]]), tmp_path / "run")

    class Bomb:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path / 'ran'}",)

    for damage in (b"text", pickle.dumps(Bomb()), (tmp_path / "run" / "state.pt").read_bytes()[:500]):
        (tmp_path / "run" / "state.pt").write_bytes(damage)
        with pytest.raises(InputError, match="not the state of this run") as caught:
            training.train(recipe, tmp_path / "run", resume=True)
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "ran").exists()


def test_two_processes_agree_with_one(root, tmp_path):
    """A batch shared by two processes over gloo has the loss of the whole batch, exactly La."""
    quiet = {"dropout": 0.0}
    network = {"settings": content(root)["network"]["settings"] | quiet}
    changes = {"network": network, "data": {"batches_per_epoch": 3}, "schedule": [[1, 1.0]], "optimizer": {"lr": 0.001}}
    training.train(make(root, **changes), tmp_path / "one")
    process = subprocess.run(
        [*command(root, tmp_path / "two", **changes), "devices=2", "strategy=ddp"],
        env=ENVIRONMENT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    single, double = history(tmp_path / "one")[0], history(tmp_path / "two")[0]
    for name in ("train", "valid", "sum", "grad_norm"):
        assert double[name] == pytest.approx(single[name], rel=1e-4), name
    left, right = (torch.load(tmp_path / name / "state.pt", weights_only=True)["network"] for name in ("one", "two"))
    for name, tensor in left.items():
        torch.testing.assert_close(tensor, right[name], atol=1e-4, rtol=1e-4)


def test_order_and_patience_read_the_history_alone(root):
    rows = [{"valid": value} for value in (3.0, None, 1.0, 2.0, 1.0)]
    assert sort_by_score(rows) == [2, 4, 3, 0]
    callback = CheckpointCallback.__new__(CheckpointCallback)
    callback.recipe, callback.history = make(root, validation={"patience": 3}, schedule=[[99, 1.0]]), rows
    assert not callback.finished
    callback.history = [*rows, {"valid": 2.0}]
    assert callback.finished
