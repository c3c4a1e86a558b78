"""Cut the committed subset of the recordings, and record short excerpts of the other stems.

    python -m tests.golden.cutting

reads `../shared/golden` and writes `tests/golden/data`. See the README there.
"""

from pathlib import Path

import numpy as np
import soundfile as sf

from fxnorm import audio, audio_files
from fxnorm.audio import peak
from fxnorm.corpus.stems import STEMS
from fxnorm.dsp import loudness, onsets
from fxnorm.normalization import compression, eq, panning
from fxnorm.normalization.grid import GRID_STEP
from fxnorm.normalization.normalizer import PADDING, pad
from fxnorm.normalization.onset_peaks import OnsetPeaks
from fxnorm.normalization.reverb import ImpulseResponse, ReverbSend
from tests.golden.comparison import (
    EXCERPT,
    GOLDEN,
    STAGES,
    SUBSET,
    Excerpts,
    eq_target,
    faded_levels_db,
    load_stem,
    panning_target,
    reduce,
)
from tests.matching import match, measure

WHOLE = ("song003", "vocals")  # the smallest file of a stem that is not silent
EXCERPTS = {"drums": "song003", "bass": "song001", "other": "song001"}
EXCERPT_SONG = "excerpts"
EXCERPT_START_S = 8.0
FEATURE_STEP = 2 * GRID_STEP
SAMPLE_STEP = 251  # prime: no multiple of a period in the music or of a frame
EXCERPT_SAMPLE_STEP = 499
CURVE_BINS = 1025
RESPONSE_S = 0.07
SHELVES_HZ = (600.0, 8_500.0)
TARGETS = "musdb18"

Arrays = dict[str, np.ndarray]


def cut() -> None:
    """Write the subset."""
    targets = _cut_targets(TARGETS)
    _cut_targets("corpus")
    once = np.load(GOLDEN / "targets_corpus_once.npz")
    curves = {key: once[key][:CURVE_BINS] for key in once if key.startswith(("eq/", "panning/"))}
    _save("targets_corpus_once.npz", curves)
    features = _cut_whole()
    for stem, song in EXCERPTS.items():
        _write_excerpt(song, stem)
        stem_audio = load_stem(SUBSET, EXCERPT_SONG, stem)
        features |= _measure(stem_audio, f"{EXCERPT_SONG}/{stem}")
        _save(f"matched/{TARGETS}/{EXCERPT_SONG}_{stem}.npz", _match(stem_audio, stem, targets))
    _save("features_raw.npz", features)
    _record_reverb()


def _save(name: str, arrays: Arrays) -> None:
    path = SUBSET / name
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **arrays)


def _write(path: Path, samples: np.ndarray) -> None:
    """Write 16-bit FLAC with the strongest compression."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sf.write(path, samples, audio.SAMPLE_RATE, format="FLAC", subtype="PCM_16", compression_level=1.0)


def _cut_targets(name: str) -> Arrays:
    """Targets on the grid that matching reads."""
    whole = np.load(GOLDEN / f"targets_{name}.npz")
    grid = {f"eq/{stem}": eq_target(whole, stem).astype(np.float32) for stem in STEMS}
    grid |= {f"panning/{stem}": panning_target(whole, stem).astype(np.float32) for stem in STEMS}
    targets = {key: grid.get(key, whole[key]) for key in whole}
    _save(f"targets_{name}.npz", targets)
    return targets


def _cut_whole() -> Arrays:
    """Input, matched excerpts and features of the stem that the reference implementation recorded."""
    song, stem = WHOLE
    name = f"songs/wet/{song}/{stem}.flac"
    _write(SUBSET / name, sf.read(GOLDEN / name, dtype="int16")[0])
    recorded = np.load(GOLDEN / "matched" / TARGETS / f"{song}_{stem}.npz")
    stages = Excerpts.load(recorded, stem).stages
    points = {key: stages[key][:, ::SAMPLE_STEP].astype(np.float32) for key in STAGES}
    matched = {key: points.get(key, recorded[key]) for key in recorded} | {"step": np.array(SAMPLE_STEP)}
    _save(f"matched/{TARGETS}/{song}_{stem}.npz", matched)
    features = np.load(GOLDEN / "features_raw.npz")
    chosen = {key: features[key] for key in features if key.startswith(f"{song}/{stem}/")}
    return {
        key: values[::FEATURE_STEP] if key.endswith(("/eq", "/panning")) else values for key, values in chosen.items()
    }


def _write_excerpt(song: str, stem: str) -> None:
    """Three seconds with 8 of 16 bits, which FLAC stores in a third of the room."""
    start = round(EXCERPT_START_S * audio.SAMPLE_RATE)
    samples, _rate = sf.read(GOLDEN / "songs" / "wet" / song / f"{stem}.flac", dtype="int16")
    _write(SUBSET / "songs" / "wet" / EXCERPT_SONG / f"{stem}.flac", samples[start : start + EXCERPT] >> 8 << 8)


def _measure(stem_audio: audio.Audio, key: str) -> Arrays:
    """Features of an excerpt."""
    peaks = measure("compression", stem_audio, audio.SAMPLE_RATE)
    features = {
        f"{key}/eq": measure("eq", stem_audio, audio.SAMPLE_RATE)[::FEATURE_STEP].astype(np.float32),
        f"{key}/panning": measure("panning", stem_audio, audio.SAMPLE_RATE)[::FEATURE_STEP].astype(np.float32),
        f"{key}/loudness": np.array([loudness.measure(stem_audio, audio.SAMPLE_RATE)]),
        f"{key}/compression": np.array([peaks.peak_db, peaks.std_db]),
    }
    for c, channel in enumerate(stem_audio):
        positions = onsets.find(channel * np.float32(10.0**-0.5 / peak(stem_audio))) - PADDING
        features[f"{key}/compression/onsets_ch{c}"] = positions
    return features


def _match(stem_audio: audio.Audio, stem: str, targets: Arrays) -> Arrays:
    """Samples of each stage of the published preset on an excerpt."""
    out: dict[str, audio.Audio] = {}
    out["eq"], _ = match(
        "eq", stem_audio, audio.SAMPLE_RATE, eq_target(targets, stem), settings=eq.PRESETS["published"]
    )
    peaks = OnsetPeaks(*targets[f"compression/{stem}"])
    out["compression"], step = match(
        "compression", out["eq"], audio.SAMPLE_RATE, peaks, stem=stem, settings=compression.PRESETS["published"]
    )
    out["panning"], _ = match(
        "panning",
        out["compression"],
        audio.SAMPLE_RATE,
        panning_target(targets, stem),
        stem=stem,
        settings=panning.PRESETS["published"],
    )
    out["loudness"], _ = match("loudness", out["panning"], audio.SAMPLE_RATE, float(targets[f"loudness/{stem}"][0]))
    matched = {"start_s": np.array(0.0), "step": np.array(EXCERPT_SAMPLE_STEP)}
    matched["faded_levels_db"] = faded_levels_db(stem_audio, stem, panning_target(targets, stem))
    for name, samples in {**out, "panning_full_band": out["panning"]}.items():
        excerpt = samples[:, PADDING : PADDING + EXCERPT]
        matched[name] = reduce(name, excerpt, stem)[:, ::EXCERPT_SAMPLE_STEP].astype(np.float32)
    for c, strip in enumerate(step.processor.strips):
        reduction = strip.reduction
        ratio, threshold_db = (reduction.ratio, reduction.threshold_db) if reduction is not None else (np.nan, np.nan)
        matched[f"comp/ch{c}/branch"] = np.array("compress" if reduction is not None else "inside")
        matched[f"comp/ch{c}/ratio"] = np.array(float(ratio))
        matched[f"comp/ch{c}/threshold_db"] = np.array(float(threshold_db))
    return matched


def _record_reverb() -> None:
    """Stem plus send on an excerpt, with the beginning of the recorded response."""
    response, _rate = sf.read(GOLDEN / "ir" / "impulse_response.flac", dtype="int16", always_2d=True)
    path = SUBSET / "ir" / "impulse_response.flac"
    _write(path, response[: round(RESPONSE_S * audio.SAMPLE_RATE)])
    stem_audio = pad(audio.to_stereo(audio_files.read(SUBSET / "songs" / "wet" / EXCERPT_SONG / "other.flac")[0]))
    low_hz, high_hz = SHELVES_HZ
    response = ImpulseResponse.from_audio(audio_files.read(path)[0])
    processor = ReverbSend(response=response, low_shelf_hz=low_hz, high_shelf_hz=high_hz)
    send = processor.send(stem_audio, audio.SAMPLE_RATE)
    recorded = {
        "song": np.array(EXCERPT_SONG),
        "step": np.array(EXCERPT_SAMPLE_STEP),
        "other/start_s": np.array(0.0),
        "other/low_shelf_freq": np.array(low_hz),
        "other/high_shelf_freq": np.array(high_hz),
        "other/audio": (stem_audio + send)[:, PADDING : PADDING + EXCERPT : EXCERPT_SAMPLE_STEP],
    }
    _save("reverb.npz", recorded)


if __name__ == "__main__":
    cut()
