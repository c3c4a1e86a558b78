"""The folder of a run: its files, and the result of a run.

RUN/recipe.yaml    all keys of the recipe
RUN/history.json   one record per epoch or trial
RUN/checkpoint/    the best epoch or trial
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fxnorm.errors import InputError
from fxnorm.models.metadata import RUN_CHECKPOINT as CHECKPOINT
from fxnorm.recipe import BaseRecipe, read

RECIPE, HISTORY = "recipe.yaml", "history.json"

EpochRecord = Mapping[str, Any]  # figures of an epoch, or of a trial of a search
RunStatus = Literal["finished", "interrupted"]


@dataclass(frozen=True)
class RunResult:
    """Result of a training run.

    Attributes
    ----------
    folder : Path
    status : {"finished", "interrupted"}
        Finished at the end of the schedule or by early stopping; interrupted by a signal, with the state saved.
    history : list of dict
        A record per epoch or trial.
    unit : {"epoch", "trial"}
        Unit of the history.
    is_main_process : bool
        Whether this is the process that reports, out of several.
    """

    folder: Path
    status: RunStatus
    history: list[EpochRecord]
    unit: Literal["epoch", "trial"] = "epoch"
    is_main_process: bool = True

    @property
    def checkpoint(self) -> Path:
        """Folder of the best checkpoint."""
        return self.folder / CHECKPOINT

    @property
    def best(self) -> int | None:
        """Number of the best epoch or trial, counted from 1; None if none has a finite score."""
        order = sort_by_score(self.history)
        return order[0] + 1 if order else None


def sort_by_score(history: Sequence[EpochRecord]) -> list[int]:
    """Return the indices of the records with a finite validation score, best first."""
    scored = [index for index, record in enumerate(history) if record["valid"] is not None]
    return sorted(scored, key=lambda index: history[index]["valid"])


def require_same_recipe(folder: Path, recipe: BaseRecipe) -> None:
    """Check that the run in a folder, if there is one, has this recipe.

    Raises
    ------
    InputError
        If its recipe differs.
    """
    path = folder / RECIPE
    if path.exists() and (different := read(path).differences(recipe)):
        raise InputError(
            f"{folder}: holds a run of another recipe ({different[0]} differs); choose another folder with -o, or go "
            f"on with that one: fxnorm train --resume {folder}"
        )


def open_run(folder: Path, recipe: BaseRecipe) -> None:
    """Create the folder of a run and write its recipe.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        recipe.write(folder / RECIPE)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written to ({error.strerror}); choose another folder") from error
