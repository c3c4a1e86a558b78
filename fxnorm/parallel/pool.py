"""Worker processes on this machine, which end with their run; a run survives the death of any of them."""

import logging
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import connection, resource_tracker
from multiprocessing.reduction import ForkingPickler
from typing import Any, Self

from fxnorm import malloc
from fxnorm.errors import FxnormError, RunError
from fxnorm.parallel.failures import Item, Result, attempt

_AHEAD = 4  # items begun before their turn, for each worker: enough to stay busy, and memory stays bounded
_MAX_WORKERS = 60 if sys.platform == "win32" else sys.maxsize  # Windows waits for 63 pipes at a time
_PATIENCE_S = 10.0  # for workers that were told to stop: as long as a compiled loop over an hour's stem may take
# The processes are the parallelism: numeric libraries read these when they are loaded.
THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
# The search path comes first: the parent may have changed it, and everything else is imported from it.
_START = "import ast, sys; sys.path[:] = ast.literal_eval(sys.argv[1]); from fxnorm.parallel import pool; "
_SERVE = _START + "pool.serve(*map(int, sys.argv[2:]))"
_SIGNAL_NAMES = {number.value: number.name for number in signal.Signals}  # real-time signals have none
_CONNECTION = getattr(connection, "PipeConnection", connection.Connection)  # of a named pipe on Windows

_log = logging.getLogger("fxnorm")


class Pool:
    """Worker processes with one item each; a `Runner` for the length of a `with` block.

    The item of a worker that dies is tried once more, with nothing beside it; if that kills a worker too, a
    `FxnormError` stands in the place of the result.

    Parameters
    ----------
    jobs : int
        Worker processes, at most 60 on Windows. They start when there is work for them.
    """

    def __init__(self, jobs: int) -> None:
        self.jobs = min(jobs, _MAX_WORKERS)
        self._workers: list[_Worker] = []
        self._failed_starts = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._dismiss(self._workers)

    def __call__(
        self, function: Callable[[Item], Result], items: Iterable[Item], /
    ) -> Iterator[tuple[Item, Result | Exception]]:
        """Apply the function to each item, and yield item and outcome in the order of the items.

        Raises
        ------
        RunError
            If worker processes die as they start.
        """
        tasks: deque[_Task] = deque()  # begun, but not yielded yet
        retries: deque[_Task] = deque()  # tasks of workers that died
        new_tasks = (_Task(function, item) for item in items)
        try:
            while True:
                while tasks and tasks[0].is_done:
                    task = tasks.popleft()
                    yield task.item, task.outcome
                if not retries:
                    while len(self._busy) < self.jobs and len(tasks) < self.jobs * _AHEAD:
                        if (new_task := next(new_tasks, None)) is None:
                            break
                        tasks.append(new_task)
                        self._begin(new_task)
                elif not self._busy:
                    self._begin(retries.popleft())
                if not self._busy:
                    return
                retries.extend(self._collect())
        finally:
            self._dismiss(self._busy)

    @property
    def _busy(self) -> list["_Worker"]:
        return [worker for worker in self._workers if worker.task is not None]

    def _begin(self, task: "_Task") -> None:
        idle = next((worker for worker in self._workers if worker.task is None), None)
        if idle is None:
            idle = _Worker()
            self._workers.append(idle)
        idle.give(task)

    def _collect(self) -> list["_Task"]:
        """Wait for outcomes; return the tasks of dead workers to try again."""
        retries = []
        ready = connection.wait([worker.pipe for worker in self._workers])
        for worker in [worker for worker in self._workers if worker.pipe in ready]:
            try:
                worker.take()
                self._failed_starts = 0
            except (EOFError, OSError):
                self._workers.remove(worker)
                task, reason = worker.reap()
                if not worker.is_ready:
                    self._count_failed_start(reason)
                    if task is not None:
                        self._begin(task)
                elif task is not None and task.should_retry(reason):
                    retries.append(task)
        return retries

    def _count_failed_start(self, reason: str) -> None:
        self._failed_starts += 1
        if self._failed_starts > self.jobs:
            raise RunError(
                f"worker processes die as they start ({reason}), most often for lack of memory; finished work is kept: "
                "run the same command again with -j 1"
            )

    def _dismiss(self, workers: list["_Worker"]) -> None:
        for worker in (dismissed := list(workers)):
            worker.stop()
        for worker in dismissed:
            worker.reap()
            self._workers.remove(worker)


class _Task:
    """A function, an item and the outcome."""

    def __init__(self, function: Callable[[Any], Any], item: Any) -> None:
        self.function = function
        self.item = item
        self.outcome: Any = None
        self.is_done = False
        self.deaths = 0

    def finish(self, outcome: Any) -> None:
        self.outcome = outcome
        self.is_done = True

    def should_retry(self, reason: str) -> bool:
        """Whether it is to be tried again after its worker died."""
        self.deaths += 1
        if self.deaths == 1:
            _log.info("a worker process died (%s); its item is tried again", reason)
            return True
        self.finish(
            FxnormError(
                f"its worker process died twice ({reason}), most often for lack of memory; use fewer processes (-j) or "
                "a shorter file"
            )
        )
        return False


class _Worker:
    """A process, the parent's ends of two pipes to it, and the task it has in hand.

    Nothing is sent through the second pipe: it breaks when the parent ends, however it ends.
    """

    def __init__(self) -> None:
        self.pipe, remote = connection.Pipe()
        remote_lifeline, self._lifeline = connection.Pipe(duplex=False)
        self.process = _start([remote.fileno(), remote_lifeline.fileno()])
        remote.close()
        remote_lifeline.close()
        self.task: _Task | None = None
        self.is_ready = False
        self._function: Callable[[Any], Any] | None = None

    def give(self, task: _Task) -> None:
        self.task = task
        if self.is_ready:
            function = None if task.function is self._function else task.function
            self._function = task.function
            with suppress(BrokenPipeError, ConnectionError):  # it has died, which `_collect` notices
                self.pipe.send((function, task.item))

    def take(self) -> None:
        """Receive a message of the worker: first that it is ready, then outcomes."""
        outcome = self.pipe.recv()
        if not self.is_ready:
            self.is_ready = True
            if self.task is not None:
                self.give(self.task)
        elif self.task is not None:
            self.task.finish(outcome)
            self.task = None

    def stop(self) -> None:
        if self.task is None:
            self.process.kill()  # it has no work to lose, and a regular end takes a tenth of a second
        else:
            self.process.terminate()

    def reap(self) -> tuple[_Task | None, str]:
        """Wait for the end of the process; return its task and the reason of its end."""
        self.pipe.close()
        try:
            self.process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
        code = self.process.wait()
        self._lifeline.close()
        return self.task, _SIGNAL_NAMES.get(-code, f"exit code {code}")


def _start(handles: Sequence[int]) -> "subprocess.Popen[bytes]":
    """Start a worker process that inherits the remote ends of its pipes.

    Not by `multiprocessing`: there a child's environment can only be set by changing that of this process, and the
    child imports the main script again, which must guard against it.
    """
    arguments = [repr(list(map(str, sys.path))), *map(str, handles), str(_log.getEffectiveLevel())]
    command = [sys.executable, "-c", _SERVE, *arguments]
    environment = os.environ | dict.fromkeys(THREAD_LIMITS, "1")
    with deaf_to_interrupts():
        if sys.platform == "win32":
            for handle in handles:
                os.set_handle_inheritable(handle, True)
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                env=environment,
                startupinfo=subprocess.STARTUPINFO(lpAttributeList={"handle_list": list(handles)}),
                creationflags=subprocess.CREATE_NEW_PROCESS_GROUP,  # which Ctrl-C does not reach
            )
        else:  # noqa: RET505, a type checker knows the platform
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, env=environment, pass_fds=handles)


def serve(handle: int, lifeline: int, level: int) -> None:
    """Run the tasks received through a pipe until it closes; main function of a worker process.

    It ignores Ctrl-C, which is its parent's to handle, removes half-written files when it is terminated, and ends with
    its parent.

    Parameters
    ----------
    handle : int
        Inherited file descriptor, or handle on Windows, of the pipe.
    lifeline : int
        Inherited file descriptor or handle of a pipe that breaks when the parent ends.
    level : int
        Of the messages that are logged.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _stop)
    threading.Thread(target=_die_with_parent, args=[lifeline], daemon=True).start()
    logging.basicConfig(format="fxnorm: %(message)s")
    _log.setLevel(level)
    pipe = _CONNECTION(handle)
    function: Any = None  # that of the item before, unless another comes with an item
    with suppress(EOFError, OSError), malloc.retain_freed_memory():
        pipe.send(None)
        while True:
            new_function, item = pipe.recv()
            function = new_function or function
            pipe.send(_sendable(attempt(function, item)))


def _sendable(outcome: Any) -> Any:
    """Return the outcome; an exception that cannot be pickled is replaced by one that can."""
    if isinstance(outcome, Exception):
        try:
            ForkingPickler.loads(ForkingPickler.dumps(outcome))
        except Exception:  # their own methods may raise anything
            return RuntimeError(f"{type(outcome).__name__}: {outcome}")
    return outcome


def _stop(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)


def _die_with_parent(lifeline: int) -> None:
    # Not standard input: on Windows, loading NumPy waits for ever while another thread reads from it.
    with suppress(EOFError, OSError):
        _CONNECTION(lifeline).recv_bytes()
    os._exit(1)


@contextmanager
def deaf_to_interrupts() -> Iterator[None]:
    """Start processes that ignore Ctrl-C; defer a Ctrl-C of this process to the end of the block."""
    if sys.platform == "win32":  # processes there get a group of their own
        yield
    else:
        resource_tracker.ensure_running()  # else it starts within the block, and lets interrupts through again
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
