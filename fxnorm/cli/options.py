"""Options, logging, progress bars and tables shared by the verbs."""

import functools
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fxnorm.choices import DEVICES, PRESETS, SPLITS, SUBTYPES

if TYPE_CHECKING:
    from fxnorm.normalization.statistics import FxStats
    from fxnorm.parallel import Jobs

ANY_PATH = click.Path(path_type=Path)

jobs = click.option(
    "-j", "--jobs", type=click.IntRange(min=1), help="Number of worker processes (default: one per processor)."
)
dask = click.option(
    "--dask",
    metavar="ADDRESS",
    help="Address of the scheduler of a Dask cluster to run on; 'local' starts one with -j workers.",
)
seed = click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Random seed.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
style = click.option(
    "--style", default="", metavar="NAME", help='Style, YAML file, or a blend: "rock_punk:0.6,rnb_ballad:0.4".'
)
reference = click.option(
    "--reference", type=ANY_PATH, metavar="FILE", help="Song to come near to in spectrum, dynamics, width and loudness."
)
preset = click.option(
    "--preset",
    type=click.Choice(PRESETS),
    default="default",
    show_default=True,
    help="Settings of the effects: published follows the paper, default narrows the domain gap further.",
)
split = click.option("--split", type=click.Choice(SPLITS), help="Use only the songs of this split.")


def songs(default: int, *, minimum: int = 1) -> Callable[..., Any]:
    """Give a verb the option --songs: number of synthetic songs."""
    return click.option(
        "--songs", type=click.IntRange(min=minimum), default=default, show_default=True, help="Number of songs."
    )


def seconds(default: float, *, maximum: float | None = None) -> Callable[..., Any]:
    """Give a verb the option --seconds: length of a synthetic song."""
    return click.option(
        "--seconds",
        type=click.FloatRange(min=4.0, max=maximum),
        default=default,
        show_default=True,
        help="Length of each song in seconds.",
    )


def device(help_text: str, *, default: str | None = "auto") -> Callable[..., Any]:
    """Give a verb the option -d; no default leaves the choice to the verb."""
    return click.option(
        "-d", "--device", type=click.Choice(DEVICES), default=default, show_default=default is not None, help=help_text
    )


def file_format(help_text: str, *, default: str | None = "wav") -> Callable[..., Any]:
    """Give a verb the option --format; no default leaves the choice to the verb."""
    return click.option(
        "--format",
        "file_format",
        type=click.Choice(list(SUBTYPES)),
        default=default,
        show_default=default is not None,
        help=help_text,
    )


def verbosity(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add -v and -q to a verb; the library logs to standard error."""

    @click.option("-v", "--verbose", count=True, help="Show more messages; repeat for debug messages.")
    @click.option("-q", "--quiet", is_flag=True, help="Show errors only, and no progress bar.")
    @functools.wraps(command)
    def with_logging(*args: Any, verbose: int, quiet: bool, **options: Any) -> Any:
        logging.basicConfig(format="fxnorm: %(message)s", stream=sys.stderr)
        level = logging.ERROR if quiet else (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)]
        logging.getLogger("fxnorm").setLevel(level)
        return command(*args, quiet=quiet, **options)

    return with_logging


def shared_path(path: Path, dask: str | None) -> Path:
    """Return the absolute path where a Dask cluster will read it."""
    return path if dask is None else path.absolute()


@contextmanager
def local_workers(jobs: int | None) -> Iterator[int]:
    """Yield worker processes of this machine, one for each processor if not given; a single one is this process."""
    from fxnorm import malloc
    from fxnorm.parallel import default_jobs

    with malloc.retain_freed_memory():  # for a single process; worker processes do it themselves
        yield jobs or default_jobs()


@contextmanager
def worker_pool(jobs: int | None, dask: str | None, *, reads: Path) -> "Iterator[Jobs]":
    """Yield worker processes of this machine, or a Dask cluster that can read the same files."""
    if dask is None:
        with local_workers(jobs) as processes:
            yield processes
        return
    from fxnorm.errors import InputError
    from fxnorm.parallel import dask_cluster

    if jobs is not None and dask != dask_cluster.LOCAL:
        raise InputError(f"expected -j for this machine or --dask {dask}, got both; leave -j out")
    with dask_cluster.connect(dask, reads=reads, workers=jobs) as runner:
        yield runner


def load_stats(file: str) -> "FxStats":
    """Load shipped statistics by name, or a file (`./musdb18` for a file named like shipped ones)."""
    from fxnorm.normalization.statistics import SHIPPED, FxStats

    return FxStats.shipped(file) if file in SHIPPED else FxStats.load(Path(file))


@contextmanager
def progress_bar(label: str, *, unit: str = " stems", quiet: bool = False) -> Iterator[Callable[[int, int, str], None]]:
    """Show a progress bar on standard error if that is a terminal; yield the function that updates it."""
    from tqdm import tqdm

    with tqdm(desc=label, unit=unit, disable=quiet or not sys.stderr.isatty(), dynamic_ncols=True, leave=False) as bar:

        def show(completed: int, total: int, item: str) -> None:
            bar.total = total
            bar.set_postfix_str(item, refresh=False)
            bar.update(completed - bar.n)

        yield show


@contextmanager
def stage_progress(*, quiet: bool = False) -> Iterator[Callable[[str, int, int, str], None]]:
    """Show one progress bar per stage of a job, one after the other."""
    with ExitStack() as stack:
        bars: dict[str, Callable[[int, int, str], None]] = {}

        def show(stage: str, completed: int, total: int, item: str) -> None:
            if stage not in bars:
                stack.close()
                bars[stage] = stack.enter_context(progress_bar(stage, unit="", quiet=quiet))
            bars[stage](completed, total, item)

        yield show


def print_table(rows: list[list[str]]) -> None:
    """Print a Markdown table: header row first, text in the first column, figures right-aligned in the others."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for number, row in enumerate(rows):
        first, *figures = row
        cells = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(figures, widths[1:], strict=True))]
        click.echo("| " + " | ".join(cells) + " |")
        if number == 0:
            rules = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
            click.echo("| " + " | ".join(rules) + " |")


def figure(value: float | None, digits: int = 2) -> str:
    """Format a number for a table; None becomes a dash."""
    return "–" if value is None else f"{value:.{digits}f}"


def print_stats(labelled_stats: list[tuple[str, "FxStats"]]) -> None:
    """Print one row for each stem and file with the average of every effect."""
    from fxnorm.corpus.stems import STEMS
    from fxnorm.normalization.effects import MATCHED_EFFECTS

    features = {name: effect.feature for name, effect in MATCHED_EFFECTS.items()}
    rows = [["stem", "stems", *(column for feature in features.values() for column in feature.columns)]]
    for stem in STEMS:
        for label, stats in labelled_stats:
            cells = [str(max((counts.get(stem, 0) for counts in stats.counts.values()), default=0) or "–")]
            for name, feature in features.items():
                average = stats.target(name, stem)
                cells += average.cells() if average is not None else ["–"] * len(feature.columns)
            rows.append([f"{stem} {label}".strip(), *cells])
    print_table(rows)


def report_failures(failures: Any) -> None:
    """List the failures on standard error and exit with code 1 if there are any."""
    for failure in dict.fromkeys(failures):
        click.echo(f"fxnorm: failed: {failure.track} {failure.stem}: {failure.reason}", err=True)
    if failures:
        raise click.exceptions.Exit(1)
