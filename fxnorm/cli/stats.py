"""fxnorm stats: measure, show, draw, compare, merge and import average features."""

import json
from contextlib import suppress
from pathlib import Path

import click

from fxnorm.cli import options

OUT = click.option("-o", "--out", required=True, type=options.ANY_PATH, help="File to write.")


@click.group()
def stats() -> None:
    """Average features of a data set of stems.

    Where a statistics FILE is asked for, `musdb18` and `synthetic` name those that come with fxnorm.
    """


@stats.command()
@click.argument("folder", metavar="DIR", type=options.ANY_PATH)
@OUT
@click.option(
    "--raw", is_flag=True, help="Measure every effect on the untouched stem, not after the effects before it."
)
@click.option("--title", help="What the statistics are of; the folder's name if not given.")
@options.preset
@options.split
@options.jobs
@options.dask
@options.verbosity
def compute(
    folder: Path,
    out: Path,
    raw: bool,
    title: str | None,
    preset: str,
    split: str | None,
    jobs: int | None,
    dask: str | None,
    quiet: bool,
) -> None:
    """Measure the average features of the stems in DIR.

    What is found on the way is kept beside the file in FILE.part until the file is written; run it again to go on
    after an interruption.
    """
    from fxnorm import corpus, files
    from fxnorm.normalization.corpus_statistics import compute_stats
    from fxnorm.normalization.normalizer import Settings

    files.require_writable(out.resolve().parent)  # before hours of work, not after
    workspace = options.shared_path(out.with_name(f"{out.name}.part"), dask)
    tracks = corpus.scan(options.shared_path(folder, dask), split=split)
    first = next(iter(tracks[0].stems.values()))
    with options.crew(jobs, dask, reads=first) as crew, options.progress_bar("measure", quiet=quiet) as progress:
        averages, failures = compute_stats(
            tracks,
            title=title or folder.resolve().name,
            settings=Settings.preset(preset),
            measured_on="raw" if raw else "progressive",
            jobs=crew,
            workspace=workspace,
            progress=progress,
        )
    with files.lock_folder(workspace, sweeping=[workspace]):
        averages.save(workspace / "stats.json")
        (workspace / "stats.json").replace(out)
        for path in workspace.iterdir():
            if path.name != files.LOCK:  # still open
                path.unlink()
    with suppress(OSError):  # another run has begun there
        workspace.rmdir()
    click.echo(f"{out}: {len(tracks)} songs measured, signature {averages.signature}")
    options.report_failures(failures)


@stats.command()
@click.argument("file", metavar="FILE")
@options.as_json
def show(file: str, as_json: bool) -> None:
    """Print the averages."""
    averages = options.load_stats(file)
    if as_json:
        click.echo(json.dumps(averages.to_dict()))
        return
    click.echo(
        f"{averages.title}\n{averages.source}\nmeasured {averages.measured_on}, signature {averages.signature}\n"
    )
    options.print_stats([("", averages)])


@stats.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@OUT
def plot(files: tuple[str, ...], out: Path) -> None:
    """Draw the EQ and similarity curves of one or more FILEs."""
    from fxnorm.errors import InputError
    from fxnorm.plots import LINES, plot_stats

    if len(files) > len(LINES):
        raise InputError(f"expected at most {len(LINES)} statistics in one picture, got {len(files)}; draw several")
    plot_stats({file.removesuffix(".json"): options.load_stats(file) for file in files}, out)
    click.echo(str(out))


@stats.command()
@click.argument("one", metavar="FILE")
@click.argument("other", metavar="FILE")
@options.as_json
def compare(one: str, other: str, as_json: bool) -> None:
    """Print the averages of two FILEs side by side, and how far apart they are."""
    from fxnorm.normalization.distances import MEASURES

    pair = [options.load_stats(one), options.load_stats(other)]
    distances = pair[0].distance(pair[1])
    if as_json:
        click.echo(json.dumps(distances))
        return
    options.print_stats([(Path(one).stem, pair[0]), (Path(other).stem, pair[1])])
    click.echo("")
    rows = [["distance", *(f"{name}, {unit}" for name, unit in MEASURES.items())]]
    for stem, values in distances.items():
        rows.append([stem, *(options.figure(values.get(name), 3) for name in MEASURES)])
    options.print_table(rows)


@stats.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@OUT
def merge(files: tuple[str, ...], out: Path) -> None:
    """Average several FILEs, weighted by how many stems counted in each."""
    from fxnorm.normalization.statistics import FxStats

    merged = FxStats.merge(options.load_stats(file) for file in files)
    merged.save(out)
    click.echo(f"{out}: {len(files)} files merged, signature {merged.signature}")


@stats.command("import")
@click.argument("file", metavar="FILE.npy", type=options.ANY_PATH)
@OUT
def import_(file: Path, out: Path) -> None:
    """Read a published feature file (a pickled dict of arrays); nothing in it is run."""
    from fxnorm.normalization.statistics import FxStats

    averages = FxStats.from_published(file)
    averages.save(out)
    click.echo(f"{out}: imported, signature {averages.signature}")
