"""Runs that are killed, meet a full disk, a second run or a vanished file."""

import errno
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from fxnorm import audio_files, corpus, files, locks
from fxnorm.errors import FxnormError, InputError, RunError
from fxnorm.normalization.corpus_normalization import normalize_corpus
from fxnorm.normalization.corpus_statistics import MeasuringJob, Pass, compute_stats, measure_stem
from fxnorm.normalization.output_layout import OutputLayout
from fxnorm.normalization.plan import NormalizationPlan
from fxnorm.normalization.settings import ChainSettings
from fxnorm.normalization.statistics import FxStats
from fxnorm.normalization.stem_normalization import normalize_stem
from fxnorm.parallel import pool
from fxnorm.parallel.runner import run
from tests.benchmarks.kills import FXNORM, contents, hidden, kill_and_go_on
from tests.normalization.test_corpus_passes import write_song

posix = pytest.mark.skipif(os.name != "posix", reason="signals and locks of POSIX")


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(files, "_GRACE_S", 0.2)


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    root = tmp_path_factory.mktemp("corpus")
    for number in range(3):
        write_song(root / "train" / f"Song {number}", seed=number, seconds=6.0)
    return root


@pytest.fixture(scope="module")
def undisturbed(songs, tmp_path_factory):
    out = tmp_path_factory.mktemp("undisturbed")
    normalize_corpus(corpus.scan(songs), plan(out))
    return contents(out)


def plan(out, **changes):
    return NormalizationPlan(
        FxStats.shipped(), ChainSettings.preset(), changes.pop("layout", None) or OutputLayout(out), **changes
    )


class Run:
    """A running command with some of its results written."""

    def __init__(self, songs, out, *, jobs=2):
        self.out = out
        words = [*FXNORM, "normalize", str(songs), "-o", str(out), "-j", str(jobs), "-q"]
        self.process = subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        while not any(b'"steps"' in card.read_bytes() for card in out.rglob("[!.]*.json") if card.name != "chain.json"):
            assert self.process.poll() is None, self.end()
            time.sleep(0.01)

    def workers(self):
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        children = [int(pid) for pid in path.read_text().split()]
        return [pid for pid in children if b"pool.serve" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    def end(self):
        """Wait for the exit code and the error output."""
        _, complaint = self.process.communicate(timeout=60)
        assert "Traceback" not in complaint
        return self.process.returncode, complaint


@posix
@pytest.mark.parametrize(("number", "whole_group", "code"), [(signal.SIGINT, True, 130), (signal.SIGTERM, False, 143)])
def test_an_interruption_is_one_line_and_leaves_nothing_half_written(
    songs, undisturbed, tmp_path, number, whole_group, code
):
    begun = Run(songs, tmp_path / "out")
    (os.killpg if whole_group else os.kill)(begun.process.pid, number)
    ended, complaint = begun.end()
    assert ended == code
    assert complaint.split("\n") == [
        *([""] if complaint.startswith("\n") else []),  # the line of the echoed ^C
        "fxnorm: interrupted; finished work is kept: run the same command again to go on",
        "",
    ]
    assert hidden(begun.out) == []
    result = normalize_corpus(corpus.scan(songs), plan(begun.out))
    assert result.up_to_date > 0
    assert result.normalized > 0
    assert contents(begun.out) == undisturbed


@posix
def test_killed_and_begun_again_it_ends_as_if_undisturbed(songs, undisturbed, tmp_path):
    words = ["normalize", str(songs), "-o", "{out}", "-j", "2", "-q"]
    trial = kill_and_go_on(words, tmp_path, kills=3, seed=0)
    assert (trial.kills, trial.differing, trial.remaining) == (3, 0, 0)
    assert contents(tmp_path / "undisturbed") == undisturbed


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc to find the worker")
def test_a_worker_that_is_killed_loses_nothing(songs, undisturbed, tmp_path):
    begun = Run(songs, tmp_path / "out")
    os.kill(begun.workers()[0], signal.SIGKILL)
    assert begun.end() == (0, "")
    assert contents(begun.out) == undisturbed


@posix
def test_workers_do_not_outlive_a_run_that_is_killed(songs, tmp_path):
    begun = Run(songs, tmp_path / "out")
    workers = begun.workers()
    assert workers
    begun.process.kill()
    until = time.monotonic() + 20.0
    while any(Path(f"/proc/{pid}/cmdline").exists() for pid in workers):
        assert time.monotonic() < until
        time.sleep(0.01)


@posix
def test_a_second_run_into_the_same_output_is_turned_away(songs, undisturbed, tmp_path):
    begun = Run(songs, tmp_path / "out")
    os.killpg(begun.process.pid, signal.SIGSTOP)
    with pytest.raises(InputError, match="another run is at work there"):
        normalize_corpus(corpus.scan(songs), plan(begun.out))
    os.killpg(begun.process.pid, signal.SIGCONT)
    assert begun.end() == (0, "")
    assert contents(begun.out) == undisturbed


@posix
def test_runs_beside_the_originals_share_no_folder(songs):
    with files.lock_folder(songs / "train"), pytest.raises(InputError, match="another run is at work there"):
        normalize_corpus(corpus.scan(songs), plan(None, layout=OutputLayout(None, "x")))
    assert hidden(songs) == []


@posix
def test_a_workspace_is_used_by_one_run(songs, tmp_path):
    with files.lock_folder(tmp_path), pytest.raises(InputError, match="another run is at work there"):
        compute_stats(corpus.scan(songs), title="t", workspace=tmp_path)


@posix
def test_workers_of_a_run_that_is_over_are_turned_away(songs, tmp_path):
    with (tmp_path / files.LOCK).open("ab") as lock_file:
        assert locks.try_lock(lock_file, exclusive=True)
        with pytest.raises(RunError, match="this one is over"), files.share_folder(tmp_path):
            pass
    with files.lock_folder(tmp_path), files.share_folder(tmp_path), files.share_folder(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(RunError, match="on a file system that all its machines share"), files.share_folder(tmp_path):
        pass


@posix
def test_a_stem_is_neither_written_nor_measured_without_its_run(songs, tmp_path):
    track = corpus.scan(songs)[0]
    task = Pass(ChainSettings.preset(), None, ("loudness",), tmp_path)
    work = (
        lambda: normalize_stem(plan(tmp_path), (track, "vocals")),
        lambda: measure_stem(task, MeasuringJob(track, "vocals", "vocals.npz")),
    )
    for attempt in work:
        with pytest.raises(RunError, match="expected a run at work there"):
            attempt()
    with (tmp_path / files.LOCK).open("ab") as other:
        assert locks.try_lock(other, exclusive=True)
        for attempt in work:
            with pytest.raises(RunError, match="this one is over"):
                attempt()
    assert list(tmp_path.iterdir()) == [tmp_path / files.LOCK]


def test_a_file_system_without_locks_is_told_of(tmp_path, monkeypatch, caplog):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(locks.fcntl, "flock", refuse)
    with files.lock_folder(tmp_path), files.share_folder(tmp_path):
        pass
    assert "cannot be locked (No locks available)" in caplog.text
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_is_removed(songs, undisturbed, tmp_path):
    out = tmp_path / "out"
    for folder in (out, out / "train" / "Song 0"):
        folder.mkdir(parents=True)
        (folder / f"{files.TEMPORARY_PREFIX}0123.wav").write_bytes(b"half")
    (out / files.LOCK).touch()
    normalize_corpus(corpus.scan(songs), plan(out))
    assert contents(out) == undisturbed


def test_another_format_that_was_killed_leaves_no_file_of_the_first(songs, undisturbed, tmp_path, monkeypatch):
    out = tmp_path / "out"
    tracks = corpus.scan(songs)
    normalize_corpus(tracks, plan(out))
    write = files.write_text

    def die_before_the_card(path, text):
        if path.name == "bass.json" and json.loads(text)["signature"]:
            raise KeyboardInterrupt
        write(path, text)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(files, "write_text", die_before_the_card)
        normalize_corpus(tracks, plan(out, layout=OutputLayout(out, format="flac")))
    assert (out / "train" / "Song 0" / "bass.flac").exists()
    normalize_corpus(tracks, plan(out))
    assert contents(out) == undisturbed


def full(monkeypatch, number, *, after):
    """Let the disk be full after `after` audio files."""
    encoder, paths = audio_files._encoder, []

    def fill(path, *rest):
        paths.append(path)
        if len(paths) > after:
            path.write_bytes(b"half")
            raise OSError(number, os.strerror(number))
        return encoder(path, *rest)

    monkeypatch.setattr(audio_files, "_encoder", fill)
    return paths


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EDQUOT])
def test_a_full_disk_ends_the_run_at_once(songs, undisturbed, tmp_path, monkeypatch, number):
    out = tmp_path / "out"
    with monkeypatch.context() as patched, pytest.raises(RunError, match="finished work is kept") as caught:
        paths = full(patched, number, after=3)
        normalize_corpus(corpus.scan(songs), plan(out))
    assert os.strerror(number) in str(caught.value)
    assert len(paths) == 4
    assert hidden(out) == []
    result = normalize_corpus(corpus.scan(songs), plan(out))
    assert (result.up_to_date, result.normalized) == (3, 9)
    assert contents(out) == undisturbed


def test_a_disk_that_is_really_full(songs, undisturbed, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "none", out], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("this user cannot mount a small disk")
    words = [*FXNORM, "normalize", str(songs), "-o", str(out), "-q", "-j"]
    try:
        process = subprocess.run([*words, "2"], capture_output=True, text=True, check=False)
        assert (process.returncode, process.stderr.count("\n")) == (1, 1)
        assert "No space left on device); finished work is kept: make room" in process.stderr
        assert hidden(out) == []
        finished = {name: content for name, content in contents(out).items() if name.endswith(".wav")}
        assert finished
        assert finished.items() <= undisturbed.items()
        subprocess.run(["mount", "-o", "remount,size=60m", out], check=True)
        assert subprocess.run([*words, "1"], check=False).returncode == 0
        assert contents(out) == undisturbed
    finally:
        subprocess.run(["umount", out], check=True)


def test_a_vanished_input_is_named_and_the_others_are_done(tmp_path):
    for name in ("A", "B"):
        write_song(tmp_path / "songs" / name)
    tracks = corpus.scan(tmp_path / "songs")
    (vanished,) = tracks[1].stems["drums"]
    result = normalize_corpus(tracks, plan(tmp_path / "out"), progress=lambda *_: vanished.unlink(missing_ok=True))
    (failure,) = result.failures
    assert (result.normalized, failure.track, failure.stem) == (7, "B", "drums")
    assert failure.reason == f"{vanished}: No such file or directory"
    with pytest.raises(InputError, match="expected a folder of songs"):
        corpus.scan(tmp_path / "gone")


def deadly(number):
    if number % 5 == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


@posix
def test_an_item_that_kills_its_workers_is_found_and_named():
    outcomes = dict(run(deadly, range(10), jobs=3))
    assert list(outcomes) == list(range(10))
    for number, outcome in outcomes.items():
        if number % 5 == 3:
            assert isinstance(outcome, FxnormError)
            assert "its worker process died twice (SIGKILL), most often for lack of memory" in str(outcome)
        else:
            assert outcome == number


def test_workers_that_cannot_start_are_no_endless_loop(monkeypatch):
    monkeypatch.setattr(pool, "_SERVE", "import sys; sys.exit(3)")
    with pytest.raises(RunError, match="worker processes die as they start \\(exit code 3\\)"):
        list(run(deadly, range(10), jobs=2))


class StrangeError(Exception):
    def __init__(self, first, second):
        super().__init__(f"{first} and {second}")


def fail_strangely(number):
    raise StrangeError(number, 1)


def test_an_exception_that_cannot_travel_still_arrives():
    ((_, outcome),) = run(fail_strangely, [5], jobs=2)
    assert str(outcome) == "StrangeError: 5 and 1"


def test_a_pool_is_used_again_and_forgets_what_was_not_fetched():
    with pool.Pool(2) as workers:
        first = workers(abs, [-1, -2, -3, -4])
        assert next(first) == (-1, 1)
        first.close()
        assert list(workers(abs, range(-9, 0))) == [(number, -number) for number in range(-9, 0)]
        assert list(workers(deadly, [0, 1])) == [(0, 0), (1, 1)]
