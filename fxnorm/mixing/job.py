"""Songs into mixes on disk: each mix with its card and its page, resumable, one bad song stopping no other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from fxnorm import audio_files, documents, files
from fxnorm.corpus import Multitrack
from fxnorm.corpus.stems import STEMS
from fxnorm.errors import InputError
from fxnorm.mixing.mixer import Mixer
from fxnorm.mixing.output_level import Finish
from fxnorm.mixing.report import DOCUMENT, compose
from fxnorm.normalization.corpus_normalization import SUBTYPES
from fxnorm.parallel import Failure, explain

Progress = Callable[[float, str], None]  # songs done, with fractions, and what was just done


@dataclass(frozen=True)
class Plan:
    """What becomes of mixes, the mixer and the songs apart.

    Attributes
    ----------
    finish : Finish
        The last gain.
    format : {"wav", "flac"}
        Of the mixes in a folder, and of normalised stems.
    subtype : str
        A libsndfile subtype; the format's first if empty.
    normalized : Path or None
        Folder for the normalised stems.
    page : bool
        Whether an HTML page is made of the card.
    force : bool
        Redo what is done already.
    """

    finish: Finish = field(default_factory=Finish)
    format: str = "wav"
    subtype: str = ""
    normalized: Path | None = None
    page: bool = True
    force: bool = False

    def __post_init__(self) -> None:
        if self.format not in SUBTYPES:
            raise InputError(f"expected a mix in {' or '.join(SUBTYPES)}, got {self.format or 'no suffix'!r}")
        object.__setattr__(self, "subtype", self.subtype or SUBTYPES[self.format][0])
        if self.subtype not in SUBTYPES[self.format]:
            raise InputError(
                f"expected a subtype of {self.format} ({', '.join(SUBTYPES[self.format])}), got {self.subtype!r}"
            )


@dataclass(frozen=True)
class Result:
    """How mixing several songs ended.

    Attributes
    ----------
    done, kept : tuple of Path
        Mixes that were made, and those that were there already.
    failures : tuple of Failure
    """

    done: tuple[Path, ...]
    kept: tuple[Path, ...]
    failures: tuple[Failure, ...]


def mix_songs(
    songs: Sequence[Multitrack],
    out: Path,
    mixer: Mixer,
    plan: Plan,
    *,
    progress: Progress = lambda done, what: None,
) -> Result:
    """Mix songs into a folder: `OUT/NAME.wav`, with `NAME.json` and `NAME.html`.

    A mix whose card says that it was made from the same stems by the same model and options is left alone.

    Parameters
    ----------
    songs : sequence of Multitrack
    out : Path
    mixer : Mixer
    plan : Plan
    progress : callable

    Returns
    -------
    Result

    Raises
    ------
    InputError
        If the folder cannot be written to; nothing is done.
    """
    files.make_folder(out)
    done: list[Path] = []
    kept: list[Path] = []
    failures: list[Failure] = []
    for number, song in enumerate(songs):
        target = out / f"{song.id}.{plan.format}"
        try:
            if is_done(song, target, mixer, plan):
                kept.append(target)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                mix_song(song, target, mixer, plan, progress=partial(_tell, progress, number))
                done.append(target)
        except Exception as error:  # one bad song never stops the others
            failures.append(Failure(song.id, "mix", explain(error)))
        progress(number + 1, song.id)
    return Result(tuple(done), tuple(kept), tuple(failures))


def mix_song(
    song: Multitrack, target: Path, mixer: Mixer, plan: Plan, *, progress: Progress = lambda share, what: None
) -> dict[str, Any]:
    """Mix a song, write it, its card and its page.

    Parameters
    ----------
    song : Multitrack
    target : Path
        The mix's file; the card and the page get its name.
    mixer : Mixer
    plan : Plan
    progress : callable

    Returns
    -------
    dict
        The card.

    Raises
    ------
    InputError
        If something would be overwritten that fxnorm did not make, or the folder cannot be written to.
    AudioError
        If a stem cannot be used, or the mix not be written.
    """
    require_target(song, target, plan)
    made = mixer.mix(song.read_stems(), song.sample_rate, samples=song.samples, progress=progress)
    mix, finished = plan.finish(made.audio, made.rate)
    made = replace(made, audio=mix)
    card = compose(song, mixer, made, finished, plan.finish)
    # Until the card is whole it says that the mix is ours, and vouches for nothing.
    DOCUMENT.write(target.with_suffix(".json"), DOCUMENT.wrap({}))
    audio_files.write(target, made.audio, made.rate, subtype=plan.subtype)
    card["output"] |= {"file": target.name, "subtype": plan.subtype, "bytes": target.stat().st_size}
    for stem, path in _normalized(song, plan).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        audio_files.write(path, made.prepared.audio[STEMS.index(stem)], made.prepared.rate, subtype=plan.subtype)
    if plan.page:
        from fxnorm.mixing.page import draw

        files.write_text(target.with_suffix(".html"), draw(card, song, made))
    card["signature"] = signature(song, mixer, plan)
    DOCUMENT.write(target.with_suffix(".json"), card)
    return card


def is_done(song: Multitrack, target: Path, mixer: Mixer, plan: Plan) -> bool:
    """Whether a card says that the mix is there already."""
    if plan.force or (plan.page and not target.with_suffix(".html").exists()):
        return False
    card = DOCUMENT.find(target.with_suffix(".json"))
    try:
        return bool(
            card["signature"] == signature(song, mixer, plan) and card["output"]["bytes"] == target.stat().st_size
        )
    except (OSError, KeyError, TypeError):
        return False


def signature(song: Multitrack, mixer: Mixer, plan: Plan) -> str:
    """Hash of all that decides what a mix becomes."""
    states = {
        stem: [[path.name, (state := path.stat()).st_size, state.st_mtime_ns] for path in paths]
        for stem, paths in song.stems.items()
    }
    content = {
        "version": DOCUMENT.version,
        "stems": states,
        "mixer": [mixer.identity, len(mixer.rooms), mixer.seed],
        "finish": [plan.finish.lufs, plan.finish.clip_mode],
        "file": [plan.format, plan.subtype],
        "normalized": str(plan.normalized) if plan.normalized is not None else None,
    }
    return documents.signature(content)


def require_target(song: Multitrack, target: Path, plan: Plan) -> None:
    """Make sure that a mix can be written, and that nothing is lost by it.

    Raises
    ------
    InputError
        If not.
    """
    sources = {path.resolve() for path in song.infos}
    audible = [target, *_normalized(song, plan).values()]
    written = [*audible, target.with_suffix(".json"), target.with_suffix(".html")]
    for path in audible:
        if path.resolve() in sources:
            raise InputError(f"{path}: is one of the stems; choose another place for what is written")
    ours = DOCUMENT.find(target.with_suffix(".json"))
    if not ours and not plan.force and (strange := next((path for path in written if path.exists()), None)):
        raise InputError(f"{strange}: was not made by fxnorm mix; choose another name, or --force")
    files.make_folder(target.parent)
    if plan.normalized is not None:
        files.make_folder(plan.normalized)


def _tell(progress: Progress, number: int, share: float, what: str) -> None:
    progress(number + share, what)


def _normalized(song: Multitrack, plan: Plan) -> dict[str, Path]:
    """Where normalised stems are kept: `DIR/NAME/vocals.wav`."""
    if plan.normalized is None:
        return {}
    return {stem: plan.normalized / song.id / f"{stem}.{plan.format}" for stem in song.stems}
