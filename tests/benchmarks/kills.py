"""Kill runs at random moments and compare their results with those of undisturbed runs.

    python -m tests.benchmarks.kills [--kills 20] [--songs 5] [--seconds 20]

prints a Markdown table. In the first two rows the run is killed and restarted, every other time with its workers. In
the third the run continues by itself on a Dask cluster (a scheduler and two workers, started as in
docs/howto/cluster.md) whose workers are killed one after the other.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fxnorm.cli.options import print_table
from fxnorm.synth.corpus import synthesize_corpus

FXNORM = (sys.executable, "-m", "fxnorm")


@dataclass
class Trial:
    """Outcome of a command that was killed repeatedly."""

    kills: int = 0
    left_behind: int = 0  # temporaries seen right after a kill
    outputs: int = 0
    differing: int = 0  # files, in all outputs
    remaining: int = 0  # hidden files after the last run


def contents(folder: Path) -> dict[str, bytes]:
    """Read every file of a folder, hidden ones included."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def hidden(folder: Path) -> list[Path]:
    """Return the hidden files of a folder, of which a run leaves none."""
    return [path for path in folder.rglob(".*") if path.is_file()]


def kill_and_go_on(words: Sequence[str], folder: Path, *, kills: int, seed: int) -> Trial:
    """Kill `fxnorm WORDS`, which writes `{out}`, at random moments, and restart it at once.

    A first undisturbed run gives the duration and the expected result. A run that ends before it is killed is compared
    with that result, and the next output is started, until the number of kills is reached.

    Parameters
    ----------
    words : sequence of str
        `{out}` stands for the folder of the result.
    folder : Path
        Holds a folder for each output.
    kills : int
        Half of them hit the process group, half the main process alone; half of each wait for a half-written file.
    seed : int
        Seed of the moments.
    """
    rng = np.random.default_rng(seed)
    start = time.monotonic()
    expected = _finish(words, folder / "undisturbed")
    seconds = time.monotonic() - start
    trial = Trial()
    out = folder / "killed 1"
    while trial.kills < kills:
        out.mkdir(exist_ok=True)
        process = _start(words, out)
        try:
            process.wait(rng.uniform(0.1, 1.0) * seconds)
        except subprocess.TimeoutExpired:
            while trial.kills % 4 > 1 and not _half_written(out) and process.poll() is None:
                pass  # the worst case
            (os.kill if trial.kills % 2 else os.killpg)(process.pid, signal.SIGKILL)
            process.wait()
            trial.kills += 1
            trial.left_behind += _half_written(out)
            continue
        _require_success(process)
        _compare(trial, contents(out), expected, out)
        out = folder / f"killed {trial.outputs + 1}"
    _compare(trial, _finish(words, out), expected, out)
    return trial


def kill_dask_workers(words: Sequence[str], folder: Path, *, kills: int, seed: int) -> Trial:
    """Run `fxnorm WORDS`, which writes `{out}` on the cluster `{dask}`, and kill its workers at random moments."""
    from distributed import Client

    rng = np.random.default_rng(seed)
    begin = time.monotonic()
    expected = _finish(words[: words.index("--dask")], folder / "undisturbed")
    # A stem whose workers are killed four times counts as failed: leave a slow machine the time for one.
    longest_s = max(4.0, time.monotonic() - begin)
    trial = Trial()
    with _cluster(folder) as address, Client(address) as client:
        client.wait_for_workers(2)
        while trial.kills < kills:
            out = folder / f"killed {trial.outputs + 1}"
            out.mkdir()
            process = _start([word.replace("{dask}", address) for word in words], out)
            while process.poll() is None:
                try:
                    process.wait(rng.uniform(0.25, 1.0) * longest_s)
                except subprocess.TimeoutExpired:
                    alive = [pid for pid in client.run(os.getpid, on_error="return").values() if isinstance(pid, int)]
                    if alive:
                        os.kill(int(rng.choice(alive)), signal.SIGKILL)
                        trial.kills += 1
                        trial.left_behind += _half_written(out)
            _require_success(process)
            _compare(trial, contents(out), expected, out)
    return trial


@contextmanager
def _cluster(folder: Path) -> Iterator[str]:
    """Start a scheduler and two workers as docs/howto/cluster.md does; yield the address."""
    quiet = ["--no-dashboard", "--host", "127.0.0.1"]
    card = folder / "scheduler.json"
    scheduler = subprocess.Popen(
        [*FXNORM[:2], "distributed.cli.dask_scheduler", "--port", "0", "--scheduler-file", str(card), *quiet],
        stderr=subprocess.DEVNULL,  # not a pipe that nobody reads: it fills up, and the scheduler waits for ever
    )
    while not card.exists():
        time.sleep(0.1)
    address = json.loads(card.read_text())["address"]
    workers = subprocess.Popen(
        [*FXNORM[:2], "distributed.cli.dask_worker", address, "--nthreads", "1", "--nworkers", "2", *quiet],
        stderr=subprocess.DEVNULL,
        cwd=folder,
    )
    try:
        yield address
    finally:
        for process in (workers, scheduler):
            process.terminate()
            process.communicate()


def _half_written(folder: Path) -> int:
    return len(list(folder.rglob(".fxnorm-*")))


def _compare(trial: Trial, result: dict[str, bytes], expected: dict[str, bytes], out: Path) -> None:
    trial.outputs += 1
    trial.differing += sum(result.get(name) != expected.get(name) for name in result.keys() | expected.keys())
    trial.remaining += len(hidden(out))


def _finish(words: Sequence[str], out: Path) -> dict[str, bytes]:
    out.mkdir(exist_ok=True)
    process = _start(words, out)
    process.wait()
    _require_success(process)
    return contents(out)


def _require_success(process: "subprocess.Popen[bytes]") -> None:
    if process.returncode != 0:
        raise RuntimeError(f"{process.args} ended with {process.returncode}")


def _start(words: Sequence[str], out: Path) -> subprocess.Popen[bytes]:
    command = [*FXNORM, *(word.replace("{out}", str(out)) for word in words)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--songs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    head = ["", "kills", "half-written files they left", "outputs", "files in each", "files that differ"]
    rows = [[*head, "hidden files at the end"]]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        synthesize_corpus(folder / "corpus", songs=options.songs, seconds=options.seconds, seed=options.seed, jobs=2)
        wet = str(folder / "corpus" / "wet")
        normalize = ["normalize", wet, "-o", "{out}", "-q"]
        try:
            for name, words, kill in (
                ("normalize -j 2", [*normalize, "-j", "2"], kill_and_go_on),
                (
                    "stats compute -j 2",
                    ["stats", "compute", wet, "-o", "{out}/own.json", "-q", "-j", "2"],
                    kill_and_go_on,
                ),
                ("normalize --dask, workers", [*normalize, "--dask", "{dask}"], kill_dask_workers),
            ):
                trial_folder = folder / f"trial {len(rows)}"
                trial_folder.mkdir()
                trial = kill(words, trial_folder, kills=options.kills, seed=options.seed)
                files = len(contents(trial_folder / "undisturbed"))
                figures = [trial.kills, trial.left_behind, trial.outputs, files, trial.differing, trial.remaining]
                rows.append([name, *map(str, figures)])
        finally:  # a trial that fails leaves the rows before it
            print_table(rows)


if __name__ == "__main__":
    main()
