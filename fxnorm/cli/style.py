"""fxnorm style: list, show, measure and validate styles of finished mixes."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fxnorm.cli import options

if TYPE_CHECKING:
    from fxnorm.mixing.style_validation import Outcome
    from fxnorm.recipe.styles import Style

KINDS = ("noise", "tones", "songs", "folder")


@click.group()
def style() -> None:
    """List, show, measure and validate styles of finished mixes.

    A style is a loudness, a spectral centroid and a mid share, optionally a balance of frequencies. Apply one with
    fxnorm master --style or fxnorm console style.
    """


@style.command("list")
@click.argument("file", required=False, type=options.ANY_PATH)
def list_styles(file: Path | None) -> None:
    """List the styles that come with fxnorm, or those of a YAML FILE."""
    from fxnorm.recipe.styles import read_styles, shipped_styles

    styles = read_styles(file) if file else shipped_styles()
    rows = [["style", "LUFS", "centroid, Hz", "mid share", "ceiling, dBTP"]]
    for name, each in styles.items():
        rows.append(
            [
                name,
                f"{each.loudness_lufs:g}",
                f"{each.centroid_hz:.0f}",
                f"{each.mid_share:.2f}",
                f"{each.ceiling_db:g}",
            ]
        )
    options.print_table(rows)


@style.command()
@click.argument("name")
def show(name: str) -> None:
    """Print a style as YAML.

    NAME is that of a style, a YAML file, or a blend: "rock_punk:0.6,rnb_ballad:0.4".
    """
    from fxnorm.recipe import to_yaml
    from fxnorm.recipe.styles import find_style

    label, found = find_style(name)
    click.echo(to_yaml({label: found.to_dict()}), nl=False)


@style.command()
@click.argument("songs", nargs=-1, required=True, type=options.ANY_PATH)
@click.option("-o", "--out", required=True, type=options.ANY_PATH, help="YAML file; styles in it are kept.")
@click.option("--name", default="", help="Name of the style (default: that of the file).")
@click.option("--force", is_flag=True, help="Replace a style of the same name.")
def measure(songs: tuple[Path, ...], out: Path, name: str, force: bool) -> None:
    """Make a style of finished songs: the medians of their features.

    SONGS are audio files, or folders of them.
    """
    from fxnorm.mixing.style_job import measure_styles

    name = name or out.stem
    found = measure_styles(songs, out, name=name, force=force)
    click.echo(f"{out}: {name}: {_describe(found)}")


@style.command()
@click.argument("folder", required=False, type=options.ANY_PATH)
@click.option("--style", "names", multiple=True, metavar="NAME", help="Style, file or blend. Repeat for several.")
@click.option("--only", "kinds", multiple=True, type=click.Choice(KINDS), help="Kind of signals. Repeat for several.")
@click.option("--quick", is_flag=True, help="One signal of 10 s of each kind, instead of three of 30 s.")
@click.option("-o", "--out", type=options.ANY_PATH, metavar="FILE", help="JSON file for all figures.")
@options.seed
@options.as_json
@options.verbosity
def validate(
    folder: Path | None,
    names: tuple[str, ...],
    kinds: tuple[str, ...],
    quick: bool,
    out: Path | None,
    seed: int,
    as_json: bool,
    quiet: bool,
) -> None:
    """Bring noise, tones, synthetic songs and the mixes of a FOLDER to every style, and score the results.

    The score is the mean over all targets: 1 within the tolerance (0.1 LU, 100 Hz, 0.05), falling to 0 at five
    tolerances.
    """
    import json

    from fxnorm.mixing import style_validation
    from fxnorm.recipe.styles import find_style, shipped_styles

    styles = dict(map(find_style, names)) if names else shipped_styles()
    show = None if quiet or as_json else _print_outcome
    outcomes = style_validation.validate(
        styles, kinds=kinds or KINDS, folder=folder, quick=quick, seed=seed, on_outcome=show
    )
    report = style_validation.report(outcomes)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        style_validation.DOCUMENT.write(out, report)
    if as_json:
        click.echo(json.dumps(report, ensure_ascii=False))
        return
    for name, score in report["scores"].items():
        click.echo(f"{name}: score {score:.2f}")


def _print_outcome(outcome: "Outcome") -> None:
    passed = sum(aim.is_reached for aim in outcome.result.aims)
    click.echo(
        f"{outcome.style}, {outcome.signal}: {passed} of {len(outcome.result.aims)} targets, "
        f"limiter reduction {outcome.result.master.reduction_db:.1f} dB, {outcome.result.seconds:.0f} s"
    )
    for aim in outcome.result.aims:
        click.echo(f"  {'pass' if aim.is_reached else 'FAIL'}  {aim.describe()}")


def _describe(style: "Style") -> str:
    return f"{style.loudness_lufs:g} LUFS, centroid {style.centroid_hz:.0f} Hz, mid share {style.mid_share:.2f}"
