"""Unpack zip archives of songs: safely, resumably, every file whole or not at all."""

import os
import re
import shutil
import stat
import sys
import tempfile
import time
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath, PureWindowsPath

from fxnorm.audio_files import SUFFIXES
from fxnorm.choices import SPLITS
from fxnorm.corpus.folders import ARCHIVE_SUFFIX
from fxnorm.errors import InputError
from fxnorm.files import replacing

MAX_TEMPORARY_BYTES = 32 << 30  # several albums of uncompressed multitracks
MAX_TEMPORARY_FILES = 100_000

_CHUNK = 1 << 20
_IS_WINDOWS = os.name == "nt"
_FOLDS_NAMES = _IS_WINDOWS or sys.platform == "darwin"  # file systems there ignore case and Unicode normalisation
_DEVICES = re.compile(r"(CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(COM|LPT)[1-9¹²³]) *(\.|$)", re.IGNORECASE)
_ENCRYPTED = 0x1


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """Provide a folder of songs, whether `path` is that folder or a zip archive of it.

    The audio of an archive is unpacked to a temporary folder (in `TMPDIR`, if set), which is removed when the block
    ends. Songs are named as in the archive; if it holds the files of a single song, by the archive.

    Parameters
    ----------
    path : Path

    Yields
    ------
    Path
        `path` itself if its name does not end in `.zip`.

    Raises
    ------
    InputError
        As `extract` raises it, and if the archive holds no audio, or more than `MAX_TEMPORARY_BYTES` or
        `MAX_TEMPORARY_FILES` of it.
    """
    path = Path(path)
    if path.suffix.lower() != ARCHIVE_SUFFIX or path.is_dir():
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="fxnorm-") as temporary:
        folder = Path(temporary) / path.stem
        _extract_audio(path, folder)
        yield folder


def extract(archive: Path, out: Path, *, progress: Callable[[int, int], None] | None = None) -> list[Path]:
    """Unpack a zip archive of songs; files that are already there and whole are left alone.

    A single folder around the splits (`musdb18hq/train/...`) is removed from the paths; hidden files and `__MACOSX`
    are ignored. On Windows, names that it does not allow are changed (`Song?.wav` to `Song_.wav`). After an
    interruption, another call continues. Files keep their modification times.

    Parameters
    ----------
    archive : Path
        A zip file.
    out : Path
        Folder of the corpus; created if it does not exist.
    progress : callable, optional
        Called with the bytes done and the bytes in all after every file.

    Returns
    -------
    list of Path
        Every file of the archive, in its order, whether it was written now or before.

    Raises
    ------
    InputError
        If the archive is missing, damaged, encrypted or no zip, if one of its paths leads out of `out` or two are the
        same (nothing is written then), or if the disk is too full.
    """
    archive, out = Path(archive), Path(out)
    with _readable(archive), zipfile.ZipFile(archive) as source:
        members = _members(source, archive)
        return _extract_members(source, {out / name: member for name, member in members.items()}, out, progress)


def _extract_audio(archive: Path, out: Path) -> None:
    """Unpack the audio of an archive, if it is not too much for a temporary folder."""
    with _readable(archive), zipfile.ZipFile(archive) as source:
        members = {
            out / name: member for name, member in _members(source, archive).items() if name.suffix.lower() in SUFFIXES
        }
        if not members:
            raise InputError(f"{archive}: expected an archive of songs, found no audio in it; check its content")
        size = sum(member.file_size for member in members.values())
        if size > MAX_TEMPORARY_BYTES or len(members) > MAX_TEMPORARY_FILES:
            raise InputError(
                f"{archive}: expected up to {MAX_TEMPORARY_BYTES / 1e9:.0f} GB in {MAX_TEMPORARY_FILES:,} files, "
                f"got {size / 1e9:.0f} GB in {len(members):,}; unpack it with 'fxnorm corpus extract'"
            )
        _extract_members(source, members, out)


def _extract_members(
    source: zipfile.ZipFile,
    targets: Mapping[Path, zipfile.ZipInfo],
    out: Path,
    progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    pending = {target for target, member in targets.items() if not _is_whole(target, member)}
    _require_space(out, sum(targets[target].file_size for target in pending))
    total = sum(member.file_size for member in targets.values())
    extracted = 0
    for target, member in targets.items():
        if target in pending:
            _write(source, member, target)
        extracted += member.file_size
        if progress is not None:
            progress(extracted, total)
    return list(targets)


def _members(source: zipfile.ZipFile, archive: Path) -> dict[PurePosixPath, zipfile.ZipInfo]:
    """Return the files to write, by path relative to the corpus."""
    members = source.infolist()
    for member in members:
        _require_safe(member, archive)
    files = {PurePosixPath(member.filename): member for member in members if not member.filename.endswith("/")}
    visible = {path: member for path, member in files.items() if path.parts and not _is_hidden(path)}
    if not visible:
        raise InputError(
            f"{archive}: expected an archive of songs, found no files in it; check that it is the right one"
        )
    tops = {path.parts[0] for path in visible}
    wrapped = (
        len(tops) == 1
        and tops.isdisjoint(SPLITS)
        and any(path.parts[1] in SPLITS for path in visible if len(path.parts) > 2)
    )
    targets = {path.relative_to(*tops) if wrapped else path: member for path, member in visible.items()}
    return _named_for_system(targets, archive)


def _require_safe(member: zipfile.ZipInfo, archive: Path) -> None:
    """Raise unless a member is a plain file or folder inside the target on every system."""
    name = member.orig_filename
    is_outside = PureWindowsPath(name).anchor or ".." in PurePosixPath(name).parts or "\\" in name or "\0" in name
    kind = stat.S_IFMT(member.external_attr >> 16)
    if is_outside:
        fault = "a path that leads out of the folder"
    elif kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        fault = "a link or device"
    elif member.flag_bits & _ENCRYPTED:
        fault = "an encrypted file"
    else:
        return
    raise InputError(f"{archive}: expected plain files and folders, got {fault} ({name!r}); nothing was extracted")


def _named_for_system(
    targets: Mapping[PurePosixPath, zipfile.ZipInfo], archive: Path
) -> dict[PurePosixPath, zipfile.ZipInfo]:
    """Change names that the system does not allow; raise if two of them would be one file."""
    named: dict[str, tuple[PurePosixPath, zipfile.ZipInfo]] = {}
    for path, member in targets.items():
        allowed = PurePosixPath(*map(windows_name, path.parts)) if _IS_WINDOWS else path
        name = unicodedata.normalize("NFC", str(allowed)).casefold() if _FOLDS_NAMES else str(allowed)
        if name in named:
            raise InputError(
                f"{archive}: expected files of different names, got two that this system calls {str(allowed)!r}; "
                "nothing was extracted"
            )
        named[name] = allowed, member
    return dict(named.values())


def windows_name(name: str) -> str:
    """Return the name of a file or folder, changed if Windows does not allow it.

    Windows takes a colon for the start of an alternate stream, drops dots and spaces at the end, and opens a device in
    the place of a file called `CON` or `nul.wav`.
    """
    allowed = re.sub(r'[<>:"|?*\x00-\x1f]', "_", name).rstrip(" .") or "_"
    return f"_{allowed}" if _DEVICES.match(allowed) else allowed


def _is_hidden(path: PurePosixPath) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in path.parts)


def _is_whole(target: Path, member: zipfile.ZipInfo) -> bool:
    if not target.is_file() or target.stat().st_size != member.file_size:
        return False
    checksum = 0
    with target.open("rb") as file:
        while chunk := file.read(_CHUNK):
            checksum = zlib.crc32(chunk, checksum)
    return checksum == member.CRC


def _write(source: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with replacing(target) as temporary, source.open(member) as packed, temporary.open("wb") as file:
        shutil.copyfileobj(packed, file, _CHUNK)
    with suppress(OSError, ValueError, OverflowError):  # a time that no calendar has
        modified = time.mktime((*member.date_time, 0, 0, -1))
        os.utime(target, (modified, modified))


def _require_space(out: Path, required_bytes: int) -> None:
    ancestor = next(folder for folder in (out, *out.parents) if folder.exists())
    free = shutil.disk_usage(ancestor).free
    if required_bytes > free:
        raise InputError(
            f"{out}: expected {required_bytes / 1e9:.1f} GB of free disk space, got {free / 1e9:.1f} GB; "
            f"make room or choose another disk"
        )


@contextmanager
def _readable(archive: Path) -> Iterator[None]:
    """Turn the errors of archives and disks into messages of one line."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise InputError(
            f"{archive}: expected a zip archive, got something else or a damaged part of one "
            f"({error or 'it ends too early'}); download it again"
        ) from error
    except NotImplementedError as error:
        raise InputError(f"{archive}: packed in an unknown way ({error}); unpack it with another program") from error
    except OSError as error:
        file = error.filename or "writing"
        raise InputError(
            f"{archive}: cannot be extracted ({file}: {error.strerror}); check paths, permissions and disk"
        ) from error
