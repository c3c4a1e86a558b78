"""fxnorm evaluate: mixes against the mixes that people made."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fxnorm.cli import options
from fxnorm.errors import InputError

if TYPE_CHECKING:
    from fxnorm.corpus import TrackRef
    from fxnorm.evaluation import Test
    from fxnorm.models import MixModel
    from fxnorm.parallel import Failure

PAGES = (".html", ".htm")
WET, DRY = "Wet stems", "Dry stems"


@click.command()
@click.argument("folder", metavar="[DIR]", required=False, type=options.ANY_PATH)
@click.option(
    "-m",
    "--model",
    "models",
    multiple=True,
    metavar="[NAME=]MODEL",
    help="Folder of a trained run or checkpoint, or sum, normalized-sum, naive. Can be given several times.",
)
@click.option("--dry", type=options.ANY_PATH, help="Dry stems of the same songs: a second test, mixed from these.")
@click.option(
    "--mixes",
    multiple=True,
    metavar="NAME=DIR",
    help="Finished mixes made by anything else, SONG.wav or SONG/mixture.wav. Can be given several times.",
)
@click.option("--targets", type=options.ANY_PATH, help="What --mixes are compared with, where there is no DIR.")
@click.option(
    "-o", "--out", required=True, type=options.ANY_PATH, help="The report (.html); JSON and CSV go beside it."
)
@click.option(
    "--split", type=click.Choice(["train", "valid", "test"]), help="Songs of DIR to mix; test if there is one."
)
@click.option(
    "--against",
    default="",
    metavar="NAME",
    help="System that the others are tested against; normalized-sum or the first.",
)
@click.option("--align", is_flag=True, help="Move mixes that come early or late.")
@click.option(
    "--players", type=click.IntRange(min=0), default=3, show_default=True, help="Songs to listen to in the report."
)
@click.option(
    "--listening-test", "listening_test", type=options.ANY_PATH, metavar="NEW", help="Folder for a webMUSHRA test."
)
@click.option("-d", "--device", type=click.Choice(["auto", "cpu", "cuda", "mps"]), default="auto", show_default=True)
@options.seed
@options.jobs
@options.as_json
@options.verbosity
def evaluate(
    folder: Path | None,
    models: tuple[str, ...],
    dry: Path | None,
    mixes: tuple[str, ...],
    targets: Path | None,
    out: Path,
    split: str | None,
    against: str,
    align: bool,
    players: int,
    listening_test: Path | None,
    device: str,
    seed: int,
    jobs: int | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Compare models, baselines and finished mixes on test songs, and write a report.

    DIR holds songs with wet stems and the mixture that a person made of them. Every MODEL mixes the wet stems,
    normalised as it wants them, and with --dry the dry stems of the same songs. The mixes are kept beside the report,
    in NAME.mixes; run it again to go on after an interruption. Songs are the unit of every interval and test.
    """
    # Threads that wait must sleep; see fxnorm train. Read when PyTorch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from fxnorm import evaluation, files
    from fxnorm.evaluation import report, webmushra

    _require_sense(folder, models, dry, mixes, targets, out)
    files.require_writable(out.resolve().parent)
    finished = {name: evaluation.find_mixes(Path(place)) for name, place in map(_named, mixes)}
    about = {
        "Songs": str(folder or targets),
        "Split": split or "test, if there is one",
        "Seed": str(seed),
        "Aligned": "yes" if align else "no",
        **{f"Mixes of {name}": place for name, place in map(_named, mixes)},
    }
    failures: list[Failure] = []
    missing: list[str] = []
    sources: list[tuple[str, dict[str, Path], dict[str, dict[str, Path]], tuple[str, ...]]] = []
    mixers = _open(models, device, seed, about)
    if against and against not in (*mixers, *finished):
        raise InputError(f"--against: expected one of {', '.join((*mixers, *finished))}, got {against!r}")
    if targets is not None:
        sources.append(("Finished mixes", evaluation.find_mixes(targets), finished, ()))
    if folder is not None:
        wet, lacking = _songs(folder, split)
        missing += lacking
        known = {track.id: track.mixture for track in wet if track.mixture is not None}
        names = _plain(known)
        for title, tracks in ((WET, wet), (DRY, _same_songs(dry, wet) if dry and mixers else ())):
            if tracks:
                place = out.with_suffix(".mixes") / title.split()[0].lower()
                made, failed = _mix(tracks, mixers, place, quiet=quiet)
                failures += failed
                systems = {name: {names[song]: path for song, path in paths.items()} for name, paths in made.items()}
                bounds = tuple(name for name, mixer in mixers.items() if mixer.chain is None) if title == WET else ()
                sources.append((title, {names[song]: path for song, path in known.items()}, systems | finished, bounds))
    tests: list[Test] = []
    for title, references, systems, bounds in sources:
        songs, lacking = evaluation.match_songs(references, systems)
        missing += [f"{title}: {line}" for line in lacking]
        with options.local_crew(jobs) as crew, options.progress_bar("score", unit=" songs", quiet=quiet) as progress:
            scores, unscored = evaluation.score_songs(songs, align=align, jobs=crew, progress=progress)
        failures += unscored
        tests.append(evaluation.Test(title, tuple(songs), tuple(scores), unscored, bounds, against))
    results = evaluation.Results(tuple(tests), about, tuple(missing))
    page = report.draw(results, report.Listening(players, seed, align))
    written = evaluation.save(results, page, out)
    if listening_test is not None:
        configuration, uncut = webmushra.export(tests, listening_test, align=align)
        failures += uncut
        written = (*written, configuration)
    if as_json:
        click.echo(json.dumps(results.to_dict(), ensure_ascii=False))
    else:
        for test in tests:
            click.echo(f"{report.summarize(test)}\n")
            options.print_table(report.headline_table(test))
            click.echo("")
        click.echo(f"written: {', '.join(map(str, written))}")
        for line in missing:
            click.echo(f"fxnorm: missing: {line}", err=True)
    options.report_failures(failures)
    if missing:
        raise click.exceptions.Exit(1)


def _require_sense(
    folder: Path | None,
    models: Sequence[str],
    dry: Path | None,
    mixes: Sequence[str],
    targets: Path | None,
    out: Path,
) -> None:
    if out.suffix.lower() not in PAGES:
        raise InputError(f"{out}: expected the name of a report, ending in .html; the JSON and CSV take the same name")
    if folder is None:
        if models or dry:
            raise InputError("expected a folder of songs to mix, got none; name it first")
        if not mixes or targets is None:
            raise InputError("expected a folder of songs and --model, or --mixes NAME=DIR and --targets DIR")
    else:
        if targets is not None:
            raise InputError(f"{targets}: the targets are the mixtures in {folder}; leave --targets out")
        if not models and not mixes:
            raise InputError("expected at least one --model or --mixes, got none; add --model normalized-sum, say")


def _named(text: str) -> tuple[str, str]:
    name, equals, place = text.partition("=")
    if not (name and equals and place):
        raise InputError(f"--mixes: expected NAME=DIR, got {text!r}")
    return name, place


def _open(models: Sequence[str], device: str, seed: int, about: dict[str, str]) -> "dict[str, MixModel]":
    from fxnorm.models import MixModel, open_model

    mixers: dict[str, MixModel] = {}
    for text in models:
        name, equals, model = text.partition("=")
        mixer = open_model(model if equals else text, device=device, seed=seed)
        name = name if equals else mixer.name
        if name in mixers:
            raise InputError(
                f"{text}: a second model called {name!r}; name it, --model OTHER={model if equals else text}"
            )
        mixers[name] = mixer
        chain = f", {mixer.chain.stats.title}, {mixer.chain.signature}" if mixer.chain else ", stems as they are"
        about[f"Model {name}"] = f"{mixer.identity}{chain}"
    return mixers


def _songs(folder: Path, split: str | None) -> "tuple[list[TrackRef], list[str]]":
    """Songs to mix, and those that have nothing to be compared with."""
    from fxnorm import corpus

    tracks = corpus.scan(folder, split=split)
    if split is None and any(track.split == "test" for track in tracks):
        tracks = [track for track in tracks if track.split == "test"]
    with_mixture = [track for track in tracks if track.mixture is not None]
    if not with_mixture:
        raise InputError(
            f"{folder}: expected songs with a mixture to compare with, found none; add mixture.wav to each"
        )
    return with_mixture, [f"{track.id} has no mixture" for track in tracks if track.mixture is None]


def _same_songs(dry: Path, wet: "Sequence[TrackRef]") -> "list[TrackRef]":
    """Dry songs of the names of wet ones, under the wet ones' locations."""
    import dataclasses

    from fxnorm import corpus

    locations = {track.name: track.location for track in wet}
    tracks = [track for track in corpus.scan(dry) if track.name in locations]
    if not tracks:
        raise InputError(f"{dry}: expected dry stems of the same songs, found none of those names; compare the folders")
    return [dataclasses.replace(track, location=locations[track.name]) for track in tracks]


def _plain(known: dict[str, Path]) -> dict[str, str]:
    """Songs by the last part of their name, which is what others call them, where that is enough to tell them apart."""
    short = {song: song.rpartition("/")[2] for song in known}
    return short if len(set(short.values())) == len(short) else {song: song for song in known}


def _mix(
    tracks: "Sequence[TrackRef]", mixers: "dict[str, MixModel]", place: Path, *, quiet: bool
) -> "tuple[dict[str, dict[str, Path]], list[Failure]]":
    from fxnorm import mixing

    songs = [mixing.Song.of_files(track.id, {stem: [path] for stem, path in track.stems.items()}) for track in tracks]
    plan = mixing.OutputOptions(level=mixing.OutputLevel(clip_mode="none"), html=False)
    made: dict[str, dict[str, Path]] = {}
    failures: list[Failure] = []
    for name, mixer in mixers.items():
        with options.progress_bar(name, unit=" %", quiet=quiet) as progress:
            result = mixing.mix_songs(
                songs,
                place / name,
                mixer,
                plan,
                progress=lambda done, what: progress(round(100 * done), 100 * len(songs), what),
            )
        failures += result.failures
        paths = {
            path.with_suffix("").relative_to(place / name).as_posix(): path
            for path in (*result.mixed, *result.up_to_date)
        }
        made[name] = {track.id: paths[track.id] for track in tracks if track.id in paths}
    return made, failures
