"""The recording session: a score becomes dry stems, as uneven in level as recordings are."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import signal

from fxnorm.audio import RATE, Audio, peak
from fxnorm.corpus.stems import STEMS
from fxnorm.synth.drums import draw_kit, render_drums
from fxnorm.synth.instruments import draw_tone, render_notes
from fxnorm.synth.melody import Syllable
from fxnorm.synth.oscillators import Mono
from fxnorm.synth.score import Score
from fxnorm.synth.seeding import Purpose, Range, Streams, draw
from fxnorm.synth.voice import HARMONY_DB, draw_voice, harmony, render_voice
from fxnorm.units import db_to_amplitude

# Highest peak of each recording, and the loudness of lead and bed against the chords.
PEAK_DB: dict[str, Range] = {
    "vocals": (-10.0, -4.0), "bass": (-12.0, -5.0), "drums": (-8.0, -3.0), "other": (-12.0, -4.0),
}  # fmt: skip
LEAD_DB: Range = (-5.0, 2.0)
BED_DB: Range = (-10.0, -3.0)
NOISE_DB: Range = (-96.0, -84.0)  # root mean square of preamplifier and tape hiss
AC_COUPLING_HZ = 20.0
CUT_S = 0.02  # a song that is cut off fades this long


@dataclass(frozen=True)
class Recording:
    """Dry stems and the instruments that were recorded."""

    dry: dict[str, Audio]
    instruments: dict[str, Any]


def record(streams: Streams, score: Score) -> Recording:
    """Record a score: four stereo stems of shape (2, samples)."""
    samples = round(score.form.seconds * RATE)
    kit = draw_kit(streams)
    bass = draw_tone(streams, "bass")
    other, players = _record_other(streams, score, samples)
    vocals, voice = _record_vocals(streams, score, samples)
    raw = {
        "vocals": np.stack((vocals, vocals)),
        "bass": np.stack([render_notes(score.bass, bass, samples, streams(Purpose.RECORDING, 1))] * 2),
        "drums": render_drums(score.drums, kit, samples, streams(Purpose.RECORDING, 2)),
        "other": other,
    }
    dry = {stem: _take(stem, raw[stem], streams) for stem in STEMS}
    instruments = {"vocals": voice, "bass": bass.summary(), "drums": kit.summary(), "other": players}
    return Recording(dry, instruments)


def _record_vocals(streams: Streams, score: Score, samples: int) -> tuple[Mono, dict[str, Any] | None]:
    if score.singer is None:
        return np.zeros(samples), None
    voice = draw_voice(streams, score.singer.voice)
    track = render_voice(score.syllables, voice, samples, streams(Purpose.SINGING, 0))
    if score.singer.harmony:
        backed = tuple(syllable for syllable in score.syllables if _in_chorus(score, syllable))
        second = render_voice(harmony(backed, score.form.scale), voice, samples, streams(Purpose.SINGING, 1))
        track = track + db_to_amplitude(HARMONY_DB) * second
    return track, voice.summary()


def _record_other(streams: Streams, score: Score, samples: int) -> tuple[Mono, dict[str, Any]]:
    """Chords, lead and bed, each at its place and in balance."""
    stereo = np.zeros((2, samples))
    players: dict[str, Any] = {}
    rng = streams(Purpose.RECORDING, 7)
    parts = {
        "chords": (score.chords, 0.0),
        "lead": (score.lead, draw(rng, LEAD_DB, 1)),
        "bed": (score.bed, draw(rng, BED_DB, 1)),
    }
    for number, (role, (notes, balance_db)) in enumerate(parts.items()):
        if not notes:
            continue
        tone = draw_tone(streams, role)
        track = render_notes(notes, tone, samples, streams(Purpose.RECORDING, 3 + number))
        angle = 0.25 * np.pi * (1.0 + tone.position)
        place = np.array((np.cos(angle), np.sin(angle)))
        stereo += np.outer(place * db_to_amplitude(balance_db) / _playing_level(track), track)
        players[role] = {**tone.summary(), "balance_db": balance_db}
    return stereo, players


def _playing_level(track: Mono) -> float:
    """Root mean square of what is not a rest; 1 for a track without a sound."""
    playing = track[np.abs(track) > 0.05 * peak(track)]
    return float(np.sqrt(np.mean(playing**2))) if playing.size else 1.0


def _take(stem: str, raw: Mono, streams: Streams) -> Audio:
    """A stem through its preamplifier: no DC, a peak that suits the converter, a little hiss."""
    rng = streams(Purpose.RECORDING, 10 + STEMS.index(stem))
    peak_db, noise_db = draw(rng, PEAK_DB[stem], 1), draw(rng, NOISE_DB, 1)
    if not raw.any():
        return np.zeros(raw.shape, dtype=np.float32)
    coupled = signal.sosfilt(signal.butter(2, AC_COUPLING_HZ, btype="highpass", fs=RATE, output="sos"), raw)
    coupled *= db_to_amplitude(peak_db) / peak(coupled)
    coupled += db_to_amplitude(noise_db) * rng.standard_normal(raw.shape[1])
    fade = round(CUT_S * RATE)
    coupled[:, -fade:] *= np.linspace(1.0, 0.0, fade)
    return coupled.astype(np.float32)


def _in_chorus(score: Score, syllable: Syllable) -> bool:
    # A syllable may begin a little before its bar.
    bar = int((syllable.start_s + 0.05) / (score.form.steps * score.form.step_s))
    return bar < len(score.form.bars) and score.form.bars[bar].section.kind == "chorus"
