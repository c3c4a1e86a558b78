"""fxnorm normalize: a corpus of stems into a corpus of normalised stems."""

from pathlib import Path

import click

from fxnorm.cli import options
from fxnorm.errors import InputError


@click.command()
@click.argument("folder", metavar="DIR", type=options.ANY_PATH)
@click.option("-o", "--out", type=options.ANY_PATH, help="Folder for the normalised corpus.")
@click.option("--suffix", help="Write beside the originals instead: vocals_SUFFIX.wav.")
@click.option(
    "--stats", default="musdb18", show_default=True, help="Averages to push to: a file, musdb18 or synthetic."
)
@click.option(
    "--effects",
    default="eq,compression,panning,loudness",
    show_default=True,
    help="Which effects to normalise; reverb adds one at random to vocals and other.",
)
@click.option(
    "--strength",
    multiple=True,
    metavar="[EFFECT=]X",
    help="How far to go, 0 to 1: for all effects, or for one. Can be given several times.",
)
@options.preset
@options.split
@click.option(
    "--responses", type=options.ANY_PATH, help="Folder of impulse responses for reverb; synthesised if not given."
)
@click.option(
    "--pre-reverb", is_flag=True, help="Put vocals and other into a small room first, if they are really dry."
)
@click.option("--format", "file_format", type=click.Choice(["wav", "flac"]), default="wav", show_default=True)
@click.option(
    "--subtype", default="", help="Sample format: FLOAT (default of wav), PCM_24 (default of flac), PCM_16, ..."
)
@options.seed
@options.jobs
@options.dask
@click.option("--force", is_flag=True, help="Redo what is done already.")
@options.as_json
@options.verbosity
def normalize(
    folder: Path,
    out: Path | None,
    suffix: str | None,
    stats: str,
    effects: str,
    strength: tuple[str, ...],
    preset: str,
    split: str | None,
    responses: Path | None,
    pre_reverb: bool,
    file_format: str,
    subtype: str,
    seed: int,
    jobs: int | None,
    dask: str | None,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Push every stem of DIR to the average EQ, compression, panning and loudness.

    DIR holds songs, or train/ and test/ with songs; a song is a folder with vocals, bass, drums and other as WAV,
    FLAC or the like. Beside each result stands a card (JSON) that says what was done to it. Run it again to go on
    after an interruption; what is done is not done twice.
    """
    if (out is None) == (suffix is None):
        raise InputError("expected an output folder (-o DIR) or --suffix, one of the two; add -o DIR")
    from fxnorm import corpus
    from fxnorm.normalization.corpus_normalization import Layout, Plan, normalize_corpus
    from fxnorm.normalization.impulse_responses import Responses
    from fxnorm.normalization.normalizer import Settings
    from fxnorm.normalization.reverb import ROOM_DECAY_S

    folder = options.shared_path(folder, dask)
    out, responses = (path and options.shared_path(path, dask) for path in (out, responses))
    names = tuple(name.strip() for name in effects.split(",") if name.strip())
    settings = Settings.preset(preset, effects=names, strength=_strengths(strength, names))
    plan = Plan(
        stats=options.load_stats(stats),
        settings=settings,
        layout=Layout(out, suffix or "", file_format, subtype.upper()),
        responses=Responses(folder=responses),
        rooms=Responses(decay_s=ROOM_DECAY_S) if pre_reverb else None,
        seed=seed,
        force=force,
    )
    tracks = corpus.scan(folder, split=split)
    first = tracks[0].tracks[0].files[0]
    with options.crew(jobs, dask, reads=first) as crew, options.progress_bar("normalize", quiet=quiet) as progress:
        result = normalize_corpus(tracks, plan, jobs=crew, progress=progress)
    if as_json:
        import dataclasses
        import json

        click.echo(json.dumps(dataclasses.asdict(result)))
    else:
        place = out if out is not None else f"{folder}, as *_{suffix}.{file_format}"
        click.echo(f"{result.done} stems normalised, {result.kept} kept, {len(result.failures)} failed: {place}")
    options.report_failures(result.failures)


def _strengths(given: tuple[str, ...], effects: tuple[str, ...]) -> dict[str, float]:
    """Read `0.5` (for all effects) and `eq=0.5` (for one, whatever all get)."""
    everywhere: dict[str, float] = {}
    single: dict[str, float] = {}
    for text in given:
        name, _, value = text.rpartition("=")
        try:
            share = float(value)
        except ValueError:
            raise InputError(f"strength: expected a number from 0 to 1 or EFFECT=number, got {text!r}") from None
        if not name:
            everywhere = dict.fromkeys(effects, share)
        elif name in effects:
            single[name] = share
        else:
            raise InputError(f"strength: expected one of the effects ({', '.join(effects)}), got {name!r}")
    return everywhere | single
