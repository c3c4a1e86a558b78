"""Compare the `published` preset with recordings of the reference implementation.

    python -m tests.golden.comparison [FOLDER]

prints the table; the tests assert its bounds. The full recordings are not part of the project: they are looked for in
`../shared/golden` beside it. `tests/golden/data` holds a subset of them, cut by `tests.golden.cutting`.
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from scipy.signal import firwin, oaconvolve

from fxnorm import audio, audio_files
from fxnorm.corpus.stems import STEMS
from fxnorm.dsp import compressor, loudness
from fxnorm.normalization import compression, eq, panning
from fxnorm.normalization.grid import BINS, GRID_POINTS, GRID_STEP, bin_frequencies
from fxnorm.normalization.normalizer import PADDING, pad
from fxnorm.normalization.onset_peaks import OnsetPeaks
from fxnorm.normalization.reverb import ImpulseResponse, ReverbSend
from fxnorm.units import amplitude_to_db
from tests.matching import match, measure, smooth

GOLDEN = Path(__file__).resolve().parents[3] / "shared" / "golden"
SUBSET = Path(__file__).parent / "data"
EXCERPT = 132_300
LOW_PASS_TAPS = 801
AVERAGE_MARGIN = 282  # half the longest smoothing, and a grid step
LIMIT_HZ = {"vocals": 16_000.0, "bass": 16_000.0, "drums": 6_000.0, "other": 16_000.0}  # of re-panning
LOW_PASSED = ("panning", "loudness")
FADE_DB = -100.0
FADE_SEGMENT = 1024
STAGES = ("eq", "compression", "panning", "loudness")


@dataclass(frozen=True)
class Row:
    """A figure and its bound."""

    figure: str
    where: str
    value: float
    bound: float
    at_least: bool = False

    @property
    def kept(self) -> bool:
        return self.value >= self.bound if self.at_least else self.value <= self.bound

    def __str__(self) -> str:
        sign = ">=" if self.at_least else "<="
        verdict = "yes" if self.kept else "NO"
        return f"| {self.figure} | {self.where} | {self.value:.3g} | {sign} {self.bound:g} | {verdict} |"


@dataclass(frozen=True)
class Excerpts:
    """Samples of each stage of a matched stem; panning and loudness without the bins above the limit."""

    start_s: float
    step: int
    stages: dict[str, np.ndarray]

    @classmethod
    def load(cls, recorded: Mapping[str, np.ndarray], stem: str) -> "Excerpts":
        """Read a whole recording, or a subset of its samples."""
        stages = {name: recorded[name] for name in STAGES}
        if "step" in recorded:
            return cls(float(recorded["start_s"]), int(recorded["step"]), stages)
        return cls(float(recorded["start_s"]), 1, {name: reduce(name, x, stem) for name, x in stages.items()})

    def like(self, name: str, stem_audio: audio.Audio, stem: str) -> np.ndarray:
        """Return the samples of a stage that were recorded."""
        start = PADDING + int(self.start_s * audio.SAMPLE_RATE)
        return reduce(name, stem_audio[:, start : start + EXCERPT], stem)[:, :: self.step]


def reduce(name: str, excerpt: np.ndarray, stem: str) -> np.ndarray:
    """Remove from the last two stages the bins that the reference leaves alone, and the filter's edges."""
    if name not in LOW_PASSED:
        return excerpt
    taps = firwin(LOW_PASS_TAPS, 0.9 * LIMIT_HZ[stem], fs=audio.SAMPLE_RATE)
    return oaconvolve(excerpt.astype(np.float64), taps[np.newaxis], mode="valid", axes=1)


@cache
def load_stem(folder: Path, song: str, stem: str) -> audio.Audio:
    """Return a recorded wet stem with the padding of the recordings."""
    samples, _rate = audio_files.read(folder / "songs" / "wet" / song / f"{stem}.flac")
    return pad(audio.to_stereo(samples))


def snr_db(recorded: np.ndarray, ours: np.ndarray) -> float:
    """Energy of the recording over the energy of the difference."""
    difference = np.sum(np.square(ours.astype(np.float64) - recorded))
    return float(10.0 * np.log10(np.sum(np.square(recorded.astype(np.float64))) / max(difference, 1e-30)))


def feature_rows(folder: Path = GOLDEN) -> Iterator[Row]:
    """Features of the untouched stems."""
    recorded = np.load(folder / "features_raw.npz")
    below_20k = bin_frequencies() < 20_000.0
    for song, stem in recorded_stems(recorded):
        where, stem_audio = f"{song} {stem}", load_stem(folder, song, stem)
        spectrum = measure("eq", stem_audio, audio.SAMPLE_RATE)
        step = (BINS - 1) // (recorded[f"{song}/{stem}/eq"].size - 1)
        # both are scaled to -30 LUFS, each by its own meter: compare at the recorded loudness
        lufs, recorded_lufs = (
            loudness.measure(stem_audio, audio.SAMPLE_RATE),
            float(recorded[f"{song}/{stem}/loudness"][0]),
        )
        recorded_db = amplitude_to_db(recorded[f"{song}/{stem}/eq"]) + recorded_lufs - lufs
        error_db = (amplitude_to_db(spectrum[::step]) - recorded_db)[below_20k[::step]]
        yield Row("eq feature, dB RMS", where, float(np.sqrt(np.mean(error_db**2))), 0.01)
        yield Row("eq feature, largest dB", where, float(np.abs(error_db).max()), 0.05)
        similarity = measure("panning", stem_audio, audio.SAMPLE_RATE)
        yield Row(
            "panning feature",
            where,
            float(np.abs(similarity[::step] - recorded[f"{song}/{stem}/panning"]).max()),
            0.001,
        )
        yield Row("loudness feature, LU", where, abs(lufs - recorded_lufs), 0.06)
        peaks = measure("compression", stem_audio, audio.SAMPLE_RATE)
        peak_db, std_db = recorded[f"{song}/{stem}/compression"]
        yield Row("onset peak, dB", where, abs(peaks.peak_db - peak_db), 0.1)
        yield Row("onset spread, dB", where, abs(peaks.std_db - std_db), 0.1)


def average_rows(folder: Path = GOLDEN) -> Iterator[Row]:
    """Curves that the reference smoothed once, smoothed again, against its curves smoothed twice."""
    curves = np.load(folder / "targets_corpus_once.npz")
    smoothed = np.load(folder / "targets_corpus.npz")
    for stem in STEMS:
        curve = curves[f"eq/{stem}"]
        points = (curve.size - 1 - AVERAGE_MARGIN) // GRID_STEP  # a subset ends early, without a mirrored edge
        averages_db = amplitude_to_db(smooth("eq", curve, stem)[:points])
        error_db = averages_db - amplitude_to_db(eq_target(smoothed, stem)[:points])
        yield Row("eq average, largest dB", stem, float(np.abs(error_db).max()), 0.001)
        averages = smooth("panning", curves[f"panning/{stem}"], stem)[:points]
        error = averages - panning_target(smoothed, stem)[:points]
        yield Row("panning average", stem, float(np.abs(error).max()), 1e-5)


def recorded_stems(features: Mapping[str, np.ndarray]) -> list[tuple[str, str]]:
    """Songs and stems of which features were recorded."""
    return [(song, stem) for song, stem, effect in (key.split("/", 2) for key in features) if effect == "eq"]


def matching_rows(folder: Path = GOLDEN) -> Iterator[Row]:
    """Compare each stage of the chain on a whole stem with three recorded seconds."""
    for path in sorted((folder / "matched").glob("*/*.npz")):
        song, stem = path.stem.split("_")
        targets = np.load(folder / f"targets_{path.parent.name}.npz")
        stem_audio = load_stem(folder, song, stem)
        yield from _stem_rows(f"{path.parent.name} {song} {stem}", stem_audio, stem, targets, np.load(path))


def faded_levels_db(stem_audio: audio.Audio, stem: str, target: np.ndarray) -> np.ndarray:
    """Levels over time of a re-panned excerpt that fades into quiet frames, shape (channels, segments)."""
    excerpt = stem_audio[:, PADDING : PADDING + EXCERPT]
    fade = 10.0 ** (np.linspace(0.0, FADE_DB, excerpt.shape[1]) / 20.0)
    faded = (excerpt * fade).astype(np.float32)
    panned, _ = match("panning", faded, audio.SAMPLE_RATE, target, stem=stem, settings=panning.PRESETS["published"])
    segments = panned[:, : panned.shape[1] // FADE_SEGMENT * FADE_SEGMENT].reshape(2, -1, FADE_SEGMENT)
    return amplitude_to_db(np.sqrt(np.mean(np.square(segments.astype(np.float64)), axis=2)))


def eq_target(targets: Mapping[str, np.ndarray], stem: str) -> np.ndarray:
    """Recorded target on the grid; a subset has no other points."""
    curve = targets[f"eq/{stem}"].astype(float)
    return curve if curve.size == GRID_POINTS else curve[::GRID_STEP]


def panning_target(targets: Mapping[str, np.ndarray], stem: str) -> np.ndarray:
    """Recorded target on the grid; a subset has no other points."""
    curve = targets[f"panning/{stem}"].astype(float)
    return curve if curve.size == GRID_POINTS else panning.to_grid(curve)


def _stem_rows(
    where: str,
    stem_audio: audio.Audio,
    stem: str,
    targets: Mapping[str, np.ndarray],
    recorded: Mapping[str, np.ndarray],
) -> Iterator[Row]:
    excerpts = Excerpts.load(recorded, stem)
    equalized, _ = match(
        "eq", stem_audio, audio.SAMPLE_RATE, eq_target(targets, stem), settings=eq.PRESETS["published"]
    )
    eq_db = snr_db(excerpts.stages["eq"], excerpts.like("eq", equalized, stem))
    yield Row("eq output, dB", where, eq_db, 100.0, at_least=True)

    settings = compression.PRESETS["published"]
    target = OnsetPeaks(*targets[f"compression/{stem}"])
    compressed, step = match("compression", equalized, audio.SAMPLE_RATE, target, stem=stem, settings=settings)
    for channel, side in enumerate(("left", "right")):
        compressed_there = str(recorded[f"comp/ch{channel}/branch"]) == "compress"
        stage = step.processor.strips[channel]
        yield Row(
            "compression, same branch",
            f"{where} {side}",
            float((stage.reduction is not None) == compressed_there),
            1.0,
            at_least=True,
        )
        if not compressed_there:
            continue
        pair = float(recorded[f"comp/ch{channel}/ratio"]), float(recorded[f"comp/ch{channel}/threshold_db"])
        same = pair == (stage.reduction.ratio, stage.reduction.threshold_db)
        yield Row("compression, same ratio and threshold (9 in 10)", f"{where} {side}", float(same), 0.0, at_least=True)
        if same:
            ours_there = excerpts.like("compression", compressed, stem)[channel]
            output_db = snr_db(excerpts.stages["compression"][channel], ours_there)
            yield Row("compression output, dB", f"{where} {side}", output_db, 100.0, at_least=True)
        else:  # go on with what the recording went on with
            ballistics = settings.ballistics[stem]
            scale = np.float32(10.0 ** (round(stage.input_gain_db, 4) / 20.0))
            compressed[channel] = compressor.compress(
                equalized[channel : channel + 1] * scale,
                audio.SAMPLE_RATE,
                threshold_db=pair[1],
                ratio=pair[0],
                attack_ms=ballistics.attack_ms,
                release_ms=ballistics.release_ms,
            )[0]

    wanted = panning_target(targets, stem)
    panned, _ = match(
        "panning", compressed, audio.SAMPLE_RATE, wanted, stem=stem, settings=panning.PRESETS["published"]
    )
    panned_db = snr_db(excerpts.stages["panning"], excerpts.like("panning", panned, stem))
    yield Row("panning output below the limit, dB", where, panned_db, 60.0, at_least=True)

    if "panning_full_band" in recorded:
        full_band = excerpts.like("panning_full_band", panned, stem)
        full_band_db = snr_db(recorded["panning_full_band"], full_band)
        yield Row("panning output of the full band, dB", where, full_band_db, 100.0, at_least=True)
        error_db = np.abs(faded_levels_db(stem_audio, stem, wanted) - recorded["faded_levels_db"]).max()
        yield Row("panning of a fade-out, largest dB", where, float(error_db), 0.01)

    level, _ = match("loudness", panned, audio.SAMPLE_RATE, float(targets[f"loudness/{stem}"][0]))
    reached = loudness.measure(level, audio.SAMPLE_RATE)
    yield Row("loudness reached, LU", where, abs(reached - float(targets[f"loudness/{stem}"][0])), 0.001)
    # re-panning goes on where the reference stops, so the gain differs; the shape must not
    stage, recorded_stage = excerpts.like("loudness", level, stem), excerpts.stages["loudness"].astype(np.float64)
    stage *= np.sqrt(np.sum(recorded_stage**2) / np.sum(stage**2))
    yield Row("loudness output without its gain, dB", where, snr_db(recorded_stage, stage), 60.0, at_least=True)


def reverb_rows(folder: Path = GOLDEN) -> Iterator[Row]:
    """Stem plus send, with the recorded response and shelf frequencies."""
    recorded = np.load(folder / "reverb.npz")
    song = str(recorded["song"]) if "song" in recorded else "song001"
    step = int(recorded["step"]) if "step" in recorded else 1
    response, _rate = audio_files.read(folder / "ir" / "impulse_response.flac")
    for stem in [key.split("/")[0] for key in recorded if key.endswith("/audio")]:
        stem_audio = load_stem(folder, song, stem)
        processor = ReverbSend(
            response=ImpulseResponse.from_audio(response),
            low_shelf_hz=float(recorded[f"{stem}/low_shelf_freq"]),
            high_shelf_hz=float(recorded[f"{stem}/high_shelf_freq"]),
        )
        send = processor.send(stem_audio, audio.SAMPLE_RATE)
        start = PADDING + int(float(recorded[f"{stem}/start_s"]) * audio.SAMPLE_RATE)
        ours = (stem_audio + send)[:, start : start + EXCERPT : step]
        yield Row("reverb output, dB", f"{song} {stem}", snr_db(recorded[f"{stem}/audio"], ours), 60.0, at_least=True)


def rows(folder: Path = GOLDEN) -> Iterator[Row]:
    """Every figure of a folder of recordings."""
    yield from feature_rows(folder)
    yield from average_rows(folder)
    yield from matching_rows(folder)
    yield from reverb_rows(folder)


if __name__ == "__main__":
    print("| figure | where | value | bound | kept |\n|---|---|---|---|---|")
    for row in rows(Path(sys.argv[1]) if len(sys.argv) > 1 else GOLDEN):
        print(row)
