"""Bring consoles and finished mixes in files to a style or near a reference."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fxnorm import audio_files, files
from fxnorm.audio import Audio
from fxnorm.console.document import Console
from fxnorm.console.render import offset_samples
from fxnorm.errors import InputError
from fxnorm.mixing.console_files import ConsoleFiles, TrackFiles
from fxnorm.mixing.matching import Progress
from fxnorm.mixing.reference import ReferenceResult
from fxnorm.mixing.styles import StyleResult, measure_style
from fxnorm.mixing.wishes import Wish
from fxnorm.recipe.styles import Style, read_styles, write_styles


def style_console(
    document: Path, folder: Path, out: Path, wish: Wish, *, force: bool = False, progress: Progress | None = None
) -> StyleResult | ReferenceResult:
    """Bring a console file to a style or near a reference, and write the new console.

    Parameters
    ----------
    document, folder, out : Path
        Console, folder of its tracks, and file of the new console.
    wish : Wish
    force : bool
        Overwrite an existing file.
    progress : callable, optional
        Called with the share that is done and what is being done.

    Raises
    ------
    InputError
        If a file is missing or would be overwritten, or the wish cannot be used; nothing is written.
    """
    if out.exists() and not force:
        raise InputError(f"{out}: exists already; choose another name, or --force")
    source = ConsoleFiles.find(Console.load(document), folder)
    wish.check()
    tracks = {track.strip.name: _read(track, source.sample_rate) for track in source.tracks}
    result = wish.apply(source.console, tracks, source.sample_rate, progress=progress)
    files.make_folder(out.parent)
    result.console.save(out)
    return result


def measure_styles(songs: Sequence[Path], out: Path, *, name: str, force: bool = False) -> Style:
    """Make a style of songs in files, and add it to a YAML file.

    Parameters
    ----------
    songs : sequence of Path
        Audio files, and folders of them.
    out : Path
        An existing file of styles is kept; the new one is added.
    name : str
    force : bool
        Replace a style of this name.

    Raises
    ------
    InputError
        If there are no songs, one is silent, or the file has a style of this name.
    """
    existing = read_styles(out) if out.exists() else {}
    if name in existing and not force:
        raise InputError(f"{out}: has a style {name!r} already; choose another --name, or --force")
    paths = audio_paths(songs)
    if not paths:
        raise InputError(f"{songs[0]}: expected audio files, got none; name songs or a folder of them")
    noun = "song" if len(paths) == 1 else "songs"
    style = measure_style([audio_files.read(path) for path in paths], description=f"Measured from {len(paths)} {noun}")
    files.make_folder(out.parent)
    write_styles(out, {**existing, name: style})
    return style


def audio_paths(paths: Sequence[Path]) -> list[Path]:
    """Return audio files, and those in folders, sorted."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(each for each in path.rglob("*") if each.suffix.lower() in audio_files.SUFFIXES)
        else:
            found.append(path)
    return found


def describe(result: StyleResult | ReferenceResult) -> list[str]:
    """Describe a result in lines: what was aimed at and reached, then what was not."""
    if isinstance(result, StyleResult):
        return [aim.describe() for aim in result.aims]
    before, after = result.before, result.after
    return [
        f"audio features {after.af:.3f} from the reference (before {before.af:.3f})",
        f"spectrum {after.spectrum_db:.1f} dB (before {before.spectrum_db:.1f})",
        f"mid share {after.mid_share:+.2f} (before {before.mid_share:+.2f})",
        f"loudness {after.loudness_lu:+.1f} LU (before {before.loudness_lu:+.1f})",
        *result.notices,
    ]


def _read(track: TrackFiles, sample_rate: int) -> Audio:
    """Read a whole track, without its offset."""
    blocks = list(track.read(sample_rate))
    audio = np.concatenate(blocks, axis=1) if blocks else np.zeros((1, 0), dtype=np.float32)
    return np.ascontiguousarray(audio[:, offset_samples(track.strip.offset_ms, sample_rate) :])
