"""fxnorm train: train a model from a recipe."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fxnorm.cli import options
from fxnorm.errors import InputError

if TYPE_CHECKING:
    from fxnorm.training import RunResult


@click.command()
@click.argument("words", metavar="RECIPE [KEY=VALUE ...]", nargs=-1)
@click.option("-o", "--out", type=options.ANY_PATH, help="Folder of the run (default: runs/RECIPE).")
@click.option(
    "--resume",
    metavar="RUN",
    type=options.ANY_PATH,
    help="Continue the run in this folder with its own recipe, or with changed keys.",
)
@options.device("Device to train on (default: that of the recipe).", default=None)
@options.verbosity
def train(words: tuple[str, ...], out: Path | None, resume: Path | None, device: str | None, quiet: bool) -> None:
    """Train a network or boosted trees from RECIPE, a YAML file.

    KEY=VALUE changes a key of the recipe, as in data.segment_s=4. The folder of the run receives the complete recipe,
    the history, curves for TensorBoard, and the best epoch in checkpoint/. After an interruption, the same command
    continues the run.
    """
    path, changes = _parse(words, out, resume, device)
    # Spinning threads, PyTorch's default, take CPU time from those they wait for: training was ten times slower on two
    # cores with a third process. The variable is read when PyTorch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from fxnorm import malloc, recipe, training

    with malloc.retain_freed_memory(), options.progress_bar("train", unit=" steps", quiet=quiet) as progress:
        if resume is not None:
            result = training.resume(resume, changes, progress=progress)
        else:
            folder = out or Path("runs") / path.stem
            result = training.train(recipe.read(path, changes), folder, progress=progress)
    if result.is_main_process:
        _print(result)


def _parse(words: tuple[str, ...], out: Path | None, resume: Path | None, device: str | None) -> tuple[Path, list[str]]:
    """Split the arguments into the path of the recipe, empty with --resume, and changed keys."""
    files = [word for word in words if "=" not in word]
    changes = [word for word in words if "=" in word] + ([f"device={device}"] if device else [])
    if resume is not None:
        if files or out is not None:
            raise InputError(f"expected nothing but KEY=VALUE beside --resume, got {files[0] if files else '-o'}")
        return Path(), changes
    if len(files) != 1:
        raise InputError(f"expected one recipe, a YAML file, got {len(files)}; there are some in recipes/")
    return Path(files[0]), changes


def _print(result: "RunResult") -> None:
    """Print the best epoch or trial, or how to continue; exit with code 130 after an interruption."""
    count = len(result.history)
    if result.status == "interrupted":
        click.echo(
            f"fxnorm: interrupted in epoch {count + 1}, its state is saved; go on with: "
            f"fxnorm train --resume {result.folder}",
            err=True,
        )
        raise click.exceptions.Exit(130)
    click.echo(f"{result.folder}: trained for {count} {result.unit}{'s' if count != 1 else ''}")
    if result.best is not None:
        record = result.history[result.best - 1]
        table = [[f"best {result.unit}", "train", "valid", "plain sum"]]
        table.append([str(result.best), *(options.figure(record[name], 3) for name in ("train", "valid", "sum"))])
        options.print_table(table)
        click.echo(f"{result.checkpoint}: the trained model")
