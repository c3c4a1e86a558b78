"""Pieces of a long song, several at a time on a CPU."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self, TypeVar

import torch
from torch import Tensor
from torch.nn import functional as F

from fxnorm import malloc

Result = TypeVar("Result")


class Workers:
    """Threads that each work on a piece of their own.

    The steps within a piece are too small to share: on two threads a recurrent step takes four times as long as on
    one. So PyTorch's own threads rest meanwhile, and as many pieces are worked on as there were of them. On a GPU
    there is one worker, for it shares by itself.
    """

    def __init__(self, device: torch.device) -> None:
        self._threads = torch.get_num_threads()
        # threads that live as long as the song: each new one would claim memory of its own
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
        work: Callable[[slice], Result],
        slices: Iterable[slice],
        *,
        progress: Callable[[int], None] = lambda done: None,
    ) -> list[Result]:
        """Apply a function to slices, without gradients, and give the results back in order.

        Parameters
        ----------
        work : callable
            A result should be no tensor: a small one that lives on takes its place in memory amid large ones that do
            not, which then cannot be used again.
        slices : iterable of slice
        progress : callable
            Called with where each slice stops, when it and all before it are done.
        """

        def alone(here: slice) -> tuple[int, Result]:
            with torch.inference_mode():  # which a thread does not inherit
                return here.stop, work(here)

        results = []
        for done, result in self._pool.map(alone, slices):
            results.append(result)
            progress(done)
        malloc.trim()  # a tenth of the peak
        return results


def pieces(total: int, length: int, *, backwards: bool = False) -> Iterator[slice]:
    """Slices of a length, the last shorter; or the same from the last to the first."""
    starts = range(0, total, length)
    for start in reversed(starts) if backwards else starts:
        yield slice(start, min(start + length, total))


def window(x: Tensor, start: int, stop: int) -> Tensor:
    """Columns of an array (rows, columns) from start to stop; zeros where it has none."""
    total = x.shape[1]
    inside = x[:, max(0, start) : max(0, min(stop, total))]
    return F.pad(inside, (max(0, min(stop, 0) - start), max(0, stop - max(total, start))))
