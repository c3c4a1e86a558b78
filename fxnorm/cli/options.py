"""Options and habits that several verbs share."""

import functools
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from fxnorm.normalization.statistics import FxStats
    from fxnorm.parallel import Jobs

ANY_PATH = click.Path(path_type=Path)
SHOWN_HZ = (63, 125, 250, 500, 1000, 2000, 4000, 8000, 16000)

jobs = click.option(
    "-j", "--jobs", type=click.IntRange(min=1), help="Worker processes; one for each processor if not given."
)
dask = click.option(
    "--dask",
    metavar="ADDRESS",
    help="Run on the Dask cluster with this scheduler; 'local' starts one on this machine, with -j workers.",
)
seed = click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of everything random.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
preset = click.option(
    "--preset",
    type=click.Choice(["default", "published"]),
    default="default",
    show_default=True,
    help="default: what works best; published: the method as published.",
)
split = click.option("--split", type=click.Choice(["train", "valid", "test"]), help="Only the songs of this split.")


def verbosity(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a verb -v and -q; messages of the library go to standard error."""

    @click.option("-v", "--verbose", count=True, help="More messages; twice for all.")
    @click.option("-q", "--quiet", is_flag=True, help="No messages but errors, and no progress bar.")
    @functools.wraps(command)
    def with_logging(*args: Any, verbose: int, quiet: bool, **options: Any) -> Any:
        logging.basicConfig(format="fxnorm: %(message)s", stream=sys.stderr)
        level = logging.ERROR if quiet else (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)]
        logging.getLogger("fxnorm").setLevel(level)
        return command(*args, quiet=quiet, **options)

    return with_logging


def shared_path(path: Path, dask: str | None) -> Path:
    """The path as the machines of a cluster need it, whatever folder they work in."""
    return path if dask is None else path.absolute()


@contextmanager
def local_crew(jobs: int | None) -> Iterator[int]:
    """Worker processes of this machine, one for each processor if not given; a single one is this process."""
    from fxnorm import malloc
    from fxnorm.parallel import default_jobs

    with malloc.retain_freed_memory():  # for a single process; worker processes do it themselves
        yield jobs or default_jobs()


@contextmanager
def crew(jobs: int | None, dask: str | None, *, reads: Path) -> "Iterator[Jobs]":
    """Who does the work: processes of this machine, or a Dask cluster that sees the same files."""
    if dask is None:
        with local_crew(jobs) as processes:
            yield processes
        return
    from fxnorm.errors import InputError
    from fxnorm.parallel import dask_cluster

    if jobs is not None and dask != dask_cluster.LOCAL:
        raise InputError(f"expected -j for this machine or --dask {dask}, got both; leave -j out")
    with dask_cluster.connect(dask, reads=reads, workers=jobs) as runner:
        yield runner


def load_stats(file: str) -> "FxStats":
    """Statistics that come with fxnorm by their name, or a file (`./musdb18` for one of such a name)."""
    from fxnorm.normalization.statistics import SHIPPED, FxStats

    return FxStats.shipped(file) if file in SHIPPED else FxStats.load(Path(file))


@contextmanager
def progress_bar(label: str, *, unit: str = " stems", quiet: bool = False) -> Iterator[Callable[[int, int, str], None]]:
    """A bar on standard error, with rate and remaining time, when that is a terminal."""
    from tqdm import tqdm

    with tqdm(desc=label, unit=unit, disable=quiet or not sys.stderr.isatty(), dynamic_ncols=True, leave=False) as bar:

        def show(done: int, total: int, what: str) -> None:
            bar.total = total
            bar.set_postfix_str(what, refresh=False)
            bar.update(done - bar.n)

        yield show


def print_table(rows: list[list[str]]) -> None:
    """Print a Markdown table; the first row is the head, the first column is text and the others are figures."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for number, row in enumerate(rows):
        first, *figures = row
        cells = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(figures, widths[1:], strict=True))]
        click.echo("| " + " | ".join(cells) + " |")
        if number == 0:
            rules = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
            click.echo("| " + " | ".join(rules) + " |")


def figure(value: float | None, digits: int = 2) -> str:
    """A number for a table; a dash for none."""
    return "–" if value is None else f"{value:.{digits}f}"


def print_stats(several: list[tuple[str, "FxStats"]]) -> None:
    """Print one row a stem and file: loudness, peaks, similarity, and the spectrum at some frequencies."""
    import numpy as np

    from fxnorm.corpus.stems import STEMS
    from fxnorm.dsp.stft import grid_frequencies
    from fxnorm.units import amplitude_to_db

    nearest = [int(np.argmin(np.abs(grid_frequencies() - hz))) for hz in SHOWN_HZ]
    head = ["stem", "stems", "LUFS", "peak dB", "spread dB", "similarity", *(f"{hz} Hz" for hz in SHOWN_HZ)]
    rows = [head]
    for stem in STEMS:
        for name, averages in several:
            peaks = averages.target("compression", stem)
            similarity = averages.target("panning", stem)
            eq = averages.target("eq", stem)
            rows.append(
                [
                    f"{stem} {name}".strip(),
                    str(averages.counts.get("eq", {}).get(stem, "–")),
                    figure(averages.target("loudness", stem)),
                    figure(peaks and peaks.peak_db),
                    figure(peaks and peaks.spread_db),
                    figure(None if similarity is None else float(np.mean(similarity)), 3),
                    *(figure(None if eq is None else float(amplitude_to_db(eq[k])), 1) for k in nearest),
                ]
            )
    print_table(rows)


def report_failures(failures: Any) -> None:
    """Name what failed, and end with exit code 1 if anything did."""
    for failure in dict.fromkeys(failures):
        click.echo(f"fxnorm: failed: {failure.track} {failure.stem}: {failure.reason}", err=True)
    if failures:
        raise click.exceptions.Exit(1)
