"""Record a score on many tracks: close and distant microphones, lines and overdubs, at the gains of a studio.

The performances are those of the four-stem recording (`recording.record`) of the same seed and index; second takes and
microphones draw from branches of their own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from scipy import signal

from fxnorm.audio import SAMPLE_RATE, Audio, peak
from fxnorm.synth.drums import draw_kit, render_pieces
from fxnorm.synth.instruments import CABINET_HZ, render_notes
from fxnorm.synth.melody import Syllable, harmonize
from fxnorm.synth.microphones import (
    CLOSE,
    balance_pieces,
    close_microphone,
    distant_microphones,
    record_close,
    record_distant,
)
from fxnorm.synth.oscillators import Floats
from fxnorm.synth.players import Note
from fxnorm.synth.recording import AC_COUPLING_HZ, FADE_OUT_S, NOISE_DB, in_chorus
from fxnorm.synth.score import Score
from fxnorm.synth.seeding import Range, SeedBranch, SeedTree, triangular, uniform
from fxnorm.synth.tones import Tone, draw_tone
from fxnorm.synth.track_list import SessionTrack, list_tracks
from fxnorm.synth.voice import draw_voice, render_voice
from fxnorm.units import db_to_amplitude

NOMINAL_PEAK_DB = -12.0  # of a track at a recording gain of 0 dB
RECORDING_GAIN_DB: Range = (-8.0, 8.0)
TAKE_TIMING_S = 0.012  # deviation of a second take
TAKE_VELOCITY = 0.15
AMP_DISTANCE_MS: Range = (0.6, 3.0)
AMP_DRIVE = 2.5
KEYBOARD_SPLIT = 60.0  # MIDI number at which low and high strings of a piano are equally loud
DRUM_PARTS = (*CLOSE, "overheads", "room")


@dataclass(frozen=True)
class MultitrackRecording:
    """Dry tracks by name, shape (1 or 2, samples), and what is known of each, in plain values."""

    tracks: tuple[SessionTrack, ...]
    dry: dict[str, Audio]
    settings: dict[str, dict[str, Any]]
    instruments: dict[str, Any]


def record_multitrack(seeds: SeedTree, score: Score) -> MultitrackRecording:
    """Render a score to the dry tracks of a session, at `SAMPLE_RATE`."""
    samples = round(score.form.seconds * SAMPLE_RATE)
    tracks = list_tracks(seeds, score)
    kit = draw_kit(seeds)
    pieces = render_pieces(score.drums, kit, samples, seeds.generator(SeedBranch.RECORDING, 2))
    instruments: dict[str, Any] = {"drums": kit.to_dict()}
    raw = _record_drums(seeds, tracks, pieces, balance_pieces(pieces, kit), samples)
    for record in (_record_bass, _record_other, _record_vocals):
        audio, described = record(seeds, score, tracks, samples)
        raw |= audio
        instruments |= described
    dry, settings = _digitize(seeds, tracks, raw)
    return MultitrackRecording(tracks, dry, settings, instruments)


def _record_drums(
    seeds: SeedTree,
    tracks: Sequence[SessionTrack],
    pieces: Mapping[str, Floats],
    kit_pieces: Mapping[str, Floats],
    samples: int,
) -> dict[str, Floats]:
    raw: dict[str, Floats] = {}
    for track in tracks:
        if track.part in ("clap", "shaker"):
            raw[track.name] = pieces.get(track.part, np.zeros(samples))[np.newaxis]
        elif track.part in DRUM_PARTS:
            rng = _microphone_generator(seeds, track.part)
            if track.part in CLOSE:
                raw[track.name] = record_close(rng, track.part, kit_pieces, samples)
            else:
                raw[track.name] = _channel(record_distant(rng, track.part, kit_pieces, samples), track)
    return raw


def _record_bass(
    seeds: SeedTree, score: Score, tracks: Sequence[SessionTrack], samples: int
) -> tuple[dict[str, Floats], dict[str, Any]]:
    """Record the bass directly, and in some sessions also its amplifier."""
    tone = draw_tone(seeds, "bass")
    line = render_notes(score.bass, tone, samples, seeds.generator(SeedBranch.RECORDING, 1))
    raw = {}
    for track in tracks:
        if track.part == "bass di":
            raw[track.name] = line[np.newaxis]
        elif track.part == "bass amp":
            raw[track.name] = _amplify(line, _delay_ms(seeds, track))[np.newaxis]
    return raw, {"bass": tone.to_dict()}


def _record_other(
    seeds: SeedTree, score: Score, tracks: Sequence[SessionTrack], samples: int
) -> tuple[dict[str, Floats], dict[str, Any]]:
    """Record chords, lead and pad; the second track of a pair is a second take."""
    raw, instruments = {}, {}
    for number, (part, notes) in enumerate({"chords": score.chords, "lead": score.lead, "pad": score.pad}.items()):
        tone = draw_tone(seeds, part)
        takes = [track for track in tracks if track.part == part]
        for take, track in enumerate(takes):
            rng = seeds.generator(SeedBranch.RECORDING, 3 + number)
            if take:
                rng = seeds.generator(SeedBranch.TAKES, number)
                notes = _play_again(notes, rng)
            if track.channels == 2:
                raw[track.name] = _record_keyboard(notes, tone, samples, rng)
            else:
                raw[track.name] = render_notes(notes, tone, samples, rng)[np.newaxis]
            instruments[part] = tone.to_dict()
    return raw, instruments


def _record_vocals(
    seeds: SeedTree, score: Score, tracks: Sequence[SessionTrack], samples: int
) -> tuple[dict[str, Floats], dict[str, Any]]:
    """Record the lead voice, its double, and two harmony voices in choruses."""
    if score.singer is None:
        return {}, {"vocals": None}
    voice = draw_voice(seeds, score.singer.voice)
    chorus = tuple(syllable for syllable in score.syllables if in_chorus(score, syllable))
    harmony = harmonize(chorus, score.form.scale)
    raw = {}
    for track in tracks:
        syllables, rng = score.syllables, seeds.generator(SeedBranch.SINGING, 0)
        if track.part == "backing":
            syllables, rng = harmony, seeds.generator(SeedBranch.SINGING, 1)
        elif track.part not in ("lead vocal", "vocal double"):
            continue
        is_second = track.part == "vocal double" or (track.part == "backing" and track.side > 0)
        if is_second:
            rng = seeds.generator(SeedBranch.TAKES, 3 if track.part == "vocal double" else 4)
            syllables = _sing_again(syllables, rng)
        raw[track.name] = render_voice(syllables, voice, samples, rng)[np.newaxis]
    return raw, {"vocals": voice.to_dict()}


def _play_again(notes: Sequence[Note], rng: np.random.Generator) -> tuple[Note, ...]:
    """Play the same notes with other deviations in timing and velocity."""
    return tuple(
        replace(
            note,
            start_s=max(0.0, note.start_s + triangular(rng, TAKE_TIMING_S)),
            velocity=min(1.0, note.velocity * (1.0 + triangular(rng, TAKE_VELOCITY))),
        )
        for note in notes
    )


def _sing_again(syllables: Sequence[Syllable], rng: np.random.Generator) -> tuple[Syllable, ...]:
    return tuple(
        replace(syllable, start_s=max(0.0, syllable.start_s + triangular(rng, 2.0 * TAKE_TIMING_S)))
        for syllable in syllables
    )


def _record_keyboard(notes: Sequence[Note], tone: Tone, samples: int, rng: np.random.Generator) -> Floats:
    """Record low notes nearer to the left microphone and high notes nearer to the right one."""
    low = render_notes(tuple(note for note in notes if note.pitch < KEYBOARD_SPLIT), tone, samples, rng)
    high = render_notes(tuple(note for note in notes if note.pitch >= KEYBOARD_SPLIT), tone, samples, rng)
    return np.stack((low + 0.6 * high, 0.6 * low + high))


def _amplify(line: Floats, delay_ms: float) -> Floats:
    """Play a line through an amplifier and its loudspeaker, and record it at a distance."""
    driven = np.tanh(AMP_DRIVE * line / max(peak(line), 1e-9))
    sos = signal.butter(2, CABINET_HZ, btype="lowpass", fs=SAMPLE_RATE, output="sos")
    delay = round(delay_ms * SAMPLE_RATE / 1000.0)
    return np.concatenate((np.zeros(delay), signal.sosfilt(sos, driven)[: driven.size - delay]))


def _microphone_generator(seeds: SeedTree, part: str) -> np.random.Generator:
    """Return the generator of a part's microphones; the two tracks of a pair draw the same ones."""
    return seeds.generator(SeedBranch.MICROPHONES, (*DRUM_PARTS, "bass amp").index(part))


def _delay_ms(seeds: SeedTree, track: SessionTrack) -> float:
    """Return the delay of the sound that a microphone is pointed at: the snare for overheads and room."""
    if track.part == "bass amp":
        return uniform(_microphone_generator(seeds, track.part), AMP_DISTANCE_MS)
    if track.part not in DRUM_PARTS:
        return 0.0
    rng = _microphone_generator(seeds, track.part)
    if track.part in CLOSE:
        microphone, drum = close_microphone(rng, track.part), CLOSE[track.part][0]
    else:
        microphone, drum = distant_microphones(rng, track.part)[1 if track.side > 0 else 0], "snare"
    return round(1000.0 * microphone.arrivals[drum][1], 3)


def _channel(pair: Floats, track: SessionTrack) -> Floats:
    """Return the channel of a track of a pair, or both for a stereo track."""
    return pair if track.channels == 2 else pair[[0 if track.side < 0 else 1]]


def _digitize(
    seeds: SeedTree, tracks: Sequence[SessionTrack], raw: dict[str, Floats]
) -> tuple[dict[str, Audio], dict[str, dict[str, Any]]]:
    """Remove DC, set the recording gain, add noise and fade out; the overheads have one gain. Empties `raw`."""
    dry: dict[str, Audio] = {}
    settings: dict[str, dict[str, Any]] = {}
    gains_db: dict[str, float] = {}
    coupling = signal.butter(2, AC_COUPLING_HZ, btype="highpass", fs=SAMPLE_RATE, output="sos")
    coupled = {track.name: signal.sosfilt(coupling, raw.pop(track.name)) for track in tracks}
    peaks = {name: peak(audio) for name, audio in coupled.items()}
    for number, track in enumerate(tracks):
        rng = seeds.generator(SeedBranch.GAINS, number)
        gain_db, noise_db = uniform(rng, RECORDING_GAIN_DB, 1), uniform(rng, NOISE_DB, 1)
        shared = track.part if track.part == "overheads" else track.name
        gain_db = gains_db.setdefault(shared, gain_db)
        siblings = [other.name for other in tracks if other.part == track.part] if shared == track.part else [shared]
        highest = max(peaks[name] for name in siblings)
        audio = coupled.pop(track.name)
        if highest > 0.0:
            noise = db_to_amplitude(noise_db) * rng.standard_normal(audio.shape)
            audio = db_to_amplitude(gain_db) * (audio * (db_to_amplitude(NOMINAL_PEAK_DB) / highest) + noise)
            fade = round(FADE_OUT_S * SAMPLE_RATE)
            audio[:, -fade:] *= np.linspace(1.0, 0.0, fade)
        dry[track.name] = audio.astype(np.float32)
        known = {key: value for key, value in asdict(track).items() if key != "name"}
        settings[track.name] = {
            **known,
            "stem": track.stem,
            "recording_gain_db": gain_db,
            "noise_db": noise_db,
            "delay_ms": _delay_ms(seeds, track),
        }
    return dry, settings
