"""fxnorm normalize: match the stems of a corpus to average features, or replay a record on one stem."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fxnorm.cli import options
from fxnorm.errors import InputError

if TYPE_CHECKING:
    from fxnorm.normalization.reverb import ReverbSettings


@click.command()
@click.argument("source", metavar="DIR", type=options.ANY_PATH)
@click.option("-o", "--out", type=options.ANY_PATH, help="Folder for the normalised corpus; a file with --replay.")
@click.option("--suffix", help="Write beside the originals instead: vocals_SUFFIX.wav.")
@click.option(
    "--replay",
    type=options.ANY_PATH,
    metavar="RECORD",
    help="Apply the processors of a record (JSON) to one stem, DIR.",
)
@click.option("--stats", default="musdb18", show_default=True, help="Target averages: a file, musdb18 or synthetic.")
@click.option("--effects", metavar="NAMES", help="Effects to match, separated by commas; all if not given.")
@click.option(
    "--strength",
    multiple=True,
    metavar="[EFFECT=]X",
    help="Share of the way to the target, 0 to 1, for all effects or for one. Repeat the option for several.",
)
@options.preset
@options.split
@click.option("--room", is_flag=True, help="Put dry vocals and other into a small room before the chain.")
@click.option("--reverb", is_flag=True, help="Add a random reverb to vocals and other before the effects.")
@click.option(
    "--impulse-responses",
    type=options.ANY_PATH,
    metavar="DIR",
    help="Folder of impulse responses for --reverb; synthesised if not given.",
)
@options.file_format("Output format.")
@click.option("--subtype", default="", help="Sample format: FLOAT (default: wav), PCM_24 (default: flac), PCM_16, ...")
@options.seed
@options.jobs
@options.dask
@click.option("--force", is_flag=True, help="Overwrite results that are up to date.")
@options.as_json
@options.verbosity
def normalize(
    source: Path,
    out: Path | None,
    suffix: str | None,
    replay: Path | None,
    stats: str,
    effects: str | None,
    strength: tuple[str, ...],
    preset: str,
    split: str | None,
    room: bool,
    reverb: bool,
    impulse_responses: Path | None,
    file_format: str,
    subtype: str,
    seed: int,
    jobs: int | None,
    dask: str | None,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Match every stem of DIR to the average EQ, compression, panning and loudness.

    DIR holds songs, or train/ and test/ with songs; a song is a folder with vocals, bass, drums and other as WAV, FLAC
    or the like. A record (JSON) beside each result lists the processors that were applied. Run the command again to
    resume an interrupted run; stems that are up to date are kept.

    With --replay, DIR is one audio file: the processors of the record are applied to it, which reproduces the
    normalised stem to the sample.
    """
    if replay is not None:
        _replay(replay, source, out, subtype.upper(), impulse_responses, force=force)
        return
    if (out is None) == (suffix is None):
        raise InputError("expected an output folder (-o DIR) or --suffix, one of the two; add -o DIR")
    if impulse_responses is not None and not reverb:
        raise InputError("--impulse-responses: expected --reverb with it, got none; add --reverb")
    from fxnorm import corpus
    from fxnorm.normalization.corpus_normalization import normalize_corpus
    from fxnorm.normalization.effects import MATCHED_EFFECTS
    from fxnorm.normalization.impulse_responses import ImpulseResponses
    from fxnorm.normalization.output_layout import OutputLayout
    from fxnorm.normalization.plan import NormalizationPlan
    from fxnorm.normalization.reverb import ROOM_DECAY_S
    from fxnorm.normalization.settings import ChainSettings

    source = options.shared_path(source, dask)
    out, impulse_responses = (path and options.shared_path(path, dask) for path in (out, impulse_responses))
    names = tuple(MATCHED_EFFECTS)
    if effects is not None:
        names = tuple(name.strip() for name in effects.split(",") if name.strip())
    shares = _strengths(strength, (*names, "reverb") if reverb else names)
    settings = ChainSettings.preset(
        preset, effects=names, reverb=_reverb(shares.pop("reverb", 1.0)) if reverb else None, strength=shares
    )
    plan = NormalizationPlan(
        stats=options.load_stats(stats),
        settings=settings,
        layout=OutputLayout(out, suffix or "", file_format, subtype.upper()),
        responses=ImpulseResponses(folder=impulse_responses),
        rooms=ImpulseResponses(decay_s=ROOM_DECAY_S) if room else None,
        seed=seed,
        force=force,
    )
    tracks = corpus.scan(source, split=split)
    first = tracks[0].tracks[0].files[0]
    with (
        options.worker_pool(jobs, dask, reads=first) as workers,
        options.progress_bar("normalize", quiet=quiet) as progress,
    ):
        result = normalize_corpus(tracks, plan, jobs=workers, progress=progress)
    if as_json:
        import dataclasses
        import json

        click.echo(json.dumps(dataclasses.asdict(result)))
    else:
        target = out if out is not None else f"{source}, as *_{suffix}.{file_format}"
        click.echo(
            f"{result.normalized} normalised, {result.up_to_date} up to date, {len(result.failures)} failed: {target}"
        )
    options.report_failures(result.failures)


def _replay(
    record: Path, stem: Path, out: Path | None, subtype: str, impulse_responses: Path | None, *, force: bool
) -> None:
    from fxnorm.normalization.stem_normalization import replay_stem

    if out is None:
        out = stem.with_name(f"{stem.stem}_replayed.wav")
    replay_stem(record, stem, out, subtype=subtype, folder=impulse_responses, force=force)
    click.echo(str(out))


def _reverb(strength: float) -> "ReverbSettings":
    from fxnorm.normalization.reverb import ReverbSettings

    if not 0.0 <= strength <= 1.0:
        raise InputError(f"strength of reverb: expected 0 to 1, got {strength:g}; choose another")
    return ReverbSettings(strength=strength)


def _strengths(texts: tuple[str, ...], effects: tuple[str, ...]) -> dict[str, float]:
    """Read `0.5` (for all effects) and `eq=0.5` (for one effect, which takes precedence)."""
    common: dict[str, float] = {}
    single: dict[str, float] = {}
    for text in texts:
        name, _, value = text.rpartition("=")
        try:
            strength = float(value)
        except ValueError:
            raise InputError(f"strength: expected a number from 0 to 1 or EFFECT=number, got {text!r}") from None
        if not name:
            common = dict.fromkeys(effects, strength)
        elif name in effects:
            single[name] = strength
        else:
            raise InputError(f"strength: expected one of the effects ({', '.join(effects)}), got {name!r}")
    return common | single
