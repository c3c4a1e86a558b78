"""fxnorm evaluate: compare mixes with human mixes."""

import json
import os
from pathlib import Path

import click

from fxnorm.choices import SPLITS
from fxnorm.cli import options
from fxnorm.errors import InputError


@click.command()
@click.argument("folder", metavar="[DIR]", required=False, type=options.ANY_PATH)
@click.option(
    "-m",
    "--model",
    "models",
    multiple=True,
    metavar="[NAME=]MODEL",
    help="Trained run, checkpoint, rules, or baseline (sum, naive, normalized-sum). Repeat it for several systems.",
)
@click.option("--dry-stems", type=options.ANY_PATH, help="Dry stems of the same songs, to be mixed and compared too.")
@click.option(
    "--mixes",
    multiple=True,
    metavar="NAME=DIR",
    help="Finished mixes, SONG.wav or SONG/mixture.wav. Repeat the option for several systems.",
)
@click.option("--targets", type=options.ANY_PATH, help="Targets of --mixes, if there is no DIR.")
@click.option("-o", "--out", required=True, type=options.ANY_PATH, help="Report (.html); JSON and CSV go beside it.")
@click.option(
    "--split",
    type=click.Choice(SPLITS),
    help="Songs of DIR to use; those of test if there are any, else all.",
)
@click.option(
    "--reference",
    default="",
    metavar="SYSTEM",
    help="System to compare the others with (default: from dry stems the better of sum and naive, else "
    "normalized-sum, else the first).",
)
@click.option("--align", is_flag=True, help="Shift mixes that are early or late.")
@click.option(
    "--audio-examples",
    type=click.IntRange(min=0),
    default=3,
    show_default=True,
    help="Songs with audio players in the report.",
)
@click.option("--webmushra", type=options.ANY_PATH, metavar="DIR", help="New folder for a webMUSHRA listening test.")
@options.device("Device of the networks.")
@options.seed
@options.jobs
@options.as_json
@options.verbosity
def evaluate(
    folder: Path | None,
    models: tuple[str, ...],
    dry_stems: Path | None,
    mixes: tuple[str, ...],
    targets: Path | None,
    out: Path,
    split: str | None,
    reference: str,
    align: bool,
    audio_examples: int,
    webmushra: Path | None,
    device: str,
    seed: int,
    jobs: int | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Compare models, baselines and finished mixes on test songs, and write a report.

    DIR holds songs with wet stems and the human mixture of each. Every MODEL mixes the wet stems, normalised as in its
    training, and with --dry-stems also the dry stems of the same songs. Mixes are kept beside the report in NAME.mixes;
    run the command again to resume. The song is the unit of all intervals and tests.
    """
    # Waiting threads must sleep; see fxnorm train. Read when PyTorch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from fxnorm import evaluation
    from fxnorm.evaluation.results import require_report_path
    from fxnorm.evaluation.summary import headline_table, summarize

    require_report_path(out)
    with options.local_workers(jobs) as processes, options.stage_progress(quiet=quiet) as progress:
        results = evaluation.evaluate(
            [_parse_model(text) for text in models],
            folder,
            dry_stems=dry_stems,
            mixes=dict(_parse_mixes(text) for text in mixes),
            targets=targets,
            out=out.with_suffix(".mixes"),
            split=split,
            reference=reference,
            align=align,
            device=device,
            seed=seed,
            jobs=processes,
            progress=progress,
        )
    paths = results.save(out, audio_examples=audio_examples)
    failures = list(results.failures)
    if webmushra is not None:
        configuration, silent_songs = results.export_webmushra(webmushra)
        paths, failures = (*paths, configuration), [*failures, *silent_songs]
    if as_json:
        click.echo(json.dumps(results.to_dict(), ensure_ascii=False))
    else:
        for comparison in results.comparisons:
            click.echo(f"{summarize(comparison)}\n")
            options.print_table(headline_table(comparison))
            click.echo("")
        click.echo(f"written: {', '.join(map(str, paths))}")
        for line in results.missing:
            click.echo(f"fxnorm: missing: {line}", err=True)
    options.report_failures(failures)
    if results.missing:
        raise click.exceptions.Exit(1)


def _parse_model(text: str) -> tuple[str, str]:
    """Name and model; an empty name without NAME=."""
    name, equals, model = text.partition("=")
    return (name, model) if equals else ("", text)


def _parse_mixes(text: str) -> tuple[str, str]:
    name, equals, folder = text.partition("=")
    if not (name and equals and folder):
        raise InputError(f"--mixes: expected NAME=DIR, got {text!r}; name the system first")
    return name, folder
