"""fxnorm demo: measure, normalise and compare the stems of a synthetic corpus."""

from pathlib import Path

import click

from fxnorm.cli import options
from fxnorm.cli.domain_gap import print_domain_gap


@click.command()
@click.option("-o", "--out", type=options.ANY_PATH, default="demo", show_default=True, help="Output folder.")
@options.songs(6, minimum=2)
@options.seconds(20.0)
@options.seed
@options.jobs
@options.verbosity
def demo(out: Path, songs: int, seconds: float, seed: int, jobs: int | None, quiet: bool) -> None:
    """Synthesise songs, measure and normalise their stems, and compare wet with dry before and after."""
    from fxnorm.demo import Demo

    with options.local_workers(jobs) as workers:
        steps = Demo(out, songs, seconds, seed, workers)
        click.echo(f"1. {songs} songs of {seconds:g} s: {steps.wet} with effects, {steps.dry} without")
        with options.progress_bar("synth", unit=" songs", quiet=quiet) as progress:
            tracks = steps.synthesize(progress=progress)
        click.echo(f"2. their average features: {steps.stats_file}, plotted with those of MUSDB18 in {steps.picture}\n")
        with options.progress_bar("measure", quiet=quiet) as progress:
            stats, unmeasured = steps.measure(tracks, progress=progress)
        options.print_stats([("", stats)])
        click.echo(f"\n3. every stem normalised to the averages of MUSDB18: {steps.normalized}, each with a record")
        with options.progress_bar("normalize", quiet=quiet) as progress:
            result = steps.normalize(tracks, progress=progress)
        click.echo(f"   {result.normalized} normalised, {result.up_to_date} up to date")
        click.echo("4. distance between wet and dry after normalisation over the distance before (0: none left)\n")
        with options.stage_progress(quiet=quiet) as stages:
            gap = steps.compare(tracks, progress=stages)
        print_domain_gap(gap)
        options.report_failures([*unmeasured, *result.failures, *gap.failures])
