"""fxnorm mix: dry stems into a mix."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fxnorm.cli import options
from fxnorm.errors import InputError

if TYPE_CHECKING:
    from fxnorm.corpus import Multitrack
    from fxnorm.mixing import Mixer

STEM_FILES = "Recording of it; can be given several times, and they are added."


@click.command()
@click.argument("folders", metavar="[DIR ...]", nargs=-1, type=options.ANY_PATH)
@click.option("--vocals", multiple=True, type=options.ANY_PATH, help=STEM_FILES)
@click.option("--bass", multiple=True, type=options.ANY_PATH, help=STEM_FILES)
@click.option("--drums", multiple=True, type=options.ANY_PATH, help=STEM_FILES)
@click.option("--other", multiple=True, type=options.ANY_PATH, help=STEM_FILES)
@click.option(
    "-o", "--out", required=True, type=options.ANY_PATH, help="The mix (.wav, .flac), or the folder for mixes."
)
@click.option(
    "--model",
    default="normalized-sum",
    show_default=True,
    help="Folder of a trained run or checkpoint; or sum, normalized-sum, naive, which need none.",
)
@click.option(
    "--map", "map_file", type=options.ANY_PATH, help="YAML with file names, or patterns of them, by stem or 'skip'."
)
@click.option("--dry", is_flag=True, help="The stems are really dry: put vocals and other into a small room first.")
@click.option("--stats", help="Averages for normalized-sum: a file, musdb18 (default) or synthetic.")
@click.option(
    "--preset", type=click.Choice(["default", "published"]), help="Settings for normalized-sum; default if not given."
)
@click.option("--lufs", type=float, metavar="T", help="Bring the mix to this loudness.")
@click.option(
    "--clip-mode",
    type=click.Choice(["rescale", "clamp", "none"]),
    default="rescale",
    show_default=True,
    help="What leaves full scale: turn the mix down, cut those samples off, or leave it.",
)
@click.option("--format", "file_format", type=click.Choice(["wav", "flac"]), help="Of mixes in a folder; wav.")
@click.option("--subtype", default="", help="Sample format: FLOAT (default of wav), PCM_24 (default of flac), ...")
@click.option("--save-normalized", type=options.ANY_PATH, metavar="DIR", help="Keep the normalised stems.")
@click.option("--page/--no-page", default=True, help="Whether to make an HTML page of the card.")
@click.option("-d", "--device", type=click.Choice(["auto", "cpu", "cuda", "mps"]), default="auto", show_default=True)
@options.seed
@click.option("--force", is_flag=True, help="Redo what is done already, and overwrite what is there.")
@options.as_json
@options.verbosity
def mix(
    folders: tuple[Path, ...],
    vocals: tuple[Path, ...],
    bass: tuple[Path, ...],
    drums: tuple[Path, ...],
    other: tuple[Path, ...],
    out: Path,
    model: str,
    map_file: Path | None,
    dry: bool,
    stats: str | None,
    preset: str | None,
    lufs: float | None,
    clip_mode: str,
    file_format: str | None,
    subtype: str,
    save_normalized: Path | None,
    page: bool,
    device: str,
    seed: int,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Mix dry stems.

    Name the recordings of each stem, or a DIR or zip archive that holds them: what its files and subfolders are called
    says what they are ("kick" is drums). A DIR of songs, or several, become mixes in the folder OUT; run it again to
    go on after an interruption.
    Beside each mix stand a card (JSON) and a page (HTML) that say what was done to each stem.
    """
    # Threads that wait must sleep; see fxnorm train. Read when PyTorch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from fxnorm import mixing
    from fxnorm.normalization.settings import ChainSettings

    named = {"vocals": vocals, "bass": bass, "drums": drums, "other": other}
    songs = _choose_songs(folders, named, map_file, out)
    target = _single_target(songs, out, folders)
    if target is not None and file_format not in (None, target.suffix.lower().lstrip(".")):
        raise InputError(f"{target}: expected a name that ends in .{file_format}; leave --format out")
    plan = mixing.Plan(
        finish=mixing.Finish(lufs, clip_mode),
        format=target.suffix.lower().lstrip(".") if target is not None else file_format or "wav",
        subtype=subtype.upper(),
        normalized=save_normalized,
        page=page,
        force=force,
    )
    mixer = mixing.Mixer.open(
        model,
        device=device,
        stats=options.load_stats(stats) if stats is not None else None,
        settings=ChainSettings.preset(preset) if preset is not None else None,
        rooms=_rooms() if dry else (),
        seed=seed,
    )
    if target is not None:
        mixing.require_target(songs[0], target, plan)
    if folders and not (quiet or as_json):
        _print_stems(songs)
    if target is not None:
        _mix_one(songs[0], target, mixer, plan, as_json=as_json, quiet=quiet)
        return
    with options.progress_bar("mix", unit=" %", quiet=quiet) as progress:
        result = mixing.mix_songs(
            songs, out, mixer, plan, progress=lambda done, what: progress(round(100 * done), 100 * len(songs), what)
        )
    if as_json:
        content: dict[str, Any] = {
            "done": [str(path) for path in result.done],
            "kept": [str(path) for path in result.kept],
        }
        click.echo(json.dumps(content | {"failures": [vars(failure) for failure in result.failures]}))
    else:
        click.echo(f"{len(result.done)} songs mixed, {len(result.kept)} kept, {len(result.failures)} failed: {out}")
    options.report_failures(result.failures)


def _choose_songs(
    folders: Sequence[Path], named: Mapping[str, Sequence[Path]], map_file: Path | None, out: Path
) -> "list[Multitrack]":
    from fxnorm import corpus, recipe
    from fxnorm.corpus.roles import SKIP
    from fxnorm.corpus.stems import STEMS

    if folders and any(named.values()):
        raise InputError(f"expected folders or the files of stems, got both; leave {folders[0]} out")
    if not folders:
        if map_file is not None:
            raise InputError("--map: says which files in a folder are which stem; name a folder")
        return [corpus.Multitrack.from_files(out.stem, named)]
    overrides = recipe.read_lists(map_file, (*STEMS, SKIP)) if map_file is not None else None
    context = click.get_current_context()  # archives stay unpacked until the command ends
    return corpus.scan_folders([context.with_resource(corpus.unpacked(folder)) for folder in folders], overrides)


def _single_target(songs: "Sequence[Multitrack]", out: Path, folders: Sequence[Path]) -> Path | None:
    """The file of the only mix; None where mixes go into a folder."""
    from fxnorm.audio_files import SUFFIXES

    if folders and (len(songs) > 1 or out.suffix.lower() not in SUFFIXES or out.is_dir()):
        if out.suffix.lower() in SUFFIXES:
            raise InputError(f"{out}: expected a folder for {len(songs)} mixes, got the name of a file")
        return None
    return out


def _mix_one(song: "Multitrack", target: Path, mixer: "Mixer", plan: Any, *, as_json: bool, quiet: bool) -> None:
    from fxnorm import mixing

    with options.progress_bar("mix", unit=" %", quiet=quiet) as progress:
        card = mixing.mix_song(
            song, target, mixer, plan, progress=lambda done, what: progress(round(100 * done), 100, what)
        )
    if as_json:
        click.echo(json.dumps(card, ensure_ascii=False))
        return
    if not quiet:
        for notice in card["notices"]:
            click.echo(f"fxnorm: {notice}", err=True)
    output = card["output"]
    level = "silent" if output["loudness_lufs"] is None else f"{output['loudness_lufs']:.1f} LUFS"
    click.echo(f"{target}: {output['seconds']:.1f} s, {level}, peak {output['peak_db']:.1f} dBFS, by {mixer.name}")
    click.echo(f"what was done to each stem: {target.with_suffix('.html' if plan.page else '.json')}")


def _print_stems(songs: "Sequence[Multitrack]") -> None:
    for song in songs:
        click.echo(f"{song.id}:")
        left_out = song.left_out if song.mixture is None else (*song.left_out, song.mixture)
        lines = {**song.stems, "left out": left_out}
        for stem, paths in lines.items():
            if paths:
                names = (f"{song.label(path)}{' (a guess)' if path in song.unrecognized else ''}" for path in paths)
                click.echo(f"  {stem:8}  {', '.join(names)}")


def _rooms() -> Any:
    from fxnorm.normalization.impulse_responses import ImpulseResponses
    from fxnorm.normalization.reverb import ROOM_DECAY_S

    return ImpulseResponses(decay_s=ROOM_DECAY_S).load()
