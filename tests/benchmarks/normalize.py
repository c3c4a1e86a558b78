"""How long the normaliser takes, stage by stage, against a yardstick on the same machine in the same run.

    python -m tests.benchmarks.normalize

prints Markdown: seconds of processor time per minute of a stereo stem, with the least that the transforms, the filters
and the loops of a stage take; the whole in yardsticks (`scipy.signal.filtfilt` with 1,001 taps on a minute of float64
stereo); how that and the memory of a worker grow with the length of a stem; what a second process brings; and what
measuring the averages of a corpus costs. The reference implementation of the method needs 18.7 yardsticks.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from time import perf_counter, process_time

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
    """Nothing but the forward transforms of a minute of stereo, four at a time."""
    frames = np.random.default_rng(0).standard_normal((4, n_fft)).astype(np.float32)

    def work() -> None:
        for _ in range(MINUTE // hop // 2):
            scipy.fft.rfft(frames)

    return work


def floors() -> dict[str, float]:
    """Seconds of the work that no stage can do without."""
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
    """One row for each stage of a minute."""
    least = floors()
    stats, settings = FxStats.shipped(), ChainSettings.preset()
    rows = [["stage", "seconds", "floor", "yardsticks"]]
    total = 0.0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stem.wav"
        audio_files.write(path, stem, audio.SAMPLE_RATE)
        stages: dict[str, Callable[[], object]] = {"write": lambda: audio_files.write(path, stem, audio.SAMPLE_RATE)}
        stages["read"] = lambda: audio_files.read(path)
        worked = pad(stem)
        for effect in settings.effects:
            options = {"stem": STEM, "settings": settings.matching[effect]}
            target = stats.target(effect, STEM)
            given = worked
            kind = MATCHED_EFFECTS[effect]
            stages[effect] = partial(match, kind, given, audio.SAMPLE_RATE, target, **options)
            worked, _ = match(kind, given, audio.SAMPLE_RATE, target, **options)
        for name in ("read", *settings.effects, "write"):
            seconds = best(stages[name])
            total += seconds
            rows.append([name, f"{seconds:.3f}", f"{least[name]:.3f}", f"{seconds / yardstick:.3f}"])
    rows.append(["all stages", f"{total:.3f}", f"{sum(least.values()):.3f}", f"{total / yardstick:.3f}"])
    return rows


def plan(out: Path) -> NormalizationPlan:
    """The default preset, 32-bit float WAV."""
    return NormalizationPlan(FxStats.shipped(), ChainSettings.preset(), OutputLayout(out))


def write_songs(folder: Path, *, songs: int, minutes: float) -> Path:
    """A corpus of one stem a song, the same file everywhere."""
    paths = [folder / f"song {song}" / f"{STEM}.wav" for song in range(songs)]
    for path in paths:
        path.parent.mkdir(parents=True)
        if path is paths[0]:
            audio_files.write(path, stem_of(minutes), audio.SAMPLE_RATE)
        else:
            os.link(paths[0], path)
    return folder


def length_rows(yardstick: float) -> list[list[str]]:
    """The work of one worker on longer and longer stems, each in a process of its own for its memory."""
    rows = [["minutes", "seconds a minute", "yardsticks a minute", "peak memory, MB", "peak memory / stem"]]
    for minutes in LENGTHS:
        with tempfile.TemporaryDirectory() as folder:
            for name, length in (("short", 0.05), ("long", minutes)):
                write_songs(Path(folder) / name, songs=1, minutes=length)
            command = [sys.executable, "-m", "tests.benchmarks.normalize", folder]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
        seconds, memory = (float(word) for word in done.stdout.split())
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


def one_corpus(folder: Path) -> tuple[float, float]:
    """Seconds to read, normalise and write a corpus, and peak memory above that of the imports, in bytes."""
    with tempfile.TemporaryDirectory() as out:
        normalize_corpus(corpus.scan(folder / "short"), plan(Path(out) / "short"))  # loads everything
        before = peak_memory()
        seconds = []
        for run in ("first", "second"):  # the lesser: now and then the system is long in finding memory
            start = process_time()
            normalize_corpus(corpus.scan(folder / "long"), plan(Path(out) / run))
            seconds.append(process_time() - start)
    return min(seconds), peak_memory() - before


def peak_memory() -> float:
    """Bytes that this process has held at most. (Not `getrusage`, which knows those of its parent too.)"""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return 1024.0 * int(line.split()[1])


def corpus_rows(yardstick: float) -> list[list[str]]:
    """A corpus, normalised by one and by two processes, and measured; the start of the processes is counted in."""
    rows = [[f"{SONGS} stems of {SONG_MINUTES:.0f} minutes", "seconds", "yardsticks a minute", "times -j 1"]]
    with tempfile.TemporaryDirectory() as folder:
        tracks = corpus.scan(write_songs(Path(folder) / "songs", songs=SONGS, minutes=SONG_MINUTES))

        def normalize(some: Sequence[corpus.Multitrack], jobs: int) -> float:
            with tempfile.TemporaryDirectory(dir=folder) as out:
                os.sync()  # what was written before is not written out at the expense of this
                start = perf_counter()
                normalize_corpus(some, plan(Path(out)), jobs=jobs)
                return perf_counter() - start

        normalize(tracks, 2)  # not counted: a virtual machine is slow to find memory that it has not used before
        # one half before and one half after all else, since the speed of a machine drifts
        one = normalize(tracks[::2], 1)
        two = normalize(tracks, 2)
        start = perf_counter()
        compute_stats(tracks, title="songs")
        measured = perf_counter() - start
        one += normalize(tracks[1::2], 1)
    for name, seconds in {"normalize, -j 1": one, "normalize, -j 2": two, "stats compute, -j 1": measured}.items():
        share = seconds / (SONGS * SONG_MINUTES) / yardstick
        rows.append([name, f"{seconds:.1f}", f"{share:.3f}", f"{seconds / one:.2f}"])
    return rows


def main() -> None:
    if len(sys.argv) > 1:
        print(*one_corpus(Path(sys.argv[1])))
        return
    noise = np.random.default_rng(0).standard_normal((2, MINUTE))
    taps = firwin(1001, 0.5)
    yardstick = best(lambda: filtfilt(taps, 1.0, noise, axis=1))
    print(f"yardstick: {yardstick:.2f} s\n")
    rows = stage_rows(stem_of(1.0), yardstick)
    print_table(rows)
    print(f"\nthe reference needs {REFERENCE_YARDSTICKS / float(rows[-1][-1]):.0f} times as long\n")
    print_table(length_rows(yardstick))
    print()
    print_table(corpus_rows(yardstick))


if __name__ == "__main__":
    main()
