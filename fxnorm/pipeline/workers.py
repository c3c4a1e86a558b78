"""Runs one function over many items, in this process or in several, and gives the results back in order."""

import logging
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from fxnorm.errors import FxnormError

Item = TypeVar("Item")
Result = TypeVar("Result")

Progress = Callable[[int, int, str], None]  # stems done, stems in all, what was just done

_AHEAD = 4  # items handed to each worker before their turn: enough to stay busy, and memory stays bounded
_THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")

_log = logging.getLogger("fxnorm")


@dataclass(frozen=True)
class Failure:
    """A stem that could not be worked on, and why."""

    track: str
    stem: str
    reason: str


def silent_progress(done: int, total: int, what: str) -> None:
    """Progress for those who do not want to see any."""


def default_jobs() -> int:
    """One process for each processor this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run(
    function: Callable[[Item], Result], items: Iterable[Item], *, jobs: int
) -> Iterator[tuple[Item, Result | Exception]]:
    """Apply a function to each item, and yield item and result in the order of the items.

    Parameters
    ----------
    function : callable
        Importable by name, so that a worker process can find it.
    items : iterable
        Picklable.
    jobs : int
        Worker processes; 1 works in this process.

    Yields
    ------
    item, result
        An exception stands in the place of the result of an item that raised one: one bad item stops nothing.

    Raises
    ------
    FxnormError
        If a worker process died.
    """
    if jobs <= 1:
        for item in items:
            yield item, _attempt(function, item)
        return
    context = multiprocessing.get_context("spawn")
    with (
        _one_thread_each(),
        ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin, initargs=(_log.getEffectiveLevel(),)) as pool,
    ):
        waiting: deque[tuple[Item, Future[Result | Exception]]] = deque()
        try:
            for item in items:
                waiting.append((item, pool.submit(_attempt, function, item)))
                if len(waiting) >= jobs * _AHEAD:
                    done, future = waiting.popleft()
                    yield done, future.result()
            while waiting:
                done, future = waiting.popleft()
                yield done, future.result()
        except BrokenProcessPool:
            raise FxnormError(
                "a worker process died, most often for lack of memory; finished work is kept: run the same command "
                "again, with fewer processes (-j)"
            ) from None
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def explain(error: Exception) -> str:
    """One line for a person; what nobody foresaw is named as such."""
    if isinstance(error, FxnormError):
        return str(error)
    if isinstance(error, MemoryError):
        return "not enough memory; use fewer processes (-j) or a shorter file"
    if isinstance(error, OSError):
        return f"{error.filename or ''}: {error.strerror or error}".lstrip(": ")
    return f"unforeseen {type(error).__name__}: {error}; please report it"


def _attempt(function: Callable[[Item], Result], item: Item) -> Result | Exception:
    try:
        return function(item)
    except Exception as error:  # one bad stem never stops the others
        _log.debug("failed: %s", item, exc_info=True)
        return error


def _begin(level: int) -> None:
    """Set up a worker: it logs as its parent does, and leaves Ctrl-C to it, to finish what it has in hand."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.basicConfig(format="fxnorm: %(message)s")
    _log.setLevel(level)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Child processes inherit limits on the threads of numeric libraries: the processes are the parallelism."""
    before = {name: os.environ.get(name) for name in _THREAD_LIMITS}
    os.environ.update(dict.fromkeys(_THREAD_LIMITS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
