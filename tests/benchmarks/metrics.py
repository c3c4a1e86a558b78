"""Time the metrics on a whole song, by family.

    python -m tests.benchmarks.metrics [--minutes 4]

prints a Markdown table of processor seconds: for a target, which is measured once for all its mixes, and for each mix.
For comparison it times the multi-resolution STFT distance of auraloss on one PyTorch thread.

The smallest run: --minutes 0.1
"""

import argparse
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from fxnorm.audio import SAMPLE_RATE, Audio
from fxnorm.evaluation import metrics
from fxnorm.evaluation.metrics import Recording, mrstft

os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def seconds(work: Callable[[], Any]) -> float:
    """Return the processor seconds of the faster of two runs."""
    times = []
    for _ in range(2):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def make_mixes(minutes: float) -> tuple[Audio, Audio]:
    """Return noise with a beat as the target, and the target with further noise as the mix."""
    rng = np.random.default_rng(0)
    samples = round(60.0 * minutes * SAMPLE_RATE)
    beat = np.exp(-3.0 * (np.arange(samples) / SAMPLE_RATE % 0.5)).astype(np.float32)
    target = 0.1 * rng.standard_normal((2, samples), dtype=np.float32) * beat
    return target, target + 0.02 * rng.standard_normal((2, samples), dtype=np.float32)


def by_auraloss(target: Audio, mix: Audio) -> None:
    """Compute the distance of `mrstft` by auraloss."""
    import torch
    from auraloss.freq import SumAndDifferenceSTFTLoss

    torch.set_num_threads(1)
    with torch.inference_mode():
        loss = SumAndDifferenceSTFTLoss(
            list(mrstft.SIZES),
            [size // 4 for size in mrstft.SIZES],
            list(mrstft.SIZES),
        )
        loss(torch.from_numpy(mix)[None], torch.from_numpy(target)[None])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=4.0)
    options = parser.parse_args()
    target, mix = make_mixes(options.minutes)
    metrics.compare(target[:, : 2 * SAMPLE_RATE], mix[:, : 2 * SAMPLE_RATE], SAMPLE_RATE)  # compiles
    rows: dict[str, tuple[Callable[[], Any] | None, Callable[[], Any]]] = {
        name.rpartition(".")[2]: (
            lambda f=family: f.measure(Recording(target, SAMPLE_RATE)),
            lambda f=family: f.compare(
                f.measure(Recording(target, SAMPLE_RATE)), f.measure(Recording(mix, SAMPLE_RATE))
            ),
        )
        for name, family in metrics.FAMILIES.items()
    }
    measured = metrics.Measurements(Recording(target, SAMPLE_RATE))
    rows["all metrics"] = (
        lambda: metrics.Measurements(Recording(target, SAMPLE_RATE)),
        lambda: measured.compare(metrics.Measurements(Recording(mix, SAMPLE_RATE))),
    )
    rows["auraloss, 512 to 8,192 alone"] = (None, lambda: by_auraloss(target, mix))
    print(f"| {options.minutes:g} minutes of stereo, one core | target, s | each mix, s |")
    print("| --- | --: | --: |")
    for name, (measure_target, measure_mix) in rows.items():
        target_s = "–" if measure_target is None else f"{seconds(measure_target):.2f}"
        print(f"| {name} | {target_s} | {seconds(measure_mix):.2f} |", flush=True)


if __name__ == "__main__":
    main()
