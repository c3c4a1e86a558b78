"""Boosted trees: predictions equal the trees' outputs, and files round-trip exactly."""

import json
import subprocess
import sys
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from fxnorm import models
from fxnorm.audio import SAMPLE_RATE
from fxnorm.corpus.stems import STEMS
from fxnorm.errors import InputError
from fxnorm.models import checkpoint as module
from fxnorm.models.checkpoint import Checkpoint
from fxnorm.models.gbdt.band_grid import BandGrid
from fxnorm.models.gbdt.context_features import ContextFeatures
from fxnorm.models.gbdt.model import BoostedSettings, BoostedTrees
from fxnorm.models.metadata import CheckpointError
from fxnorm.normalization.chain import Chain
from fxnorm.normalization.settings import ChainSettings
from fxnorm.normalization.statistics import FxStats
from tests.signals import noise

xgboost = pytest.importorskip("xgboost", reason="needs XGBoost")

SETTINGS = BoostedSettings(grid=BandGrid(centres_hz=(100.0, 1000.0, 10_000.0)))
SHAPE = (4, 2, 3)  # stems, mid and side, bands


def grow(*, seed: int, spread_db: float, settings: BoostedSettings = SETTINGS) -> BoostedTrees:
    """Create a model whose trees depend on the features in arbitrary ways."""
    rng = np.random.default_rng(seed)
    grid = settings.grid
    levels = rng.uniform(1e-6, 1e-2, (4, 2, 50, grid.count)).astype(np.float32)
    trees = {}
    for index, stem in enumerate(STEMS):
        features = settings.features.extract(levels, index, grid.frame_rate)
        answers = spread_db * rng.standard_normal((50, 2 * grid.count))
        data = xgboost.DMatrix(features, answers)
        trees[stem] = xgboost.train({"max_depth": 2, "base_score": 0.0, "nthread": 1, "seed": 0}, data, 3)
    return BoostedTrees(trees, rng.uniform(-12.0, 12.0, (4, 2, grid.count)).astype(np.float32), settings)


@pytest.fixture(scope="module")
def saved() -> Checkpoint:
    return Checkpoint(
        grow(seed=0, spread_db=6.0),
        chain=Chain(FxStats.shipped("musdb18"), ChainSettings.preset(effects=("eq", "loudness"))),
        recipe={"model": "boosted", "trees": 3},
        history=[{"valid": 1.5}],
    )


@pytest.fixture(scope="module")
def stems() -> np.ndarray:
    return np.stack([noise(1.0, seed=seed, level=0.02 * (seed + 1)) for seed in range(4)])


def edit(folder: Path, **changes: object) -> None:
    metadata = json.loads((folder / "metadata.json").read_text())
    (folder / "metadata.json").write_text(json.dumps(metadata | changes))


def rewrite(folder: Path, content: str) -> None:
    """Replace the weights and update the metadata accordingly."""
    name = f"weights-{module._digest(content.encode())}.json"
    (folder / name).write_text(content)
    edit(folder, weights=name)


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_without_gains_the_mix_is_the_sum(stems: np.ndarray) -> None:
    plain = replace(grow(seed=0, spread_db=0.0), average_db=np.zeros(SHAPE, dtype=np.float32))
    np.testing.assert_allclose(plain.predict(stems), stems.sum(axis=0), atol=1e-6)


def test_the_mix_has_the_predicted_gains(saved: Checkpoint, stems: np.ndarray) -> None:
    grid, model = SETTINGS.grid, saved.model
    levels = grid.measure(stems)
    gains_db = model.predict_gains(levels)
    np.testing.assert_array_equal(model.predict(stems), grid.apply_gains(stems, gains_db))
    features = SETTINGS.features.extract(levels, 2, grid.frame_rate)
    answers = model.trees["drums"].predict(xgboost.DMatrix(features))
    side = model.average_db[2, 1] + answers[:, 3:]
    smoothed = gaussian_filter1d(side.astype(np.float64), 0.2 * grid.frame_rate, axis=0, mode="nearest")
    np.testing.assert_allclose(gains_db[2, 1], smoothed, atol=1e-4)
    assert np.ptp(answers) > 1.0


def test_features_are_levels_around_a_frame() -> None:
    levels = np.full((4, 2, 200, 3), 1e-4, dtype=np.float32)
    levels[1, :, 100:] = 1e-2
    features = ContextFeatures(short_s=0.2, long_s=0.4).extract(levels, 1, 5.0)
    assert features.shape == (200, 5 * 3 + 12)
    song_db = 10.0 * np.log10((1e-4 + 1e-2) / 2.0)
    np.testing.assert_allclose(features[:, :3], song_db, atol=1e-3)
    short = features[:, 7:10]  # the stem's bands over those in the song
    np.testing.assert_allclose(short[[0, -1]], [[-40.0 - song_db] * 3, [-20.0 - song_db] * 3], atol=1e-3)
    share = features[-1, 10:13]
    np.testing.assert_allclose(share, 10.0 * np.log10(1e-2 / (1e-2 + 3e-4)), atol=1e-3)


def test_the_side_says_nothing() -> None:
    levels = np.random.default_rng(0).uniform(1e-6, 1e-2, (4, 2, 30, 3)).astype(np.float32)
    features = ContextFeatures().extract(levels, 0, 5.0)
    levels[:, 1] = 0.0
    np.testing.assert_array_equal(ContextFeatures().extract(levels, 0, 5.0), features)


def test_silence_stays_silence(saved: Checkpoint) -> None:
    np.testing.assert_array_equal(saved.model.predict(np.zeros((4, 2, 5000))), np.zeros((2, 5000)))


def test_any_length_comes_back(saved: Checkpoint) -> None:
    for samples in (1, 100, 4096, 30_001):
        mix = saved.model.predict(np.ones((4, 2, samples)))
        assert (mix.shape, mix.dtype) == ((2, samples), np.float32)


@pytest.mark.parametrize("shape", [(4, 10), (3, 2, 10), (4, 1, 10), (1, 4, 2, 10), (4, 2, 0)])
def test_other_shapes_are_refused(saved: Checkpoint, shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"expected stems of shape \(4, 2, samples\)"):
        saved.model.predict(np.zeros(shape))


def test_memory_does_not_grow_with_the_song(saved: Checkpoint) -> None:
    def peak(seconds: int) -> int:
        stems = np.zeros((4, 2, seconds * SAMPLE_RATE), dtype=np.float32)
        saved.model.predict(stems[:, :, :1000])
        tracemalloc.start()
        saved.model.predict(stems)
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used - 3 * stems[0].nbytes  # the mix, with mid and side

    assert peak(60) < 1.1 * peak(20)


def test_what_is_saved_comes_back(saved: Checkpoint, stems: np.ndarray, tmp_path: Path) -> None:
    saved.save(tmp_path / "run" / "checkpoint")
    back = models.load(tmp_path / "run")
    assert isinstance(back.model, BoostedTrees)
    np.testing.assert_array_equal(back.model.predict(stems), saved.model.predict(stems))
    np.testing.assert_array_equal(back.model.average_db, saved.model.average_db)
    assert back.chain.to_dict() == saved.chain.to_dict()
    assert (back.model.settings, back.recipe, back.history) == (saved.model.settings, saved.recipe, saved.history)
    assert back.model.size == saved.model.size == 4 * 6 * 3


def test_the_metadata_are_plain_and_the_trees_are_those_of_xgboost(saved: Checkpoint, tmp_path: Path) -> None:
    saved.save(tmp_path)
    metadata = json.loads((tmp_path / "metadata.json").read_text())
    assert (metadata["format"], metadata["version"], metadata["model"]) == ("fxnorm-checkpoint", 1, "boosted")
    weights = json.loads((tmp_path / metadata["weights"]).read_text())
    assert weights["average_db"]["bass"]["side"] == pytest.approx(saved.model.average_db[1, 1].tolist())
    (tmp_path / "bass.json").write_text(json.dumps(weights["trees"]["bass"]))
    bass = xgboost.Booster(model_file=tmp_path / "bass.json")
    assert bass.get_dump() == saved.model.trees["bass"].get_dump()


def test_saving_again_leaves_one_set_of_trees(saved: Checkpoint, tmp_path: Path) -> None:
    saved.save(tmp_path)
    Checkpoint(grow(seed=1, spread_db=6.0)).save(tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    assert models.load(tmp_path).history == []


def test_an_interrupted_save_leaves_the_old_model(
    saved: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved.save(tmp_path)
    write = module.files.write_text

    def interrupt(path: Path, text: str) -> None:
        if path.name == "metadata.json":
            raise KeyboardInterrupt
        write(path, text)

    monkeypatch.setattr(module.files, "write_text", interrupt)
    with pytest.raises(KeyboardInterrupt):
        Checkpoint(grow(seed=1, spread_db=6.0)).save(tmp_path)
    np.testing.assert_array_equal(models.load(tmp_path).model.average_db, saved.model.average_db)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 2}, "expected the metadata of a checkpoint of version 1, got 2"),
        ({"settings": {"grids": 8}}, "unknown setting 'grids' of boosted.*did you mean 'grid'"),
        ({"settings": {}}, "expected trees for the settings in the metadata, got others"),
        ({"settings": None}, "incomplete"),
        ({"chain": {"format": "other"}}, "expected a chain"),
        ({"weights": "../trees.json"}, "cannot be read .*copy it beside metadata.json"),
    ],
)
def test_metadata_that_does_not_fit_is_refused(
    saved: Checkpoint, tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    saved.save(tmp_path)
    edit(tmp_path, **changes)
    with pytest.raises(CheckpointError, match=message) as caught:
        models.load(tmp_path)
    assert "\n" not in str(caught.value)


def test_damaged_trees_are_refused(saved: Checkpoint, tmp_path: Path) -> None:
    saved.save(tmp_path)
    path = next(tmp_path.glob("weights-*.json"))
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(CheckpointError, match="damaged"):
        models.load(tmp_path)
    path.write_bytes(b"\xff")
    with pytest.raises(CheckpointError, match="damaged"):
        models.load(tmp_path)


@pytest.mark.parametrize(
    ("average_db", "message"),
    [
        ({"vocals": {}}, "expected trees of XGBoost for every stem and their average gains"),
        ({stem: {"mid": [0.0, 1.0], "side": [2.0, 3.0]} for stem in STEMS}, "got others"),
    ],
)
def test_other_average_gains_are_refused(
    saved: Checkpoint, tmp_path: Path, average_db: dict[str, object], message: str
) -> None:
    saved.save(tmp_path)
    weights = json.loads(next(tmp_path.glob("weights-*.json")).read_text())
    rewrite(tmp_path, json.dumps(weights | {"average_db": average_db}))
    with pytest.raises(CheckpointError, match=message):
        models.load(tmp_path)


@pytest.mark.parametrize("content", ["{}", "[]", "no JSON", '{"vocals": {}}', '{"vocals": {"learner": 1}}'])
def test_other_json_is_no_trees(saved: Checkpoint, tmp_path: Path, content: str) -> None:
    saved.save(tmp_path)
    rewrite(tmp_path, content)
    with pytest.raises(CheckpointError, match="expected trees of XGBoost for every stem") as caught:
        models.load(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_folder_that_cannot_be_made_is_one_line(saved: Checkpoint, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(CheckpointError, match=r"taken: cannot be written"):
        saved.save(tmp_path / "taken")


def test_a_missing_xgboost_is_one_line(saved: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved.save(tmp_path)
    monkeypatch.setitem(sys.modules, "xgboost", None)
    with pytest.raises(InputError, match=r"boosted needs xgboost.*pip install 'fxnorm\[boosted\]'"):
        models.load(tmp_path)


def test_the_file_loads_neither_torch_nor_xgboost() -> None:
    code = "import sys, fxnorm.models.gbdt.model; print('torch' in sys.modules, 'xgboost' in sys.modules)"
    assert run(code) == "False False"


def test_mixing_loads_no_torch(saved: Checkpoint, tmp_path: Path) -> None:
    saved.save(tmp_path)
    code = (
        "import sys, numpy; from pathlib import Path; from fxnorm import models; "
        f"models.load(Path({str(tmp_path)!r})).model.predict(numpy.ones((4, 2, 9999))); print('torch' in sys.modules)"
    )
    assert run(code) == "False"
