"""Counts how many training pieces are read a second.

    python -m tests.benchmarks.loader [CORPUS [WET]] [--seconds 10] [--pieces 60] [--remix 0.5]

prints a Markdown table for 0, 1 and 2 reading processes. Without a corpus, four songs of noise of 60 s, as float WAV,
are made for it. Starting the processes does not count.
"""

import argparse
import tempfile
import time
from pathlib import Path

from torch.utils.data import DataLoader

from fxnorm import recipe
from fxnorm.training.dataset import Position, TrainingPieces, Turns
from fxnorm.training.songs import open_corpus
from tests.training.corpora import write_corpus


def pieces_per_second(pieces: TrainingPieces, *, workers: int, count: int) -> float:
    """Pieces a second after the first batch of each process, in batches of 2."""
    warm = 2 * max(1, 2 * workers)
    turns = Turns(Position(), batch=2, batches=(count + warm) // 2)
    loader = iter(DataLoader(pieces, sampler=turns, batch_size=2, num_workers=workers))
    for _ in range(warm // 2):
        next(loader)
    start = time.perf_counter()
    done = sum(len(stems) for stems, _ in loader)
    return done / (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", nargs="?", type=Path)
    parser.add_argument("wet", nargs="?", type=Path)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--pieces", type=int, default=60)
    parser.add_argument("--remix", type=float, default=0.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        made = None if options.corpus else write_corpus(Path(scratch), songs=3, seconds=60.0)
        chosen = recipe.check(
            {
                "corpus": options.corpus or made / "normalized",
                "wet": options.wet or (made / "wet" if made else None),
                "data": {"seconds": options.seconds, "remix": options.remix},
            }
        )
        pieces = TrainingPieces(open_corpus(chosen.corpus, wet=chosen.wet).train, chosen.data, chosen.seed)
        print(f"pieces of {options.seconds:g} s, four stereo stems and their mix; remixed: {options.remix:.0%}\n")
        print("| reading processes | pieces a second |")
        print("|---|---|")
        for workers in (0, 1, 2):
            print(f"| {workers} | {pieces_per_second(pieces, workers=workers, count=options.pieces):.1f} |")


if __name__ == "__main__":
    main()
