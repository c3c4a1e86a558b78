"""A run's folder: what is in it, whose it is, and how the run stands.

RUN/recipe.yaml    every key
RUN/history.json   one row an epoch, or a trial
RUN/checkpoint/    the best so far
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fxnorm.errors import InputError
from fxnorm.models.metadata import RUN_CHECKPOINT as CHECKPOINT
from fxnorm.recipe import Experiment, read

RECIPE, HISTORY = "recipe.yaml", "history.json"

Row = Mapping[str, Any]
End = Literal["finished", "interrupted"]


@dataclass(frozen=True)
class Outcome:
    """How a run stands when training returns.

    Attributes
    ----------
    folder : Path
    end : {"finished", "interrupted"}
        At the end of what the recipe says or of patience; or stopped by a signal, with its state saved.
    history : list of dict
        A row for each epoch, or each trial.
    first : bool
        Whether this process is the one of several that reports.
    """

    folder: Path
    end: End
    history: list[Row]
    first: bool = True

    @property
    def checkpoint(self) -> Path:
        """Folder of the best checkpoint."""
        return self.folder / CHECKPOINT

    @property
    def best(self) -> int | None:
        """The best row, counted from 1."""
        best = rank(self.history)
        return best[0] + 1 if best else None


def rank(history: Sequence[Row]) -> list[int]:
    """Rows, counted from 0, by validation score, the best first; those without a finite one are left out."""
    scored = [number for number, row in enumerate(history) if row["valid"] is not None]
    return sorted(scored, key=lambda number: history[number]["valid"])


def require_same_recipe(folder: Path, recipe: Experiment) -> None:
    """Make sure that the run in a folder, if there is one, is of this recipe.

    Raises
    ------
    InputError
        If it is of another one.
    """
    path = folder / RECIPE
    if path.exists() and (different := read(path).differences(recipe)):
        raise InputError(
            f"{folder}: holds a run of another recipe ({different[0]} differs); choose another folder with -o, or go "
            f"on with that one: fxnorm train --resume {folder}"
        )


def open_run(folder: Path, recipe: Experiment) -> None:
    """Make a run's folder, and write its recipe there.

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
