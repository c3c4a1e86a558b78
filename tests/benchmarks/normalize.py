"""Time the normaliser by stage, against a yardstick on the same machine in the same run.

    python -m tests.benchmarks.normalize [--small]

prints Markdown tables: processor seconds per minute of a stereo stem by stage, beside the floor of its transforms,
filters and loops; the total in yardsticks (`scipy.signal.filtfilt` with 1,001 taps on a minute of float64 stereo); time
and memory of a worker by the length of a stem; the gain from a second process; and the time of measuring the averages
of a corpus. The reference implementation of the method needs 18.7 yardsticks.

The smallest run, --small, takes a stem of one minute and a corpus of 4 stems of 15 s.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
import scipy.fft
import soundfile
from scipy.signal import filtfilt, firwin

from fxnorm import audio, audio_files, corpus
from fxnorm.cli.options import print_table
from fxnorm.dsp import loudness
from fxnorm.dsp.fir import convolve_centred
from fxnorm.kernels.dynamics import reduce_gain
from fxnorm.normalization.corpus_normalization import normalize_corpus
from fxnorm.normalization.corpus_statistics import compute_stats
from fxnorm.normalization.effect import match
from fxnorm.normalization.effects import MATCHED_EFFECTS
from fxnorm.normalization.normalizer import pad
from fxnorm.normalization.output_layout import OutputLayout
from fxnorm.normalization.plan import NormalizationPlan
from fxnorm.normalization.settings import ChainSettings
from fxnorm.normalization.statistics import FxStats
from fxnorm.synth import make_song

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

REFERENCE_YARDSTICKS = 18.7
STEM = "other"
MINUTE = 60 * audio.SAMPLE_RATE
LENGTHS = (1, 4, 16, 60)
SONGS, SONG_MINUTES = 96, 3.0
SMALL_LENGTHS = (1,)
SMALL_SONGS, SMALL_SONG_MINUTES = 4, 0.25


def best(function: Callable[[], object], runs: int = 3) -> float:
    """Return the least processor time of a few runs, after one to warm up."""
    function()
    times = []
    for _ in range(runs):
        start = process_time()
        function()
        times.append(process_time() - start)
    return min(times)


def stem_of(minutes: float) -> audio.Audio:
    """Return a stem of a synthetic song, repeated to a length."""
    song = make_song(0, 1, seconds=60.0).wet[STEM]
    samples = round(minutes * MINUTE)
    return np.tile(song, -(-samples // song.shape[1]))[:, :samples]


def transforms(n_fft: int, hop: int) -> Callable[[], None]:
    """Return a function that computes only the forward transforms of a minute of stereo, four at a time."""
    frames = np.random.default_rng(0).standard_normal((4, n_fft)).astype(np.float32)

    def work() -> None:
        for _ in range(MINUTE // hop // 2):
            scipy.fft.rfft(frames)

    return work


def floors() -> dict[str, float]:
    """Measure the seconds of the work that each stage cannot avoid."""
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((2, MINUTE)).astype(np.float32)
    level = (20.0 * rng.standard_normal(MINUTE) - 60.0).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "noise.wav"
        write = best(lambda: soundfile.write(path, noise.T, audio.SAMPLE_RATE, subtype="FLOAT"))
        read = best(lambda: soundfile.read(path, dtype="float32"))
    return {
        "read": read,
        "eq": best(transforms(65_536, 16_384)) + best(lambda: convolve_centred(noise, firwin(6001, 0.5)[np.newaxis])),
        "compression": best(transforms(1024, 1024))
        + best(lambda: reduce_gain(level, -20.0, 0.75, 0.3, 0.9998, np.empty_like(level))),
        "panning": best(transforms(65_536, 32_768))
        + best(lambda: convolve_centred(noise[:1], firwin(2001, 0.5)[np.newaxis])),
        "loudness": best(lambda: loudness.measure(noise, audio.SAMPLE_RATE)),
        "write": write,
    }


def stage_rows(stem: audio.Audio, yardstick: float) -> list[list[str]]:
    """Return a row for each stage of a minute."""
    floor_s = floors()
    stats, settings = FxStats.shipped(), ChainSettings.preset()
    rows = [["stage", "seconds", "floor", "yardsticks"]]
    total = 0.0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stem.wav"
        audio_files.write(path, stem, audio.SAMPLE_RATE)
        stages: dict[str, Callable[[], Any]] = {"write": lambda: audio_files.write(path, stem, audio.SAMPLE_RATE)}
        stages["read"] = lambda: audio_files.read(path)
        processed = pad(stem)
        for effect in settings.effects:
            options = {"stem": STEM, "settings": settings.matching[effect]}
            target = stats.target(effect, STEM)
            stages[effect] = partial(match, MATCHED_EFFECTS[effect], processed, audio.SAMPLE_RATE, target, **options)
            processed, _ = stages[effect]()
        for name in ("read", *settings.effects, "write"):
            seconds = best(stages[name])
            total += seconds
            rows.append([name, f"{seconds:.3f}", f"{floor_s[name]:.3f}", f"{seconds / yardstick:.3f}"])
    rows.append(["all stages", f"{total:.3f}", f"{sum(floor_s.values()):.3f}", f"{total / yardstick:.3f}"])
    return rows


def plan(out: Path) -> NormalizationPlan:
    """Return a plan with the default preset and 32-bit float WAV."""
    return NormalizationPlan(FxStats.shipped(), ChainSettings.preset(), OutputLayout(out))


def write_songs(folder: Path, *, songs: int, minutes: float) -> Path:
    """Write a corpus with one stem per song, hard links to the same file."""
    paths = [folder / f"song {song}" / f"{STEM}.wav" for song in range(songs)]
    for path in paths:
        path.parent.mkdir(parents=True)
        if path is paths[0]:
            audio_files.write(path, stem_of(minutes), audio.SAMPLE_RATE)
        else:
            os.link(paths[0], path)
    return folder


def length_rows(lengths: Sequence[float], yardstick: float) -> list[list[str]]:
    """Return time and memory of one worker by the length of a stem in minutes, each measured in a new process."""
    rows = [["minutes", "seconds a minute", "yardsticks a minute", "peak memory, MB", "peak memory / stem"]]
    for minutes in lengths:
        with tempfile.TemporaryDirectory() as folder:
            for name, length in (("short", 0.05), ("long", minutes)):
                write_songs(Path(folder) / name, songs=1, minutes=length)
            command = [sys.executable, "-m", "tests.benchmarks.normalize", "--measure", folder]
            process = subprocess.run(command, capture_output=True, text=True, check=True)
        seconds, memory = (float(word) for word in process.stdout.split())
        rows.append(
            [
                str(minutes),
                f"{seconds / minutes:.3f}",
                f"{seconds / minutes / yardstick:.3f}",
                f"{memory / 1e6:.0f}",
                f"{memory / (minutes * MINUTE * 8):.1f}",
            ]
        )
    return rows


def measure_worker(folder: Path) -> tuple[float, float]:
    """Measure the seconds to read, normalise and write a corpus, and the peak memory above the imports in bytes."""
    with tempfile.TemporaryDirectory() as out:
        normalize_corpus(corpus.scan(folder / "short"), plan(Path(out) / "short"))  # imports everything
        before = peak_memory()
        seconds = []
        for run in ("first", "second"):  # the faster: the system sometimes takes long to allocate memory
            start = process_time()
            normalize_corpus(corpus.scan(folder / "long"), plan(Path(out) / run))
            seconds.append(process_time() - start)
    return min(seconds), peak_memory() - before


def peak_memory() -> float:
    """Return the peak memory of this process in bytes; `getrusage` would include that of its parent."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return 1024.0 * int(line.split()[1])


def corpus_rows(songs: int, minutes: float, yardstick: float) -> list[list[str]]:
    """Return the times to normalise a corpus by one and by two processes, start included, and to measure it."""
    rows = [[f"{songs} stems of {minutes:g} minutes", "seconds", "yardsticks a minute", "times -j 1"]]
    with tempfile.TemporaryDirectory() as folder:
        tracks = corpus.scan(write_songs(Path(folder) / "songs", songs=songs, minutes=minutes))

        def normalize(multitracks: Sequence[corpus.Multitrack], jobs: int) -> float:
            with tempfile.TemporaryDirectory(dir=folder) as out:
                os.sync()  # flush earlier writes before the clock starts
                start = perf_counter()
                normalize_corpus(multitracks, plan(Path(out)), jobs=jobs)
                return perf_counter() - start

        normalize(tracks, 2)  # warm-up: a virtual machine is slow to allocate memory for the first time
        # half before and half after the rest, since the speed of a machine drifts
        single_s = normalize(tracks[::2], 1)
        double_s = normalize(tracks, 2)
        start = perf_counter()
        compute_stats(tracks, title="songs")
        stats_s = perf_counter() - start
        single_s += normalize(tracks[1::2], 1)
    for name, seconds in {
        "normalize, -j 1": single_s,
        "normalize, -j 2": double_s,
        "stats compute, -j 1": stats_s,
    }.items():
        share = seconds / (songs * minutes) / yardstick
        rows.append([name, f"{seconds:.1f}", f"{share:.3f}", f"{seconds / single_s:.2f}"])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure is not None:
        print(*measure_worker(options.measure))
        return
    lengths, songs, minutes = (
        (SMALL_LENGTHS, SMALL_SONGS, SMALL_SONG_MINUTES) if options.small else (LENGTHS, SONGS, SONG_MINUTES)
    )
    noise = np.random.default_rng(0).standard_normal((2, MINUTE))
    taps = firwin(1001, 0.5)
    yardstick = best(lambda: filtfilt(taps, 1.0, noise, axis=1))
    print(f"yardstick: {yardstick:.2f} s\n")
    rows = stage_rows(stem_of(1.0), yardstick)
    print_table(rows)
    print(f"\nthe reference needs {REFERENCE_YARDSTICKS / float(rows[-1][-1]):.0f} times as long\n")
    print_table(length_rows(lengths, yardstick))
    print()
    print_table(corpus_rows(songs, minutes, yardstick))


if __name__ == "__main__":
    main()
