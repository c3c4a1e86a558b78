"""Operating systems that the tests do not run on: Linux's own features are removed, the features of others are faked.

Processor masks, links, POSIX modules and signals are removed; the Windows API is replaced by a fake that keeps to its
documentation. `os.name` stays as it is, since `pathlib` chooses its classes by it.
"""

import ctypes
import errno
import os
import subprocess
import sys
import textwrap
import time
import zipfile
from pathlib import Path, PureWindowsPath
from types import ModuleType
from typing import IO, Any

import pytest

from fxnorm import audio, audio_files, corpus, documents, files, locks
from fxnorm.corpus import extraction
from fxnorm.errors import AudioError, InputError
from fxnorm.normalization.corpus_normalization import normalize_corpus
from fxnorm.normalization.output_layout import OutputLayout
from fxnorm.normalization.plan import NormalizationPlan
from fxnorm.normalization.settings import ChainSettings
from fxnorm.normalization.statistics import FxStats
from fxnorm.parallel import default_jobs
from fxnorm.synth.songs import song_name
from tests.normalization.test_corpus_passes import write_song
from tests.signals import noise

ALL_MODULES = """
import importlib, pkgutil
import fxnorm

def import_all():
    names = [module.name for module in pkgutil.walk_packages(fxnorm.__path__, "fxnorm.")]
    names = [name for name in names if name != "fxnorm.__main__"]
    for name in names:
        importlib.import_module(name)
    return names
"""

# The standard library is loaded with the features of POSIX, and fxnorm once more without them.
REMOVAL = """
import os, signal, subprocess, sys
import fxnorm.parallel.pool, fxnorm.locks

Popen = subprocess.Popen
for name in [name for name in sys.modules if name.split(".")[0] == "fxnorm"]:
    del sys.modules[name]
for name in ("fcntl", "resource", "termios", "pwd", "grp", "tty", "pty", "syslog"):
    sys.modules[name] = None  # importing it raises ModuleNotFoundError
LACKING = (
    (os, "fork killpg getpgid setsid geteuid getuid sched_getaffinity statvfs mkfifo chown WIFEXITED"),
    (signal, "SIGKILL SIGHUP SIGUSR1 SIGUSR2 SIGALRM SIGCHLD SIGSTOP SIGCONT pthread_sigmask alarm setitimer"),
)
for module, lacking in LACKING:
    for name in lacking.split():
        if hasattr(module, name):
            delattr(module, name)
"""

WINDOWS = """
import ctypes, types
sys.platform = "win32"
sys.modules["msvcrt"] = types.SimpleNamespace(get_osfhandle=lambda file: 1000 + file)
subprocess.CREATE_NEW_PROCESS_GROUP = 0x200
subprocess.STARTUPINFO = types.SimpleNamespace
os.set_handle_inheritable = os.set_inheritable
"""


def run_elsewhere(*parts: str) -> str:
    """Run Python on a system without POSIX; return its output."""
    code = "\n".join(textwrap.dedent(part) for part in parts)
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
    return process.stdout


def test_every_module_is_imported_where_there_is_no_posix() -> None:
    printed = run_elsewhere(
        ALL_MODULES,
        "names = import_all()",  # with the packages that they need
        REMOVAL,
        WINDOWS,
        ALL_MODULES,
        """
        assert import_all() == names
        from fxnorm import locks
        from fxnorm.parallel import default_jobs
        assert not hasattr(locks, "fcntl") and default_jobs() >= 1
        print(len(names))
        """,
    )
    assert int(printed) > 100


def test_the_removal_is_noticed() -> None:
    with pytest.raises(AssertionError, match="import of fcntl halted"):
        run_elsewhere(REMOVAL, "import fxnorm.locks")
    with pytest.raises(AssertionError, match="no attribute 'pthread_sigmask'"):
        run_elsewhere(REMOVAL, "from fxnorm.parallel import pool; [*pool.Pool(2)(abs, [1])]")


def test_workers_start_by_handles_on_windows() -> None:
    """The start of a worker is translated to POSIX after its Windows arguments have been checked."""
    printed = run_elsewhere(
        REMOVAL,
        WINDOWS,
        """
        from fxnorm.parallel import pool

        started = []

        class Process(Popen):
            def __init__(self, command, *, stdin, env, startupinfo, creationflags):
                handles = startupinfo.lpAttributeList["handle_list"]
                assert stdin == subprocess.DEVNULL and creationflags == 0x200
                assert len(handles) == 2 and all(os.get_inheritable(handle) for handle in handles)
                assert command[4:6] == [str(handle) for handle in handles]
                assert env["OMP_NUM_THREADS"] == "1"
                started.append(command)
                super().__init__(command, stdin=stdin, env=env, pass_fds=handles)

            def kill(self):
                self.send_signal(9)

        subprocess.Popen = Process
        with pool.Pool(100) as workers:
            assert workers.jobs == 60
            assert list(workers(abs, range(-4, 0))) == [(number, -number) for number in range(-4, 0)]
        print(len(started))
        """,
    )
    assert 1 <= int(printed) <= 4


class FakeWindows:
    """LockFileEx and UnlockFileEx of kernel32 for a single file, as their documentation describes them.

    Locks belong to handles; one that is not held cannot be released; a second lock on a handle's own range is refused
    unless both are shared.
    """

    LOCK_VIOLATION, NOT_LOCKED = 33, 158

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.held: dict[int, bool] = {}  # handle: exclusive
        self.error = 0
        self.failing: int | None = None  # an error code for every LockFileEx

    def LockFileEx(self, handle: Any, flags: int, reserved: int, low: int, high: int, region: Any) -> int:  # noqa: N802
        exclusive = bool(flags & 2)
        assert flags & 1  # without it, the call waits
        assert (reserved, low, high) == (0, 1, 0)
        self.calls.append(("lock", handle.value, exclusive, region._obj.OffsetHigh))
        if self.failing is not None:
            self.error = self.failing
            return 0
        if any(exclusive or held_exclusively for held_exclusively in self.held.values()):
            self.error = self.LOCK_VIOLATION
            return 0
        self.held[handle.value] = exclusive
        return 1

    def UnlockFileEx(self, handle: Any, reserved: int, low: int, high: int, region: Any) -> int:  # noqa: N802
        assert (reserved, low, high) == (0, 1, 0)
        self.calls.append(("unlock", handle.value, region._obj.OffsetHigh))
        if self.held.pop(handle.value, None) is None:
            self.error = self.NOT_LOCKED
            return 0
        return 1

    def close_all_but(self, handles: set[int]) -> None:
        """Drop the locks of closed files."""
        self.held = {handle: exclusive for handle, exclusive in self.held.items() if handle in handles}


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> tuple[Any, FakeWindows]:
    """`fxnorm.locks` as Windows loads it, and the system below it."""
    system = FakeWindows()

    def load(name: str, *, use_last_error: bool) -> FakeWindows:
        assert (name, use_last_error) == ("kernel32", True)
        return system

    def win_error(code: int) -> OSError:
        return OSError(errno.EINVAL, "Incorrect function", None, code)

    class Msvcrt:
        @staticmethod
        def get_osfhandle(descriptor: int) -> int:
            return 1000 + descriptor

    monkeypatch.setitem(sys.modules, "msvcrt", Msvcrt)
    for name, value in (("WinDLL", load), ("get_last_error", lambda: system.error), ("WinError", win_error)):
        monkeypatch.setattr(ctypes, name, value, raising=False)
    source = Path(locks.__file__)
    module = ModuleType("locks_on_windows")
    with monkeypatch.context() as loading:
        loading.setattr(sys, "platform", "win32")
        exec(compile(source.read_text(encoding="utf-8"), str(source), "exec"), module.__dict__)
    return module, system


def test_locks_of_windows_exclude_as_those_of_posix(windows: tuple[Any, FakeWindows], tmp_path: Path) -> None:
    module, system = windows
    (tmp_path / "lock").touch()
    with (tmp_path / "lock").open("rb") as first, (tmp_path / "lock").open("rb") as second:
        assert module.try_lock(first, exclusive=False)
        assert module.try_lock(second, exclusive=False)
        assert not module.try_lock(second, exclusive=True)
        assert module.try_lock(first, exclusive=True)  # the attempt of the second has lost its shared lock
        assert module.try_lock(first, exclusive=False)  # and a lock is changed without waiting for itself
        handle = 1000 + first.fileno()
    assert system.calls[:2] == [("unlock", handle, 0x7FFFFFFF), ("lock", handle, False, 0x7FFFFFFF)]
    assert [call[0] for call in system.calls] == ["unlock", "lock"] * 5


def test_errors_of_windows_are_a_refusal_or_no_locks(windows: tuple[Any, FakeWindows], tmp_path: Path) -> None:
    module, system = windows
    with (tmp_path / "lock").open("ab") as file:
        for code in (33, 997):  # ERROR_LOCK_VIOLATION, ERROR_IO_PENDING
            system.failing = code
            assert not module.try_lock(file, exclusive=True)
        system.failing = 1  # ERROR_INVALID_FUNCTION, of a file system without locks
        with pytest.raises(OSError, match="Incorrect function"):
            module.try_lock(file, exclusive=True)


def test_a_folder_is_locked_by_windows_locks(
    windows: tuple[Any, FakeWindows], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows removes no open file, drops a lock with the file, and has the name free after that."""
    module, system = windows
    locked: list[IO[bytes]] = []

    def try_lock(file: IO[bytes], *, exclusive: bool) -> bool:
        system.close_all_but({1000 + file.fileno() for file in locked if not file.closed})
        locked.append(file)
        return bool(module.try_lock(file, exclusive=exclusive))

    unlink = Path.unlink

    def refuse_open(path: Path, missing_ok: bool = False) -> None:
        if path.name == files.LOCK and not all(file.closed for file in locked):
            raise PermissionError(errno.EACCES, "The process cannot access the file", str(path))
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(files.locks, "try_lock", try_lock)
    monkeypatch.setattr(files, "_IS_WINDOWS", True)
    monkeypatch.setattr(files, "_GRACE_S", 0.1)
    monkeypatch.setattr(Path, "unlink", refuse_open)
    with files.lock_folder(tmp_path):
        with files.share_folder(tmp_path), files.share_folder(tmp_path):
            pass
        with pytest.raises(InputError, match="another run is at work there"), files.lock_folder(tmp_path):
            pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("seconds_open", [0.2, None])
def test_a_result_that_is_open_in_another_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds_open: float | None
) -> None:
    """Windows refuses to replace an open file: wait for a virus scanner, and name the file in the player."""
    target = tmp_path / "mix.wav"
    target.write_bytes(b"old")
    begin = time.monotonic()
    replace = Path.replace

    def refuse(path: Path, name: Path) -> Path:
        if seconds_open is None or time.monotonic() < begin + seconds_open:
            raise PermissionError(errno.EACCES, "Access is denied", str(path), 5, str(name))
        return replace(path, name)

    monkeypatch.setattr(Path, "replace", refuse)
    monkeypatch.setattr(files, "_IS_WINDOWS", True)
    monkeypatch.setattr(files, "_OPEN_ELSEWHERE_S", 0.5)
    if seconds_open is not None:
        audio_files.write(target, noise(0.1), audio.SAMPLE_RATE)
        assert audio_files.probe(target).samples == round(0.1 * audio.SAMPLE_RATE)
    else:
        with pytest.raises(AudioError, match=r"mix\.wav: cannot be written \(Access is denied; is it open in another"):
            audio_files.write(target, noise(0.1), audio.SAMPLE_RATE)
        with pytest.raises(InputError, match=r"card\.json: cannot be written .*is it open in another program"):
            documents.write_text(tmp_path / "card.json", "{}", InputError)
        assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["mix.wav"]


def test_a_failed_replacement_names_the_file_and_not_the_temporary(tmp_path: Path) -> None:
    (tmp_path / "report.html").mkdir()
    with pytest.raises(IsADirectoryError) as caught:
        files.write_text(tmp_path / "report.html", "x")
    assert caught.value.filename == str(tmp_path / "report.html")


ALLOWED_ON_WINDOWS = {
    "vocals.wav": "vocals.wav",
    "Kick: close.wav": "Kick_ close.wav",
    'Who?*<>|".wav': "Who______.wav",
    "CON": "_CON",
    "nul.wav": "_nul.wav",
    "com1.take.wav": "_com1.take.wav",
    "LPT²": "_LPT²",
    "console.wav": "console.wav",
    "COM10.wav": "COM10.wav",
    "Song...": "Song",
    "Song . ": "Song",
    "...": "_",
    "tab\there.wav": "tab_here.wav",
    "sóng 曲.wav": "sóng 曲.wav",
}


@pytest.mark.parametrize("name", ALLOWED_ON_WINDOWS)
def test_names_that_windows_does_not_allow_are_changed(name: str) -> None:
    allowed = extraction.windows_name(name)
    assert allowed == ALLOWED_ON_WINDOWS[name]
    assert extraction.windows_name(allowed) == allowed
    assert PureWindowsPath("C:\\") / allowed == PureWindowsPath(f"C:\\{allowed}")


def pack(path: Path, names: list[str]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for number, name in enumerate(names):
            archive.writestr(name, bytes([number]))
    return path


def test_an_archive_from_a_mac_is_unpacked_on_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = pack(tmp_path / "a.zip", ["train/AUX/Kick: 1.wav", "train/Why? ./vocals.wav"])
    monkeypatch.setattr(extraction, "_IS_WINDOWS", True)
    monkeypatch.setattr(extraction, "_FOLDS_NAMES", True)
    paths = extraction.extract(archive, tmp_path / "out")
    assert [path.relative_to(tmp_path / "out").as_posix() for path in paths] == [
        "train/_AUX/Kick_ 1.wav",
        "train/Why_/vocals.wav",
    ]
    assert extraction.extract(archive, tmp_path / "out") == paths


@pytest.mark.parametrize(
    ("names", "windows_only"),
    [
        (["train/A/Kick.wav", "train/A/kick.wav"], False),
        (["train/Caf\u00e9/x.wav", "train/Cafe\u0301/x.wav"], False),
        (["train/A/x?.wav", "train/A/x_.wav"], True),
        (["train/A/x.wav", "train/A./x.wav"], True),
    ],
)
def test_files_that_would_be_one_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: list[str], windows_only: bool
) -> None:
    archive = pack(tmp_path / "a.zip", names)
    assert len(extraction.extract(archive, tmp_path / "linux")) == 2
    monkeypatch.setattr(extraction, "_IS_WINDOWS", windows_only)
    monkeypatch.setattr(extraction, "_FOLDS_NAMES", True)
    with pytest.raises(InputError, match="got two that this system calls") as caught:
        extraction.extract(archive, tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "name",
    ["C:kick.wav", "C:\\kick.wav", "C:/kick.wav", "\\\\server\\share\\kick.wav", "a\\..\\..\\kick.wav", "/kick.wav"],
)
def test_paths_with_drive_letters_are_refused_on_every_system(tmp_path: Path, name: str) -> None:
    archive = pack(tmp_path / "a.zip", ["train/A/vocals.wav", name])
    with pytest.raises(InputError, match="a path that leads out of the folder"):
        extraction.extract(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_names_of_synthetic_songs_are_allowed_everywhere() -> None:
    names = {song_name(seed, index) for seed in range(20) for index in range(50)}
    assert len(names) > 100
    assert {name for name in names if extraction.windows_name(name) != name} == set()


def test_a_name_that_is_too_long_is_one_line(tmp_path: Path) -> None:
    """Linux ends a name at 255 bytes, Windows a path at 260 characters unless long paths are enabled."""
    write_song(tmp_path / "songs" / "Song", seconds=0.2)
    long = tmp_path / ("x" * 300)
    for words in (
        ["normalize", tmp_path / "songs", "-o", long],
        ["mix", tmp_path / "songs" / "Song", "-o", long / "mix.wav", "--model", "sum"],
        ["mix", tmp_path / "songs" / "Song", "-o", f"{long}.wav", "--model", "sum"],
        ["stats", "compute", tmp_path / "songs", "-o", f"{long}.json", "-j", "1"],
        ["corpus", "check", long],
    ):
        process = subprocess.run(
            [sys.executable, "-m", "fxnorm", *map(str, words)], capture_output=True, text=True, check=False
        )
        assert (process.returncode, process.stdout) == (2, ""), words
        assert process.stderr.count("\n") == 1, process.stderr
        assert process.stderr.startswith("fxnorm: error: ")


def test_names_that_the_console_cannot_show_are_escaped(tmp_path: Path) -> None:
    """As cp1252 of a Windows console, or a name on Linux that is not UTF-8."""
    for name in ("曲", os.fsdecode(b"caf\xe9")):
        write_song(tmp_path / "songs" / name, seconds=0.2)
    for encoding, text in (("cp1252", "\\u66f2"), ("utf-8", "曲")):
        process = subprocess.run(
            [sys.executable, "-m", "fxnorm", "corpus", "check", str(tmp_path / "songs"), "-j", "1"],
            capture_output=True,
            check=False,
            env=os.environ | {"PYTHONIOENCODING": encoding},
        )
        assert (process.returncode, process.stderr) == (0, b"")
        assert text in process.stdout.decode(encoding)
        assert "caf\\udce9" in process.stdout.decode(encoding)


def test_shared_locks_admit_each_other_and_exclude_an_exclusive_one(tmp_path: Path) -> None:
    (tmp_path / "lock").touch()
    with (tmp_path / "lock").open("rb") as first, (tmp_path / "lock").open("rb") as second:
        assert locks.try_lock(first, exclusive=False)
        assert locks.try_lock(second, exclusive=False)
        assert not locks.try_lock(second, exclusive=True)
    with (tmp_path / "lock").open("rb") as third:  # closing a file drops its lock
        assert locks.try_lock(third, exclusive=True)
        assert locks.try_lock(third, exclusive=False)


def test_text_is_the_same_on_every_system(tmp_path: Path) -> None:
    files.write_text(tmp_path / "a.txt", "one\ntwo\n")
    assert (tmp_path / "a.txt").read_bytes() == b"one\ntwo\n"


def test_a_system_without_masks_and_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no links here")

    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(os, "symlink", refuse)
    assert default_jobs() >= 1
    song = tmp_path / "songs" / "Song"
    write_song(song, seconds=1.0)
    if not (song / "mixture.wav").exists():
        audio_files.write(song / "mixture.wav", noise(1.0, seed=9), audio.SAMPLE_RATE)
    plan = NormalizationPlan(
        FxStats.shipped(), ChainSettings.preset(effects=("loudness",)), OutputLayout(tmp_path / "out")
    )
    assert normalize_corpus(corpus.scan(tmp_path / "songs"), plan, jobs=2).failures == ()
    copy = tmp_path / "out" / "Song" / "mixture.wav"
    assert copy.read_bytes() == (song / "mixture.wav").read_bytes()
    assert not copy.samefile(song / "mixture.wav")
