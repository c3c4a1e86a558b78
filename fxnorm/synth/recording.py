"""Record a score: render its parts to dry stems with the uneven levels of real recordings."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import signal

from fxnorm.audio import SAMPLE_RATE, Audio, peak
from fxnorm.corpus.stems import STEMS
from fxnorm.synth.drums import draw_kit, render_drums
from fxnorm.synth.instruments import render_notes
from fxnorm.synth.melody import Syllable, harmonize
from fxnorm.synth.oscillators import Floats
from fxnorm.synth.score import Score
from fxnorm.synth.seeding import Range, SeedBranch, SeedTree, uniform
from fxnorm.synth.tones import draw_tone
from fxnorm.synth.voice import draw_voice, render_voice
from fxnorm.units import db_to_amplitude

# Highest peak of each stem, and the level of lead and pad relative to the chords.
PEAK_DB: dict[str, Range] = {
    "vocals": (-10.0, -4.0), "bass": (-12.0, -5.0), "drums": (-8.0, -3.0), "other": (-12.0, -4.0),
}  # fmt: skip
LEAD_DB: Range = (-5.0, 2.0)
PAD_DB: Range = (-10.0, -3.0)
NOISE_DB: Range = (-96.0, -84.0)  # RMS of preamplifier and tape noise
AC_COUPLING_HZ = 20.0
FADE_OUT_S = 0.02
HARMONY_DB = -9.0  # level of the harmony voice relative to the lead voice


@dataclass(frozen=True)
class Recording:
    """Dry stems of shape (2, samples), and the instruments of each stem in plain values."""

    dry: dict[str, Audio]
    instruments: dict[str, Any]


def record(seeds: SeedTree, score: Score) -> Recording:
    """Render a score to dry stems at `SAMPLE_RATE`."""
    samples = round(score.form.seconds * SAMPLE_RATE)
    kit = draw_kit(seeds)
    bass = draw_tone(seeds, "bass")
    other_stem, players = _record_other(seeds, score, samples)
    vocals, voice = _record_vocals(seeds, score, samples)
    raw = {
        "vocals": np.stack((vocals, vocals)),
        "bass": np.stack([render_notes(score.bass, bass, samples, seeds.generator(SeedBranch.RECORDING, 1))] * 2),
        "drums": render_drums(score.drums, kit, samples, seeds.generator(SeedBranch.RECORDING, 2)),
        "other": other_stem,
    }
    dry = {stem: _digitize(stem, raw[stem], seeds) for stem in STEMS}
    instruments = {"vocals": voice, "bass": bass.to_dict(), "drums": kit.to_dict(), "other": players}
    return Recording(dry, instruments)


def _record_vocals(seeds: SeedTree, score: Score, samples: int) -> tuple[Floats, dict[str, Any] | None]:
    """Render the lead voice and, in choruses of some songs, a harmony voice."""
    if score.singer is None:
        return np.zeros(samples), None
    voice = draw_voice(seeds, score.singer.voice)
    track = render_voice(score.syllables, voice, samples, seeds.generator(SeedBranch.SINGING, 0))
    if score.singer.harmony:
        chorus = tuple(syllable for syllable in score.syllables if in_chorus(score, syllable))
        second_voice = harmonize(chorus, score.form.scale)
        second = render_voice(second_voice, voice, samples, seeds.generator(SeedBranch.SINGING, 1))
        track = track + db_to_amplitude(HARMONY_DB) * second
    return track, voice.to_dict()


def _record_other(seeds: SeedTree, score: Score, samples: int) -> tuple[Floats, dict[str, Any]]:
    """Render chords, lead and pad, panned and balanced."""
    stereo = np.zeros((2, samples))
    players: dict[str, Any] = {}
    rng = seeds.generator(SeedBranch.RECORDING, 7)
    roles = {
        "chords": (score.chords, 0.0),
        "lead": (score.lead, uniform(rng, LEAD_DB, 1)),
        "pad": (score.pad, uniform(rng, PAD_DB, 1)),
    }
    for number, (role, (notes, balance_db)) in enumerate(roles.items()):
        if not notes:
            continue
        tone = draw_tone(seeds, role)
        track = render_notes(notes, tone, samples, seeds.generator(SeedBranch.RECORDING, 3 + number))
        angle = 0.25 * np.pi * (1.0 + tone.position)
        pan = np.array((np.cos(angle), np.sin(angle)))
        stereo += np.outer(pan * db_to_amplitude(balance_db) / _active_rms(track), track)
        players[role] = {**tone.to_dict(), "balance_db": balance_db}
    return stereo, players


def in_chorus(score: Score, syllable: Syllable) -> bool:
    """Return whether a syllable belongs to a chorus."""
    # A syllable may begin slightly before its bar.
    bar = int((syllable.start_s + 0.05) / (score.form.steps * score.form.step_s))
    return bar < len(score.form.bars) and score.form.bars[bar].section.kind == "chorus"


def _active_rms(track: Floats) -> float:
    """Return the RMS of a track without its rests; 1 for a silent track."""
    active = track[np.abs(track) > 0.05 * peak(track)]
    return float(np.sqrt(np.mean(active**2))) if active.size else 1.0


def _digitize(stem: str, raw: Floats, seeds: SeedTree) -> Audio:
    """Remove DC, set the peak, add noise and fade out."""
    rng = seeds.generator(SeedBranch.RECORDING, 10 + STEMS.index(stem))
    peak_db, noise_db = uniform(rng, PEAK_DB[stem], 1), uniform(rng, NOISE_DB, 1)
    if not raw.any():
        return np.zeros(raw.shape, dtype=np.float32)
    coupled = signal.sosfilt(signal.butter(2, AC_COUPLING_HZ, btype="highpass", fs=SAMPLE_RATE, output="sos"), raw)
    coupled *= db_to_amplitude(peak_db) / peak(coupled)
    coupled += db_to_amplitude(noise_db) * rng.standard_normal(raw.shape[1])
    fade = round(FADE_OUT_S * SAMPLE_RATE)
    coupled[:, -fade:] *= np.linspace(1.0, 0.0, fade)
    return coupled.astype(np.float32)
