"""fxnorm domain-gap: distance between wet and dry stems before and after normalisation."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fxnorm.choices import PRESETS
from fxnorm.cli import options

if TYPE_CHECKING:
    from fxnorm.evaluation import DomainGap


@click.command("domain-gap")
@click.argument("wet", metavar="WET", type=options.ANY_PATH)
@click.argument("dry", metavar="DRY", type=options.ANY_PATH)
@click.option(
    "--stats",
    multiple=True,
    metavar="[PRESET=]FILE",
    help="Average features to match, for one preset or for both (default: the published ones of MUSDB18).",
)
@options.split
@options.jobs
@options.as_json
@options.verbosity
def domain_gap(
    wet: Path, dry: Path, stats: tuple[str, ...], split: str | None, jobs: int | None, as_json: bool, quiet: bool
) -> None:
    """Compare wet stems with dry stems of the same performances, before and after normalisation.

    For each preset and stem, print the ratio of the distance after to the distance before in every measure (0: wet and
    dry are equal after normalisation; 1: no change), and the mid/side coherence of the output with the input (1:
    nothing of the stem is lost).
    """
    from fxnorm.evaluation import measure_domain_gap
    from fxnorm.normalization.normalizer import Normalizer
    from fxnorm.normalization.settings import ChainSettings

    normalizers = {
        preset: Normalizer(options.load_stats(_stats_of(stats, preset)), ChainSettings.preset(preset))
        for preset in PRESETS
    }
    with options.local_workers(jobs) as processes, options.stage_progress(quiet=quiet) as progress:
        result = measure_domain_gap(wet, dry, normalizers, split=split, jobs=processes, progress=progress)
    if as_json:
        click.echo(json.dumps(result.to_dict()))
    else:
        print_domain_gap(result)
    options.report_failures(result.failures)


def print_domain_gap(result: "DomainGap") -> None:
    """Print a table with a row for each preset and stem, and one for all stems."""
    from fxnorm.normalization.distances import measures

    rows = [["after / before", "stems", *measures(), "mid coherence", "side coherence"]]
    rows += [[name, str(stems), *map(options.figure, figures)] for name, stems, figures in result.to_rows()]
    options.print_table(rows)


def _stats_of(stats: tuple[str, ...], preset: str) -> str:
    """Return the last file given for a preset or for both."""
    stats_file = "musdb18"
    for text in stats:
        name, equals, file = text.partition("=")
        if not equals or name not in PRESETS:
            stats_file = text
        elif name == preset:
            stats_file = file
    return stats_file
