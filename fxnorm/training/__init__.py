"""Train models on a normalised corpus.

The only package that imports Lightning, which provides devices, precision and distributed processes. Boosted trees need
neither Lightning nor PyTorch.
"""

from collections.abc import Sequence
from pathlib import Path

from fxnorm import recipe as recipes
from fxnorm.errors import InputError
from fxnorm.parallel.runner import Progress, silent_progress
from fxnorm.recipe import BoostedRecipe, Recipe
from fxnorm.training.run_folder import RECIPE, RunResult

__all__ = ["RunResult", "resume", "train"]


def train(
    recipe: Recipe | BoostedRecipe,
    folder: Path | str,
    *,
    resume: bool = False,
    progress: Progress = silent_progress,
) -> RunResult:
    """Train a network or boosted trees.

    A network whose run in `folder` was interrupted continues from its saved state, with the same results as without the
    interruption. A finished run of the same recipe is returned without training.

    Parameters
    ----------
    recipe : Recipe or BoostedRecipe
        From `fxnorm.recipe.read` for a YAML file, or from the constructor.
    folder : Path or str
        Folder of the run: receives `recipe.yaml`, `history.json`, `checkpoint/` with the best epoch or trial, and for
        networks `state.pt`, `best/` and `tensorboard/`. It is created if it does not exist.
    resume : bool
        Accept a folder whose run has another recipe: continue a network with the new recipe, or train boosted trees
        again. A network needs a saved state in the folder.
    progress : callable
        Called as `progress(steps, total, description)`: after each batch of a network, and before each song and trial
        of boosted trees.

    Returns
    -------
    RunResult
        Status, history and best checkpoint. After Ctrl-C or SIGTERM the state of a network is saved, and the status is
        "interrupted".

    Raises
    ------
    InputError
        If a library is not installed, or the corpus, the folder, the device or the model does not fit the recipe.
        Nothing is written.
    AudioError
        If an audio file cannot be used.
    CheckpointError
        If the checkpoint of `init_from` cannot be read, or boosted trees cannot be written.
    RunError
        If memory or the disk is full, or gradients stay non-finite.

    Notes
    -----
    Files of other sample rates than 44,100 Hz are resampled when they are read.

    Examples
    --------
    >>> from pathlib import Path
    >>> from fxnorm import models, recipe, training
    >>> settings = recipe.read(Path("recipes/demo.yaml"), ["data.batch_size=2"])  # doctest: +SKIP
    >>> result = training.train(settings, "runs/demo")  # doctest: +SKIP
    >>> result.history[result.best - 1]["valid"]  # doctest: +SKIP
    0.412
    >>> model = models.load(result.checkpoint)  # doctest: +SKIP
    """
    folder = Path(folder)
    if isinstance(recipe, BoostedRecipe):
        from fxnorm.training import gbdt

        return gbdt.train(recipe, folder, resume=resume, progress=progress)
    try:
        from fxnorm.training import loop
    except ModuleNotFoundError as error:
        raise InputError(f"training needs {error.name}, which is not installed: pip install 'fxnorm[train]'") from error
    return loop.train(recipe, folder, resume=resume, progress=progress)


def resume(folder: Path | str, changes: Sequence[str] = (), *, progress: Progress = silent_progress) -> RunResult:
    """Continue a run with the recipe in its folder.

    Parameters
    ----------
    folder : Path or str
        Folder of the run.
    changes : sequence of str
        `key=value` pairs that override keys of the recipe.
    progress : callable
        As for `train`.

    Returns
    -------
    RunResult

    Raises
    ------
    InputError
        If the folder has no recipe or no saved state, and as for `train`.

    Examples
    --------
    >>> training.resume("runs/demo", ["schedule=[[8, 1]]"])  # doctest: +SKIP
    """
    return train(recipes.read(Path(folder) / RECIPE, changes), folder, resume=True, progress=progress)
