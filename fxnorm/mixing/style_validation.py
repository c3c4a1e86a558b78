"""Validate styles: bring noise, tones, synthetic songs and a user's songs to each, and score what comes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from fxnorm import audio_files
from fxnorm.audio import SAMPLE_RATE, Audio
from fxnorm.console.document import Console
from fxnorm.documents import DocumentType
from fxnorm.mixing.matching import MatchSettings
from fxnorm.mixing.style_job import audio_paths
from fxnorm.mixing.styles import StyleResult, apply_style
from fxnorm.mixing.wishes import mix_console
from fxnorm.recipe.styles import Style
from fxnorm.synth import make_song

DOCUMENT = DocumentType("fxnorm-styles", 1, "a validation of styles", "validate again", indent=1, finite=True)
KINDS = ("noise", "tones", "songs", "folder")
SCORE = (
    "mean over all targets and signals: 1 within the tolerance, falling in a straight line to 0 at five tolerances "
    "(0.1 LU, 100 Hz, 0.05 of the mid share and of each share of the frequency balance)"
)

Report = Callable[["Outcome"], None]


@dataclass(frozen=True)
class Signal:
    """What is brought to a style: a console and its tracks."""

    kind: str
    name: str
    console: Console
    tracks: Mapping[str, Audio]
    sample_rate: int = SAMPLE_RATE


@dataclass(frozen=True)
class Outcome:
    """What came of a signal and a style."""

    style: str
    kind: str
    signal: str
    result: StyleResult

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"style": self.style, "kind": self.kind, "signal": self.signal, **self.result.to_dict()}


def validate(
    styles: Mapping[str, Style],
    *,
    kinds: Sequence[str] = KINDS,
    folder: Path | None = None,
    quick: bool = False,
    seed: int = 0,
    on_outcome: Report | None = None,
) -> list[Outcome]:
    """Bring signals to styles.

    Parameters
    ----------
    styles : mapping of str to Style
    kinds : sequence of str
        Some of `KINDS`.
    folder : Path, optional
        Finished mixes of the user's.
    quick : bool
        One signal of each kind, of 10 s, instead of three of 30 s.
    seed : int
    on_outcome : callable, optional
        Called with each outcome.

    Returns
    -------
    list of Outcome
    """
    outcomes = []
    for signal in signals(kinds, folder=folder, quick=quick, seed=seed):
        for name, style in styles.items():
            settings = replace(MatchSettings(style.loudness_lufs), seed=seed)
            result = apply_style(signal.console, signal.tracks, signal.sample_rate, style, name=name, settings=settings)
            outcome = Outcome(name, signal.kind, signal.name, result)
            outcomes.append(outcome)
            if on_outcome is not None:
                on_outcome(outcome)
    return outcomes


def report(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return all outcomes with the score of each style, and what the score is."""
    styles = dict.fromkeys(outcome.style for outcome in outcomes)
    scores = {style: score([each for each in outcomes if each.style == style]) for style in styles}
    return DOCUMENT.wrap(
        {
            "score_definition": SCORE,
            "scores": {style: round(value, 3) for style, value in scores.items()},
            "outcomes": [outcome.to_dict() for outcome in outcomes],
        }
    )


def score(outcomes: Sequence[Outcome]) -> float:
    """Return the quality score, 0 to 1; see `SCORE`."""
    return float(np.mean([aim.score for outcome in outcomes for aim in outcome.result.aims])) if outcomes else 0.0


def signals(kinds: Sequence[str], *, folder: Path | None, quick: bool, seed: int) -> Iterator[Signal]:
    """Make or read the signals of several kinds."""
    count, seconds = (1, 10.0) if quick else (3, 30.0)
    if "noise" in kinds:
        for number in range(count):
            yield Signal("noise", f"noise stems {number + 1}", *_noise_stems(seconds, seed + number))
    if "tones" in kinds:
        for number in range(count):
            yield Signal("tones", f"tones {number + 1}", *_tones(seconds, seed + number))
    if "songs" in kinds:
        for number in range(count):
            song = make_song(seed, number, seconds=seconds)
            yield Signal("songs", song.name, song.console, song.dry)
    if "folder" in kinds and folder is not None:
        for path in audio_paths([folder])[:count] if quick else audio_paths([folder]):
            audio, sample_rate = audio_files.read(path)
            yield Signal("folder", path.name, *mix_console(audio), sample_rate)


def _noise_stems(seconds: float, seed: int) -> tuple[Console, dict[str, Audio]]:
    """Make four stems of coloured noise in bursts, of different width."""
    rng = np.random.default_rng(seed)
    samples = round(seconds * SAMPLE_RATE)
    hz = np.maximum(np.fft.rfftfreq(samples, 1.0 / SAMPLE_RATE), 20.0)
    stems = {}
    for name, exponent, low_hz, high_hz, side, burst_s in (
        ("vocals", -1.0, 150.0, 6000.0, 0.0, 0.8),
        ("bass", -1.0, 40.0, 400.0, 0.0, 0.4),
        ("drums", 0.0, 50.0, 14_000.0, 0.5, 0.1),
        ("other", -1.0, 150.0, 10_000.0, 0.9, 2.0),
    ):
        shape = hz ** (0.5 * exponent) / (1.0 + (low_hz / hz) ** 4) / (1.0 + (hz / high_hz) ** 4)
        mid, side_signal = np.fft.irfft(np.fft.rfft(rng.standard_normal((2, samples))) * shape, samples)
        time = np.arange(samples) / SAMPLE_RATE
        envelope = 0.05 + np.exp(-(time % (2.0 * burst_s)) / burst_s)
        stem = envelope * np.stack((mid + side * side_signal, mid - side * side_signal))
        stems[name] = (0.08 * stem / stem.std()).astype(np.float32)
    return _stem_console(stems), stems


def _tones(seconds: float, seed: int) -> tuple[Console, dict[str, Audio]]:
    """Make stems of harmonic tones, the upper ones panned apart."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    stems = {}
    for name, low_hz, position in (
        ("vocals", 220.0, 0.0),
        ("bass", 55.0, 0.0),
        ("drums", 1500.0, 0.3),
        ("other", 330.0, 0.8),
    ):
        tone = np.zeros((2, time.size))
        for _ in range(4):
            base = low_hz * 2.0 ** (rng.integers(0, 12) / 12.0)
            angle = 0.25 * np.pi * (1.0 + position * rng.uniform(-1.0, 1.0))
            partials = sum(np.sin(2.0 * np.pi * base * k * time + rng.uniform(0.0, 6.3)) / k for k in range(1, 9))
            gate = (np.sin(2.0 * np.pi * rng.uniform(0.3, 2.0) * time) > 0.0).astype(float)
            smooth = np.convolve(gate, np.hanning(2205) / np.hanning(2205).sum(), mode="same")
            tone += np.outer((np.cos(angle), np.sin(angle)), partials * (0.1 + smooth))
        stems[name] = (0.08 * tone / tone.std()).astype(np.float32)
    return _stem_console(stems), stems


def _stem_console(stems: Mapping[str, Audio]) -> Console:
    console = Console.neutral(stems)
    return replace(console, tracks=tuple(replace(track, stem=track.name) for track in console.tracks))
