"""Recipes: values from files and the command line, and errors of one line."""

from pathlib import Path

import pytest

from fxnorm import recipe
from fxnorm.errors import InputError

FOLDER = Path(__file__).parents[1] / "recipes"
RECIPES = sorted(path for path in FOLDER.glob("*.yaml") if path.stem != "styles")  # styles are no training recipe


def write(folder: Path, text: str) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_that_ships_is_valid(path):
    assert recipe.read(path).to_dict()["corpus"]


def test_the_published_schedule():
    published = recipe.read(next(path for path in RECIPES if path.stem == "musdb_tdcn"))
    rates = [published.lr_at(epoch, 0) for epoch in (0, 149, 150, 200, 250, 275, 300, 309)]
    assert rates == pytest.approx([1e-3, 1e-3, 1e-3 / 3, 1e-4, 1e-3 / 30, 1e-5, 1e-6, 1e-6], rel=1e-4)
    assert published.epochs == 310


def test_the_rate_rises_and_follows_the_stages():
    loaded = recipe.check(
        {
            "corpus": "x",
            "data": {"batches_per_epoch": 6},
            "schedule": [[1, 1], [2, 0.1]],
            "optimizer": {"lr": 1.0, "warmup": 3, "accumulate_grad_batches": 2},
        }
    )
    assert [loaded.lr_at(0, batch) for batch in range(6)] == [0.25, 0.25, 0.5, 0.5, 0.75, 0.75]
    assert loaded.lr_at(1, 0) == pytest.approx(0.1)
    assert loaded.lr_at(2, 5) == pytest.approx(0.1)


def test_changes_reach_into_groups_and_have_types(tmp_path):
    path = write(tmp_path, "corpus: songs\n")
    loaded = recipe.read(
        path,
        ["data.segment_s=4", "network.settings.filters=8", "optimizer.lr=1e-4", "schedule=[[3, 1], [2, 0.5]]", "wet=w"],
    )
    assert loaded.data.segment_s == 4.0
    assert loaded.network.settings == {"filters": 8}
    assert loaded.optimizer.lr == 1e-4
    assert loaded.epochs == 5
    assert loaded.wet == Path("w")


def test_paths_are_taken_as_they_stand(tmp_path):
    loaded = recipe.read(
        write(tmp_path, "corpus: songs\nwet: w\n"), ["corpus=2024", "init_from=my: run #1", "wet=null"]
    )
    assert (loaded.corpus, loaded.init_from, loaded.wet) == (Path("2024"), Path("my: run #1"), None)


def test_what_is_written_reads_the_same(tmp_path):
    loaded = recipe.read(write(tmp_path, "corpus: songs\nprecision: 32\ndata: {segment_s: 2}\n"))
    loaded.write(tmp_path / "whole.yaml")
    assert recipe.read(tmp_path / "whole.yaml") == loaded
    changed = recipe.read(tmp_path / "whole.yaml", ["data.segment_s=3"])
    assert loaded.differences(changed) == ["data.segment_s"]


WRONG = {
    "an unknown key": (["corpse=a"], "unknown key 'corpse'; did you mean 'corpus'?"),
    "an unknown key of a group": (["data.seconds=4"], "unknown key 'data.seconds'; did you mean 'data.segment_s'?"),
    "a key outside its group": (["segment_s=4"], "did you mean 'data.segment_s'?"),
    "a key like no other": (["zzz=1"], "expected one of corpus, seed, wet"),
    "no value": (["data.segment_s"], "expected key=value, got 'data.segment_s'"),
    "a negative length": (["data.segment_s=-1"], "data.segment_s: expected greater than 0, got -1"),
    "infinity": (["data.segment_s=.inf"], "data.segment_s: "),
    "words for a number": (["data.batch_size=many"], "data.batch_size: expected a valid integer"),
    "a probability above one": (["data.channel_swap=2"], "data.channel_swap: expected less than or equal to 1, got 2"),
    "an unknown optimiser": (["optimizer.name=sgd"], "optimizer.name: expected 'adamw' or 'amsgrad', got 'sgd'"),
    "a precision": (["precision=8"], "precision: expected '32', 'bf16-mixed' or '16-mixed', got '8'"),
    "an empty schedule": (["schedule=[]"], "schedule: "),
    "a value for a group": (["data=4"], "data: "),
    "a group in a value": (["seed.of=4"], "seed.of: "),
    "remixing without wet stems": (
        ["data.remix=0.5"],
        "data.remix: needs the stems before normalising; add wet=FOLDER",
    ),
    "jitter without remixing": (["data.jitter_db=3"], "data.jitter_db: "),
    "a batch that cannot be shared": (
        ["devices=2", "data.batch_size=3"],
        "data.batch_size: expected a multiple of the 2 devices",
    ),
    "broken YAML": (["data=[1"], "not YAML"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_keys_and_values_are_one_line(tmp_path, case):
    changes, message = WRONG[case]
    with pytest.raises(InputError) as caught:
        recipe.read(write(tmp_path, "corpus: songs\nseed: 1\n"), changes)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "keys with values"),
        ("just words", "keys with values"),
        ("data: {segment_s: 2}", "corpus: expected a value, got none"),
        ("corpus: [", "line 1: not YAML"),
        ("1: 2", "keys with values"),
        ("corpus: !!python/object/apply:os.system ['true']", "not YAML"),
    ],
)
def test_wrong_files_are_one_line(tmp_path, text, message):
    with pytest.raises(InputError, match=r"recipe\.yaml") as caught:
        recipe.read(write(tmp_path, text))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_or_binary_file(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        recipe.read(tmp_path / "none.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="expected a recipe in YAML"):
        recipe.read(tmp_path / "binary.yaml")


def test_a_recipe_says_which_kind_of_model_it_is_for(tmp_path):
    path = write(tmp_path, "corpus: songs\nmodel: boosted\n")
    loaded = recipe.read(path, ["n_estimators=50", "learning_rate=0.2", "settings.smoothing_s=0.5", "search=20"])
    assert isinstance(loaded, recipe.BoostedRecipe)
    assert (loaded.n_estimators, loaded.learning_rate, loaded.settings, loaded.search) == (
        50,
        0.2,
        {"smoothing_s": 0.5},
        20,
    )
    assert loaded.corpus == Path("songs")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("n_estimator=3", "unknown key 'n_estimator'; did you mean 'n_estimators'"),
        ("xyz=3", "unknown key 'xyz'; expected one of corpus, seed, model"),
        ("model=tdcn", "model: expected 'boosted', got 'tdcn'"),
        ("max_depth=0", "max_depth: expected greater than 0"),
        ("learning_rate=2", "learning_rate: expected less than or equal to 1"),
    ],
)
def test_a_wrong_key_of_a_boosted_recipe_is_one_line(tmp_path, change, message):
    path = write(tmp_path, "corpus: songs\nmodel: boosted\n")
    with pytest.raises(InputError) as caught:
        recipe.read(path, [change])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_lists_of_texts_are_read_by_key(tmp_path):
    path = write(tmp_path, "drums: [Kick*.wav, snare.wav]\nskip: click.wav\n")
    assert recipe.read_lists(path, ("drums", "skip")) == {"drums": ["Kick*.wav", "snare.wav"], "skip": ["click.wav"]}
    for text, message in {
        "drum: [a]\n": "unknown key 'drum'; expected some of drums",
        "drums: [1]\n": "drums: expected text, got 1",
        "drums:\n": "drums: expected text, got None",
        "- drums\n": "expected lists by key",
        "drums: [\n": "not YAML",
    }.items():
        with pytest.raises(InputError, match=message):
            recipe.read_lists(write(tmp_path, text), ("drums", "skip"))
