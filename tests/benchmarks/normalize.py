"""How long the normaliser takes, stage by stage, against a yardstick on the same machine in the same run.

    python -m tests.benchmarks.normalize

prints Markdown: seconds of processor time per minute of a stereo stem, with the least that the transforms and the
filters of a stage take; the whole in yardsticks (`scipy.signal.filtfilt` with 1,001 taps on a minute of float64
stereo); how that grows with the length; and the memory of a worker. The reference implementation of the method needs
18.7 yardsticks.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import process_time

import numpy as np
import scipy.fft
from scipy.signal import filtfilt, firwin, oaconvolve

from fxnorm import audio
from fxnorm.cli.options import print_table
from fxnorm.effects import MODULES
from fxnorm.normalize import Normalizer, Settings, pad
from fxnorm.stats import FxStats
from fxnorm.synth import make_song

REFERENCE_YARDSTICKS = 18.7
STEM = "other"
MINUTE = 60 * audio.RATE


def best(function: Callable[[], object], runs: int = 3) -> float:
    """Least processor time of a few runs, after one to warm up."""
    function()
    times = []
    for _ in range(runs):
        start = process_time()
        function()
        times.append(process_time() - start)
    return min(times)


def stem_of(minutes: float) -> audio.Audio:
    """A stem of a synthetic song, repeated to a length."""
    song = make_song(0, 1, seconds=60.0).wet[STEM]
    samples = round(minutes * MINUTE)
    return np.tile(song, -(-samples // song.shape[1]))[:, :samples]


def transforms(n_fft: int, hop: int) -> Callable[[], None]:
    """Nothing but the forward transforms of a minute of stereo."""
    frame = np.random.default_rng(0).standard_normal(n_fft).astype(np.float32)

    def work() -> None:
        for _ in range(2 * (MINUTE // hop)):
            scipy.fft.rfft(frame)

    return work


def stage_rows(stem: audio.Audio, yardstick: float) -> list[list[str]]:
    """One row for each stage of a minute."""
    noise = np.random.default_rng(0).standard_normal((2, MINUTE)).astype(np.float32)
    long_filter, side_filter = firwin(6001, 0.5)[np.newaxis], firwin(2001, 0.5)
    floors = {
        "eq": best(transforms(65_536, 16_384))
        + best(lambda: oaconvolve(noise, long_filter.astype(np.float32), mode="same", axes=1)),
        "panning": best(transforms(65_536, 32_768))
        + best(lambda: oaconvolve(noise[0], side_filter.astype(np.float32), mode="same")),
    }
    stats, settings = FxStats.shipped(), Settings.preset()
    rows = [["stage", "seconds", "floor", "yardsticks"]]
    total = 0.0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stem.wav"
        audio.write(path, stem, audio.RATE)
        stages: dict[str, Callable[[], object]] = {"write": lambda: audio.write(path, stem, audio.RATE)}
        stages["read"] = lambda: audio.read(path)
        worked = pad(stem)
        for effect in settings.effects:
            match, options = MODULES[effect].match, {"stem": STEM, "settings": getattr(settings, effect)}
            target = stats.target(effect, STEM)
            given = worked
            stages[effect] = lambda match=match, given=given, target=target, options=options: match(
                given, audio.RATE, target, **options
            )
            worked, _ = match(given, audio.RATE, target, **options)
        for name in ("read", *settings.effects, "write"):
            seconds = best(stages[name])
            total += seconds
            floor = f"{floors[name]:.3f}" if name in floors else "–"
            rows.append([name, f"{seconds:.3f}", floor, f"{seconds / yardstick:.3f}"])
    rows.append(["all stages", f"{total:.3f}", "–", f"{total / yardstick:.3f}"])
    return rows


def length_rows(yardstick: float) -> list[list[str]]:
    """The whole chain on longer and longer stems, each in a process of its own for its memory."""
    rows = [["minutes", "seconds a minute", "yardsticks a minute", "peak memory / stem"]]
    for minutes in (1, 4, 16):
        command = [sys.executable, "-m", "tests.benchmarks.normalize", str(minutes)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        seconds, memory = (float(word) for word in done.stdout.split())
        rows.append([str(minutes), f"{seconds:.3f}", f"{seconds / yardstick:.3f}", f"{memory:.1f}"])
    return rows


def one_length(minutes: float) -> tuple[float, float]:
    """Seconds a minute, and peak memory above what was there before in sizes of the stem."""
    chain = Normalizer(FxStats.shipped())
    chain(stem_of(0.1), audio.RATE, STEM)
    stem = stem_of(minutes)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    start = process_time()
    chain(stem, audio.RATE, STEM)
    seconds = (process_time() - start) / minutes
    return seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before) / stem.nbytes


def main() -> None:
    if len(sys.argv) > 1:
        print(*one_length(float(sys.argv[1])))
        return
    noise = np.random.default_rng(0).standard_normal((2, MINUTE))
    taps = firwin(1001, 0.5)
    yardstick = best(lambda: filtfilt(taps, 1.0, noise, axis=1))
    print(f"yardstick: {yardstick:.2f} s\n")
    rows = stage_rows(stem_of(1.0), yardstick)
    print_table(rows)
    print(f"\nthe reference needs {REFERENCE_YARDSTICKS / float(rows[-1][-1]):.0f} times as long\n")
    print_table(length_rows(yardstick))


if __name__ == "__main__":
    main()
