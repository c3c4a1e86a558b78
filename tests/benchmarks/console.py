"""How long the console takes to be differentiated and to render, beside other implementations in the same run.

    pip install -e .[oracles] pedalboard
    python -m tests.benchmarks.console

prints Markdown. First, forward and backward on 8 tracks of 262,144 samples (6 s, mono, float32) with two threads, in
milliseconds on the clock and of processor time: six bands and a compressor against dasp-pytorch (whose smoother has
no release), and attack and release alone against torchcomp. Then the processors of a strip on a stereo minute, in
seconds of processor time, and the whole strip on rests, digital silence and a fade. Then `fxnorm console render` on
songs of two lengths, with 16 stereo tracks of full strips, two buses with reverb and a mastered sum: seconds on the
clock with two threads, and the memory of the process at its highest. Last, the nearest chain of Pedalboard, which is
GPL and is needed for nothing else. What is not installed is left out with a line.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
import torch
from scipy.signal import filtfilt, firwin

from fxnorm import audio_files
from fxnorm.audio import SAMPLE_RATE, Audio
from fxnorm.cli.options import print_table
from fxnorm.console import Bus, Console, Limiter, Master, Reverb, Send, TrackStrip
from fxnorm.console import torch as console_torch
from fxnorm.console.processor import Processor
from fxnorm.console.processors import Compressor, Eq, EqBand, Gain, Pan, Saturation, Width
from fxnorm.kernels.ballistics import smooth, smooth_gradient
from tests.benchmarks.normalize import MINUTE, best

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

TRACKS, SAMPLES, THREADS, RUNS = 8, 262_144, 2, 5
BANDS = Eq(
    (
        EqBand("low_shelf", 100.0, 2.0),
        EqBand("peak", 250.0, -3.0, 1.0),
        EqBand("peak", 800.0, -2.0, 2.0),
        EqBand("peak", 2_500.0, 3.0, 1.0),
        EqBand("peak", 5_000.0, 1.0, 1.0),
        EqBand("high_shelf", 9_000.0, 3.0),
    )
)
COMPRESSOR = Compressor(-30.0, 4.0, 10.0, 150.0, 6.0, 2.0)
STRIP: dict[str, Processor] = {
    "gain": Gain(3.0),
    "EQ, 6 bands": BANDS,
    "compressor": COMPRESSOR,
    "saturation, 2 times": Saturation(6.0),
    "width, mono below 120 Hz": Width(1.2, 120.0),
    "pan": Pan(0.3),
    "fader": Gain(-6.0),
}
MOST_SECONDS = 0.20  # a strip, wanted
SONG_TRACKS = 16
SONG_MINUTES = (1, 4)
# Runs in a process of its own, so that its memory is that of the command alone.
COMMAND = """
import sys, time
sys.argv = ["fxnorm", *sys.argv[1:]]
from fxnorm.cli import cli
start = time.perf_counter()
cli.main(prog_name="fxnorm", standalone_mode=False)
seconds = time.perf_counter() - start
from tests.benchmarks.normalize import peak_memory
print(seconds, peak_memory())
"""


def music(channels: int, samples: int) -> Audio:
    """Noise with a beat, so that a compressor has something to do."""
    rng = np.random.default_rng(0)
    beat = 0.1 + np.exp(-8.0 * (np.arange(samples) / SAMPLE_RATE % 0.5))
    return (0.1 * beat * rng.standard_normal((channels, samples))).astype(np.float32)


@dataclass(frozen=True)
class Times:
    """Least seconds of a few runs: on the clock, and of all threads together."""

    wall: float
    processor: float


def best_times(function: Callable[[], object]) -> Times:
    """Time a few runs, after one to warm up."""
    function()
    walls, processors = [], []
    for _ in range(RUNS):
        start = perf_counter(), process_time()
        function()
        walls.append(perf_counter() - start[0])
        processors.append(process_time() - start[1])
    return Times(min(walls), min(processors))


def batch(processor: Processor) -> torch.Tensor:
    """The values of a processor once for each track."""
    return torch.tensor([processor.values()] * TRACKS, dtype=torch.float32, requires_grad=True)


def channel_gradients() -> Times:
    """Time six bands and a compressor, forward and backward."""
    audio = torch.from_numpy(music(TRACKS, SAMPLES)[:, np.newaxis]).requires_grad_()
    bands, settings = batch(BANDS), batch(COMPRESSOR)

    def work() -> None:
        equalised = console_torch.process(BANDS, audio, bands, SAMPLE_RATE)
        console_torch.process(COMPRESSOR, equalised, settings, SAMPLE_RATE).square().mean().backward()

    return best_times(work)


def dasp_gradients() -> Times:
    """Time the same with dasp-pytorch."""
    from dasp_pytorch import functional

    audio = torch.from_numpy(music(TRACKS, SAMPLES)[:, np.newaxis]).requires_grad_()
    by_band = torch.tensor(BANDS.values(), dtype=torch.float32).reshape(-1, 3)[:, [1, 0, 2]]
    bands = [value.repeat(TRACKS).requires_grad_() for value in by_band.flatten()]
    settings = [value.clone().requires_grad_() for value in batch(COMPRESSOR).detach()[:, :6].unbind(1)]

    def work() -> None:
        equalised = functional.parametric_eq(audio, SAMPLE_RATE, *bands)
        functional.compressor(equalised, SAMPLE_RATE, *settings).square().mean().backward()

    return best_times(work)


def reductions() -> Audio:
    """Gain reductions in dB."""
    level_db = 20.0 * np.log10(np.maximum(np.abs(music(TRACKS, SAMPLES)), 1e-6))
    return np.maximum(level_db + 30.0, 0.0).astype(np.float32)


def smoother_gradients() -> Times:
    """Time attack and release alone, forward and backward."""
    given = reductions()
    poles = COMPRESSOR.poles(SAMPLE_RATE)

    def one(reduction: Audio) -> None:
        smoothed = np.empty_like(reduction)
        smooth(reduction, *poles, 0.0, 0, smoothed)
        smooth_gradient(reduction, smoothed, *poles, np.ones_like(smoothed))

    with ThreadPoolExecutor(THREADS) as pool:
        return best_times(lambda: list(pool.map(one, given)))


def torchcomp_gradients() -> Times:
    """Time the same with torchcomp."""
    from torchcomp.core import compressor_core

    given = torch.from_numpy(-reductions()).requires_grad_()
    coefficients = [torch.full((TRACKS,), 1.0 - pole, requires_grad=True) for pole in COMPRESSOR.poles(SAMPLE_RATE)]
    return best_times(lambda: compressor_core(given, torch.zeros(TRACKS), *coefficients).sum().backward())


def gradient_rows() -> list[list[str]]:
    """Times of each task, and how many times as long others take, where they are installed."""
    torch.set_num_threads(THREADS)
    rows = [["forward and backward", "ms", "processor ms", "times as long", "of processor time"]]
    for task, name, work in (
        ("6 bands and compressor", "fxnorm", channel_gradients),
        ("", "dasp_pytorch", dasp_gradients),
        ("attack and release", "fxnorm", smoother_gradients),
        ("", "torchcomp", torchcomp_gradients),
    ):
        label = f"{task}: {name}" if task else name
        if find_spec(name) is None:
            rows.append([f"{label}: not installed", "", "", "", ""])
            continue
        times = work()
        if task:
            base = times
        ratios = times.wall / base.wall, times.processor / base.processor
        rows.append([label, f"{1e3 * times.wall:.0f}", f"{1e3 * times.processor:.0f}", *(f"{r:.1f}" for r in ratios)])
    return rows


def strip_rows(audio: Audio, yardstick: float) -> list[list[str]]:
    """Seconds of each processor of a strip."""
    rows = [["strip, stereo minute", "seconds", "yardsticks"]]
    total = 0.0
    for name, processor in STRIP.items():
        seconds = best(lambda processor=processor: processor.process(audio, SAMPLE_RATE))
        total += seconds
        rows.append([name, f"{seconds:.3f}", f"{seconds / yardstick:.4f}"])
    rows.append([f"all ({MOST_SECONDS:.2f} s wanted)", f"{total:.3f}", f"{total / yardstick:.4f}"])
    return rows


def pedalboard_seconds(audio: Audio) -> dict[str, float]:
    """Seconds of the nearest processors of Pedalboard; it has no width and no panorama, and does not oversample."""
    import pedalboard as pb

    filters = {"low_shelf": pb.LowShelfFilter, "peak": pb.PeakFilter, "high_shelf": pb.HighShelfFilter}
    bands = [filters[band.kind](band.frequency_hz, band.gain_db, band.q) for band in BANDS.bands]
    compressor = pb.Compressor(COMPRESSOR.threshold_db, COMPRESSOR.ratio, COMPRESSOR.attack_ms, COMPRESSOR.release_ms)
    chains = {
        "6 filters": pb.Pedalboard(bands),
        "compressor": pb.Pedalboard([compressor]),
        "gain, 6 filters, compressor, distortion, gain": pb.Pedalboard(
            [pb.Gain(3.0), *bands, compressor, pb.Distortion(6.0), pb.Gain(-6.0)]
        ),
    }
    return {name: best(lambda chain=chain: chain(audio, SAMPLE_RATE)) for name, chain in chains.items()}


def song_console() -> Console:
    """A mix that uses everything."""
    processors = tuple(processor for name, processor in STRIP.items() if name not in ("pan", "fader"))
    sends = (Send("room", -18.0), Send("hall", -24.0))
    tracks = tuple(
        TrackStrip(f"track {number}", processors, fader_db=-12.0, pan=number / 10.0 - 0.75, sends=sends)
        for number in range(SONG_TRACKS)
    )
    rooms = (
        Bus("room", (Reverb(decay_s=0.6, dry=0.0),)),
        Bus("hall", (Reverb(decay_s=2.5, dry=0.0, seed=1),)),
    )
    return Console("song", tracks, rooms, Master((Compressor(-12.0, 2.0), BANDS, Width(1.1), Limiter())))


def song_rows() -> list[list[str]]:
    """Time and memory of whole songs, from files to a file."""
    rows = [["fxnorm console render, 16 tracks", "seconds", "times real time", "memory, MB"]]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        song_console().save(folder / "song.console.json")
        for minutes in SONG_MINUTES:
            tracks = folder / f"{minutes} minutes"
            tracks.mkdir()
            audio = np.tile(music(2, MINUTE), minutes)
            for number in range(SONG_TRACKS):
                audio_files.write(tracks / f"track {number}.wav", audio, SAMPLE_RATE, subtype="PCM_24")
            words = ["console", "render", folder / "song.console.json", tracks, "-o", folder / "mix.wav", "-j", THREADS]
            result = subprocess.run(
                [sys.executable, "-c", COMMAND, *map(str, words)], capture_output=True, text=True, check=True
            )
            seconds, memory = map(float, result.stdout.split()[-2:])
            times = 60.0 * minutes / seconds
            rows.append([f"{minutes} minutes", f"{seconds:.1f}", f"{times:.0f}", f"{memory / 1e6:.0f}"])
    return rows


def silence_rows(audio: Audio, yardstick: float) -> list[list[str]]:
    """Time of a strip on sounds that would drive its filters into subnormal numbers."""
    rests = audio.copy()
    rests[:, MINUTE // 4 :] = 0.0
    fade = audio * np.float32(10.0) ** np.linspace(0.0, -60.0, audio.shape[1], dtype=np.float32)
    rows = [["full strip, stereo minute", "seconds", "yardsticks"]]
    for name, sound in (
        ("music", audio),
        ("45 s of digital silence", rests),
        ("digital silence", np.zeros_like(audio)),
        ("a fade to -1,200 dB", fade),
    ):
        seconds = sum(best(lambda p=processor: p.process(sound, SAMPLE_RATE)) for processor in STRIP.values())  # noqa: B023
        rows.append([name, f"{seconds:.3f}", f"{seconds / yardstick:.4f}"])
    return rows


def main() -> None:
    noise = np.random.default_rng(0).standard_normal((2, MINUTE))
    taps = firwin(1001, 0.5)
    yardstick = best(lambda: filtfilt(taps, 1.0, noise, axis=1))
    print(f"yardstick: {yardstick:.2f} s (`filtfilt` with 1,001 taps on a minute of float64 stereo)\n")
    print_table(gradient_rows())
    print()
    audio = music(2, MINUTE)
    print_table(strip_rows(audio, yardstick))
    print()
    print_table(silence_rows(audio, yardstick))
    print()
    print_table(song_rows())
    print()
    if find_spec("pedalboard") is None:
        print("pedalboard: not installed")
        return
    rows = [["Pedalboard, stereo minute", "seconds", "yardsticks"]]
    rows += [[name, f"{s:.3f}", f"{s / yardstick:.4f}"] for name, s in pedalboard_seconds(audio).items()]
    print_table(rows)


if __name__ == "__main__":
    main()
