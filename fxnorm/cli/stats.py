"""fxnorm stats: measure, show, draw, compare, merge and import average features."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fxnorm.cli import options

if TYPE_CHECKING:
    from fxnorm.stats import FxStats

SHOWN_HZ = (63, 125, 250, 500, 1000, 2000, 4000, 8000, 16000)
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
@options.verbosity
def compute(
    folder: Path,
    out: Path,
    raw: bool,
    title: str | None,
    preset: str,
    split: str | None,
    jobs: int | None,
    quiet: bool,
) -> None:
    """Measure the average features of the stems in DIR."""
    from fxnorm import corpus, pipeline
    from fxnorm.normalize import Settings

    tracks = corpus.scan(folder, split=split)
    with options.progress_bar("measure", quiet=quiet) as progress:
        averages, failures = pipeline.compute_stats(
            tracks,
            title=title or folder.resolve().name,
            settings=Settings.preset(preset),
            measured_on="raw" if raw else "progressive",
            jobs=jobs or pipeline.default_jobs(),
            progress=progress,
        )
    averages.save(out)
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
    options.print_table(_table([("", averages)]))


@stats.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@OUT
def plot(files: tuple[str, ...], out: Path) -> None:
    """Draw the EQ and similarity curves of one or more FILEs."""
    from fxnorm.errors import InputError
    from fxnorm.plots import LINES, plot_stats

    if len(files) > len(LINES):
        raise InputError(f"expected at most {len(LINES)} statistics in one picture, got {len(files)}; draw several")
    plot_stats({Path(file).stem: options.load_stats(file) for file in files}, out)
    click.echo(str(out))


@stats.command()
@click.argument("one", metavar="FILE")
@click.argument("other", metavar="FILE")
@options.as_json
def compare(one: str, other: str, as_json: bool) -> None:
    """Print the averages of two FILEs side by side, and how far apart they are."""
    from fxnorm.effects.distances import MEASURES

    pair = [options.load_stats(one), options.load_stats(other)]
    distances = pair[0].distance(pair[1])
    if as_json:
        click.echo(json.dumps(distances))
        return
    options.print_table(_table([(Path(one).stem, pair[0]), (Path(other).stem, pair[1])]))
    click.echo("")
    rows = [["distance", *(f"{name}, {unit}" for name, unit in MEASURES.items())]]
    for stem, values in distances.items():
        rows.append([stem, *(options.figure(values.get(name), 3) for name in MEASURES)])
    options.print_table(rows)


@stats.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=options.ANY_PATH)
@OUT
def merge(files: tuple[Path, ...], out: Path) -> None:
    """Average several FILEs, weighted by how many stems counted in each."""
    from fxnorm.stats import FxStats

    merged = FxStats.merge(FxStats.load(file) for file in files)
    merged.save(out)
    click.echo(f"{out}: {len(files)} files merged, signature {merged.signature}")


@stats.command("import")
@click.argument("file", metavar="FILE.npy", type=options.ANY_PATH)
@OUT
def import_(file: Path, out: Path) -> None:
    """Read a published feature file (a pickled dict of arrays); nothing in it is run."""
    from fxnorm.stats import FxStats

    averages = FxStats.from_published(file)
    averages.save(out)
    click.echo(f"{out}: imported, signature {averages.signature}")


def _table(several: list[tuple[str, "FxStats"]]) -> list[list[str]]:
    """One row a stem and file: loudness, peaks, similarity, and the spectrum at some frequencies."""
    import numpy as np

    from fxnorm.effects.spectra import grid_frequencies
    from fxnorm.stems import STEMS
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
                    options.figure(averages.target("loudness", stem)),
                    options.figure(peaks and peaks.peak_db),
                    options.figure(peaks and peaks.spread_db),
                    options.figure(None if similarity is None else float(np.mean(similarity)), 3),
                    *(options.figure(None if eq is None else float(amplitude_to_db(eq[k])), 1) for k in nearest),
                ]
            )
    return rows
