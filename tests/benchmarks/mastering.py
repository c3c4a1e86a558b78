"""Master synthetic mixes and noise to three loudnesses: what is reached, what is not, and how long it takes.

    python -m tests.benchmarks.mastering

prints Markdown: the worst loudness error and true peak of the masters that reach their loudness, the reductions, and
what is said of the others; then seconds of processor time per minute of a stereo mix, also in yardsticks
(`scipy.signal.filtfilt` with 1,001 taps on a minute of float64 stereo).
"""

import os
from collections.abc import Iterator

import numpy as np
from scipy.signal import filtfilt, firwin, resample_poly

from fxnorm.audio import SAMPLE_RATE, Audio
from fxnorm.cli.options import print_table
from fxnorm.console import Compressor, Eq, EqBand, Limiter, Width
from fxnorm.dsp import loudness
from fxnorm.dsp.true_peak import true_peak
from fxnorm.mixing.mastering import glue, master
from fxnorm.synth import make_song
from tests.benchmarks.normalize import best

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

SONGS, SECONDS = 20, 30.0
WISHES_LUFS = (-9.0, -14.0, -23.0)
CEILING_DB = -1.0
MINUTE = 60 * SAMPLE_RATE
CHAIN = (
    Compressor(-18.0, 2.0, 25.0, 250.0, 6.0),
    Eq((EqBand("high_pass", 25.0), EqBand("low_shelf", 100.0, -1.0), EqBand("high_shelf", 9000.0, 1.5))),
    Width(1.1, 120.0),
    Limiter(6.0, CEILING_DB),
)


def signals() -> Iterator[tuple[str, Audio]]:
    """Mixes of the synthetic corpus, and white noise, pink noise and noise in bursts."""
    for song in range(SONGS):
        yield "mix", np.sum(list(make_song(7, song, seconds=SECONDS).wet.values()), axis=0)
    rng = np.random.default_rng(0)
    white = rng.standard_normal((2, round(SECONDS * SAMPLE_RATE)))
    spectrum = np.fft.rfft(white) / np.sqrt(np.arange(1, white.shape[1] // 2 + 2))
    bursts = white * (np.arange(white.shape[1]) % (SAMPLE_RATE // 2) < SAMPLE_RATE // 20)
    for noise in (white, np.fft.irfft(spectrum), bursts):
        yield "noise", (0.1 * noise / noise.std()).astype(np.float32)


def result_rows(mixes: list[tuple[str, Audio]], notices: list[str]) -> Iterator[list[str]]:
    """Return a row for each kind and loudness; collect what is said of those that are not reached."""
    figures = ["LUFS", "reached", "error, LU", "others, LUFS", "over, dB", "over (16x), dB", "reduction, dB"]
    yield ["signals", *figures, "largest, dB", "s/min"]
    for kind in ("mix", "noise"):
        chosen = [mix for name, mix in mixes if name == kind]
        for wish in WISHES_LUFS:
            results = [master(mix, SAMPLE_RATE, loudness_lufs=wish, ceiling_db=CEILING_DB) for mix in chosen]
            seconds = best(lambda mix=chosen[0], wish=wish: master(mix, SAMPLE_RATE, loudness_lufs=wish), 2)
            notices += [notice for result in results for notice in result.notices]
            errors = [abs(result.loudness_lufs - wish) for result in results if not result.notices]
            others = sorted(result.loudness_lufs for result in results if result.notices)
            over = max(result.true_peak_db for result in results) - CEILING_DB
            finer = max(peak_db(result.audio, 16) for result in results) - CEILING_DB
            reductions = sorted(result.reduction_db for result in results)
            yield [
                kind,
                f"{wish:g}",
                f"{len(errors)} of {len(results)}",
                f"{max(errors):.3f}" if errors else "–",
                f"{others[0]:.1f} to {others[-1]:.1f}" if others else "–",
                f"{over:+.4f}",
                f"{finer:+.2f}",
                f"{np.median(reductions):.1f} (to {reductions[-1]:.1f})",
                f"{max(result.max_reduction_db for result in results):.1f}",
                f"{seconds * MINUTE / chosen[0].shape[1]:.2f}",
            ]


def peak_db(audio: Audio, oversampling: int) -> float:
    """Return the largest magnitude by another interpolator, in dB of full scale."""
    return float(20.0 * np.log10(np.abs(resample_poly(audio, oversampling, 1, axis=1)).max()))


def time_rows(mix: Audio, yardstick: float) -> Iterator[list[str]]:
    """Seconds per minute of the parts of a master."""
    minute = np.tile(mix, -(-MINUTE // mix.shape[1]))[:, :MINUTE]
    yield ["part", "seconds a minute", "yardsticks a minute"]

    def render() -> None:
        rendered = minute
        for processor in CHAIN:
            rendered = processor.process(rendered, SAMPLE_RATE)

    parts = {processor.title: lambda p=processor: p.process(minute, SAMPLE_RATE) for processor in CHAIN}
    parts |= {
        "chain": render,
        "true peak": lambda: true_peak(minute),
        "loudness": lambda: loudness.measure(minute, SAMPLE_RATE),
    }
    parts |= {
        "choice of the glue": lambda: glue(minute, SAMPLE_RATE),
        "master at -9 LUFS": lambda: master(minute, SAMPLE_RATE, loudness_lufs=-9.0),
    }
    for name, part in parts.items():
        seconds = best(part)
        yield [name, f"{seconds:.3f}", f"{seconds / yardstick:.3f}"]


def main() -> None:
    noise = np.random.default_rng(0).standard_normal((2, MINUTE))
    taps = firwin(1001, 0.5)
    yardstick = best(lambda: filtfilt(taps, 1.0, noise, axis=1))
    mixes = list(signals())
    print(f"yardstick: {yardstick:.2f} s\n")
    print_table(list(time_rows(mixes[0][1], yardstick)))
    print()
    notices: list[str] = []
    print_table(list(result_rows(mixes, notices)))
    print()
    print(f"the first of {len(notices)} notices: {notices[0]}")


if __name__ == "__main__":
    main()
