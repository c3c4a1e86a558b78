"""Models are trained here: a normalised corpus in, a checkpoint out.

The only room that knows Lightning, which brings devices, precision and many processes; boosted trees need none of it.
"""

from collections.abc import Callable
from pathlib import Path

from fxnorm.errors import InputError
from fxnorm.recipe import BoostedRecipe, Recipe
from fxnorm.training.run_folder import Outcome

__all__ = ["Outcome", "train"]

Progress = Callable[[int, int, str], None]  # parts of the work done, parts in all, how it goes


def train(
    recipe: Recipe | BoostedRecipe,
    folder: Path,
    *,
    resume: bool = False,
    progress: Progress = lambda done, total, what: None,
) -> Outcome:
    """Train what a recipe says: a network, as `fxnorm.training.loop.train` does, or trees, as `gbdt.train` does.

    Raises
    ------
    InputError
        If a library that it needs is not installed, or the corpus or the folder does not fit the recipe.
    """
    if isinstance(recipe, BoostedRecipe):
        from fxnorm.training import gbdt

        return gbdt.train(recipe, folder, resume=resume, progress=progress)
    try:
        from fxnorm.training import loop
    except ModuleNotFoundError as error:
        raise InputError(f"training needs {error.name}, which is not installed: pip install 'fxnorm[train]'") from error
    return loop.train(recipe, folder, resume=resume, progress=progress)
