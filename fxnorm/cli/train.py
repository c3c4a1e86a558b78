"""fxnorm train: a recipe becomes a trained model."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fxnorm.cli import options
from fxnorm.errors import InputError

if TYPE_CHECKING:
    from fxnorm.recipe import BoostedRecipe, Recipe


@click.command()
@click.argument("words", metavar="RECIPE [KEY=VALUE ...]", nargs=-1)
@click.option("-o", "--out", type=options.ANY_PATH, help="Folder for the run; runs/RECIPE if not given.")
@click.option(
    "--resume", metavar="RUN", type=options.ANY_PATH, help="Go on with a run, by its own recipe; keys can be changed."
)
@click.option(
    "-d",
    "--device",
    type=click.Choice(["auto", "cpu", "cuda", "mps"]),
    help="Where to train: the recipe's, if not given.",
)
@options.verbosity
def train(words: tuple[str, ...], out: Path | None, resume: Path | None, device: str | None, quiet: bool) -> None:
    """Train a network, or boosted trees, by RECIPE, a YAML file; KEY=VALUE changes single keys, as in data.seconds=4.

    The run's folder gets the whole recipe, the history of the epochs, curves for TensorBoard, and checkpoint/, the best
    so far. After an interruption the same command goes on where it stopped.
    """
    recipe, folder = _choose(words, out, resume, device)
    # Threads that wait must sleep: spinning ones, PyTorch's habit, take the CPU from those they wait for (seen: ten
    # times slower on two cores with a third process). Read when PyTorch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from fxnorm import malloc, training
    from fxnorm.recipe import BoostedRecipe

    with malloc.retain_freed_memory(), options.progress_bar("train", unit=" steps", quiet=quiet) as progress:
        outcome = training.train(recipe, folder, resume=resume is not None, progress=progress)
    if not outcome.first:
        return
    if outcome.end == "interrupted":
        click.echo(
            f"fxnorm: interrupted in epoch {len(outcome.history) + 1}, its state is saved; go on with: "
            f"fxnorm train --resume {folder}",
            err=True,
        )
        raise click.exceptions.Exit(130)
    rows, kind = len(outcome.history), "trial" if isinstance(recipe, BoostedRecipe) else "epoch"
    click.echo(f"{folder}: trained for {rows} {kind}{'s' if rows != 1 else ''}")
    if outcome.best is not None:
        row = outcome.history[outcome.best - 1]
        table = [[f"best {kind}", "train", "valid", "plain sum"]]
        table.append([str(outcome.best), *(options.figure(row[name], 3) for name in ("train", "valid", "sum"))])
        options.print_table(table)
        click.echo(f"{outcome.checkpoint}: the trained model")


def _choose(
    words: tuple[str, ...], out: Path | None, resume: Path | None, device: str | None
) -> "tuple[Recipe | BoostedRecipe, Path]":
    """The recipe, with changes, and the run's folder."""
    from fxnorm import recipe

    files = [word for word in words if "=" not in word]
    changes = [word for word in words if "=" in word] + ([f"device={device}"] if device else [])
    if resume is not None:
        if files or out is not None:
            raise InputError(f"expected nothing but KEY=VALUE beside --resume, got {files[0] if files else '-o'}")
        return recipe.read(resume / "recipe.yaml", changes), resume
    if len(files) != 1:
        raise InputError(f"expected one recipe, a YAML file, got {len(files)}; there are some in recipes/")
    path = Path(files[0])
    return recipe.read(path, changes), out or Path("runs") / path.stem
