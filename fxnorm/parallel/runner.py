"""Apply a function to many items, here, in several processes or elsewhere, with the results in order."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol

from fxnorm.errors import RunError
from fxnorm.parallel.failures import Failure, Item, Result, attempt, explain
from fxnorm.parallel.pool import Pool

__all__ = ["Failure", "Jobs", "Progress", "Runner", "default_jobs", "explain", "run", "silent_progress", "worker_pool"]

Progress = Callable[[int, int, str], None]  # stems completed, stems in all, name of the last one


class Runner(Protocol):
    """A way to run: applies a function to each item, and yields item and outcome in the order of the items.

    An exception stands in the place of the result of an item that raised one. Function and items travel to other
    processes: the function has to be importable by name there, and the items picklable.
    """

    def __call__(
        self, function: Callable[[Item], Result], items: Iterable[Item], /
    ) -> Iterator[tuple[Item, Result | Exception]]:
        """Yield each item with its result or exception."""
        ...


Jobs = int | Runner  # so many worker processes on this machine (1: none but this one), or another way to run


def silent_progress(completed: int, total: int, label: str) -> None:
    """Ignore progress."""


def default_jobs() -> int:
    """Return the number of processors available to this process."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run(
    function: Callable[[Item], Result], items: Iterable[Item], *, jobs: Jobs
) -> Iterator[tuple[Item, Result | Exception]]:
    """Apply a function to each item, and yield item and result in the order of the items.

    Parameters
    ----------
    function : callable
        Importable by name, so that a worker process can find it.
    items : iterable
        Picklable.
    jobs : int or Runner
        Worker processes; 1 works in this process. Or another way to run.

    Yields
    ------
    item, result
        An exception stands in the place of the result of an item that raised one: one bad item stops nothing.

    Raises
    ------
    RunError
        If an item raised it, since it would hold for those that follow, or if no worker can be had.
    """
    with worker_pool(jobs) as runner:
        for item, outcome in runner(function, items):
            if isinstance(outcome, RunError):
                raise outcome
            yield item, outcome


@contextmanager
def worker_pool(jobs: Jobs) -> Iterator[Runner]:
    """Yield a runner for several runs, whose worker processes start once."""
    if not isinstance(jobs, int):
        yield jobs
    elif jobs > 1:
        with Pool(jobs) as pool:
            yield pool
    else:
        yield _one_by_one


def _one_by_one(
    function: Callable[[Item], Result], items: Iterable[Item], /
) -> Iterator[tuple[Item, Result | Exception]]:
    for item in items:
        yield item, attempt(function, item)
