"""Time the normaliser on stems with silence, against a yardstick in the same run.

    python -m tests.benchmarks.silence

prints a Markdown table: processor seconds of the default chain per stereo minute in memory, and the same in yardsticks
(`scipy.signal.filtfilt` with 1,001 taps on a minute of float64 stereo).
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from scipy.signal import filtfilt, firwin

from fxnorm.audio import SAMPLE_RATE, Audio
from fxnorm.cli.options import print_table
from fxnorm.normalization.normalizer import Normalizer
from fxnorm.normalization.statistics import FxStats
from tests.benchmarks.normalize import MINUTE, STEM, best


def stems() -> dict[str, Audio]:
    """Return a minute of noise bursts: without silence, with a rest, near silence, and with fades."""
    rng = np.random.default_rng(0)
    common, left, right = 0.1 * rng.standard_normal((3, MINUTE))
    time = np.arange(MINUTE) / SAMPLE_RATE
    bursts = np.repeat(rng.uniform(0.1, 1.0, 120), SAMPLE_RATE // 2) * np.exp(-8.0 * (time % 0.5))
    noise = (np.stack([common + 0.5 * left, common + 0.5 * right]) * (0.02 + bursts)).astype(np.float32)
    rests, near, fades = noise.copy(), noise.copy(), noise.copy()
    rests[:, 10 * SAMPLE_RATE : 55 * SAMPLE_RATE] = 0.0
    near[:, 10 * SAMPLE_RATE : 55 * SAMPLE_RATE] *= np.float32(1e-6)
    fades *= np.exp(-20.0 * np.maximum(time % 15.0 - 2.0, 0.0)).astype(np.float32)  # to 1e-38 and below in 15 s
    return {"noise": noise, "45 s of digital silence": rests, "45 s at 1e-6": near, "fades to zero": fades}


def main() -> None:
    yardstick_input = np.random.default_rng(0).standard_normal((2, MINUTE))
    taps = firwin(1001, 0.5)
    yardstick = best(lambda: filtfilt(taps, 1.0, yardstick_input, axis=1))
    normalizer = Normalizer(FxStats.shipped())
    rows = [["stem", "seconds a minute", "yardsticks a minute"]]
    for name, stem in stems().items():
        seconds = best(lambda stem=stem: normalizer(stem, SAMPLE_RATE, STEM))
        rows.append([name, f"{seconds:.3f}", f"{seconds / yardstick:.3f}"])
    print(f"yardstick: {yardstick:.2f} s\n")
    print_table(rows)


if __name__ == "__main__":
    main()
