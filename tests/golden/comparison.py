"""Compares the `published` preset with what the method's reference implementation recorded.

    python -m tests.golden.comparison

prints the table; the tests assert its bounds. The recordings are not part of the project: they are looked for in
`../shared/golden` beside it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from scipy.signal import firwin, oaconvolve

from fxnorm import audio, audio_files
from fxnorm.effects import compression, eq, loudness, panning, reverb
from fxnorm.effects.spectra import GRID_STEP, bin_frequencies_of_features
from fxnorm.normalize import PADDING, pad
from fxnorm.stems import STEMS
from fxnorm.units import amplitude_to_db

GOLDEN = Path(__file__).resolve().parents[3] / "shared" / "golden"
EXCERPT = 132_300
SONGS = ("song001", "song003")
TARGETS = ("musdb18", "corpus")


@dataclass(frozen=True)
class Row:
    """One figure, and the bound it must keep."""

    what: str
    where: str
    value: float
    bound: float
    at_least: bool = False

    @property
    def kept(self) -> bool:
        return self.value >= self.bound if self.at_least else self.value <= self.bound

    def __str__(self) -> str:
        sign = ">=" if self.at_least else "<="
        kept = "yes" if self.kept else "NO"
        return f"| {self.what} | {self.where} | {self.value:.3g} | {sign} {self.bound:g} | {kept} |"


@cache
def load_stem(song: str, stem: str) -> audio.Audio:
    """A recorded wet stem, padded as the recordings were made."""
    samples, _rate = audio_files.read(GOLDEN / "songs" / "wet" / song / f"{stem}.flac")
    return pad(audio.to_stereo(samples))


def snr_db(recorded: np.ndarray, ours: np.ndarray) -> float:
    """Energy of the recording over the energy of the difference."""
    difference = np.sum(np.square(ours.astype(np.float64) - recorded))
    return float(10.0 * np.log10(np.sum(np.square(recorded.astype(np.float64))) / max(difference, 1e-30)))


def feature_rows() -> Iterator[Row]:
    """Features of the untouched stems."""
    recorded = np.load(GOLDEN / "features_raw.npz")
    below_20k = bin_frequencies_of_features() < 20_000.0
    for song in SONGS:
        for stem in STEMS:
            if f"{song}/{stem}/eq" not in recorded:
                continue
            where, stem_audio = f"{song} {stem}", load_stem(song, stem)
            spectrum = eq.measure(stem_audio, audio.RATE)
            # both are scaled to -30 LUFS, each by its own meter: compare at the recorded loudness
            lufs, recorded_lufs = (
                loudness.measure(stem_audio, audio.RATE),
                float(recorded[f"{song}/{stem}/loudness"][0]),
            )
            recorded_db = amplitude_to_db(recorded[f"{song}/{stem}/eq"]) + recorded_lufs - lufs
            error_db = (amplitude_to_db(spectrum) - recorded_db)[below_20k]
            yield Row("eq feature, dB RMS", where, float(np.sqrt(np.mean(error_db**2))), 0.01)
            yield Row("eq feature, largest dB", where, float(np.abs(error_db).max()), 0.05)
            similarity = panning.measure(stem_audio, audio.RATE)
            yield Row(
                "panning feature", where, float(np.abs(similarity - recorded[f"{song}/{stem}/panning"]).max()), 0.001
            )
            yield Row("loudness feature, LU", where, abs(lufs - recorded_lufs), 0.06)
            peaks = compression.measure(stem_audio, audio.RATE)
            peak_db, spread_db = recorded[f"{song}/{stem}/compression"]
            yield Row("onset peak, dB", where, abs(peaks.peak_db - peak_db), 0.1)
            yield Row("onset spread, dB", where, abs(peaks.spread_db - spread_db), 0.1)


def matching_rows() -> Iterator[Row]:
    """The chain on whole stems, stage by stage, against three recorded seconds of each stage."""
    for targets_name in TARGETS:
        targets = np.load(GOLDEN / f"targets_{targets_name}.npz")
        for path in sorted((GOLDEN / "matched" / targets_name).glob("*.npz")):
            song, stem = path.stem.split("_")
            yield from _stem_rows(f"{targets_name} {song} {stem}", load_stem(song, stem), stem, targets, np.load(path))


def _stem_rows(
    where: str, stem_audio: audio.Audio, stem: str, targets: np.lib.npyio.NpzFile, recorded: np.lib.npyio.NpzFile
) -> Iterator[Row]:
    start = PADDING + int(float(recorded["start_s"]) * audio.RATE)
    excerpt = slice(start, start + EXCERPT)

    equalized, _ = eq.match(
        stem_audio, audio.RATE, targets[f"eq/{stem}"][::GRID_STEP].astype(float), settings=eq.PRESETS["published"]
    )
    yield Row("eq output, dB", where, snr_db(recorded["eq"], equalized[:, excerpt]), 100.0, at_least=True)

    settings = compression.PRESETS["published"]
    target = compression.Peaks(*targets[f"compression/{stem}"])
    compressed, step = compression.match(equalized, audio.RATE, target, stem=stem, settings=settings)
    for channel, side in enumerate(("left", "right")):
        compressed_there = str(recorded[f"comp/ch{channel}/branch"]) == "compress"
        ours = step.parameters[side]
        yield Row(
            "compression, same branch",
            f"{where} {side}",
            float(("ratio" in ours) == compressed_there),
            1.0,
            at_least=True,
        )
        if not compressed_there:
            continue
        pair = float(recorded[f"comp/ch{channel}/ratio"]), float(recorded[f"comp/ch{channel}/threshold_db"])
        same = pair == (ours["ratio"], ours["threshold_db"])
        yield Row("compression, same ratio and threshold (9 in 10)", f"{where} {side}", float(same), 0.0, at_least=True)
        if same:
            output_db = snr_db(recorded["compression"][channel], compressed[channel, excerpt])
            yield Row("compression output, dB", f"{where} {side}", output_db, 100.0, at_least=True)
        else:  # go on with what the recording went on with
            ballistics = settings.ballistics[stem]
            scale = np.float32(10.0 ** (ours["input_gain_db"] / 20.0))
            compressed[channel] = compression.compress(
                equalized[channel : channel + 1] * scale,
                audio.RATE,
                threshold_db=pair[1],
                ratio=pair[0],
                attack_ms=ballistics.attack_ms,
                release_ms=ballistics.release_ms,
            )[0]

    wanted = panning.to_grid(targets[f"panning/{stem}"])
    panned, _ = panning.match(compressed, audio.RATE, wanted, stem=stem, settings=panning.PRESETS["published"])
    limit_hz = panning.PRESETS["published"].limit_hz[stem]
    panned_db = snr_db(*(_low_passed(x, 0.9 * limit_hz) for x in (recorded["panning"], panned[:, excerpt])))
    yield Row("panning output below the limit, dB", where, panned_db, 60.0, at_least=True)

    level, _ = loudness.match(panned, audio.RATE, float(targets[f"loudness/{stem}"][0]))
    reached = loudness.measure(level, audio.RATE)
    yield Row("loudness reached, LU", where, abs(reached - float(targets[f"loudness/{stem}"][0])), 0.001)
    # re-panning goes on where the reference stops, so the gain differs; the shape must not
    ours, theirs = (_low_passed(x, 0.9 * limit_hz) for x in (level[:, excerpt], recorded["loudness"]))
    ours *= np.sqrt(np.sum(theirs**2) / np.sum(ours**2))
    yield Row("loudness output without its gain, dB", where, snr_db(theirs, ours), 60.0, at_least=True)


def reverb_rows() -> Iterator[Row]:
    """Stem plus send, with the recorded response and shelf frequencies."""
    recorded = np.load(GOLDEN / "reverb.npz")
    response, _rate = audio_files.read(GOLDEN / "ir" / "impulse_response.flac")
    for stem in reverb.STEMS_WITH_REVERB:
        stem_audio = load_stem("song001", stem)
        send = reverb.send(
            stem_audio,
            audio.RATE,
            response,
            low_shelf_hz=float(recorded[f"{stem}/low_shelf_freq"]),
            high_shelf_hz=float(recorded[f"{stem}/high_shelf_freq"]),
        )
        start = PADDING + int(float(recorded[f"{stem}/start_s"]) * audio.RATE)
        ours = (stem_audio + send)[:, start : start + EXCERPT]
        yield Row("reverb output, dB", f"song001 {stem}", snr_db(recorded[f"{stem}/audio"], ours), 60.0, at_least=True)


def rows() -> Iterator[Row]:
    """Every figure."""
    yield from feature_rows()
    yield from matching_rows()
    yield from reverb_rows()


def _low_passed(excerpt: np.ndarray, hz: float) -> np.ndarray:
    """Without the bins that the reference leaves alone, and without the filter's edges."""
    taps = firwin(801, hz, fs=audio.RATE)
    return oaconvolve(excerpt.astype(np.float64), taps[np.newaxis], mode="valid", axes=1)


if __name__ == "__main__":
    print("| figure | where | value | bound | kept |\n|---|---|---|---|---|")
    for row in rows():
        print(row)
