"""fxnorm gap: how much of the difference between wet and dry stems normalising takes away."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fxnorm.cli import options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fxnorm.evaluation.domain_gap import Gap
    from fxnorm.parallel import Failure


@click.command()
@click.argument("wet", metavar="WET", type=options.ANY_PATH)
@click.argument("dry", metavar="DRY", type=options.ANY_PATH)
@click.option(
    "--stats",
    multiple=True,
    metavar="[PRESET=]FILE",
    help="Averages to push to, for one preset or for both; the published ones of MUSDB18 if not given.",
)
@options.split
@options.jobs
@options.as_json
@options.verbosity
def gap(
    wet: Path, dry: Path, stats: tuple[str, ...], split: str | None, jobs: int | None, as_json: bool, quiet: bool
) -> None:
    """Compare wet stems with dry ones of the same performances, before and after both were normalised.

    Printed for both presets: the distance after over the distance before in every measure (0: normalising makes wet and
    dry alike; 1: it changes nothing), and what of the stems is kept (coherence of mid and side with the original; 1:
    everything).
    """
    from fxnorm import corpus
    from fxnorm.evaluation import domain_gap as gaps
    from fxnorm.normalization.normalizer import Normalizer, Settings

    pairs = gaps.pair(corpus.scan(wet, split=split), corpus.scan(dry, split=split))
    measured: dict[str, list[Gap]] = {}
    failures: list[Failure] = []
    for preset in ("published", "default"):
        normalizer = Normalizer(options.load_stats(_chosen(stats, preset)), Settings.preset(preset))
        with options.local_crew(jobs) as crew, options.progress_bar(preset, quiet=quiet) as progress:
            measured[preset], failed = gaps.measure_corpus(pairs, normalizer, jobs=crew, progress=progress)
        failures += failed
    if as_json:
        click.echo(json.dumps({preset: [one.to_dict() for one in several] for preset, several in measured.items()}))
    else:
        print_gaps(measured)
    options.report_failures(failures)


def print_gaps(measured: "Mapping[str, list[Gap]]") -> None:
    """Print a table: a row for each preset and stem, and one for all stems."""
    from fxnorm.corpus.stems import STEMS
    from fxnorm.evaluation.domain_gap import kept, ratio
    from fxnorm.normalization.distances import MEASURES

    rows = [["after / before", "stems", *MEASURES, "kept mid", "kept side"]]
    for preset, several in measured.items():
        for stem in (*STEMS, "all"):
            chosen = [one for one in several if stem in (one.stem, "all")]
            rows.append(
                [
                    f"{preset}, {stem}",
                    str(len(chosen)),
                    *(options.figure(ratio(chosen, name)) for name in MEASURES),
                    *(options.figure(value) for value in kept(chosen)),
                ]
            )
    options.print_table(rows)


def _chosen(stats: tuple[str, ...], preset: str) -> str:
    """The last file that is given for a preset, or for all."""
    chosen = "musdb18"
    for text in stats:
        name, equals, file = text.partition("=")
        if not equals or name not in ("default", "published"):
            chosen = text
        elif name == preset:
            chosen = file
    return chosen
