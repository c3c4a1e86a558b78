"""fxnorm corpus: make a synthetic corpus, check the files of songs, unpack an archive."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fxnorm.choices import ENGINEERS
from fxnorm.cli import options

if TYPE_CHECKING:
    from fxnorm.corpus import TrackReport


@click.group()
def corpus() -> None:
    """Synthesise, check or unpack folders of songs."""


@corpus.command()
@click.argument("out", metavar="OUT", type=options.ANY_PATH)
@options.songs(20)
@options.seconds(30.0, maximum=600.0)
@click.option("--multitrack", is_flag=True, help="Record 6 to 16 dry tracks per song instead of four dry stems.")
@click.option(
    "--engineer",
    "engineers",
    type=click.Choice(ENGINEERS),
    multiple=True,
    help="Habits of the engineer who mixes multitracks (default: balanced). Repeat the option to draw one for each "
    "song. The dry tracks do not depend on it.",
)
@click.option(
    "--test-engineer",
    "test_engineers",
    type=click.Choice(ENGINEERS),
    multiple=True,
    help="Another engineer for the songs of the split test. Repeat the option for several.",
)
@options.seed
@options.jobs
@options.verbosity
def synth(
    out: Path,
    songs: int,
    seconds: float,
    multitrack: bool,
    engineers: tuple[str, ...],
    test_engineers: tuple[str, ...],
    seed: int,
    jobs: int | None,
    quiet: bool,
) -> None:
    """Synthesise songs for experiments: OUT/wet with effects, OUT/dry the same performances without.

    The same seed gives the same songs. Existing songs are not made again.
    """
    from fxnorm.synth.corpus import synthesize_corpus

    with options.local_workers(jobs) as workers, options.progress_bar("synth", unit=" songs", quiet=quiet) as progress:
        folders = synthesize_corpus(
            out,
            songs=songs,
            seconds=seconds,
            seed=seed,
            multitrack=multitrack,
            engineers=engineers,
            test_engineers=test_engineers,
            jobs=workers,
            progress=progress,
        )
    click.echo(f"{out}: {len(folders)} songs, wet in {out / 'wet'}, dry in {out / 'dry'}")


@corpus.command()
@click.argument("folder", metavar="DIR", type=options.ANY_PATH)
@options.split
@options.jobs
@options.as_json
@options.verbosity
def check(folder: Path, split: str | None, jobs: int | None, as_json: bool, quiet: bool) -> None:
    """Check the files of every song: stems, sample rates, lengths, silence, clipping, NaN, mixture against sum.

    DIR is a song, a folder of songs, or a zip archive of either. Exit code 1 if a song has a file that cannot be
    normalised.
    """
    from fxnorm.corpus import scan, unpacked
    from fxnorm.corpus.inspection import inspect_corpus

    with (
        unpacked(folder) as root,
        options.local_workers(jobs) as workers,
        options.progress_bar("check", unit=" songs", quiet=quiet) as progress,
    ):
        reports = inspect_corpus(scan(root, split=split), jobs=workers, progress=progress)
    if as_json:
        click.echo(json.dumps([report.to_dict() for report in reports]))
    else:
        _print_reports(reports)
    if any(report.errors for report in reports):
        raise click.exceptions.Exit(1)


@corpus.command()
@click.argument("archive", metavar="ZIP", type=options.ANY_PATH)
@click.argument("out", metavar="OUT", type=options.ANY_PATH)
@options.verbosity
def extract(archive: Path, out: Path, quiet: bool) -> None:
    """Unpack an archive of songs, such as MUSDB18-HQ. Files that are complete already are not unpacked again."""
    from fxnorm.corpus import extract as extract_archive

    with options.progress_bar("extract", unit="B", quiet=quiet) as progress:
        paths = extract_archive(archive, out, progress=lambda completed, total: progress(completed, total, ""))
    click.echo(f"{out}: {len(paths)} files")


def _print_reports(reports: "Sequence[TrackReport]") -> None:
    rows = [["song", "split", "seconds", "mixture - sum, dB", "state"]]
    rows += [
        [
            report.track,
            report.split or "–",
            options.figure(report.seconds, 1),
            options.figure(report.residual_db, 1),
            report.level,
        ]
        for report in reports
    ]
    options.print_table(rows)
    for report in reports:
        for problem in report.problems:
            click.echo(f"{report.track}: {problem}")
    click.echo(f"{len(reports)} songs, {sum(bool(report.errors) for report in reports)} with errors")
