"""Levels, width and dynamics of synthetic multitracks by family of engineers, and the speed of making them.

    python -m tests.benchmarks.multitracks [--songs N] [--seconds S]

Prints a Markdown table with a row for each family: loudness of the lead vocal, bass, kick and snare relative to all
tracks (LU, after fader and pan, before buses), loudness of the mixture (LUFS), its crest factor and side over mid (dB),
its spectral centroid (Hz); then seconds of audio per second of processor time, and megabytes per song on disk. Means
and standard deviations over songs; the songs are the same in every row.

The smallest run: --songs 1 --seconds 2
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from fxnorm.audio import SAMPLE_RATE, Audio, peak
from fxnorm.choices import ENGINEERS
from fxnorm.cli.options import print_table
from fxnorm.console.render import render
from fxnorm.dsp import loudness
from fxnorm.synth import MultitrackSong, make_multitrack, write_multitrack
from fxnorm.units import amplitude_to_db, power_to_db

SEED = 7
ROLES = ("lead_vocal", "bass", "kick", "snare")


def measure(song: MultitrackSong) -> dict[str, float | None]:
    """Measure a song; None where a role does not sound."""
    tracks = render(song.console, song.dry, SAMPLE_RATE).tracks
    whole = loudness.measure(sum_up(list(tracks.values())), SAMPLE_RATE)
    figures: dict[str, float | None] = {}
    for role in ROLES:
        parts = [tracks[track.name] for track in song.console.tracks if track.role == role]
        part = loudness.measure(sum_up(parts), SAMPLE_RATE) if parts else None
        figures[f"{role.replace('_', ' ')}, LU"] = None if part is None or whole is None else part - whole
    mid, side = song.mixture.sum(axis=0) / 2.0, (song.mixture[0] - song.mixture[1]) / 2.0
    spectrum = np.abs(np.fft.rfft(mid))
    frequency_hz = np.fft.rfftfreq(mid.size, 1.0 / SAMPLE_RATE)
    figures["LUFS"] = loudness.measure(song.mixture, SAMPLE_RATE)
    figures["crest, dB"] = float(amplitude_to_db(peak(song.mixture)) - power_to_db(np.mean(song.mixture**2)))
    figures["side/mid, dB"] = float(power_to_db(np.mean(side**2)) - power_to_db(np.mean(mid**2)))
    figures["centroid, Hz"] = float(spectrum @ frequency_hz / spectrum.sum())
    return figures


def sum_up(tracks: list[Audio]) -> Audio:
    """Add up tracks."""
    return np.sum(np.stack(tracks), axis=0)


def main() -> None:
    """Make the songs of every family and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--songs", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=20.0)
    options = parser.parse_args()
    make_multitrack(SEED, 0, seconds=2.0)  # compiles the kernels
    rows: list[list[str]] = []
    spent_s, tracks, size = 0.0, 0, 0
    for engineer in ENGINEERS:
        measured = []
        for index in range(options.songs):
            start = time.process_time()
            song = make_multitrack(SEED, index, seconds=options.seconds, engineer=engineer)
            spent_s += time.process_time() - start
            tracks += len(song.dry)
            with tempfile.TemporaryDirectory() as folder:
                start = time.process_time()
                write_multitrack(song, Path(folder) / "wet", Path(folder) / "dry")
                spent_s += time.process_time() - start
                size += sum(path.stat().st_size for path in Path(folder).rglob("*.*"))
            measured.append(measure(song))
        rows = rows or [["engineer", *measured[0]]]
        rows.append([engineer, *(summarize([figures[key] for figures in measured]) for key in measured[0])])
    print_table(rows)
    count = options.songs * len(ENGINEERS)
    print(
        f"\n{count * options.seconds / spent_s:.1f} s of audio per second of processor time, writing included; ", end=""
    )
    print(f"{tracks / count:.1f} tracks and {size / count / 1e6:.1f} MB per song of {options.seconds:g} s")


def summarize(values: list[float | None]) -> str:
    """Return mean and standard deviation of what is defined."""
    defined = [value for value in values if value is not None]
    digits = 0 if defined and abs(np.mean(defined)) > 100.0 else 1
    return f"{np.mean(defined):.{digits}f} ± {np.std(defined):.{digits}f}" if defined else "–"


if __name__ == "__main__":
    main()
