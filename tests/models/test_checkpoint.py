"""Checkpoints: bit-exact round trips, and errors of one line."""

import json
from pathlib import Path
from typing import Any

import pytest

from fxnorm import models
from fxnorm.normalization.chain import Chain
from fxnorm.normalization.settings import ChainSettings
from fxnorm.normalization.statistics import FxStats

torch = pytest.importorskip("torch", reason="needs PyTorch")
safetensors = pytest.importorskip("safetensors.torch", reason="needs safetensors")
checkpoint = pytest.importorskip("fxnorm.models.checkpoint")

SIZES = {"filters": 8, "bottleneck": 8, "hidden": 8, "skip": 8, "blocks": 2, "excitation": 8}


@pytest.fixture
def saved() -> Any:
    torch.manual_seed(0)
    return checkpoint.Checkpoint(
        models.build("tdcn", "small", **SIZES),
        chain=Chain(FxStats.shipped("musdb18"), ChainSettings.preset(effects=("eq", "loudness"), strength={"eq": 0.5})),
        recipe={"batch": 4, "loss": "La"},
        history=[{"epoch": 1, "loss": 2.5}, {"epoch": 2, "loss": 2.25}],
    )


def edit(folder: Path, **changes: object) -> None:
    metadata = json.loads((folder / "metadata.json").read_text())
    (folder / "metadata.json").write_text(json.dumps(metadata | changes))


def rewrite(folder: Path, tensors: dict[str, Any]) -> None:
    """Replace the weights and update the metadata accordingly."""
    content = safetensors.save(tensors)
    name = f"weights-{checkpoint._digest(content)}.safetensors"
    (folder / name).write_bytes(content)
    edit(folder, weights=name)


def test_what_is_saved_comes_back(saved: Any, tmp_path: Path) -> None:
    saved.save(tmp_path / "runs" / "first")
    back = checkpoint.Checkpoint.load(tmp_path / "runs" / "first")
    for name, tensor in saved.model.state_dict().items():
        assert torch.equal(tensor, back.model.state_dict()[name]), name
    assert back.model.settings == saved.model.settings
    assert (back.chain.to_dict(), back.recipe) == (saved.chain.to_dict(), saved.recipe)
    assert (back.history, back.version) == (saved.history, saved.version)
    stems = torch.randn(1, 4, 2, 500)
    assert torch.equal(back.model(stems), saved.model.eval()(stems))


def test_a_loaded_network_is_ready_to_mix(saved: Any, tmp_path: Path) -> None:
    saved.model.train()
    saved.save(tmp_path)
    assert not checkpoint.Checkpoint.load(tmp_path).model.training


def test_the_metadata_are_plain_json(saved: Any, tmp_path: Path) -> None:
    saved.save(tmp_path)
    metadata = json.loads((tmp_path / "metadata.json").read_text())
    assert (metadata["format"], metadata["version"], metadata["model"]) == ("fxnorm-checkpoint", 1, "tdcn")
    assert metadata["settings"]["filters"] == 8
    assert (tmp_path / metadata["weights"]).is_file()


def test_saving_again_leaves_one_set_of_weights(saved: Any, tmp_path: Path) -> None:
    saved.save(tmp_path)
    before = {path.name for path in tmp_path.iterdir()}
    with torch.no_grad():
        saved.model.encoder.weight.add_(1.0)
    saved.save(tmp_path)
    after = {path.name for path in tmp_path.iterdir()}
    assert len(after) == 2
    assert len(before & after) == 1
    back = checkpoint.Checkpoint.load(tmp_path)
    assert torch.equal(back.model.encoder.weight, saved.model.encoder.weight)


def test_an_interrupted_save_leaves_the_old_checkpoint(
    saved: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved.save(tmp_path)
    old = saved.model.encoder.weight.detach().clone()
    with torch.no_grad():
        saved.model.encoder.weight.add_(1.0)

    def interrupt(path: Path, text: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint.files, "write_text", interrupt)
    with pytest.raises(KeyboardInterrupt):
        saved.save(tmp_path)
    assert torch.equal(checkpoint.Checkpoint.load(tmp_path).model.encoder.weight, old)


def test_metadata_hold_finite_values_only(saved: Any, tmp_path: Path) -> None:
    bad = checkpoint.Checkpoint(saved.model, history=[{"loss": float("nan")}])
    with pytest.raises(checkpoint.CheckpointError, match="expected plain, finite values"):
        bad.save(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(checkpoint.CheckpointError, match=r"metadata.json: cannot be read \(No such file"):
        checkpoint.Checkpoint.load(tmp_path / "nowhere")


def test_missing_weights_are_one_line(saved: Any, tmp_path: Path) -> None:
    saved.save(tmp_path)
    next(tmp_path.glob("*.safetensors")).unlink()
    with pytest.raises(checkpoint.CheckpointError, match=r"safetensors: cannot be read .*beside metadata.json"):
        checkpoint.Checkpoint.load(tmp_path)


@pytest.mark.parametrize("text", ["", "not json", "[]", '{"format": "fxnorm-stats"}'])
def test_another_file_is_no_metadata(text: str, tmp_path: Path) -> None:
    (tmp_path / "metadata.json").write_text(text)
    with pytest.raises(checkpoint.CheckpointError, match="expected the metadata of a checkpoint"):
        checkpoint.Checkpoint.load(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 2}, "expected the metadata of a checkpoint of version 1, got 2"),
        ({"model": "tdcm"}, "unknown model 'tdcm'.*did you mean 'tdcn'"),
        ({"model": ["tdcn"]}, "incomplete"),
        ({"settings": {"filter": 8}}, "unknown setting 'filter' of tdcn.*did you mean 'filters'"),
        ({"settings": None}, "incomplete"),
        ({"chain": {"format": "other"}}, "expected a chain"),
        ({"settings": SIZES | {"filters": 16}}, r"expected .* of shape .*16.*, got .*8|weights of tdcn"),
    ],
)
def test_metadata_that_do_not_fit_are_refused(
    saved: Any, tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    saved.save(tmp_path)
    edit(tmp_path, **changes)
    with pytest.raises(checkpoint.CheckpointError, match=message) as caught:
        checkpoint.Checkpoint.load(tmp_path)
    assert "\n" not in str(caught.value)


def test_incomplete_metadata_are_refused(saved: Any, tmp_path: Path) -> None:
    saved.save(tmp_path)
    metadata = json.loads((tmp_path / "metadata.json").read_text())
    del metadata["chain"]
    (tmp_path / "metadata.json").write_text(json.dumps(metadata))
    with pytest.raises(checkpoint.CheckpointError, match=r"incomplete \('chain'\)"):
        checkpoint.Checkpoint.load(tmp_path)


def test_damaged_weights_are_refused(saved: Any, tmp_path: Path) -> None:
    saved.save(tmp_path)
    path = next(tmp_path.glob("*.safetensors"))
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(checkpoint.CheckpointError, match="damaged"):
        checkpoint.Checkpoint.load(tmp_path)


def test_weights_of_another_network_are_refused(saved: Any, tmp_path: Path) -> None:
    saved.save(tmp_path)
    rewrite(tmp_path, models.build("waveunet", "small").state_dict())
    with pytest.raises(checkpoint.CheckpointError, match="expected the weights of tdcn, got those of another network"):
        checkpoint.Checkpoint.load(tmp_path)


def test_weights_of_other_shapes_are_refused(saved: Any, tmp_path: Path) -> None:
    saved.save(tmp_path)
    tensors = saved.model.state_dict() | {"squeeze.bias": torch.zeros(9)}
    rewrite(tmp_path, tensors)
    with pytest.raises(checkpoint.CheckpointError, match=r"expected 'squeeze.bias' of shape \(8,\), got \(9,\)"):
        checkpoint.Checkpoint.load(tmp_path)


def test_weights_are_looked_for_beside_the_metadata_only(saved: Any, tmp_path: Path) -> None:
    saved.save(tmp_path / "one")
    saved.save(tmp_path / "two")
    name = next((tmp_path / "two").glob("*.safetensors")).name
    (tmp_path / "one" / name).unlink()
    edit(tmp_path / "one", weights=f"../two/{name}")
    with pytest.raises(checkpoint.CheckpointError, match="cannot be read"):
        checkpoint.Checkpoint.load(tmp_path / "one")


def test_a_folder_that_cannot_be_made_is_one_line(saved: Any, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(checkpoint.CheckpointError, match=r"taken: cannot be written"):
        saved.save(tmp_path / "taken")
