"""Master an audio file: read the mix, bring it to a loudness, write the master and its report."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fxnorm import audio_files, files
from fxnorm.console.processor import Processor
from fxnorm.documents import DocumentType
from fxnorm.errors import InputError
from fxnorm.mixing.mastering import MasteringResult, glue, master, require_settings
from fxnorm.normalization.output_layout import choose_subtype

DOCUMENT = DocumentType("fxnorm-master", 1, "the report of a master", "make the master again", indent=1, finite=True)


@dataclass(frozen=True)
class MasteringOptions:
    """Settings of a master and of its file.

    Attributes
    ----------
    loudness_lufs, ceiling_db, max_reduction_db : float
        As for `master`.
    glue : bool
        Put a gentle bus compressor before the limiter.
    subtype : str
        A libsndfile subtype; the first of the format if empty.
    report : Path or None
        JSON file for settings and figures.
    force : bool
        Overwrite existing files.
    """

    loudness_lufs: float = -14.0
    ceiling_db: float = -1.0
    max_reduction_db: float = 6.0
    glue: bool = False
    subtype: str = ""
    report: Path | None = None
    force: bool = False

    def __post_init__(self) -> None:
        require_settings(self.loudness_lufs, self.ceiling_db, self.max_reduction_db)


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
    mix, sample_rate = audio_files.read(source)
    processors: tuple[Processor, ...] = (glue(mix, sample_rate),) if options.glue else ()
    result = master(
        mix,
        sample_rate,
        loudness_lufs=options.loudness_lufs,
        ceiling_db=options.ceiling_db,
        processors=processors,
        max_reduction_db=options.max_reduction_db,
    )
    for path in targets:
        files.make_folder(path.parent)
    audio_files.write(target, result.audio, sample_rate, subtype=subtype)
    if options.report is not None:
        DOCUMENT.write(options.report, DOCUMENT.wrap(report(source, target, options, result)))
    return result


def report(source: Path, target: Path, options: MasteringOptions, result: MasteringResult) -> dict[str, Any]:
    """Return files, wishes, settings and figures as plain JSON values."""
    wishes = {
        "loudness_lufs": options.loudness_lufs,
        "ceiling_dbtp": options.ceiling_db,
        "max_reduction_db": options.max_reduction_db,
    }
    return {"mix": source.name, "master": target.name, "wishes": wishes, **result.to_dict()}


def _require_free(source: Path, targets: list[Path], *, force: bool) -> None:
    if len({path.resolve() for path in (source, *targets)}) <= len(targets):
        raise InputError(f"{targets[0]}: mix, master and report are not three files; choose other names")
    if not force and (existing := next((path for path in targets if path.exists()), None)):
        raise InputError(f"{existing}: exists already; choose another name, or --force")
