"""Runs on a Dask cluster equal those in this process."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fxnorm import corpus
from fxnorm.errors import FxnormError, InputError, RunError
from fxnorm.normalization.corpus_normalization import normalize_corpus
from fxnorm.normalization.corpus_statistics import compute_stats
from fxnorm.parallel import dask_cluster
from fxnorm.parallel.runner import run
from tests.benchmarks.kills import FXNORM, contents, hidden
from tests.normalization.test_corpus_passes import write_song
from tests.test_faults import deadly, fail_strangely, plan

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
dask = pytest.importorskip("dask")


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    root = tmp_path_factory.mktemp("corpus")
    for number in range(2):
        write_song(root / "train" / f"Song {number}", seed=number, seconds=3.0)
    return root


@pytest.fixture(scope="module")
def crew(songs):
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        dask_cluster.connect("local", reads=first_stem(songs), workers=2) as runner,
    ):
        yield runner


@pytest.fixture(scope="module")
def address(crew):
    return crew.client.scheduler.address


def first_stem(songs):
    return corpus.scan(songs)[0].stems["vocals"][0]


def test_a_worker_that_is_killed_loses_nothing(crew, songs, tmp_path):
    tracks = corpus.scan(songs)
    normalize_corpus(tracks, plan(tmp_path / "here"))
    first, _second = crew.client.run(os.getpid).values()
    states = []

    def kill_one(*state):
        states.append(state)
        if len(states) == 1:
            os.kill(first, signal.SIGKILL)

    result = normalize_corpus(tracks, plan(tmp_path / "there"), jobs=crew, progress=kill_one)
    assert (result.normalized, result.failures) == (8, ())
    assert [state[:2] for state in states] == [(number, 8) for number in range(1, 9)]
    assert contents(tmp_path / "there") == contents(tmp_path / "here")
    crew.client.wait_for_workers(2, timeout=30)
    assert first not in crew.client.run(os.getpid).values()


def test_statistics_are_the_same(crew, songs):
    tracks = corpus.scan(songs)
    local, _ = compute_stats(tracks, title="t")
    distributed, _ = compute_stats(tracks, title="t", jobs=crew)
    assert distributed.to_dict() == local.to_dict()


def test_results_come_in_order_and_errors_in_their_place(crew):
    assert list(run(abs, range(-30, 0), jobs=crew)) == [(number, -number) for number in range(-30, 0)]
    ((_, outcome),) = run(fail_strangely, [5], jobs=crew)
    assert isinstance(outcome, Exception)


def test_an_item_that_kills_its_workers_is_found_and_named(crew):
    outcomes = dict(run(deadly, range(6), jobs=crew))
    assert isinstance(outcomes[3], FxnormError)
    assert "its workers died one after the other" in str(outcomes.pop(3))
    assert outcomes == {number: number for number in (0, 1, 2, 4, 5)}


def test_workers_of_another_version_are_refused(address, songs, monkeypatch):
    monkeypatch.setattr(dask_cluster, "__version__", "9.9")
    with (
        pytest.raises(InputError, match=r"expected fxnorm 9.9, got .*; install the same version everywhere"),
        dask_cluster.connect(address, reads=first_stem(songs)),
    ):
        pass


def test_machines_have_to_see_the_same_files(crew, address, songs, tmp_path):
    with first_stem(songs).open("rb") as file:
        private = Path(f"/proc/self/fd/{file.fileno()}")  # another process sees no such file, or a different one
        with (
            pytest.raises(InputError, match="expected a file system that all machines share"),
            dask_cluster.connect(address, reads=private),
        ):
            pass
    folder = os.open(tmp_path, os.O_RDONLY)
    out = Path(f"/proc/self/fd/{folder}/out")
    with pytest.raises(RunError, match="on a file system that all its machines share"):
        normalize_corpus(corpus.scan(songs), plan(out), jobs=crew)
    os.close(folder)


@pytest.mark.parametrize("wrong", ["127.0.0.1:9", "nonsense", "tcp://127.0.0.1:x", "http://127.0.0.1", ""])
def test_an_address_where_nobody_answers(wrong, songs):
    with (
        pytest.raises(InputError, match="expected the address of a Dask scheduler"),
        dask_cluster.connect(wrong, reads=first_stem(songs)),
    ):
        pass


def test_somebody_else_who_listens(songs, monkeypatch):
    monkeypatch.setattr(dask_cluster, "_PATIENCE_S", 1)
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(InputError, match="expected the address of a Dask scheduler \\(timed out"),
        dask_cluster.connect(f"127.0.0.1:{silent.getsockname()[1]}", reads=first_stem(songs)),
    ):
        pass


def test_dask_that_is_not_installed(songs, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with (
        pytest.raises(InputError, match=r"pip install 'fxnorm\[cluster\]'"),
        dask_cluster.connect("local", reads=first_stem(songs)),
    ):
        pass


def start(songs, out, address, *more):
    words = [*FXNORM, "normalize", str(songs), "-o", str(out), "--dask", address, *more, "-q"]
    return subprocess.Popen(words, stderr=subprocess.PIPE, text=True, start_new_session=True)


def test_ctrl_c_is_one_line(songs, tmp_path):
    process = start(songs, tmp_path / "out", "local", "-j", "1")
    while not list(tmp_path.rglob("*.wav")):
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == 130
    assert complaint.strip() == "fxnorm: interrupted; finished work is kept: run the same command again to go on"
    assert hidden(tmp_path) == []


def test_jobs_are_of_this_machine(songs, tmp_path):
    process = start(songs, tmp_path / "out", "127.0.0.1:9", "-j", "2")
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "got both; leave -j out" in complaint


def test_a_scheduler_without_workers_and_one_that_goes_away(songs, tmp_path, monkeypatch):
    monkeypatch.setattr(dask_cluster, "_PATIENCE_S", 1)
    words = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--no-dashboard"]
    scheduler = subprocess.Popen([*words, "--port", "0"], stderr=subprocess.PIPE, text=True)
    address = next(line.split()[-1] for line in scheduler.stderr if "Scheduler at:" in line)
    with (
        pytest.raises(InputError, match="expected workers, the scheduler has none"),
        dask_cluster.connect(address, reads=first_stem(songs)),
    ):
        pass
    words = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-dashboard"]
    worker = subprocess.Popen([*words, "--death-timeout", "5"], stderr=subprocess.DEVNULL, cwd=tmp_path)
    process = start(songs, tmp_path / "out", address)
    while not list((tmp_path / "out").rglob("*.wav")) and process.poll() is None:
        time.sleep(0.01)
    scheduler.kill()
    _, complaint = process.communicate(timeout=60)
    assert complaint.startswith("fxnorm: error: the Dask scheduler is gone; finished work is kept")
    assert (process.returncode, complaint.count("\n")) == (1, 1)
    worker.kill()
    worker.wait()
    scheduler.communicate()
