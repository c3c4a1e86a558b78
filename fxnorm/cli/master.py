"""fxnorm master: bring a finished mix to a loudness under a true-peak ceiling."""

import json
from pathlib import Path

import click

from fxnorm.cli import options


@click.command()
@click.argument("mix", metavar="MIX", type=options.ANY_PATH)
@click.option("-o", "--out", required=True, type=options.ANY_PATH, help="Output file (.wav, .flac).")
@click.option(
    "--lufs",
    type=float,
    metavar="T",
    help="Integrated loudness, -40 to -5 LUFS (default: -14, or that of the style or reference).",
)
@click.option(
    "--ceiling", type=float, metavar="T", help="True-peak ceiling, -12 to 0 dBTP (default: -1, or that of the style)."
)
@click.option(
    "--max-reduction",
    type=float,
    default=6.0,
    show_default=True,
    metavar="D",
    help="Reduction in dB that the limiter may exceed for 1 % of the time; a loudness that needs more is not reached.",
)
@click.option("--glue", is_flag=True, help="Put a gentle bus compressor before the limiter (ratio 2, about 1.5 dB).")
@options.style
@options.reference
@click.option("--subtype", default="", help="Sample format: FLOAT (default of wav), PCM_24 (default of flac), ...")
@click.option("--report", type=options.ANY_PATH, metavar="FILE", help="JSON file for settings and figures.")
@click.option("--force", is_flag=True, help="Overwrite existing files.")
@options.as_json
@options.verbosity
def master(
    mix: Path,
    out: Path,
    lufs: float | None,
    ceiling: float | None,
    max_reduction: float,
    glue: bool,
    style: str,
    reference: Path | None,
    subtype: str,
    report: Path | None,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Bring a finished mix to a loudness under a true-peak ceiling.

    MIX is an audio file of any format and sample rate, mono or stereo. A look-ahead limiter keeps the true peak under
    the ceiling; the gain into it is searched for. With a style or a reference, an EQ, a bus compressor and a width are
    fitted before it. What cannot be reached is said, and the master is written anyway.
    """
    from fxnorm.mixing import mastering_job
    from fxnorm.mixing.wishes import Wish

    wish = Wish(style, reference, lufs, ceiling, max_reduction) if style or reference else None
    settings = mastering_job.MasteringOptions(lufs, ceiling, max_reduction, glue, subtype, report, force, wish)
    result = mastering_job.master_file(mix, out, settings)
    if as_json:
        click.echo(json.dumps(mastering_job.report(mix, out, settings, result), ensure_ascii=False))
        return
    if not quiet:
        for notice in result.notices:
            click.echo(f"fxnorm: {notice}", err=True)
    level = "not measured" if result.loudness_lufs is None else f"{result.loudness_lufs:.1f} LUFS"
    reduction = f"{result.reduction_db:.1f} dB (at most {result.max_reduction_db:.1f})"
    click.echo(f"{out}: {level}, true peak {result.true_peak_db:.2f} dBTP, limiter reduction {reduction}")
    chain = "; ".join(f"{processor.title} {processor.describe()}" for processor in result.processors)
    click.echo(f"processors: {chain}")
