"""Master an audio file: read the mix, bring it to a loudness, write the master and its report."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fxnorm import audio_files, files
from fxnorm.audio import Audio
from fxnorm.console.document import Master
from fxnorm.console.processor import Processor
from fxnorm.documents import DocumentType
from fxnorm.errors import InputError
from fxnorm.mixing.mastering import MasteringResult, glue, master, require_settings
from fxnorm.mixing.wishes import Wish, mix_console
from fxnorm.normalization.output_layout import choose_subtype

DOCUMENT = DocumentType("fxnorm-master", 1, "the report of a master", "make the master again", indent=1, finite=True)

LOUDNESS_LUFS = -14.0
CEILING_DB = -1.0


@dataclass(frozen=True)
class MasteringOptions:
    """Settings of a master and of its file.

    Attributes
    ----------
    loudness_lufs, ceiling_db : float or None
        As for `master`; None for its default, or for those of the wish.
    max_reduction_db : float
        As for `master`.
    glue : bool
        Put a gentle bus compressor before the limiter.
    subtype : str
        A libsndfile subtype; the first of the format if empty.
    report : Path or None
        JSON file for settings and figures.
    force : bool
        Overwrite existing files.
    wish : Wish or None
        Bring the mix to a style or near a reference as well.
    """

    loudness_lufs: float | None = None
    ceiling_db: float | None = None
    max_reduction_db: float = 6.0
    glue: bool = False
    subtype: str = ""
    report: Path | None = None
    force: bool = False
    wish: Wish | None = None

    def __post_init__(self) -> None:
        require_settings(self.wished_lufs, self.wished_ceiling_db, self.max_reduction_db)

    @property
    def wished_lufs(self) -> float:
        """Loudness without a wish."""
        return LOUDNESS_LUFS if self.loudness_lufs is None else self.loudness_lufs

    @property
    def wished_ceiling_db(self) -> float:
        """Ceiling without a wish."""
        return CEILING_DB if self.ceiling_db is None else self.ceiling_db


def master_file(source: Path, target: Path, options: MasteringOptions) -> MasteringResult:
    """Master an audio file.

    Parameters
    ----------
    source, target : Path
        The mix, and the master in WAV or FLAC at the same sample rate.
    options : MasteringOptions

    Returns
    -------
    MasteringResult

    Raises
    ------
    InputError
        If the format is not supported or a file would be overwritten; nothing is written.
    AudioError
        If the mix cannot be used, or the master cannot be written.
    """
    subtype = choose_subtype(target.suffix.lower().lstrip("."), options.subtype.upper())
    targets = [target] if options.report is None else [target, options.report]
    _require_free(source, targets, force=options.force)
    if options.wish is not None:
        options.wish.check()
    mix, sample_rate = audio_files.read(source)
    result = _master(mix, sample_rate, options)
    for path in targets:
        files.make_folder(path.parent)
    audio_files.write(target, result.audio, sample_rate, subtype=subtype)
    if options.report is not None:
        DOCUMENT.write(options.report, DOCUMENT.wrap(report(source, target, options, result)))
    return result


def _master(mix: Audio, sample_rate: int, options: MasteringOptions) -> MasteringResult:
    processors: tuple[Processor, ...] = (glue(mix, sample_rate),) if options.glue else ()
    if options.wish is None:
        return master(
            mix,
            sample_rate,
            loudness_lufs=options.wished_lufs,
            ceiling_db=options.wished_ceiling_db,
            processors=processors,
            max_reduction_db=options.max_reduction_db,
        )
    console, tracks = mix_console(mix)
    result = options.wish.apply(replace(console, master=Master(processors)), tracks, sample_rate)
    chain = result.console.master.processors
    return replace(result.master, processors=chain, notices=result.notices, figures=result.to_dict())


def report(source: Path, target: Path, options: MasteringOptions, result: MasteringResult) -> dict[str, Any]:
    """Return files, wishes, settings and figures as plain JSON values."""
    wishes: dict[str, Any] = {
        "loudness_lufs": options.wished_lufs,
        "ceiling_dbtp": options.wished_ceiling_db,
        "max_reduction_db": options.max_reduction_db,
    }
    if (wish := options.wish) is not None:
        wishes |= {
            "loudness_lufs": wish.loudness_lufs,
            "ceiling_dbtp": wish.ceiling_db,
            "style": wish.style,
            "reference": wish.reference.name if wish.reference else "",
        }
    return {"mix": source.name, "master": target.name, "wishes": wishes, **result.to_dict()}


def _require_free(source: Path, targets: list[Path], *, force: bool) -> None:
    if len({path.resolve() for path in (source, *targets)}) <= len(targets):
        raise InputError(f"{targets[0]}: mix, master and report are not three files; choose other names")
    if not force and (existing := next((path for path in targets if path.exists()), None)):
        raise InputError(f"{existing}: exists already; choose another name, or --force")
