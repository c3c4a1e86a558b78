"""Mix songs to files: each mix with its report and its page; resumable, and a failed song does not stop the others."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from fxnorm import audio_files, documents, files
from fxnorm.audio import Audio
from fxnorm.console import Console
from fxnorm.corpus import Multitrack
from fxnorm.corpus.stems import STEMS
from fxnorm.corpus.track import LEFT_RIGHT
from fxnorm.errors import InputError
from fxnorm.mixing import page, report
from fxnorm.mixing.console_files import ConsoleFiles
from fxnorm.mixing.output_level import OutputLevel
from fxnorm.mixing.report import DOCUMENT
from fxnorm.models.base import MixModel, MixResult
from fxnorm.normalization.output_layout import choose_subtype
from fxnorm.parallel import Failure, explain

Progress = Callable[[float, str], None]  # songs completed, with fractions, and the name of the last step


@dataclass(frozen=True)
class OutputOptions:
    """Output of mixing, independent of model and songs.

    Attributes
    ----------
    level : OutputLevel
    format : {"wav", "flac"}
        Format of mixes in a folder, and of normalised stems.
    subtype : str
        A libsndfile subtype; the first of the format if empty.
    normalized : Path or None
        Folder for the normalised stems, of a model that takes stems.
    html : bool
        Write an HTML page for each mix.
    force : bool
        Mix again what is up to date, and overwrite other files.
    """

    level: OutputLevel = field(default_factory=OutputLevel)
    format: str = "wav"
    subtype: str = ""
    normalized: Path | None = None
    html: bool = True
    force: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "subtype", choose_subtype(self.format, self.subtype))


@dataclass(frozen=True)
class OutputFiles:
    """Files of one mix.

    Attributes
    ----------
    mix, report, page, console : Path
        Of the same name, with different suffixes. Only models of tracks write a console.
    normalized : dict of str to Path
        Normalised stems, if they are written: `DIR/NAME/vocals.wav`.
    """

    mix: Path
    report: Path
    page: Path
    console: Path
    normalized: Mapping[str, Path]


@dataclass(frozen=True)
class BatchResult:
    """Outcome of mixing several songs.

    Attributes
    ----------
    mixed, up_to_date : tuple of Path
        Mixes that were written, and mixes that existed already.
    failures : tuple of Failure
    """

    mixed: tuple[Path, ...]
    up_to_date: tuple[Path, ...]
    failures: tuple[Failure, ...]


def mix_songs(
    songs: Sequence[Multitrack],
    out: Path,
    model: MixModel,
    options: OutputOptions,
    *,
    progress: Progress = lambda songs, label: None,
) -> BatchResult:
    """Mix songs into a folder: `OUT/NAME.wav`, with `NAME.json` and `NAME.html`.

    A mix is up to date if its report has the signature of the same stems, model and options.

    Parameters
    ----------
    songs : sequence of Multitrack
    out : Path
    model : MixModel
    options : OutputOptions
    progress : callable

    Returns
    -------
    BatchResult

    Raises
    ------
    InputError
        If the folder cannot be written to; nothing is mixed.
    """
    files.make_folder(out)
    mixed: list[Path] = []
    up_to_date: list[Path] = []
    failures: list[Failure] = []
    for number, song in enumerate(songs):
        target = out / f"{song.id}.{options.format}"
        try:
            if is_up_to_date(song, target, model, options):
                up_to_date.append(target)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                mix_song(song, target, model, options, progress=partial(_report_progress, progress, number))
                mixed.append(target)
        except Exception as error:  # a failed song does not stop the others
            failures.append(Failure(song.id, "mix", explain(error)))
        progress(number + 1, song.id)
    return BatchResult(tuple(mixed), tuple(up_to_date), tuple(failures))


def mix_song(
    song: Multitrack,
    target: Path,
    model: MixModel,
    options: OutputOptions,
    *,
    progress: Progress = lambda share, label: None,
) -> dict[str, Any]:
    """Mix a song; write the mix, its report and its page.

    Parameters
    ----------
    song : Multitrack
    target : Path
        File of the mix; report and page have the same name with another suffix.
    model : MixModel
    options : OutputOptions
    progress : callable

    Returns
    -------
    dict
        The record in the report.

    Raises
    ------
    InputError
        If a file that fxnorm did not write would be overwritten, or the folder cannot be written to.
    AudioError
        If a stem cannot be used, or the mix cannot be written.
    """
    outputs = require_target(song, target, options)
    signed = signature(song, model, options)  # before reading: stems that change meanwhile are mixed again
    with _recordings(song, model, options) as (recordings, neutral):
        mix = model.mix(recordings, song.sample_rate, samples=song.samples, song=neutral, progress=progress)
        result = options.level.apply(mix)
        record = report.compose(song, model, result)
        record["output"] |= {"file": outputs.mix.name, "subtype": options.subtype}
        record["console"] = outputs.console.name if result.console is not None else None
        html = page.draw(record, result, recordings) if options.html else None
    # An unfinished report marks the mix as fxnorm's, without a signature.
    DOCUMENT.write(outputs.report, DOCUMENT.wrap({}))
    _write_audio(outputs, result, options.subtype)
    if result.console is not None:
        result.console.save(outputs.console)
    if html is not None:
        files.write_text(outputs.page, html)
    record["output"]["bytes"] = outputs.mix.stat().st_size
    record["signature"] = signed
    DOCUMENT.write(outputs.report, record)
    return record


def is_up_to_date(song: Multitrack, target: Path, model: MixModel, options: OutputOptions) -> bool:
    """Whether the report says that the mix exists already."""
    if options.force or (options.html and not target.with_suffix(".html").exists()):
        return False
    if model.inputs == "tracks" and not target.with_suffix(".console.json").exists():
        return False
    record = DOCUMENT.find(target.with_suffix(".json"))
    try:
        return bool(
            record["signature"] == signature(song, model, options)
            and record["output"]["bytes"] == target.stat().st_size
        )
    except (OSError, KeyError, TypeError):
        return False


def signature(song: Multitrack, model: MixModel, options: OutputOptions) -> str:
    """Return the hash of everything that decides the content of a mix."""
    states = {
        stem: [[path.name, (state := path.stat()).st_size, state.st_mtime_ns] for path in paths]
        for stem, paths in song.stems.items()
    }
    content = {
        "version": DOCUMENT.version,
        "stems": states,
        "pairs": [track.name for track in song.tracks if track.layout == LEFT_RIGHT],
        "roles": [[track.name, track.role] for track in song.tracks] if model.inputs == "tracks" else None,
        "model": model.identity,
        "level": [options.level.lufs, options.level.clip_mode],
        "file": [options.format, options.subtype],
        "normalized": str(options.normalized) if options.normalized is not None else None,
    }
    return documents.signature(content)


def require_target(song: Multitrack, target: Path, options: OutputOptions) -> OutputFiles:
    """Check that a mix can be written without overwriting stems or other files; make its folders.

    Returns
    -------
    OutputFiles

    Raises
    ------
    InputError
        If not.
    """
    sources = {path.resolve() for path in song.infos}
    normalized = options.normalized / song.id if options.normalized is not None else None
    outputs = OutputFiles(
        target,
        target.with_suffix(".json"),
        target.with_suffix(".html"),
        target.with_suffix(".console.json"),
        {stem: normalized / f"{stem}.{options.format}" for stem in song.stems} if normalized is not None else {},
    )
    audio_targets = [target, *outputs.normalized.values()]
    targets = [*audio_targets, outputs.report, outputs.page, outputs.console]
    for path in audio_targets:
        if path.resolve() in sources:
            raise InputError(f"{path}: is one of the stems; choose another name for the output")
    record = DOCUMENT.find(outputs.report)
    if not record and not options.force and (foreign := next((path for path in targets if path.exists()), None)):
        raise InputError(f"{foreign}: was not made by fxnorm mix; choose another name, or --force")
    files.make_folder(target.parent)
    if options.normalized is not None:
        files.make_folder(options.normalized)
    return outputs


@contextmanager
def _recordings(
    song: Multitrack, model: MixModel, options: OutputOptions
) -> Iterator[tuple[Mapping[str, Audio], Console | None]]:
    """Yield what a model takes: stems, or tracks and their neutral console.

    Tracks stay in a temporary file, as a song may have more of them than the memory holds.
    """
    if model.inputs == "tracks":
        source = ConsoleFiles.of_song(song)
        with source.spooled() as tracks:
            yield tracks, source.console
    else:
        stems = song.read_stems()
        # The page plays the recorded stems; without it one stem at a time is in memory.
        yield dict(stems) if options.html else stems, None


def _write_audio(outputs: OutputFiles, result: MixResult, subtype: str) -> None:
    """Write the mix and the normalised stems."""
    audio_files.write(outputs.mix, result.audio, result.sample_rate, subtype=subtype)
    prepared = result.prepared
    if prepared is None:
        return
    for stem, path in outputs.normalized.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        audio_files.write(path, prepared.audio[STEMS.index(stem)], prepared.sample_rate, subtype=subtype)


def _report_progress(progress: Progress, number: int, share: float, label: str) -> None:
    progress(number + share, label)
