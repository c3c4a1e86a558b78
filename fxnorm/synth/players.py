"""Players of the accompaniment: bass line, chords, pad and lead as notes."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fxnorm.synth.form import DENSITY, KINDS, Bar, Chord, Form, Section
from fxnorm.synth.seeding import SeedBranch, SeedTree, bernoulli, triangular, uniform
from fxnorm.synth.voicing import Voicing, nearest_pitch, voice_form

LOWEST_BASS = 28  # MIDI number of the open E string
CHORD_CENTRE = 60
LEAD_RANGE = (64, 83)
SOFT_KINDS = ("intro", "verse", "bridge")


@dataclass(frozen=True)
class Note:
    """Note; pitch is a MIDI number, velocity 0 to 1."""

    start_s: float
    duration_s: float
    pitch: float
    velocity: float


# (step, length in steps, chord tone counted from the root; 7 is the root an octave up)
BASS_LINES = {
    "eighths": tuple((step, 2, 0) for step in range(0, 16, 2)),
    "root and fifth": ((0, 5, 0), (6, 2, 0), (8, 5, 2), (14, 2, 0)),
    "syncopated": ((0, 3, 0), (3, 3, 0), (6, 2, 0), (10, 2, 2), (12, 4, 7)),
    "walking": ((0, 4, 0), (4, 4, 1), (8, 4, 2), (12, 4, 1)),
    "octaves": tuple((step, 2, 7 if step % 4 else 0) for step in range(0, 16, 2)),
    "long": ((0, 12, 0), (12, 4, 2)),
    "dotted": ((0, 6, 0), (6, 6, 0), (12, 4, 2)),
    "funk": ((0, 2, 0), (3, 1, 0), (4, 1, 7), (7, 2, 0), (10, 2, 2), (13, 1, 7), (14, 2, 0)),
}
# (step, length in steps)
COMPING = {
    "held": ((0, 16),),
    "halves": ((0, 8), (8, 8)),
    "quarters": tuple((step, 3) for step in range(0, 16, 4)),
    "off beats": tuple((step, 2) for step in range(2, 16, 4)),
    "pushes": ((0, 3), (3, 3), (6, 4), (11, 2), (14, 2)),
    "eighths": tuple((step, 2) for step in range(0, 16, 2)),
    "charleston": ((0, 6), (6, 2), (8, 6), (14, 2)),
}
ARPEGGIOS = ((0, 1, 2, 1), (0, 2, 1, 2), (0, 1, 2, 3), (2, 1, 0, 1))
RIFFS = ((0, 3, 6, 10, 12), (0, 2, 4, 8, 10, 12), (2, 5, 8, 11, 14), (0, 6, 8, 14), (0, 4, 6, 8, 12, 14), (4, 6, 8, 12))


def play_bass(seeds: SeedTree, form: Form) -> tuple[str, tuple[Note, ...]]:
    """Play a bass line of chord tones; return the name of its pattern and its notes."""
    rng = seeds.generator(SeedBranch.BASS)
    names = [list(BASS_LINES)[i] for i in rng.permutation(len(BASS_LINES))[:2]]
    low = LOWEST_BASS + int(rng.integers(0, 6))
    gap = uniform(rng, (0.03, 0.3))
    timing_s = uniform(rng, (0.002, 0.010), 4)
    notes: list[Note] = []
    for section, feel in _sections(seeds, form, SeedBranch.BASS_FEEL):
        line = BASS_LINES[names[0] if section.kind in SOFT_KINDS else names[1]]
        for bar in _bars(form, section):
            for step, length, tone in ((0, form.steps, 0),) if section.kind == "end" else line:
                if step >= form.steps:
                    continue
                pitch = _bass_pitch(form.chord(bar, step), tone, low)
                start_s = form.time_s(bar.number, step) + triangular(feel, timing_s)
                duration_s = min(length, form.steps - step) * form.step_s * (1.0 - gap)
                velocity = (0.85 if step % 8 == 0 else 0.7) * (1.0 + triangular(feel, 0.2))
                notes.append(Note(max(0.0, start_s), duration_s, pitch, min(1.0, velocity)))
    return names[0], tuple(notes)


def play_chords(seeds: SeedTree, form: Form) -> tuple[str, tuple[Note, ...]]:
    """Play the chords; return the name of the pattern and the notes."""
    rng = seeds.generator(SeedBranch.CHORDS)
    names = [list(COMPING)[i] for i in rng.permutation(len(COMPING))[:2]]
    arpeggio = ARPEGGIOS[int(rng.integers(len(ARPEGGIOS)))] if bernoulli(rng, 0.3) else None
    strum_s = uniform(rng, (0.0, 0.022), 4)
    voicings = voice_form(form, CHORD_CENTRE + int(rng.integers(-5, 6)))
    notes: list[Note] = []
    for section, feel in _sections(seeds, form, SeedBranch.CHORDS_FEEL):
        soft = section.kind in SOFT_KINDS
        pattern = ((0, form.steps),) if section.kind == "end" else COMPING[names[0] if soft else names[1]]
        for bar in _bars(form, section):
            if arpeggio and soft:
                notes += _arpeggio(form, bar, voicings[bar.number], arpeggio, feel)
            else:
                notes += _strokes(form, bar, voicings[bar.number], pattern, strum_s, feel)
    return "arpeggio" if arpeggio else names[0], tuple(notes)


def play_pad(seeds: SeedTree, form: Form) -> tuple[Note, ...]:
    """Hold chords in loud sections, in some songs in every section."""
    rng = seeds.generator(SeedBranch.PAD)
    voicings = voice_form(form, CHORD_CENTRE + int(rng.integers(-2, 13)))
    throughout = bernoulli(rng, 0.4)
    notes: list[Note] = []
    for bar in form.bars:
        if bar.section.kind in SOFT_KINDS and not throughout:
            continue
        chord_steps = form.steps / len(bar.chords)
        velocity = 0.5 + 0.3 * DENSITY[bar.section.kind]
        for number, voicing in enumerate(voicings[bar.number]):
            start_s = form.time_s(bar.number, round(number * chord_steps))
            notes += [Note(start_s, chord_steps * form.step_s, pitch, velocity) for pitch in voicing]
    return tuple(notes)


def play_lead(seeds: SeedTree, form: Form, *, instrumental: bool) -> tuple[Note, ...]:
    """Play riffs outside the verses, and in every bar of an instrumental."""
    notes: list[Note] = []
    for section, feel in _sections(seeds, form, SeedBranch.LEAD_FEEL):
        if section.kind == "verse" and not instrumental:
            continue
        motif = seeds.generator(SeedBranch.LEAD, KINDS.index(section.kind))
        riff = RIFFS[int(motif.integers(len(RIFFS)))]
        pitch = int(motif.integers(LEAD_RANGE[0] + 4, LEAD_RANGE[1] - 4))
        plays_every_bar = instrumental or bernoulli(motif, 0.4)
        for bar in _bars(form, section):
            steps = [0] if section.kind == "end" else [step for step in riff if step < form.steps]
            moves = motif.integers(-2, 3, size=len(steps))
            if not plays_every_bar and bar.position % 2 == 0 and section.kind != "end":
                continue
            for i, step in enumerate(steps):
                next_step = steps[i + 1] if i + 1 < len(steps) else form.steps
                tones = form.chord(bar, step).pitch_classes if step % 4 == 0 else form.scale
                pitch = nearest_pitch(pitch + int(moves[i]) * 2, tones, LEAD_RANGE)
                start_s = form.time_s(bar.number, step) + abs(triangular(feel, 0.010))
                duration_s = (next_step - step) * form.step_s * 0.9
                notes.append(Note(start_s, duration_s, pitch, 0.75 * (1.0 + triangular(feel, 0.2))))
    return tuple(notes)


def _arpeggio(
    form: Form, bar: Bar, voicings: tuple[Voicing, ...], order: tuple[int, ...], feel: np.random.Generator
) -> list[Note]:
    """Play a bar of broken chords in eighths."""
    level = 0.6 + 0.3 * DENSITY[bar.section.kind]
    notes = []
    for step in range(0, form.steps, 2):
        voicing = voicings[form.chord_number(bar, step)]
        start_s = form.time_s(bar.number, step) + abs(triangular(feel, 0.008))
        velocity = level * (1.0 + triangular(feel, 0.2))
        notes.append(Note(start_s, 3.0 * form.step_s, voicing[order[step // 2 % 4] % len(voicing)], velocity))
    return notes


def _strokes(
    form: Form,
    bar: Bar,
    voicings: tuple[Voicing, ...],
    pattern: tuple[tuple[int, int], ...],
    strum_s: float,
    feel: np.random.Generator,
) -> list[Note]:
    """Play a bar of strummed chords in a rhythm."""
    level = 0.6 + 0.3 * DENSITY[bar.section.kind]
    notes = []
    for step, length in ((step, length) for step, length in pattern if step < form.steps):
        start_s = form.time_s(bar.number, step) + abs(triangular(feel, 0.008))
        duration_s = min(length, form.steps - step) * form.step_s * 0.95
        stroke_velocity = level * (1.0 + triangular(feel, 0.15)) * (1.0 if step % 8 == 0 else 0.85)
        for string, pitch in enumerate(voicings[form.chord_number(bar, step)]):
            velocity = min(1.0, stroke_velocity * (1.0 + triangular(feel, 0.08)))
            notes.append(Note(start_s + string * strum_s, duration_s, pitch, velocity))
    return notes


def _bass_pitch(chord: Chord, tone: int, low: int) -> int:
    """Return the pitch of a chord tone above `low`; tone 7 is the root an octave up."""
    tones = chord.pitch_classes
    root = low + (chord.root - low) % 12
    if tone == 7:
        return root + 12
    return root + (tones[tone % len(tones)] - chord.root) % 12


def _sections(seeds: SeedTree, form: Form, purpose: SeedBranch) -> Iterator[tuple[Section, np.random.Generator]]:
    return ((section, seeds.generator(purpose, section.number)) for section in form.sections)


def _bars(form: Form, section: Section) -> tuple[Bar, ...]:
    return form.bars[section.first_bar : section.first_bar + section.bars]
