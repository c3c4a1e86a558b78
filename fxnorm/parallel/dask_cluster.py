"""Runner on a Dask cluster whose machines see the same files as this one."""

import logging
import platform
import socket
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fxnorm import __version__, malloc
from fxnorm.errors import FxnormError, InputError, RunError
from fxnorm.parallel.failures import Item, Result, attempt
from fxnorm.parallel.pool import deaf_to_interrupts
from fxnorm.parallel.runner import Runner, default_jobs

if TYPE_CHECKING:
    from distributed import Client, Future, LocalCluster

LOCAL = "local"

_SCHEMES = ("tcp", "tls", "ucx", "ws", "wss")
_PORT = 8786  # of a scheduler that was not told another
_PATIENCE_S = 10  # for the scheduler's answer, and for the first worker
_AHEAD = 4  # items begun before their turn, for each thread of the workers
_WAIT_S = 30  # for an outcome, before a look whether anybody is left to bring it

_log = logging.getLogger("fxnorm")


@contextmanager
def connect(address: str, *, reads: Path, workers: int | None = None) -> Iterator[Runner]:
    """Use a Dask cluster for the length of a `with` block.

    Dask reschedules the items of a worker that dies. An item that kills several workers is tried once more, alone,
    before it counts as failed.

    Parameters
    ----------
    address : str
        Of the scheduler, such as `tcp://10.0.0.1:8786`; or `local`, for workers on this machine.
    reads : Path
        A file that is going to be read: every worker has to see it.
    workers : int, optional
        How many `local` starts; one for each processor if not given.

    Yields
    ------
    Runner

    Raises
    ------
    InputError
        If Dask is not installed, no scheduler answers, or the workers are none, of another version of fxnorm, or out of
        sight of the files.
    """
    try:
        import distributed
    except ImportError as error:
        raise InputError(
            f"a cluster needs {error.name}, which is not installed: pip install 'fxnorm[cluster]'"
        ) from error
    with ExitStack() as stack:
        for name in ("distributed", "distributed.client"):  # its log messages are no faults, or reported here
            stack.enter_context(_log_level(name, logging.CRITICAL))
        with deaf_to_interrupts():
            cluster: Any = address
            if address == LOCAL:
                cluster = stack.enter_context(_local_cluster(workers or default_jobs()))
            else:
                _require_listener(address)
            try:
                client = stack.enter_context(distributed.Client(cluster, timeout=_PATIENCE_S, set_as_default=False))
            except (OSError, ValueError) as error:
                raise InputError(
                    f"{address}: expected the address of a Dask scheduler, got something else ({error})"
                ) from error
        _require_workers(client, address, reads)
        yield _Cluster(client)


@contextmanager
def _log_level(name: str, level: int) -> Iterator[None]:
    """Change the level of a logger within the block."""
    logger = logging.getLogger(name)
    previous = logger.level
    logger.setLevel(level)
    try:
        yield
    finally:
        logger.setLevel(previous)


class _Cluster:
    """A `Runner` that hands items to the workers of a client."""

    def __init__(self, client: "Client") -> None:
        self.client = client

    def __call__(
        self, function: Callable[[Item], Result], items: Iterable[Item], /
    ) -> Iterator[tuple[Item, Result | Exception]]:
        # The function may hold megabytes. As the result of a task it travels once to each worker, and Dask makes it
        # again if all that had it die.
        function_future = self.client.submit(_identity, function, key=f"fxnorm-{uuid.uuid4().hex}")
        pending: deque[tuple[Item, Future[Any]]] = deque()
        try:
            self._replicate(function_future)
            for item in items:
                pending.append((item, self._submit(function_future, item)))
                if len(pending) >= _AHEAD * max(1, sum(self.client.nthreads().values())):
                    yield self._next(function_future, pending)
            while pending:
                yield self._next(function_future, pending)
        except (OSError, CancelledError) as error:
            raise RunError(
                "the Dask scheduler is gone; finished work is kept: start it, and run the same command again"
            ) from error
        finally:
            with suppress(OSError):
                self.client.cancel([function_future, *(future for _, future in pending)])

    def _replicate(self, function_future: "Future[Any]") -> None:
        """Copy the function to all workers, since work goes first to those that have it; a failure does no harm."""
        try:
            self.client.replicate(function_future)
        except Exception as error:  # such as a ValueError if a worker dies meanwhile
            _log.debug("not replicated: %s", error)

    def _submit(self, function_future: "Future[Any]", item: Item) -> "Future[Any]":
        # without this, tasks submitted within the default time-out would have no order
        key = f"fxnorm-{uuid.uuid4().hex}"
        return self.client.submit(_work, __version__, function_future, item, key=key, fifo_timeout=0)

    def _next(self, function_future: "Future[Any]", pending: "deque[tuple[Item, Future[Any]]]") -> tuple[Item, Any]:
        """Wait for the first pending item; return it with its outcome."""
        from distributed import KilledWorker

        item, future = pending[0]
        outcome = self._outcome(future)
        if isinstance(outcome, KilledWorker):  # perhaps because of another item on the worker: try it alone
            for _, pending_future in pending:
                self._outcome(pending_future)
            pending[0] = item, self._submit(function_future, item)
            outcome = self._outcome(pending[0][1])
        if isinstance(outcome, KilledWorker):
            outcome = FxnormError(
                "its workers died one after the other, most often for lack of memory; give them more "
                "(dask worker --memory-limit) or use a shorter file"
            )
        pending.popleft()
        return item, outcome

    def _outcome(self, future: "Future[Any]") -> Any:
        while True:
            try:
                return future.result(timeout=_WAIT_S)
            except TimeoutError:
                if not self.client.nthreads():
                    _log.warning("no Dask worker is left; waiting for one")
            except CancelledError:
                raise
            except Exception as error:
                return error


def _identity(function: Callable[[Item], Result]) -> Callable[[Item], Result]:
    return function


def _work(version: str, function: Callable[[Item], Result], item: Item) -> Result | Exception:
    if version != __version__:  # a worker that came later
        return RunError(_other_version(platform.node(), __version__))
    # Dask's environment variables have freed memory returned at once, which more than doubles the time of a stem.
    with malloc.retain_freed_memory():
        return attempt(function, item)


def _describe_worker(reads: Path) -> tuple[str, int | None]:
    """Return the version of fxnorm on a worker, and the size of a file as the worker sees it."""
    try:
        return __version__, reads.stat().st_size
    except OSError:
        return __version__, None


def _local_cluster(workers: int) -> "LocalCluster":
    from distributed import LocalCluster

    return LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        dashboard_address=None,
        scheduler_kwargs={"dashboard_address": ":0"},  # any port: without it, a warning where the usual is taken
        silence_logs=logging.CRITICAL,
    )


def _require_listener(address: str) -> None:
    """Find out soon if no scheduler listens at an address: Dask would go on trying."""
    try:
        url = urlsplit(address if "//" in address else f"tcp://{address}")
        if url.scheme not in _SCHEMES:
            raise ValueError(f"the scheme is one of {', '.join(_SCHEMES)}")
        with socket.create_connection((url.hostname or "", url.port or _PORT), timeout=_PATIENCE_S) as line:
            if url.scheme == "tcp" and not line.recv(1):  # a scheduler is the first to speak
                raise OSError("it hung up")
    except (OSError, ValueError) as error:
        raise InputError(
            f"{address}: expected the address of a Dask scheduler ({error}); start one with 'dask scheduler', "
            "or use --dask local"
        ) from error


def _require_workers(client: "Client", address: str, reads: Path) -> None:
    try:
        client.wait_for_workers(1, timeout=_PATIENCE_S)
    except TimeoutError:
        raise InputError(
            f"{address}: expected workers, the scheduler has none; start some with 'dask worker {address} --nthreads 1'"
        ) from None
    _, size = _describe_worker(reads)
    for worker, answer in client.run(_describe_worker, reads, on_error="return").items():
        if isinstance(answer, OSError):
            continue  # it has died meanwhile
        if isinstance(answer, BaseException):
            raise InputError(
                f"{worker}: expected a worker with fxnorm {__version__} ({type(answer).__name__}: {answer}); "
                "install the same version everywhere"
            )
        version, worker_size = answer
        if version != __version__:
            raise InputError(_other_version(worker, version))
        if worker_size != size:
            raise InputError(
                f"{worker}: does not see {reads} as this machine does; expected a file system that all machines share, "
                "under the same path"
            )


def _other_version(worker: str, version: str) -> str:
    return f"{worker}: expected fxnorm {__version__}, got {version}; install the same version everywhere"
