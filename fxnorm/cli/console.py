"""fxnorm console: make, show and render the document of a mix, or write it as a DAW session."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fxnorm.cli import options

if TYPE_CHECKING:
    from fxnorm.console import Master, Strip
    from fxnorm.sessions.plan import StripPlan


@click.group()
def console() -> None:
    """Make, show and render the document of a mix, or write it as a DAW session.

    A console is a JSON file that holds every fader, pan, processor and send of a mix. Edit it in a text editor and
    render it again.
    """


@console.command()
@click.argument("folder", metavar="TRACKS", type=options.ANY_PATH)
@click.option("-o", "--out", required=True, type=options.ANY_PATH, help="File to write, such as song.console.json.")
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
def new(folder: Path, out: Path, force: bool) -> None:
    """Make a console that adds up the tracks of a folder.

    Stems are recognised by the names of files and subfolders, as in fxnorm mix.
    """
    from fxnorm import corpus
    from fxnorm.console import Console
    from fxnorm.errors import InputError

    if out.exists() and not force:
        raise InputError(f"{out}: exists, and may hold settings of yours; choose another name or add --force")
    songs = corpus.scan_folders([folder])
    if len(songs) > 1:
        raise InputError(f"{folder}: expected the tracks of one song, got {len(songs)} songs; name the folder of one")
    out.parent.mkdir(parents=True, exist_ok=True)
    document = Console.neutral(songs[0])
    document.save(out)
    click.echo(f"{out}: {len(document.tracks)} tracks")


@console.command()
@click.argument("document", metavar="CONSOLE", type=options.ANY_PATH)
def show(document: Path) -> None:
    """Print the strips of a console as a table."""
    from fxnorm.console import Console

    loaded = Console.load(document)
    rows = [["strip", "stem", "fader", "pan", "to", "processors and sends"]]
    for track in loaded.tracks:
        rows += _strip_rows(track, track.stem)
    for bus in loaded.buses:
        rows += _strip_rows(bus, "bus")
    rows += _master_rows(loaded.master)
    if loaded.name:
        click.echo(f"{loaded.name}: {len(loaded.tracks)} tracks, {len(loaded.buses)} buses")
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        click.echo("  ".join([*cells, row[-1]]).rstrip())


@console.command()
@click.argument("document", metavar="CONSOLE", type=options.ANY_PATH)
@click.argument("folder", metavar="TRACKS", type=options.ANY_PATH)
@click.option("-o", "--out", required=True, type=options.ANY_PATH, help="File of the mix (.wav, .flac, .aiff, ...).")
@click.option("--stems", type=options.ANY_PATH, metavar="DIR", help="Write the four stems of the mix to a folder.")
@click.option("--tracks", type=options.ANY_PATH, metavar="DIR", help="Write every track of the mix to a folder.")
@click.option("--buses", type=options.ANY_PATH, metavar="DIR", help="Write every bus to a folder.")
@click.option("--sample-rate", type=click.IntRange(4000, 768_000), metavar="HZ", help="Resample tracks to this rate.")
@click.option(
    "--tail", "tail_s", type=click.FloatRange(0.0, 60.0), default=0.0, help="Seconds to add for reverberation."
)
@click.option("--subtype", default="", help="Sample format: FLOAT (default of wav), PCM_24 (default of flac), ...")
@options.jobs
@options.verbosity
def render(
    document: Path,
    folder: Path,
    out: Path,
    stems: Path | None,
    tracks: Path | None,
    buses: Path | None,
    sample_rate: int | None,
    tail_s: float,
    subtype: str,
    jobs: int | None,
    quiet: bool,
) -> None:
    """Render a console with the tracks of a folder.

    A track is the file that the document names, or the file with the track's name. An existing mix is overwritten.
    """
    from fxnorm.choices import SUBTYPES
    from fxnorm.console import Console
    from fxnorm.mixing.console_files import ConsoleFiles, render_files
    from fxnorm.parallel import default_jobs

    source = ConsoleFiles.find(Console.load(document), folder, sample_rate=sample_rate)
    suffix = out.suffix.lower().lstrip(".")
    with options.progress_bar("render", unit=" %", quiet=quiet) as progress:
        result = render_files(
            source,
            out,
            stems=stems,
            tracks=tracks,
            buses=buses,
            subtype=subtype.upper() or SUBTYPES.get(suffix, ("PCM_16",))[0],
            tail_s=tail_s,
            jobs=jobs or default_jobs(),
            progress=lambda share, label: progress(round(100.0 * share), 100, label),
        )
    if quiet:
        return
    for notice in result.notices:
        click.echo(f"fxnorm: {notice}", err=True)
    seconds = result.samples / result.sample_rate
    click.echo(f"{out}: {seconds:.1f} s at {result.sample_rate} Hz, peak {result.peak_db:.1f} dBFS")


@console.command()
@click.argument("document", metavar="CONSOLE", type=options.ANY_PATH)
@click.argument("folder", metavar="TRACKS", type=options.ANY_PATH)
@click.option("-o", "--out", required=True, type=options.ANY_PATH, metavar="DIR", help="Folder of the session.")
@click.option("--force", is_flag=True, help="Write into a folder that holds other files.")
@click.option("--sample-rate", type=click.IntRange(4000, 768_000), metavar="HZ", help="Resample tracks to this rate.")
@click.option(
    "--tail",
    "tail_s",
    type=click.FloatRange(0.0, 60.0),
    default=2.0,
    help="Seconds to add for reverberation.",
    show_default=True,
)
@options.jobs
@options.verbosity
def session(
    document: Path,
    folder: Path,
    out: Path,
    force: bool,
    sample_rate: int | None,
    tail_s: float,
    jobs: int | None,
    quiet: bool,
) -> None:
    """Write a console and its tracks as a folder that opens in a DAW.

    DIR receives session.dawproject (Bitwig Studio, Studio One, Cubase), session.rpp (REAPER), the effects that REAPER
    needs, and audio. Processors that a format has no device for are printed into the audio.
    """
    from fxnorm.console import Console
    from fxnorm.mixing.console_files import ConsoleFiles
    from fxnorm.parallel import default_jobs
    from fxnorm.sessions import write_session

    source = ConsoleFiles.find(Console.load(document), folder, sample_rate=sample_rate)
    with options.progress_bar("session", unit=" %", quiet=quiet) as progress:
        result = write_session(
            source,
            out,
            force=force,
            tail_s=tail_s,
            jobs=jobs or default_jobs(),
            progress=lambda share, label: progress(round(100.0 * share), 100, label),
        )
    if quiet:
        return
    for written in result.formats:
        click.echo(f"{written.path}: session reproduces the mix to {written.residual_db:.1f} dB")
        rows = [
            [strip.name, _residual(written.strips_db.get(strip.name)), _devices(strip)] for strip in written.plan.strips
        ]
        widths = [max(len(row[column]) for row in rows) for column in range(2)]
        for name, residual, devices in rows:
            click.echo(f"  {name.ljust(widths[0])}  {residual.rjust(widths[1])}  {devices}".rstrip())
    for notice in result.notices:
        click.echo(f"fxnorm: {notice}", err=True)
    click.echo(f"{out}: {result.seconds:.1f} s at {source.sample_rate} Hz, {len(result.paths)} files")


def _residual(level_db: float | None) -> str:
    return "" if level_db is None else f"{level_db:.1f} dB"


def _devices(strip: "StripPlan") -> str:
    """Describe what is live, printed or missing in a strip of a session."""
    kinds = {"live": strip.live, "printed": strip.printed, "missing": strip.missing}
    return "; ".join(
        f"{label}: {', '.join(processor.title for processor in processors)}"
        for label, processors in kinds.items()
        if processors
    )


@console.command("style")
@click.argument("document", metavar="CONSOLE", type=options.ANY_PATH)
@click.argument("folder", metavar="TRACKS", type=options.ANY_PATH)
@click.option("-o", "--out", required=True, type=options.ANY_PATH, help="File of the new console.")
@options.style
@options.reference
@click.option("--lufs", type=float, metavar="T", help="Loudness instead of that of the style or the reference.")
@click.option(
    "--max-reduction", type=float, default=6.0, show_default=True, metavar="D", help="Budget of the limiter in dB."
)
@options.seed
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
@options.as_json
@options.verbosity
def apply_style(
    document: Path,
    folder: Path,
    out: Path,
    style: str,
    reference: Path | None,
    lufs: float | None,
    max_reduction: float,
    seed: int,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Bring a console to a style, or near a reference song.

    The master, the EQ of groups and, if need be, widths and pans of tracks are fitted, as near to the console's own as
    the targets allow. Render the new console with fxnorm console render.
    """
    import json

    from fxnorm.mixing.wishes import Wish, require_torch

    wish = Wish(style, reference, lufs, max_reduction_db=max_reduction, seed=seed)
    require_torch()
    from fxnorm.mixing import style_job

    with options.progress_bar("style", unit=" %", quiet=quiet) as progress:
        result = style_job.style_console(
            document,
            folder,
            out,
            wish,
            force=force,
            progress=lambda share, label: progress(round(100.0 * share), 100, label),
        )
    if as_json:
        click.echo(json.dumps(result.to_dict(), ensure_ascii=False))
    elif not quiet:
        for line in style_job.describe(result):
            click.echo(line)
        click.echo(f"{out}: limiter reduction {result.master.reduction_db:.1f} dB, {result.seconds:.0f} s")


def _strip_rows(strip: "Strip", group: str) -> Iterator[list[str]]:
    from fxnorm.console import Pan

    inserts = [f"{processor.title}: {processor.describe()}" for processor in strip.processors]
    inserts += [
        f"send {send.bus}: {send.level_db:+.1f} dB{' before the fader' if send.pre_fader else ''}"
        for send in strip.sends
    ]
    fader = "muted" if strip.mute else f"{strip.fader_db:+.1f} dB"
    yield [strip.name, group, fader, Pan(strip.pan).describe(), strip.output, *(inserts[:1] or [""])]
    yield from (["", "", "", "", "", insert] for insert in inserts[1:])


def _master_rows(master: "Master") -> Iterator[list[str]]:
    inserts = [f"{processor.title}: {processor.describe()}" for processor in master.processors]
    yield ["master", "", f"{master.fader_db:+.1f} dB", "", "", *(inserts[:1] or [""])]
    yield from (["", "", "", "", "", insert] for insert in inserts[1:])
