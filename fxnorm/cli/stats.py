"""fxnorm stats: measure, show, plot, compare, merge and import average features."""

import json
from contextlib import suppress
from pathlib import Path

import click

from fxnorm.cli import options

OUT = click.option("-o", "--out", required=True, type=options.ANY_PATH, help="Output file.")


@click.group()
def stats() -> None:
    """Average features of a data set of stems.

    FILE is a statistics file, or `musdb18` or `synthetic` for those that come with fxnorm.
    """


@stats.command()
@click.argument("folder", metavar="DIR", type=options.ANY_PATH)
@OUT
@click.option(
    "--no-progressive",
    "progressive",
    is_flag=True,
    flag_value=False,
    default=True,
    help="Measure every effect on the untouched stem, not after the effects before it were normalised.",
)
@click.option("--title", help="Title of the statistics; the name of the folder if not given.")
@options.preset
@options.split
@options.jobs
@options.dask
@options.verbosity
def compute(
    folder: Path,
    out: Path,
    progressive: bool,
    title: str | None,
    preset: str,
    split: str | None,
    jobs: int | None,
    dask: str | None,
    quiet: bool,
) -> None:
    """Measure the average features of the stems in DIR.

    Intermediate results are stored in FILE.part until FILE is written. Run the command again to resume an interrupted
    run.
    """
    from fxnorm import corpus, files
    from fxnorm.normalization.corpus_statistics import compute_stats
    from fxnorm.normalization.settings import ChainSettings

    workspace = options.shared_path(out.with_name(f"{out.name}.part"), dask)
    tracks = corpus.scan(options.shared_path(folder, dask), split=split)
    files.make_folder(out.resolve().parent)  # before hours of work
    first = tracks[0].tracks[0].files[0]
    with (
        options.worker_pool(jobs, dask, reads=first) as workers,
        options.progress_bar("measure", quiet=quiet) as progress,
    ):
        averages, failures = compute_stats(
            tracks,
            title=title or folder.resolve().name,
            settings=ChainSettings.preset(preset),
            measured_on="progressive" if progressive else "raw",
            jobs=workers,
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
    click.echo(f"{averages.title}\n{averages.source}")
    click.echo(f"measured {averages.measured_on} at {averages.sample_rate_hz} Hz, signature {averages.signature}\n")
    options.print_stats([("", averages)])


@stats.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@OUT
def plot(files: tuple[str, ...], out: Path) -> None:
    """Plot the average curves of one or more FILEs."""
    from fxnorm.errors import InputError
    from fxnorm.files import make_folder
    from fxnorm.plots import LINES, plot_stats

    if len(files) > len(LINES):
        raise InputError(
            f"expected at most {len(LINES)} statistics in one plot, got {len(files)}; plot them separately"
        )
    averages = {file.removesuffix(".json"): options.load_stats(file) for file in files}
    make_folder(out.resolve().parent)
    plot_stats(averages, out)
    click.echo(str(out))


@stats.command()
@click.argument("file", metavar="FILE")
@click.argument("reference", metavar="REFERENCE")
@options.as_json
def compare(file: str, reference: str, as_json: bool) -> None:
    """Print the averages of FILE and REFERENCE side by side, and their distances."""
    from fxnorm.normalization.distances import measures

    pair = [options.load_stats(file), options.load_stats(reference)]
    distances = pair[0].distance(pair[1])
    if as_json:
        click.echo(json.dumps(distances))
        return
    options.print_stats([(Path(file).stem, pair[0]), (Path(reference).stem, pair[1])])
    click.echo("")
    rows = [["distance", *(f"{name}, {unit}" for name, unit in measures().items())]]
    for stem, values in distances.items():
        rows.append([stem, *(options.figure(values.get(name), 3) for name in measures())])
    options.print_table(rows)


@stats.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@OUT
def merge(files: tuple[str, ...], out: Path) -> None:
    """Average several FILEs, weighted by the number of stems in each."""
    from fxnorm.files import make_folder
    from fxnorm.normalization.statistics import FxStats

    merged = FxStats.merge(options.load_stats(file) for file in files)
    make_folder(out.resolve().parent)
    merged.save(out)
    click.echo(f"{out}: {len(files)} files merged, signature {merged.signature}")


@stats.command("import")
@click.argument("file", metavar="FILE.npy", type=options.ANY_PATH)
@OUT
def import_(file: Path, out: Path) -> None:
    """Read a published feature file (a pickled dict of arrays); nothing in it is run."""
    from fxnorm.files import make_folder
    from fxnorm.normalization.statistics import FxStats

    averages = FxStats.from_published(file)
    make_folder(out.resolve().parent)
    averages.save(out)
    click.echo(f"{out}: imported, signature {averages.signature}")
