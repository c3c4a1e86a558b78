"""fxnorm mix: mix dry stems."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fxnorm.choices import CLIP_MODES, PRESETS
from fxnorm.cli import options
from fxnorm.corpus.stems import STEMS
from fxnorm.errors import InputError

if TYPE_CHECKING:
    from fxnorm.corpus import Multitrack
    from fxnorm.mixing import OutputOptions
    from fxnorm.models import MixModel


def stem_files(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a verb one option for each stem."""
    for stem in reversed(STEMS):
        text = "Audio file for this stem. Repeat the option to sum several files."
        command = click.option(f"--{stem}", multiple=True, type=options.ANY_PATH, help=text)(command)
    return command


@click.command()
@click.argument("folders", metavar="[DIR ...]", nargs=-1, type=options.ANY_PATH)
@stem_files
@click.option(
    "-o", "--out", required=True, type=options.ANY_PATH, help="Output file (.wav, .flac), or folder for several mixes."
)
@click.option(
    "--model",
    help="rules, the folder of a trained run or checkpoint, or name of a baseline; see fxnorm models (default: rules; "
    "normalized-sum with --stats, --preset, --room or --save-normalized).",
)
@click.option(
    "--stem-map", type=options.ANY_PATH, help="YAML file that lists file names or patterns by stem, role or 'skip'."
)
@click.option("--room", is_flag=True, help="Add the reverb of a small room to vocals and other, for anechoic stems.")
@click.option("--stats", help="Averages for normalized-sum: a file, musdb18 (default) or synthetic.")
@click.option(
    "--preset", type=click.Choice(PRESETS), help="Settings of the effects for normalized-sum (default: default)."
)
@click.option("--lufs", type=float, metavar="T", help="Integrated loudness of the mix in LUFS (rules: default -14).")
@click.option(
    "--clip-mode",
    type=click.Choice(CLIP_MODES),
    default=CLIP_MODES[0],
    show_default=True,
    help="How to handle clipping: scale the mix down, hard-clip it, or leave it.",
)
@options.file_format("Output format when mixing several songs (default: wav).", default=None)
@click.option("--subtype", default="", help="Sample format: FLOAT (default of wav), PCM_24 (default of flac), ...")
@click.option("--save-normalized", type=options.ANY_PATH, metavar="DIR", help="Folder for the normalised stems.")
@click.option("--html/--no-html", default=True, help="Write an HTML page for each mix.")
@options.device("Device of a network.")
@options.seed
@click.option("--force", is_flag=True, help="Mix again what is up to date, and overwrite existing files.")
@options.as_json
@options.verbosity
def mix(
    folders: tuple[Path, ...],
    out: Path,
    model: str | None,
    stem_map: Path | None,
    room: bool,
    stats: str | None,
    preset: str | None,
    lufs: float | None,
    clip_mode: str,
    file_format: str | None,
    subtype: str,
    save_normalized: Path | None,
    html: bool,
    device: str,
    seed: int,
    force: bool,
    as_json: bool,
    quiet: bool,
    **stem_paths: tuple[Path, ...],
) -> None:
    """Mix dry tracks or stems.

    Name the audio files of each stem, or a folder or zip archive DIR that contains them: stems and roles are recognised
    by the names of files and subfolders ("kick" belongs to drums). A folder of songs, or several, is mixed into the
    folder OUT; repeat the command to continue after an interruption. A report (JSON) and a page (HTML) beside each mix
    list the processing of each track or stem; the rules write a console (JSON) to edit and render again, too.
    """
    # Waiting threads must sleep; see fxnorm train. PyTorch reads this when it is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from fxnorm import mixing, models
    from fxnorm.normalization.settings import ChainSettings

    songs = _find_songs(folders, stem_paths, stem_map, out)
    target = _single_target(songs, out, folders)
    if target is not None and file_format not in (None, target.suffix.lower().lstrip(".")):
        raise InputError(f"{target}: expected a name that ends in .{file_format}; leave --format out")
    output = mixing.OutputOptions(
        level=mixing.OutputLevel(lufs, clip_mode),
        format=target.suffix.lower().lstrip(".") if target is not None else file_format or "wav",
        subtype=subtype.upper(),
        normalized=save_normalized,
        html=html,
        force=force,
    )
    if model is None:
        normalizes = stats is not None or preset is not None or room or save_normalized is not None
        model = "normalized-sum" if normalizes else "rules"
    mix_model = models.open_model(
        model,
        device=device,
        stats=options.load_stats(stats) if stats is not None else None,
        settings=ChainSettings.preset(preset) if preset is not None else None,
        rooms=_load_rooms() if room else (),
        seed=seed,
        loudness_lufs=lufs,
    )
    if mix_model.inputs == "tracks":  # it masters to the loudness itself
        output = replace(output, level=mixing.OutputLevel(None, clip_mode))
        if save_normalized is not None:
            raise InputError(f"--save-normalized: expected a model that normalises stems, got {model}; leave it out")
    if target is not None:
        mixing.require_target(songs[0], target, output)
    if folders and not (quiet or as_json):
        _print_stems(songs)
    if target is not None:
        _mix_song(songs[0], target, mix_model, output, as_json=as_json, quiet=quiet)
    else:
        _mix_songs(songs, out, mix_model, output, as_json=as_json, quiet=quiet)


def _find_songs(
    folders: Sequence[Path], stem_paths: Mapping[str, Sequence[Path]], stem_map: Path | None, out: Path
) -> "list[Multitrack]":
    from fxnorm import corpus, recipe
    from fxnorm.corpus.roles import ALL_ROLES, SKIP

    if folders and any(stem_paths.values()):
        raise InputError(f"expected folders or the files of stems, got both; leave {folders[0]} out")
    if not folders:
        if stem_map is not None:
            raise InputError("--stem-map: applies to the files in a folder; name a folder")
        return [corpus.Multitrack.from_files(out.stem, stem_paths)]
    keys = tuple(dict.fromkeys((*STEMS, *ALL_ROLES, SKIP)))
    overrides = recipe.read_lists(stem_map, keys) if stem_map is not None else None
    context = click.get_current_context()  # archives stay unpacked until the command ends
    return corpus.scan_folders([context.with_resource(corpus.unpacked(folder)) for folder in folders], overrides)


def _single_target(songs: "Sequence[Multitrack]", out: Path, folders: Sequence[Path]) -> Path | None:
    """Return the file of the only mix; None if mixes are written to a folder."""
    from fxnorm.audio_files import SUFFIXES

    if folders and (len(songs) > 1 or out.suffix.lower() not in SUFFIXES or out.is_dir()):
        if out.suffix.lower() in SUFFIXES:
            raise InputError(f"{out}: expected a folder for {len(songs)} mixes, got the name of a file")
        return None
    return out


def _mix_song(
    song: "Multitrack", target: Path, model: "MixModel", output: "OutputOptions", *, as_json: bool, quiet: bool
) -> None:
    from fxnorm import mixing

    with options.progress_bar("mix", unit=" %", quiet=quiet) as progress:
        record = mixing.mix_song(
            song, target, model, output, progress=lambda share, label: progress(round(100 * share), 100, label)
        )
    if as_json:
        click.echo(json.dumps(record, ensure_ascii=False))
        return
    if not quiet:
        for notice in record["notices"]:
            click.echo(f"fxnorm: {notice}", err=True)
    facts = record["output"]
    level = "silent" if facts["loudness_lufs"] is None else f"{facts['loudness_lufs']:.1f} LUFS"
    click.echo(f"{target}: {facts['seconds']:.1f} s, {level}, peak {facts['peak_db']:.1f} dBFS, by {model.name}")
    if record["console"]:
        click.echo(f"the mix to edit and to render again: {target.with_name(record['console'])}")
        if output.html:
            click.echo(f"strips and the reason for each setting: {target.with_suffix('.html')}")
        return
    click.echo(f"effects applied to each stem: {target.with_suffix('.html' if output.html else '.json')}")


def _mix_songs(
    songs: "Sequence[Multitrack]", out: Path, model: "MixModel", output: "OutputOptions", *, as_json: bool, quiet: bool
) -> None:
    from fxnorm import mixing

    with options.progress_bar("mix", unit=" %", quiet=quiet) as progress:
        result = mixing.mix_songs(
            songs,
            out,
            model,
            output,
            progress=lambda count, label: progress(round(100 * count), 100 * len(songs), label),
        )
    mixed, up_to_date, failures = result.mixed, result.up_to_date, result.failures
    if as_json:
        paths = {"mixed": [str(path) for path in mixed], "up_to_date": [str(path) for path in up_to_date]}
        click.echo(json.dumps(paths | {"failures": [vars(failure) for failure in failures]}))
    else:
        click.echo(f"{len(mixed)} songs mixed, {len(up_to_date)} up to date, {len(failures)} failed: {out}")
    options.report_failures(failures)


def _print_stems(songs: "Sequence[Multitrack]") -> None:
    for song in songs:
        click.echo(f"{song.id}:")
        left_out = song.left_out if song.mixture is None else (*song.left_out, song.mixture)
        lines = {**song.stems, "left out": left_out}
        for stem, paths in lines.items():
            if paths:
                names = (f"{song.label(path)}{' (a guess)' if path in song.unrecognized else ''}" for path in paths)
                click.echo(f"  {stem:8}  {', '.join(names)}")


def _load_rooms() -> Any:
    from fxnorm.normalization.impulse_responses import ImpulseResponses
    from fxnorm.normalization.reverb import ROOM_DECAY_S

    return ImpulseResponses(decay_s=ROOM_DECAY_S).load()
