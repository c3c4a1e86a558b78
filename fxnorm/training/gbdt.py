"""A boosted recipe becomes a model: songs are measured once, then trees are grown, as often as a search wants.

Nothing is written before the end, for it takes minutes: after an interruption the same command begins again.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from fxnorm import audio, audio_files, documents, files
from fxnorm.audio import Audio
from fxnorm.corpus.stems import STEMS
from fxnorm.errors import InputError
from fxnorm.models import metadata
from fxnorm.models.checkpoint import Checkpoint
from fxnorm.models.gbdt.band_grid import MID_SIDE, Floats
from fxnorm.models.gbdt.model import PRESETS, BoostedSettings, BoostedTrees, require_xgboost
from fxnorm.models.settings import choose
from fxnorm.recipe import BoostedRecipe
from fxnorm.training.oracle_gains import Doubles, compare_levels, find_gains, multiply
from fxnorm.training.run_folder import CHECKPOINT, HISTORY, Outcome, Row, open_run, rank, require_same_recipe
from fxnorm.training.songs import Song, open_corpus

SEARCHED: dict[str, tuple[Any, Any]] = {"trees": (50, 300), "depth": (2, 10), "rate": (0.01, 0.3)}
UNITY_DB = np.zeros((len(STEMS), len(MID_SIDE), 1, 1), dtype=np.float32)  # what adds the stems as they are

Progress = Callable[[int, int, str], None]  # songs and trials done, both in all, which comes now


@dataclass(frozen=True, eq=False)
class Lesson:
    """What there is to learn from a song.

    Attributes
    ----------
    products : ndarray, shape (5, 5, 2, slots, bands), float32
        Of the stems and the mixture with each other.
    gains_db : ndarray, shape (4, 2, slots, bands), float32
        The ideal ones; NaN where a stem is silent throughout.
    features : tuple of ndarray, shape (slots, features), float32
        By stem.
    """

    products: Floats
    gains_db: Floats
    features: tuple[Floats, ...]


def train(
    recipe: BoostedRecipe, folder: Path, *, resume: bool = False, progress: Progress = lambda done, total, what: None
) -> Outcome:
    """Learn average gains, and grow trees for what differs from them.

    Parameters
    ----------
    recipe : BoostedRecipe
    folder : Path
        Of the run. A finished run of the same recipe is left as it is.
    resume : bool
        Train again if the recipe has changed.
    progress : callable
        Called before every song and every trial with (done, in all, which comes now).

    Returns
    -------
    Outcome
        The history has a row for each trial, the recipe's own first; its scores are those of `judge`.

    Raises
    ------
    InputError
        If the corpus, the settings or the folder do not fit, or a package is not installed.
    CheckpointError
        If the folder cannot be written.
    """
    require_xgboost()
    if recipe.search:
        _require_optuna()
    settings = choose("boosted", PRESETS, "default", recipe.settings)
    corpus = open_corpus(recipe.corpus)
    if not resume:
        require_same_recipe(folder, recipe)
    open_run(folder, recipe)
    if (finished := _finished(folder, recipe)) is not None:
        return Outcome(folder, "finished", finished)
    songs = corpus.train + corpus.valid
    total = len(songs) + 1 + recipe.search
    lessons: list[Lesson] = []
    for song in songs:
        progress(len(lessons), total, song.name)
        lessons.append(study(song, settings))
    to_learn, to_judge = lessons[: len(corpus.train)], lessons[len(corpus.train) :]
    history: list[Row] = []
    for tried, tell in trials(recipe):
        progress(len(songs) + len(history), total, f"trial {len(history) + 1}")
        began = time.monotonic()
        model = grow(to_learn, tried, settings)
        scores = {"train": judge(model, to_learn), "valid": judge(model, to_judge), "sum": judge(None, to_judge)}
        tell(scores["valid"])
        values = {name: getattr(tried, name) for name in SEARCHED}
        history.append({**values, **scores, "seconds": round(time.monotonic() - began, 3)})
        if rank(history)[0] == len(history) - 1:
            best = model
    files.write_text(folder / HISTORY, documents.to_text(history, indent=1))
    Checkpoint(best, corpus.chain, recipe.to_dict(), history).save(folder / CHECKPOINT)
    return Outcome(folder, "finished", history)


def study(song: Song, settings: BoostedSettings) -> Lesson:
    """Read a song, find its ideal gains, and describe its stems.

    Raises
    ------
    AudioError
        If a file is damaged.
    """
    bands = settings.grid
    products = multiply(_read(song), bands)
    levels = _levels(products)
    features = [settings.features.extract(levels, stem, bands.frame_rate) for stem in range(len(STEMS))]
    return Lesson(products, find_gains(products, bands), tuple(features))


def grow(lessons: Sequence[Lesson], recipe: BoostedRecipe, settings: BoostedSettings) -> BoostedTrees:
    """Average the gains of songs, each song counting alike, and grow trees for the rest.

    Parameters
    ----------
    lessons : sequence of Lesson
    recipe : BoostedRecipe
        How many trees, how deep, ...
    settings : BoostedSettings
        With which the lessons were made.
    """
    means_db = np.stack([lesson.gains_db.mean(axis=2) for lesson in lessons])  # NaN wherever a stem or band is silent
    heard = np.isfinite(means_db)
    average_db = np.where(heard, means_db, 0.0).sum(axis=0) / np.maximum(heard.sum(axis=0), 1)
    trees = {}
    for index, stem in enumerate(STEMS):
        songs = [lesson for lesson in lessons if np.isfinite(lesson.gains_db[index]).any()] or lessons
        rest_db = [lesson.gains_db[index] - average_db[index][:, np.newaxis] for lesson in songs]  # (2, slots, bands)
        rows = [np.nan_to_num(rest).transpose(1, 0, 2).reshape(rest.shape[1], -1) for rest in rest_db]
        weights = [np.full(len(row), 1.0 / len(row)) for row in rows]
        features = np.concatenate([lesson.features[index] for lesson in songs])
        trees[stem] = _grow(features, np.concatenate(rows), np.concatenate(weights), recipe)
    return BoostedTrees(trees, average_db.astype(np.float32), settings)


def judge(model: BoostedTrees | None, lessons: Sequence[Lesson]) -> float:
    """Mean over songs of how far the levels of the model's mix are from the mixture's in dB; None adds the stems."""
    gains = (
        (lesson, UNITY_DB if model is None else model.predict_gains(_levels(lesson.products))) for lesson in lessons
    )
    return float(np.mean([compare_levels(lesson.products, gains_db) for lesson, gains_db in gains]))


def trials(recipe: BoostedRecipe) -> Iterator[tuple[BoostedRecipe, Callable[[float], object]]]:
    """How trees are to be grown, and whom to tell the score: first as the recipe says, then as Optuna suggests."""
    yield recipe, lambda score: None
    if recipe.search:
        optuna = _require_optuna()
        space = {
            name: optuna.distributions.FloatDistribution(low, high, log=True)
            if isinstance(low, float)
            else optuna.distributions.IntDistribution(low, high)
            for name, (low, high) in SEARCHED.items()
        }
        with _quiet(optuna):
            found = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=recipe.seed))
        for _ in range(recipe.search):
            trial = found.ask(space)
            yield recipe.model_copy(update=trial.params), partial(_tell, optuna, found, trial)


def _tell(optuna: Any, study: Any, trial: Any, score: float) -> None:
    with _quiet(optuna):
        study.tell(trial, score)


@contextmanager
def _quiet(optuna: Any) -> Iterator[None]:
    """Silence Optuna's log messages."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def _grow(features: Floats, gains_db: Floats, weights: Doubles, recipe: BoostedRecipe) -> Any:
    xgboost = require_xgboost()
    parameters = {
        "tree_method": "hist",
        "objective": "reg:squarederror",
        "base_score": 0.0,
        "max_depth": recipe.depth,
        "eta": recipe.rate,
        "subsample": recipe.row_share,
        "colsample_bytree": recipe.feature_share,
        "min_child_weight": recipe.smallest_leaf,
        "lambda": recipe.shrinkage,
        "seed": recipe.seed,
    }
    return xgboost.train(parameters, xgboost.DMatrix(features, gains_db, weight=weights), recipe.trees)


def _levels(products: Floats) -> Floats:
    """Mean squares of the stems, shape (4, 2, slots, bands)."""
    return np.stack([products[stem, stem] for stem in range(len(STEMS))])


def _read(song: Song) -> Audio:
    """Stems and mixture, shape (5, 2, samples); a stem that the song does not have is silence."""
    signals = np.zeros((len(STEMS) + 1, 2, song.samples), dtype=np.float32)
    for signal, name in zip(signals, (*STEMS, None), strict=True):
        paths = song.stems.get(name, ()) if name else (song.mixture,)
        for path in filter(None, paths):
            signal += audio.to_stereo(audio_files.read_segment(path, 0, song.samples))
    return signals


def _finished(folder: Path, recipe: BoostedRecipe) -> list[Row] | None:
    """The history of a run that is at its end, if it is, and of this recipe."""
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
