"""Fingerprints of two whole songs, sensitive to any change of the corpus.

    python -m tests.synth.fingerprints

records them anew, after a change of the corpus that is meant. Levels and samples are compared within a tolerance,
because the last bits of a transcendental function differ between processors.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from scipy import signal

from fxnorm import audio, audio_files
from fxnorm.synth import write_indexed_song

RECORDED = Path(__file__).parent / "data" / "fingerprints.json"
SONGS = ((3, 47), (11, 20))  # seed and index: two that use many instruments and every processor on most stems
SECONDS = 6.0
OCTAVES_HZ = 62.5 * 2.0 ** np.arange(8)
SEGMENT_S = 0.5
SAMPLE_STEP_S = 0.217
FLOOR_POWER = 1e-9  # -90 dBFS: lower levels are mostly rounding errors
LEVEL_TOLERANCE_DB = 1e-3
SAMPLE_TOLERANCE = 1e-6
SETTINGS_DIGITS = 9

Fingerprint = dict[str, Any]


def fingerprint(seed: int, index: int) -> dict[str, Fingerprint]:
    """Write a song as the corpus does; levels and samples of every audio file, contents of every record."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        write_indexed_song(out, seed, index, SECONDS)
        return {_key(path, out): _read(path) for path in sorted(out.rglob("*.*"))}


def differences(recorded: Fingerprint, measured: Fingerprint) -> list[str]:
    """Parts of a file's fingerprint that differ from the recorded ones."""
    if recorded.keys() != measured.keys() or "record" in recorded:
        return [] if recorded == measured else ["record"]
    tolerances = {"levels_db": LEVEL_TOLERANCE_DB, "samples": SAMPLE_TOLERANCE}
    return [part for part, tolerance in tolerances.items() if not _close(recorded[part], measured[part], tolerance)]


def _close(recorded: list[Any], measured: list[Any], tolerance: float) -> bool:
    expected, values = np.array(recorded), np.array(measured)
    return expected.shape == values.shape and bool(np.abs(values - expected).max() <= tolerance)


def _key(path: Path, out: Path) -> str:
    """Room and file name: wet/bass.flac."""
    return f"{path.relative_to(out).parts[0]}/{path.name}"


def _read(path: Path) -> Fingerprint:
    if path.suffix == ".json":
        return {"record": _rounded(json.loads(path.read_text(encoding="utf-8")))}
    samples, sample_rate = audio_files.read(path)
    step = round(SAMPLE_STEP_S * sample_rate)
    return {
        "levels_db": np.round(_levels_db(samples, sample_rate), 4).tolist(),
        "samples": np.round(samples[:, ::step].astype(np.float64), 7).tolist(),
    }


def _levels_db(samples: audio.Audio, sample_rate: int) -> np.ndarray:
    """Level of each channel, octave and half second, shape (channels, octaves, segments)."""
    length = round(SEGMENT_S * sample_rate)
    segments = samples[:, : samples.shape[1] // length * length].astype(np.float64).reshape(len(samples), -1, length)
    power = 2.0 * np.abs(np.fft.rfft(segments * signal.windows.hann(length, sym=False))) ** 2 / length**2
    edges = np.round(np.append(OCTAVES_HZ, 2.0 * OCTAVES_HZ[-1]) / 2**0.5 * SEGMENT_S).astype(int)
    octaves = np.add.reduceat(power[..., : edges[-1]], edges[:-1], axis=-1)
    return 10.0 * np.log10(octaves + FLOOR_POWER).swapaxes(1, 2)


def _rounded(value: Any) -> Any:
    """Round floats to the digits that are equal on all processors."""
    if isinstance(value, dict):
        return {key: _rounded(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_rounded(entry) for entry in value]
    return float(f"{value:.{SETTINGS_DIGITS}g}") if isinstance(value, float) else value


def load() -> dict[str, dict[str, Fingerprint]]:
    """Recorded fingerprints by song and file."""
    return json.loads(RECORDED.read_text(encoding="utf-8"))


def record() -> None:
    """Write the current fingerprints, one line per file."""
    songs = []
    for seed, index in SONGS:
        files = [
            f"  {json.dumps(key)}: {json.dumps(entry, separators=(',', ':'))}"
            for key, entry in fingerprint(seed, index).items()
        ]
        songs.append(f' "{seed}/{index}": {{\n' + ",\n".join(files) + "\n }")
    RECORDED.write_text("{\n" + ",\n".join(songs) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    record()
