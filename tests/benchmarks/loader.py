"""Measure the number of training examples that are read per second.

    python -m tests.benchmarks.loader [CORPUS [WET]] [--segment-s 10] [--examples 60] [--remix 0.5]

prints a Markdown table for 0, 1 and 2 loader processes. Without a corpus, four songs of noise of 60 s are written as
float WAV. The start of the processes is not included.
"""

import argparse
import tempfile
import time
from pathlib import Path

from torch.utils.data import DataLoader

from fxnorm import recipe
from fxnorm.training.corpus import open_corpus
from fxnorm.training.dataset import Position, ResumableSampler, TrainingDataset
from tests.training.corpora import write_corpus


def examples_per_second(dataset: TrainingDataset, *, workers: int, count: int) -> float:
    """Return the examples read per second in batches of 2, after the first batches of each process."""
    warmup_batches = max(1, 2 * workers)
    sampler = ResumableSampler(Position(), batch_size=2, batches=count // 2 + warmup_batches)
    loader = iter(DataLoader(dataset, sampler=sampler, batch_size=2, num_workers=workers))
    for _ in range(warmup_batches):
        next(loader)
    start = time.perf_counter()
    examples = sum(len(stems) for stems, _ in loader)
    return examples / (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", nargs="?", type=Path)
    parser.add_argument("wet", nargs="?", type=Path)
    parser.add_argument("--segment-s", type=float, default=10.0)
    parser.add_argument("--examples", type=int, default=60)
    parser.add_argument("--remix", type=float, default=0.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = None if options.corpus else write_corpus(Path(scratch), songs=3, seconds=60.0)
        settings = recipe.check(
            {
                "corpus": options.corpus or root / "normalized",
                "wet": options.wet or (root / "wet" if root else None),
                "data": {"segment_s": options.segment_s, "remix": options.remix},
            }
        )
        corpus = open_corpus(settings.corpus, wet=settings.wet)
        dataset = TrainingDataset(corpus.train, settings.data, settings.seed)
        print(f"examples of {options.segment_s:g} s, four stereo stems and a mix; remixed: {options.remix:.0%}\n")
        print("| loader processes | examples per second |")
        print("|---|---|")
        for workers in (0, 1, 2):
            print(f"| {workers} | {examples_per_second(dataset, workers=workers, count=options.examples):.1f} |")


if __name__ == "__main__":
    main()
