"""Compare networks applied in chunks and to a whole song: differences of the samples, time and memory.

    python -m tests.benchmarks.pieces [--seconds 30] [--minutes 10] [--network tdcn]

prints two Markdown tables. The first uses a song short enough to be mapped at once. Its stems get louder by 20 dB, so
that the statistics of a chunk differ from those of the song: a hard case for normalisation layers. The second is a long
song with the published TDCN. Weights are untrained; they affect only the errors of inexact chunking. Every figure comes
from a separate process; memory is its peak, including stems, mix and PyTorch.

The smallest run: --seconds 2 --minutes 0.1 --network tdcn
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from typing import Any

import numpy as np

from fxnorm.audio import SAMPLE_RATE
from fxnorm.corpus.stems import STEMS

CASES = (
    ("tdcn", "published", "chunks"),
    ("waveunet", "default", "chunks"),
    ("waveunet", "default", "exact"),
    ("waveunet", "published", "chunks"),
    ("hdemucs", "published", "chunks"),
)
NOISE = 1 << 20  # samples of noise; a long song repeats them


def make_stems(seconds: float) -> Any:
    """Return noise with a beat, slower in each stem, that gets louder."""
    samples = round(seconds * SAMPLE_RATE)
    rng = np.random.default_rng(0)
    time_s = np.arange(samples, dtype=np.float32) / SAMPLE_RATE
    stems = np.empty((len(STEMS), 2, samples), dtype=np.float32)
    for index, stem in enumerate(stems):
        beat = np.exp(-8.0 * (time_s % (0.5 + 0.1 * index))) * (0.1 + 0.9 * time_s / seconds)
        for channel in stem:
            np.multiply(np.resize(0.3 * rng.standard_normal(NOISE).astype(np.float32), samples), beat, out=channel)
    return stems


def mix(network: str, preset: str, method: str, seconds: float, threads: int, path: str) -> None:
    """Mix in this process, save the samples, and print seconds and memory as JSON."""
    import torch

    from fxnorm import models
    from fxnorm.models import waveunet_streaming

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    model = models.build(network, preset).eval()
    stems = torch.from_numpy(make_stems(seconds))
    with torch.inference_mode():
        start = time.perf_counter()
        if method == "whole":
            mixed = model(stems[None])[0]
        elif method == "exact":
            mixed = waveunet_streaming.apply_long(model, stems)
        else:
            mixed = model.apply_long(stems)
        wall_s = time.perf_counter() - start
    np.save(path, mixed.numpy())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(json.dumps({"seconds": wall_s, "bytes": peak}))


def run(network: str, preset: str, method: str, seconds: float, threads: int, folder: str) -> dict[str, Any]:
    """Run a case in a process of its own."""
    path = f"{folder}/{network}-{preset}-{method}.npy"
    words = ["--case", network, preset, method, str(seconds), str(threads), path]
    process = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.pieces", *words],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"OMP_WAIT_POLICY": "PASSIVE"},
    )
    return json.loads(process.stdout.splitlines()[-1]) | {"mix": np.load(path, mmap_mode="r")}


def compare(seconds: float, threads: int, only: str | None, folder: str) -> None:
    """Print the differences between chunks and the whole."""
    print(f"{seconds:g} s, {threads} threads\n")
    print("| network | method | largest error | error, dB | s | s, whole | GB | GB, whole |")
    print("| --- | --- | --: | --: | --: | --: | --: | --: |")
    wholes: dict[tuple[str, str], dict[str, Any]] = {}
    for network, preset, method in CASES:
        if only in (None, network):
            if (network, preset) not in wholes:
                wholes[network, preset] = run(network, preset, "whole", seconds, threads, folder)
            whole = wholes[network, preset]
            chunked = run(network, preset, method, seconds, threads, folder)
            error = chunked["mix"] - whole["mix"]
            level_db = 10.0 * np.log10(np.mean(error**2) / np.mean((whole["mix"] - whole["mix"].mean()) ** 2) + 1e-30)
            print(
                f"| {network}, {preset} | {method} | {np.abs(error).max():.1e} | {level_db:.0f} | "
                f"{chunked['seconds']:.1f} | {whole['seconds']:.1f} | "
                f"{chunked['bytes'] / 1e9:.2f} | {whole['bytes'] / 1e9:.2f} |",
                flush=True,
            )


def time_long(minutes: float, threads: int, folder: str) -> None:
    """Print time and memory of a long song."""
    result = run("tdcn", "published", "chunks", 60.0 * minutes, threads, folder)
    print(f"\n{minutes:g} min, {threads} threads\n")
    print("| network | s | times real time | GB | of which stems and mix |")
    print("| --- | --: | --: | --: | --: |")
    arrays = (len(STEMS) + 1) * 2 * 4 * 60.0 * minutes * SAMPLE_RATE
    print(
        f"| tdcn, published | {result['seconds']:.0f} | {60.0 * minutes / result['seconds']:.1f} | "
        f"{result['bytes'] / 1e9:.2f} | {arrays / 1e9:.2f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--network", choices=sorted({case[0] for case in CASES}))
    parser.add_argument("--case", nargs=6, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case is not None:
        network, preset, method, seconds, threads, path = options.case
        mix(network, preset, method, float(seconds), int(threads), path)
        return
    with tempfile.TemporaryDirectory() as folder:
        compare(options.seconds, options.threads, options.network, folder)
        if options.minutes > 0.0 and options.network in (None, "tdcn"):
            time_long(options.minutes, options.threads, folder)


if __name__ == "__main__":
    main()
