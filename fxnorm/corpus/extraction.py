"""From an archive of MUSDB18-HQ to a corpus: safe, resumable, all of a file or nothing of it."""

import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath

from fxnorm.corpus.folders import SPLITS
from fxnorm.errors import InputError
from fxnorm.files import replacing

_CHUNK = 1 << 20
_ENCRYPTED = 0x1


def extract(archive: Path, out: Path, *, progress: Callable[[int, int], None] | None = None) -> list[Path]:
    """Unpack a zip archive of songs; files that are already there and whole are left alone.

    A single folder around the splits (`musdb18hq/train/...`) is taken off; hidden files and `__MACOSX` are passed
    over. Run again after an interruption, it continues.

    Parameters
    ----------
    archive : Path
        A zip file.
    out : Path
        The corpus; made if it does not exist.
    progress : callable, optional
        Called with bytes done and bytes in all, after every file.

    Returns
    -------
    list of Path
        Every file of the archive, in its order, whether written now or found.

    Raises
    ------
    InputError
        If the archive is missing, damaged, encrypted or no zip, if one of its names leads out of `out` (nothing
        is written then), or if the disk is too full.
    """
    archive, out = Path(archive), Path(out)
    with _readable(archive), zipfile.ZipFile(archive) as source:
        members = _members(source, archive)
        targets = {out / name: member for name, member in members.items()}
        pending = {target for target, member in targets.items() if not _is_whole(target, member)}
        _require_space(out, sum(targets[target].file_size for target in pending))
        total = sum(member.file_size for member in targets.values())
        done = 0
        for target, member in targets.items():
            if target in pending:
                _write(source, member, target)
            done += member.file_size
            if progress is not None:
                progress(done, total)
    return list(targets)


def _members(source: zipfile.ZipFile, archive: Path) -> dict[PurePosixPath, zipfile.ZipInfo]:
    """The files to write, by path relative to the corpus."""
    members = source.infolist()
    for member in members:
        _require_safe(member, archive)
    files = {PurePosixPath(member.filename): member for member in members if not member.filename.endswith("/")}
    kept = {path: member for path, member in files.items() if path.parts and not _is_hidden(path)}
    if not kept:
        raise InputError(
            f"{archive}: expected an archive of songs, found no files in it; check that it is the right one"
        )
    tops = {path.parts[0] for path in kept}
    wrapped = (
        len(tops) == 1
        and tops.isdisjoint(SPLITS)
        and any(path.parts[1] in SPLITS for path in kept if len(path.parts) > 2)
    )
    return {path.relative_to(*tops) if wrapped else path: member for path, member in kept.items()}


def _require_safe(member: zipfile.ZipInfo, archive: Path) -> None:
    """Raise unless a member is a plain file or folder that stays where it is put, on every system."""
    name = member.orig_filename
    outside = PureWindowsPath(name).anchor or ".." in PurePosixPath(name).parts or "\\" in name or "\0" in name
    kind = stat.S_IFMT(member.external_attr >> 16)
    if outside:
        fault = "a path that leads out of the folder"
    elif kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        fault = "a link or device"
    elif member.flag_bits & _ENCRYPTED:
        fault = "an encrypted file"
    else:
        return
    raise InputError(f"{archive}: expected plain files and folders, got {fault} ({name!r}); nothing was extracted")


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


def _require_space(out: Path, needed: int) -> None:
    existing = next(folder for folder in (out, *out.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    if needed > free:
        raise InputError(
            f"{out}: expected {needed / 1e9:.1f} GB of free disk space, got {free / 1e9:.1f} GB; "
            f"make room or choose another disk"
        )


@contextmanager
def _readable(archive: Path) -> Iterator[None]:
    """One line for everything that an archive or a disk can do."""
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
        where = error.filename or "writing"
        raise InputError(
            f"{archive}: cannot be extracted ({where}: {error.strerror}); check paths, permissions and disk"
        ) from error
