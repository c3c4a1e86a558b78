"""fxnorm corpus: make a synthetic corpus, look a corpus over, unpack an archive."""

import json
from pathlib import Path

import click

from fxnorm.cli import options


@click.group()
def corpus() -> None:
    """Folders of songs: make one, look one over, unpack one."""


@corpus.command()
@click.argument("out", metavar="OUT", type=options.ANY_PATH)
@click.option("--songs", type=click.IntRange(min=1), default=20, show_default=True)
@click.option(
    "--seconds", type=click.FloatRange(min=4.0, max=600.0), default=30.0, show_default=True, help="Of each song."
)
@options.seed
@options.jobs
@options.verbosity
def synth(out: Path, songs: int, seconds: float, seed: int, jobs: int | None, quiet: bool) -> None:
    """Make songs to try things on: OUT/wet with effects, OUT/dry the same performances without.

    The same seed gives the same songs. Songs that are there already are kept.
    """
    from fxnorm.synth.corpus import synthesize_corpus

    with options.local_crew(jobs) as crew, options.progress_bar("synth", unit=" songs", quiet=quiet) as progress:
        folders = synthesize_corpus(out, songs=songs, seconds=seconds, seed=seed, jobs=crew, progress=progress)
    click.echo(f"{out}: {len(folders)} songs, wet in {out / 'wet'}, dry in {out / 'dry'}")


@corpus.command()
@click.argument("folder", metavar="DIR", type=options.ANY_PATH)
@options.split
@options.jobs
@options.as_json
@options.verbosity
def check(folder: Path, split: str | None, jobs: int | None, as_json: bool, quiet: bool) -> None:
    """Look every song over: missing stems, rates, lengths, silence, clipping, NaN, mixture against sum.

    Exit code 1 if a song has a file that cannot be normalised.
    """
    from fxnorm import corpus as songs
    from fxnorm.corpus.inspection import inspect_corpus

    tracks = songs.scan(folder, split=split)
    with options.local_crew(jobs) as crew, options.progress_bar("check", unit=" songs", quiet=quiet) as progress:
        reports = inspect_corpus(tracks, jobs=crew, progress=progress)
    bad = [report for report in reports if report.level == "error"]
    if as_json:
        click.echo(json.dumps([report.to_dict() for report in reports]))
    else:
        rows = [["song", "split", "seconds", "mixture - sum, dB", "state"]]
        rows += [
            [r.track, r.split or "–", options.figure(r.seconds, 1), options.figure(r.residual_db, 1), r.level]
            for r in reports
        ]
        options.print_table(rows)
        for report in reports:
            for problem in report.problems:
                click.echo(f"{report.track}: {problem}")
        click.echo(f"{len(reports)} songs, {len(bad)} with errors")
    if bad:
        raise click.exceptions.Exit(1)


@corpus.command()
@click.argument("archive", metavar="ZIP", type=options.ANY_PATH)
@click.argument("out", metavar="OUT", type=options.ANY_PATH)
@options.verbosity
def extract(archive: Path, out: Path, quiet: bool) -> None:
    """Unpack an archive of songs, such as MUSDB18-HQ; files that are there whole are kept."""
    from fxnorm import corpus as songs

    with options.progress_bar("extract", unit="B", quiet=quiet) as show:
        paths = songs.extract(archive, out, progress=lambda done, total: show(done, total, ""))
    click.echo(f"{out}: {len(paths)} files")
