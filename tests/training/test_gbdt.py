"""Training boosted trees: the model mixes like its corpus, reproducibly."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from fxnorm import audio, audio_files, models, recipe, training
from fxnorm.corpus.stems import STEMS
from fxnorm.errors import AudioError, InputError
from fxnorm.models.gbdt.model import BoostedTrees
from fxnorm.training import gbdt
from tests.training.corpora import CHAIN, write_corpus, write_song

pytest.importorskip("xgboost", reason="needs XGBoost")

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    return write_corpus(tmp_path_factory.mktemp("songs"), songs=4, seconds=2.0)


def content(root: Path, **changes: Any) -> dict[str, Any]:
    tiny = {
        "model": "boosted",
        "corpus": str(root / "normalized"),
        "n_estimators": 5,
        "max_depth": 2,
        "min_child_weight": 0.1,
    }
    return tiny | changes


def make(root: Path, **changes: Any) -> recipe.BoostedRecipe:
    return recipe.check(content(root, **changes))


def read_song(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    return np.stack([audio_files.read(folder / f"{stem}.wav")[0] for stem in STEMS]), audio_files.read(
        folder / "mixture.wav"
    )[0]


def trees(run: Path) -> bytes:
    return next((run / "checkpoint").glob("weights-*.json")).read_bytes()


def test_a_run_leaves_a_model_that_mixes_like_the_corpus(songs, tmp_path):
    reports = []
    result = training.train(make(songs), tmp_path / "run", progress=lambda *args: reports.append(args))
    assert (result.status, result.best, len(result.history)) == ("finished", 1, 1)
    assert [step for step, _, _ in reports] == list(range(6))
    assert {total for _, total, _ in reports} == {6}
    assert json.loads((tmp_path / "run" / "history.json").read_text()) == result.history
    row = result.history[0]
    assert (row["n_estimators"], row["max_depth"]) == (5, 2)
    assert row["valid"] < 0.2 * row["sum"]
    model = models.load(tmp_path / "run")
    assert isinstance(model.model, BoostedTrees)
    assert model.chain.to_dict() == CHAIN.to_dict()
    assert (model.recipe["n_estimators"], model.history) == (5, result.history)
    stems, mixture = read_song(songs / "normalized" / "valid" / "song 4")
    mixed, added = (np.square(mix - mixture).mean() for mix in (model.model.predict(stems), stems.sum(axis=0)))
    # the sides' own gains are twice one another, which gains of mid and side reach only in the mean
    assert mixed < 0.25 * added


def test_trees_know_what_averages_do_not(tmp_path):
    """The loud half of each song is boosted: an average gain fits neither half, trees tell them apart."""
    write_corpus(tmp_path, songs=3, seconds=4.0)
    for path in sorted((tmp_path / "normalized").glob("*/*/")):
        stems, _ = read_song(path)
        half = stems.shape[2] // 2
        stems[..., :half] *= np.float32(0.3)
        wet = stems.copy()
        wet[..., half:] *= np.float32(4.0)
        for stem, samples in zip(STEMS, stems, strict=True):
            audio_files.write(path / f"{stem}.wav", samples, audio.SAMPLE_RATE)
        audio_files.write(path / "mixture.wav", wet.sum(axis=0), audio.SAMPLE_RATE)
    # three songs are too few for large leaves
    result = training.train(make(tmp_path, n_estimators=60, learning_rate=0.2, reg_lambda=0.01), tmp_path / "run")
    model = models.load(tmp_path / "run")
    stems, _ = read_song(tmp_path / "normalized" / "valid" / "song 3")
    gains_db = model.model.predict_gains(model.model.settings.grid.measure(stems))
    frames = gains_db.shape[2]
    quiet, loud = gains_db[:, 0, 2 : frames // 2 - 3].mean(), gains_db[:, 0, frames // 2 + 3 : -2].mean()
    assert quiet == pytest.approx(0.0, abs=2.5)
    assert loud == pytest.approx(12.0, abs=1.5)
    assert result.history[0]["valid"] < 2.0


def test_two_runs_of_one_recipe_are_equal(songs, tmp_path):
    for name in ("one", "two", "other"):
        training.train(make(songs, seed=int(name == "other")), tmp_path / name)
    assert trees(tmp_path / "one") == trees(tmp_path / "two")
    assert trees(tmp_path / "one") != trees(tmp_path / "other")


def test_a_search_keeps_the_best_of_what_it_tried(songs, tmp_path):
    pytest.importorskip("optuna", reason="needs Optuna")
    recipe = make(songs, search=2, settings={"grid": {"centres_hz": [100.0, 1000.0, 10_000.0]}})
    result = training.train(recipe, tmp_path / "run")
    assert len(result.history) == 3
    assert [result.history[0][name] for name in ("n_estimators", "max_depth", "learning_rate")] == [5, 2, 0.05]
    for row in result.history[1:]:
        for name, (low, high) in gbdt.SEARCH_SPACE.items():
            assert low <= row[name] <= high
    best = min(result.history, key=lambda row: row["valid"])
    assert result.history[result.best - 1] == best
    assert models.load(tmp_path / "run").model.size == best["n_estimators"] * 2 * 3 * len(STEMS)
    again = training.train(recipe, tmp_path / "again")
    for name in ("n_estimators", "max_depth", "learning_rate", "valid"):
        assert [row[name] for row in again.history] == [row[name] for row in result.history]


def test_a_finished_run_is_left_alone_and_another_recipe_refused(songs, tmp_path):
    first = training.train(make(songs), tmp_path / "run")
    before = (tmp_path / "run" / "checkpoint" / "metadata.json").stat().st_mtime_ns
    assert training.train(make(songs), tmp_path / "run").history == first.history
    assert (tmp_path / "run" / "checkpoint" / "metadata.json").stat().st_mtime_ns == before
    changed = make(songs, n_estimators=6)
    with pytest.raises(InputError, match=r"run of another recipe \(n_estimators differs\)"):
        training.train(changed, tmp_path / "run")
    assert training.train(changed, tmp_path / "run", resume=True).history[0]["n_estimators"] == 6


def test_stems_that_songs_do_not_have_are_not_missed(tmp_path):
    write_song(tmp_path, "train/one", seed=1, seconds=2.0, stems=("vocals", "drums", "other"))
    write_song(tmp_path, "train/two", seed=2, seconds=2.0, stems=("vocals", "other"))
    training.train(make(tmp_path), tmp_path / "run")
    model = models.load(tmp_path / "run")
    assert not model.model.average_db[1].any()  # no song has bass: its gains stay neutral
    np.testing.assert_allclose(model.model.average_db[2, 0], 20.0 * np.log10((2.0 + 1.2) / 2.0), atol=1.0)
    stems = np.ones((4, 2, 9999), dtype=np.float32)
    assert np.isfinite(model.model.predict(stems)).all()


def test_a_damaged_file_is_named_and_nothing_is_left(tmp_path):
    write_corpus(tmp_path, songs=2, seconds=1.0)
    path = tmp_path / "normalized" / "train" / "song 1" / "bass.wav"
    path.write_bytes(path.read_bytes()[:-4000] + b"\xff" * 4000)  # NaN
    with pytest.raises(AudioError, match=r"bass\.wav: expected finite samples"):
        training.train(make(tmp_path), tmp_path / "run")
    assert not (tmp_path / "run" / "checkpoint").exists()


@pytest.mark.parametrize(("package", "changes"), [("xgboost", {}), ("optuna", {"search": 2})])
def test_a_missing_package_is_one_line(songs, tmp_path, monkeypatch, package, changes):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InputError, match=rf"needs {package}.*pip install 'fxnorm\[boosted\]'"):
        training.train(make(songs, **changes), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_wrong_settings_are_one_line(songs, tmp_path):
    with pytest.raises(InputError, match=r"unknown setting 'smoothing' of boosted.*did you mean 'smoothing_s'"):
        training.train(make(songs, settings={"smoothing": 1.0}), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_the_command_line_needs_no_torch(songs, tmp_path):
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(content(songs)))
    for name in ("torch", "pytorch_lightning"):
        (tmp_path / f"{name}.py").write_text(f"raise ModuleNotFoundError('none here', name={name!r})\n")
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}

    def call(*words: object) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "fxnorm", *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True, env=environment)

    process = call("train", tmp_path / "tiny.yaml", "n_estimators=6", "-o", tmp_path / "run", "-q")
    assert (process.returncode, process.stderr) == (0, "")
    assert "trained for 1 trial\n" in process.stdout
    assert "| best trial" in process.stdout
    process = call("models", tmp_path / "run")
    assert process.returncode == 0, process.stderr
    for words in ("boosted, 432 trees", CHAIN.stats.signature, "trained for 1 trial: train"):
        assert words in process.stdout
    assert json.loads(call("models", tmp_path / "run", "--json").stdout)["trees"] == 432
    wrong = call("train", tmp_path / "tiny.yaml", "n_estimator=6", "-o", tmp_path / "other")
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)
    assert "did you mean 'n_estimators'" in wrong.stderr
    network = call("train", ROOT / "recipes" / "demo.yaml", f"corpus={songs / 'normalized'}", "-o", tmp_path / "other")
    assert (network.returncode, network.stderr.count("\n")) == (2, 1)
    assert "pip install 'fxnorm[train]'" in network.stderr
