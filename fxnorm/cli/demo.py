"""fxnorm demo: the main job from beginning to end on a synthetic corpus."""

from pathlib import Path

import click

from fxnorm.cli import options
from fxnorm.cli.domain_gap import print_domain_gap


@click.command()
@click.option("-o", "--out", type=options.ANY_PATH, default="demo", show_default=True, help="Folder for everything.")
@click.option("--songs", type=click.IntRange(min=2), default=6, show_default=True, help="How many songs to make.")
@click.option("--seconds", type=click.FloatRange(min=4.0), default=20.0, show_default=True, help="Length of each.")
@options.seed
@options.jobs
@options.verbosity
def demo(out: Path, songs: int, seconds: float, seed: int, jobs: int | None, quiet: bool) -> None:
    """Make songs, measure them, normalise them, and show how far normalising brings wet and dry together."""
    from fxnorm import corpus
    from fxnorm.evaluation import measure_domain_gap
    from fxnorm.normalization.corpus_normalization import NormalizationPlan, OutputLayout, normalize_corpus
    from fxnorm.normalization.corpus_statistics import compute_stats
    from fxnorm.normalization.settings import ChainSettings
    from fxnorm.normalization.statistics import FxStats
    from fxnorm.parallel import Failure
    from fxnorm.plots import plot_stats
    from fxnorm.synth.corpus import synthesize_corpus

    wet, dry = out / "wet", out / "dry"
    failures: list[Failure] = []

    click.echo(f"1. {songs} songs of {seconds:g} s: {wet} as mixed by an engineer, {dry} as recorded")
    with options.local_crew(jobs) as crew, options.progress_bar("synth", unit=" songs", quiet=quiet) as progress:
        made = synthesize_corpus(out, songs=songs, seconds=seconds, seed=seed, jobs=crew, progress=progress)
    names = {folder.name for folder in made}  # the folder may hold more songs, of another demo
    tracks = [track for track in corpus.scan(wet) if track.name in names]

    own_file, picture = out / "stats.json", out / "stats.png"
    click.echo(f"2. their average features: {own_file}, drawn beside those of MUSDB18 in {picture}\n")
    with options.local_crew(jobs) as crew, options.progress_bar("measure", quiet=quiet) as progress:
        own, failed = compute_stats(tracks, title=f"{songs} synthetic songs", jobs=crew, progress=progress)
    failures += failed
    own.save(own_file)
    plot_stats({"synthetic": own, "MUSDB18": FxStats.shipped()}, picture)
    options.print_stats([("", own)])

    normalized = out / "normalized"
    click.echo(f"\n3. every stem pushed to the averages of MUSDB18: {normalized}, with a card beside each")
    plan = NormalizationPlan(FxStats.shipped(), ChainSettings.preset(), OutputLayout(normalized))
    with options.local_crew(jobs) as crew, options.progress_bar("normalize", quiet=quiet) as progress:
        result = normalize_corpus(tracks, plan, jobs=crew, progress=progress)
    failures += result.failures
    click.echo(f"   {result.normalized} normalised, {result.up_to_date} up to date")

    click.echo("4. the gap between wet and dry: distance after over distance before normalising (0: none left)\n")
    with options.local_crew(jobs) as crew, options.stage_progress(quiet=quiet) as stages:
        gap = measure_domain_gap(tracks, corpus.scan(dry), jobs=crew, progress=stages)
    failures += gap.failures
    print_domain_gap(gap)
    options.report_failures(failures)
