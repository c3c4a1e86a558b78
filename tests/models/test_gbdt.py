"""The boosted model: what it predicts is what its trees say, and what is saved comes back bit for bit."""

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
from fxnorm.audio import RATE
from fxnorm.corpus.stems import STEMS
from fxnorm.errors import InputError
from fxnorm.models.gbdt import model as module
from fxnorm.models.gbdt.band_grid import Bands
from fxnorm.models.gbdt.context_features import Surroundings
from fxnorm.models.gbdt.model import Boosted, Settings
from fxnorm.models.metadata import CheckpointError
from fxnorm.normalization.chain import Chain
from fxnorm.normalization.settings import ChainSettings
from fxnorm.normalization.statistics import FxStats
from tests.signals import noise

xgboost = pytest.importorskip("xgboost", reason="needs XGBoost")

SETTINGS = Settings(bands=Bands(centres_hz=(100.0, 1000.0, 10_000.0)))
SHAPE = (4, 2, 3)  # stems, mid and side, bands


def grow(*, seed: int, spread_db: float, settings: Settings = SETTINGS) -> Boosted:
    """A model whose trees say something that depends on the features, and means nothing."""
    rng = np.random.default_rng(seed)
    bands = settings.bands
    levels = rng.uniform(1e-6, 1e-2, (4, 2, 50, bands.count)).astype(np.float32)
    trees = {}
    for index, stem in enumerate(STEMS):
        features = settings.surroundings.describe(levels, index, bands.slot_rate)
        answers = spread_db * rng.standard_normal((50, 2 * bands.count))
        data = xgboost.DMatrix(features, answers)
        trees[stem] = xgboost.train({"max_depth": 2, "base_score": 0.0, "nthread": 1, "seed": 0}, data, 3)
    return Boosted(trees, rng.uniform(-12.0, 12.0, (4, 2, bands.count)).astype(np.float32), settings)


@pytest.fixture(scope="module")
def made() -> Boosted:
    return replace(
        grow(seed=0, spread_db=6.0),
        chain=Chain(FxStats.shipped("musdb18"), ChainSettings.preset(effects=("eq", "loudness"))),
        recipe={"model": "boosted", "trees": 3},
        history=[{"valid": 1.5}],
    )


@pytest.fixture(scope="module")
def stems() -> np.ndarray:
    return np.stack([noise(1.0, seed=seed, level=0.02 * (seed + 1)) for seed in range(4)])


def edit(folder: Path, **changes: object) -> None:
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps(card | changes))


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_without_gains_the_mix_is_the_sum(stems: np.ndarray) -> None:
    plain = replace(grow(seed=0, spread_db=0.0), average_db=np.zeros(SHAPE, dtype=np.float32))
    np.testing.assert_allclose(plain.mix(stems), stems.sum(axis=0), atol=1e-6)


def test_the_mix_has_the_predicted_gains(made: Boosted, stems: np.ndarray) -> None:
    bands = SETTINGS.bands
    levels = bands.measure(stems)
    gains_db = made.predict(levels)
    np.testing.assert_array_equal(made.mix(stems), bands.mix(stems, gains_db))
    features = SETTINGS.surroundings.describe(levels, 2, bands.slot_rate)
    answers = made.trees["drums"].predict(xgboost.DMatrix(features))
    side = made.average_db[2, 1] + answers[:, 3:]
    smoothed = gaussian_filter1d(side.astype(np.float64), 0.2 * bands.slot_rate, axis=0, mode="nearest")
    np.testing.assert_allclose(gains_db[2, 1], smoothed, atol=1e-4)
    assert np.ptp(answers) > 1.0


def test_features_are_levels_around_a_slot() -> None:
    levels = np.full((4, 2, 200, 3), 1e-4, dtype=np.float32)
    levels[1, :, 100:] = 1e-2
    features = Surroundings(short_s=0.2, long_s=0.4).describe(levels, 1, 5.0)
    assert features.shape == (200, 5 * 3 + 12)
    song_db = 10.0 * np.log10((1e-4 + 1e-2) / 2.0)
    np.testing.assert_allclose(features[:, :3], song_db, atol=1e-3)
    short = features[:, 7:10]  # the stem's bands over those in the song
    np.testing.assert_allclose(short[[0, -1]], [[-40.0 - song_db] * 3, [-20.0 - song_db] * 3], atol=1e-3)
    share = features[-1, 10:13]
    np.testing.assert_allclose(share, 10.0 * np.log10(1e-2 / (1e-2 + 3e-4)), atol=1e-3)


def test_the_side_says_nothing() -> None:
    levels = np.random.default_rng(0).uniform(1e-6, 1e-2, (4, 2, 30, 3)).astype(np.float32)
    features = Surroundings().describe(levels, 0, 5.0)
    levels[:, 1] = 0.0
    np.testing.assert_array_equal(Surroundings().describe(levels, 0, 5.0), features)


def test_silence_stays_silence(made: Boosted) -> None:
    np.testing.assert_array_equal(made.mix(np.zeros((4, 2, 5000))), np.zeros((2, 5000)))


def test_any_length_comes_back(made: Boosted) -> None:
    for samples in (1, 100, 4096, 30_001):
        mix = made.mix(np.ones((4, 2, samples)))
        assert (mix.shape, mix.dtype) == ((2, samples), np.float32)


@pytest.mark.parametrize("shape", [(4, 10), (3, 2, 10), (4, 1, 10), (1, 4, 2, 10), (4, 2, 0)])
def test_other_shapes_are_refused(made: Boosted, shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"expected stems of shape \(4, 2, samples\)"):
        made.mix(np.zeros(shape))


def test_memory_does_not_grow_with_the_song(made: Boosted) -> None:
    def peak(seconds: int) -> int:
        stems = np.zeros((4, 2, seconds * RATE), dtype=np.float32)
        made.mix(stems[:, :, :1000])
        tracemalloc.start()
        made.mix(stems)
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used - 3 * stems[0].nbytes  # the mix, with mid and side

    assert peak(60) < 1.1 * peak(20)


def test_what_is_saved_comes_back(made: Boosted, stems: np.ndarray, tmp_path: Path) -> None:
    made.save(tmp_path / "run" / "checkpoint")
    back = models.load(tmp_path / "run")
    assert isinstance(back, Boosted)
    np.testing.assert_array_equal(back.mix(stems), made.mix(stems))
    np.testing.assert_array_equal(back.average_db, made.average_db)
    assert back.chain.to_dict() == made.chain.to_dict()
    assert (back.settings, back.recipe, back.history) == (made.settings, made.recipe, made.history)
    assert back.size == made.size == 4 * 6 * 3


def test_the_card_is_plain_and_the_trees_are_those_of_xgboost(made: Boosted, tmp_path: Path) -> None:
    made.save(tmp_path)
    card = json.loads((tmp_path / "card.json").read_text())
    assert (card["format"], card["version"], card["model"]) == ("fxnorm-checkpoint", 1, "boosted")
    assert card["average_db"]["bass"]["side"] == pytest.approx(made.average_db[1, 1].tolist())
    by_stem = json.loads((tmp_path / card["weights"]).read_text())
    (tmp_path / "bass.json").write_text(json.dumps(by_stem["bass"]))
    bass = xgboost.Booster(model_file=tmp_path / "bass.json")
    assert bass.get_dump() == made.trees["bass"].get_dump()


def test_saving_again_leaves_one_set_of_trees(made: Boosted, tmp_path: Path) -> None:
    made.save(tmp_path)
    grow(seed=1, spread_db=6.0).save(tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    assert models.load(tmp_path).history == []


def test_an_interrupted_save_leaves_the_old_model(
    made: Boosted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.save(tmp_path)
    write = module.files.write_text

    def interrupt(path: Path, text: str) -> None:
        if path.name == "card.json":
            raise KeyboardInterrupt
        write(path, text)

    monkeypatch.setattr(module.files, "write_text", interrupt)
    with pytest.raises(KeyboardInterrupt):
        grow(seed=1, spread_db=6.0).save(tmp_path)
    np.testing.assert_array_equal(models.load(tmp_path).average_db, made.average_db)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 2}, "expected the card of a checkpoint of version 1, got 2"),
        ({"settings": {"band": 8}}, "unknown setting 'band' of boosted.*did you mean 'bands'"),
        ({"settings": {}}, "expected trees for the settings of the card, got others"),
        ({"settings": None}, "incomplete"),
        ({"average_db": {"vocals": {}}}, "incomplete"),
        ({"average_db": {stem: {"mid": [0.0, 1.0], "side": [2.0, 3.0]} for stem in STEMS}}, "got others"),
        ({"chain": {"format": "other"}}, "expected a chain"),
        ({"weights": "../trees.json"}, "cannot be read .*copy it beside its card"),
    ],
)
def test_a_card_that_does_not_fit_is_refused(
    made: Boosted, tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    made.save(tmp_path)
    edit(tmp_path, **changes)
    with pytest.raises(CheckpointError, match=message) as caught:
        models.load(tmp_path)
    assert "\n" not in str(caught.value)


def test_damaged_trees_are_refused(made: Boosted, tmp_path: Path) -> None:
    made.save(tmp_path)
    path = next(tmp_path.glob("trees-*.json"))
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(CheckpointError, match="damaged"):
        models.load(tmp_path)
    path.write_bytes(b"\xff")
    with pytest.raises(CheckpointError, match="damaged"):
        models.load(tmp_path)


@pytest.mark.parametrize("content", ["{}", "[]", "no JSON", '{"vocals": {}}', '{"vocals": {"learner": 1}}'])
def test_other_json_is_no_trees(made: Boosted, tmp_path: Path, content: str) -> None:
    made.save(tmp_path)
    name = f"trees-{module._digest(content)}.json"
    (tmp_path / name).write_text(content)
    edit(tmp_path, weights=name)
    with pytest.raises(CheckpointError, match="expected trees of XGBoost for every stem") as caught:
        models.load(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_folder_that_cannot_be_made_is_one_line(made: Boosted, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(CheckpointError, match=r"taken: cannot be written"):
        made.save(tmp_path / "taken")


def test_a_missing_xgboost_is_one_line(made: Boosted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made.save(tmp_path)
    monkeypatch.setitem(sys.modules, "xgboost", None)
    with pytest.raises(InputError, match=r"boosted needs xgboost.*pip install 'fxnorm\[boosted\]'"):
        models.load(tmp_path)


def test_the_file_loads_neither_torch_nor_xgboost() -> None:
    code = "import sys, fxnorm.models.boosted; print('torch' in sys.modules, 'xgboost' in sys.modules)"
    assert run(code) == "False False"


def test_mixing_loads_no_torch(made: Boosted, tmp_path: Path) -> None:
    made.save(tmp_path)
    code = (
        "import sys, numpy; from pathlib import Path; from fxnorm import models; "
        f"models.load(Path({str(tmp_path)!r})).mix(numpy.ones((4, 2, 9999))); print('torch' in sys.modules)"
    )
    assert run(code) == "False"
