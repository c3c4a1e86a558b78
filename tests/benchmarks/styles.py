"""Bring synthetic songs and noise stems to styles, and mixes near references: what is reached, and how long it takes.

    python -m tests.benchmarks.styles [SONGS] [REFERENCES]

prints Markdown. The songs are mixed by the engineer of the synthetic corpus; a style starts from that console. A
reference is the mix of another song by another engineer; "EQ + level" is a linear-phase filter that gives the mix the
reference's third-octave spectrum (up to 12 dB), and a gain.
"""

import sys
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from fxnorm.audio import SAMPLE_RATE, Audio
from fxnorm.cli.options import print_table
from fxnorm.dsp import fir, loudness, ltas
from fxnorm.mixing.matching import MatchSettings
from fxnorm.mixing.reference import Reference, apply_reference
from fxnorm.mixing.style_validation import signals
from fxnorm.mixing.styles import StyleResult, apply_style
from fxnorm.mixing.wishes import mix_console
from fxnorm.recipe.styles import shipped_styles
from fxnorm.synth import make_song
from fxnorm.units import THIRD_OCTAVES_HZ, db_to_amplitude

SECONDS = 30.0
LONG_S = 240.0
LIMIT_S = 600.0  # so that a busy machine does not decide
TAPS = 4095
RANGE_DB = 12.0


def style_rows(songs: int) -> Iterator[list[str]]:
    """Return a row for each style and kind of signal; print what was not reached."""
    yield ["style", "signals", "targets reached", "LU", "Hz", "mid share", "reduction, dB", "score", "s", "CPU s"]
    sources = [("song", song.console, song.dry) for song in (make_song(7, n, seconds=SECONDS) for n in range(songs))]
    noise = signals(("noise",), folder=None, quick=True, seed=0)
    sources += [("noise", each.console, each.tracks) for each in noise]
    for name, style in shipped_styles().items():
        for kind in ("song", "noise"):
            chosen = [(console, tracks) for label, console, tracks in sources if label == kind]
            results, began, cpu = [], time.perf_counter(), time.process_time()
            for console, tracks in chosen:
                settings = MatchSettings(style.loudness_lufs, time_limit_s=LIMIT_S)
                results.append(apply_style(console, tracks, SAMPLE_RATE, style, settings=settings))
            seconds, cpu = (time.perf_counter() - began) / len(chosen), (time.process_time() - cpu) / len(chosen)
            aims = [aim for result in results for aim in result.aims]
            for notice in (notice for result in results for notice in result.notices):
                print(f"{name}, {kind}: {notice}", file=sys.stderr, flush=True)
            yield [
                name, f"{len(chosen)} {kind}", f"{sum(aim.is_reached for aim in aims)} of {len(aims)}",
                *(_errors(results, aim, digits) for aim, digits in enumerate((2, 0, 3))),
                f"{np.median([result.master.reduction_db for result in results]):.1f}",
                f"{np.mean([result.score for result in results]):.2f}", f"{seconds:.0f}", f"{cpu:.0f}",
            ]  # fmt: skip


def _errors(results: list[StyleResult], aim: int, digits: int) -> str:
    """Return the median and the largest error of an aim."""
    errors = [abs(result.aims[aim].reached - result.aims[aim].aim) for result in results]
    return f"{np.median(errors):.{digits}f} (to {max(errors):.{digits}f})"


def reference_rows(count: int) -> Iterator[list[str]]:
    """Return distances to references before and after, beside a matching EQ and level."""
    yield ["reference", "AF before", "EQ + level", "fxnorm", "spectrum, dB", "EQ + level", "fxnorm", "s", "CPU s"]
    mix = make_song(7, 0, seconds=SECONDS).mixture
    for number in range(count):
        song = make_song(11, number, seconds=SECONDS)
        reference = Reference.measure(song.mixture, SAMPLE_RATE)
        began, cpu = time.perf_counter(), time.process_time()
        settings = MatchSettings(-14.0, prior=2e-3, steps=80, time_limit_s=LIMIT_S)
        result = apply_reference(*mix_console(mix), SAMPLE_RATE, song.mixture, SAMPLE_RATE, settings=settings)
        matched = reference.distance(match_spectrum(mix, song.mixture), SAMPLE_RATE)
        yield [
            song.name, f"{result.before.af:.3f}", f"{matched.af:.3f}", f"{result.after.af:.3f}",
            f"{result.before.spectrum_db:.1f}", f"{matched.spectrum_db:.1f}", f"{result.after.spectrum_db:.1f}",
            f"{time.perf_counter() - began:.0f}", f"{time.process_time() - cpu:.0f}",
        ]  # fmt: skip


def match_spectrum(mix: Audio, reference: Audio) -> Audio:
    """Give a mix the third-octave spectrum and the loudness of a reference."""
    wanted, found = (ltas.third_octave_levels(audio, SAMPLE_RATE) for audio in (reference, mix))
    gains_db = np.clip(wanted - found, -RANGE_DB, RANGE_DB)
    hz = np.linspace(0.0, 0.5 * SAMPLE_RATE, 4097)
    curve_db = np.interp(np.log(np.maximum(hz, 1.0)), np.log(THIRD_OCTAVES_HZ), gains_db)
    kernel = fir.linear_phase(db_to_amplitude(curve_db), TAPS)
    filtered = fir.convolve_centred(mix, kernel[None])
    lufs, wish = (loudness.measure(audio, SAMPLE_RATE) for audio in (filtered, reference))
    return (filtered * np.float32(db_to_amplitude(wish - lufs))).astype(np.float32)


def long_rows() -> Iterator[list[str]]:
    """Time a song of four minutes with eight tracks."""
    yield ["4 minutes, 8 tracks", "targets reached", "s", "CPU s"]
    song = make_song(7, 0, seconds=LONG_S)
    strips = song.console.tracks
    doubled = tuple(
        replace(strip, name=f"{strip.name} {k}", fader_db=strip.fader_db - 6.0) for strip in strips for k in (1, 2)
    )
    tracks = {f"{name} {k}": audio for name, audio in song.dry.items() for k in (1, 2)}
    name, style = "country_pop", shipped_styles()["country_pop"]
    cpu = time.process_time()
    result = apply_style(replace(song.console, tracks=doubled), tracks, SAMPLE_RATE, style, name=name)
    reached = sum(aim.is_reached for aim in result.aims)
    yield [name, f"{reached} of {len(result.aims)}", f"{result.seconds:.0f}", f"{time.process_time() - cpu:.0f}"]


def main() -> None:
    songs, references = (int(argument) for argument in (*sys.argv[1:3], *(20, 5)[len(sys.argv[1:3]) :]))
    for rows in (style_rows(songs), reference_rows(references), long_rows()):
        table = []
        for row in rows:
            table.append(row)
            print(*row, sep=" | ", file=sys.stderr, flush=True)
        print_table(table)
        print(flush=True)


if __name__ == "__main__":
    main()
