"""Chunks of a long song, processed in parallel on a CPU."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self, TypeVar

import torch
from torch import Tensor
from torch.nn import functional as F

from fxnorm import malloc

Result = TypeVar("Result")


class ChunkPool:
    """Pool of threads, one per chunk.

    Intra-op threading is disabled and chunks run in parallel instead: the operations of a chunk are too small to share
    (a recurrent step takes four times as long on two threads as on one). On a GPU the pool has one thread.

    Parameters
    ----------
    device : torch.device
    """

    def __init__(self, device: torch.device) -> None:
        self._threads = torch.get_num_threads()
        # One set of threads for the whole song: each new thread would allocate a heap of its own.
        self._pool = ThreadPoolExecutor(
            self._threads if device.type == "cpu" else 1, initializer=torch.set_num_threads, initargs=(1,)
        )

    def __enter__(self) -> Self:
        torch.set_num_threads(1)
        return self

    def __exit__(self, *_: Any) -> None:
        self._pool.shutdown(cancel_futures=True)
        torch.set_num_threads(self._threads)

    def run(
        self,
        function: Callable[[slice], Result],
        slices: Iterable[slice],
        *,
        progress: Callable[[int], None] = lambda stop: None,
    ) -> list[Result]:
        """Apply a function to slices without gradients, and return the results in order.

        Parameters
        ----------
        function : callable
            Its result should not be a tensor: a small tensor that outlives large ones fragments memory.
        slices : iterable of slice
        progress : callable
            Called with the end of each slice when it and all before it are completed.
        """

        def run_alone(span: slice) -> tuple[int, Result]:
            with torch.inference_mode():  # not inherited by threads
                return span.stop, function(span)

        results = []
        for stop, result in self._pool.map(run_alone, slices):
            results.append(result)
            progress(stop)
        malloc.trim()  # a tenth of the peak
        return results


def chunks(total: int, length: int, *, backwards: bool = False) -> Iterator[slice]:
    """Split a length into slices, the last one shorter; in reverse order if `backwards`."""
    starts = range(0, total, length)
    for start in reversed(starts) if backwards else starts:
        yield slice(start, min(start + length, total))


def slice_padded(x: Tensor, start: int, stop: int) -> Tensor:
    """Return columns from start to stop of an array (rows, columns), with zeros beyond its ends."""
    total = x.shape[1]
    columns = x[:, max(0, start) : max(0, min(stop, total))]
    return F.pad(columns, (max(0, min(stop, 0) - start), max(0, stop - max(total, start))))
