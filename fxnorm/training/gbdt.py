"""Train boosted trees: extract examples from each song once, then fit trees for each trial of a search.

Training takes minutes, so nothing is written before the end: an interrupted run starts again.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from fxnorm import documents, files
from fxnorm.audio import Audio
from fxnorm.corpus.stems import STEMS
from fxnorm.errors import InputError
from fxnorm.models import metadata
from fxnorm.models.checkpoint import Checkpoint
from fxnorm.models.gbdt.band_grid import MID_SIDE, Floats
from fxnorm.models.gbdt.model import PRESETS, BoostedSettings, BoostedTrees, require_xgboost
from fxnorm.models.settings import choose
from fxnorm.parallel.runner import Progress, silent_progress
from fxnorm.recipe import BoostedRecipe
from fxnorm.training.corpus import TrainingCorpus, TrainingSong, open_corpus
from fxnorm.training.oracle_gains import Doubles, compare_levels, gram_matrices, solve_gains
from fxnorm.training.run_folder import (
    CHECKPOINT,
    HISTORY,
    EpochRecord,
    RunResult,
    open_run,
    require_same_recipe,
    sort_by_score,
)
from fxnorm.training.segments import read_sum

SEARCH_SPACE: dict[str, tuple[Any, Any]] = {
    "n_estimators": (50, 300),
    "max_depth": (2, 10),
    "learning_rate": (0.01, 0.3),
}
TREE_PARAMETERS = ("max_depth", "learning_rate", "subsample", "colsample_bytree", "min_child_weight", "reg_lambda")
UNITY_DB = np.zeros((len(STEMS), len(MID_SIDE), 1, 1), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Example:
    """Features and targets of a song.

    Attributes
    ----------
    gram : ndarray, shape (5, 5, 2, frames, bands), float32
        Gram matrices of the stems and the mixture.
    gains_db : ndarray, shape (4, 2, frames, bands), float32
        Oracle gains; NaN where a stem is silent in the whole song.
    features : tuple of ndarray, shape (frames, features), float32
        By stem.
    """

    gram: Floats
    gains_db: Floats
    features: tuple[Floats, ...]


def train(
    recipe: BoostedRecipe, folder: Path, *, resume: bool = False, progress: Progress = silent_progress
) -> RunResult:
    """Train boosted trees; see `fxnorm.training.train`. The history has a record per trial."""
    require_xgboost()
    if recipe.search:
        _require_optuna()
    settings = choose("boosted", PRESETS, "default", recipe.settings)
    corpus = open_corpus(recipe.corpus)
    if not resume:
        require_same_recipe(folder, recipe)
    open_run(folder, recipe)
    if (history := _finished_history(folder, recipe)) is not None:
        return RunResult(folder, "finished", history, unit="trial")
    model, history = _search(recipe, corpus, settings, progress)
    files.write_text(folder / HISTORY, documents.to_text(history, indent=1))
    Checkpoint(model, corpus.chain, recipe.to_dict(), history).save(folder / CHECKPOINT)
    return RunResult(folder, "finished", history, unit="trial")


def _search(
    recipe: BoostedRecipe, corpus: TrainingCorpus, settings: BoostedSettings, progress: Progress
) -> tuple[BoostedTrees, list[EpochRecord]]:
    """Return the best model and the record of each trial."""
    songs = corpus.train + corpus.valid
    steps = len(songs) + 1 + recipe.search
    examples: list[Example] = []
    for song in songs:
        progress(len(examples), steps, song.name)
        examples.append(extract(song, settings))
    train_examples, valid_examples = examples[: len(corpus.train)], examples[len(corpus.train) :]
    history: list[EpochRecord] = []
    for trial_recipe, report in trials(recipe):
        progress(len(songs) + len(history), steps, f"trial {len(history) + 1}")
        start = time.monotonic()
        model = fit(train_examples, trial_recipe, settings)
        scores = {
            "train": evaluate(model, train_examples),
            "valid": evaluate(model, valid_examples),
            "sum": evaluate(None, valid_examples),
        }
        report(scores["valid"])
        values = {name: getattr(trial_recipe, name) for name in SEARCH_SPACE}
        history.append({**values, **scores, "seconds": round(time.monotonic() - start, 3)})
        if sort_by_score(history)[0] == len(history) - 1:
            best = model
    return best, history


def extract(song: TrainingSong, settings: BoostedSettings) -> Example:
    """Read a song, and compute its oracle gains and the features of its stems.

    Raises
    ------
    AudioError
        If a file is damaged.
    """
    grid = settings.grid
    gram = gram_matrices(_read(song), grid)
    levels = _levels(gram)
    features = [settings.features.extract(levels, stem, grid.frame_rate) for stem in range(len(STEMS))]
    return Example(gram, solve_gains(gram, grid), tuple(features))


def fit(examples: Sequence[Example], recipe: BoostedRecipe, settings: BoostedSettings) -> BoostedTrees:
    """Average the gains over songs with equal weights, and fit trees to the deviations.

    Parameters
    ----------
    examples : sequence of Example
    recipe : BoostedRecipe
        Hyperparameters of the trees.
    settings : BoostedSettings
        Those of `extract`.
    """
    means_db = np.stack([example.gains_db.mean(axis=2) for example in examples])  # NaN where a stem or band is silent
    audible = np.isfinite(means_db)
    average_db = np.where(audible, means_db, 0.0).sum(axis=0) / np.maximum(audible.sum(axis=0), 1)
    trees = {}
    for index, stem in enumerate(STEMS):
        songs = [example for example in examples if np.isfinite(example.gains_db[index]).any()] or examples
        # each of shape (2, frames, bands)
        deviations_db = [song.gains_db[index] - average_db[index][:, np.newaxis] for song in songs]
        targets = [np.nan_to_num(db).transpose(1, 0, 2).reshape(db.shape[1], -1) for db in deviations_db]
        weights = [np.full(len(target), 1.0 / len(target)) for target in targets]
        features = np.concatenate([song.features[index] for song in songs])
        trees[stem] = _fit_trees(features, np.concatenate(targets), np.concatenate(weights), recipe)
    return BoostedTrees(trees, average_db.astype(np.float32), settings)


def evaluate(model: BoostedTrees | None, examples: Sequence[Example]) -> float:
    """Return the mean over songs of `compare_levels` in dB; None evaluates the sum of the stems."""
    gains = (
        (example, UNITY_DB if model is None else model.predict_gains(_levels(example.gram))) for example in examples
    )
    return float(np.mean([compare_levels(example.gram, gains_db) for example, gains_db in gains]))


def trials(recipe: BoostedRecipe) -> Iterator[tuple[BoostedRecipe, Callable[[float], object]]]:
    """Yield each trial's recipe and a function to report its score: the given recipe, then Optuna's suggestions."""
    yield recipe, lambda score: None
    if recipe.search:
        optuna = _require_optuna()
        space = {
            name: optuna.distributions.FloatDistribution(low, high, log=True)
            if isinstance(low, float)
            else optuna.distributions.IntDistribution(low, high)
            for name, (low, high) in SEARCH_SPACE.items()
        }
        with _quiet(optuna):
            study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=recipe.seed))
        for _ in range(recipe.search):
            trial = study.ask(space)
            yield recipe.model_copy(update=trial.params), partial(_report, optuna, study, trial)


def _report(optuna: Any, study: Any, trial: Any, score: float) -> None:
    with _quiet(optuna):
        study.tell(trial, score)


@contextmanager
def _quiet(optuna: Any) -> Iterator[None]:
    """Silence Optuna's log messages."""
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(verbosity)


def _fit_trees(features: Floats, gains_db: Floats, weights: Doubles, recipe: BoostedRecipe) -> Any:
    xgboost = require_xgboost()
    parameters = {
        "tree_method": "hist",
        "objective": "reg:squarederror",
        "base_score": 0.0,
        "seed": recipe.seed,
        **{name: getattr(recipe, name) for name in TREE_PARAMETERS},
    }
    return xgboost.train(parameters, xgboost.DMatrix(features, gains_db, weight=weights), recipe.n_estimators)


def _levels(gram: Floats) -> Floats:
    """Return the mean squares of the stems, shape (4, 2, frames, bands)."""
    return np.stack([gram[stem, stem] for stem in range(len(STEMS))])


def _read(song: TrainingSong) -> Audio:
    """Read stems and mixture, shape (5, 2, samples), with zeros for a missing stem."""
    sources = [song.stems.get(stem, ()) for stem in STEMS]
    mixture = (song.mixture,) if song.mixture is not None else ()
    return np.stack([read_sum(group, 0, song.samples) for group in (*sources, mixture)])


def _finished_history(folder: Path, recipe: BoostedRecipe) -> list[EpochRecord] | None:
    """Return the history of a finished run of this recipe, or None."""
    if not (folder / CHECKPOINT / metadata.METADATA).exists():
        return None
    content = metadata.read(folder / CHECKPOINT)
    return content["history"] if content.get("recipe") == recipe.to_dict() else None


def _require_optuna() -> Any:
    try:
        import optuna
    except ModuleNotFoundError as error:
        raise InputError(
            f"search needs {error.name}, which is not installed: pip install 'fxnorm[boosted]'; or take search=0"
        ) from error
    return optuna
