"""What the bass, the chords and the lead play."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fxnorm.synth.form import DENSITY, KINDS, Bar, Chord, Form, Section
from fxnorm.synth.seeding import Purpose, Streams, chance, draw, jitter

Voicing = tuple[int, ...]

LOWEST_BASS = 28  # MIDI number of the open E string
CHORD_CENTRE = 60
LEAD_RANGE = (64, 83)
SOFT_KINDS = ("intro", "verse", "bridge")


@dataclass(frozen=True)
class Note:
    """One tone; pitch is a MIDI number, velocity 0 to 1."""

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


def play_bass(streams: Streams, form: Form) -> tuple[str, tuple[Note, ...]]:
    """The bass line of a song: its pattern's name and its notes, all of them chord tones."""
    rng = streams(Purpose.BASS)
    names = [list(BASS_LINES)[i] for i in rng.permutation(len(BASS_LINES))[:2]]
    low = LOWEST_BASS + int(rng.integers(0, 6))
    gap = draw(rng, (0.03, 0.3))
    timing_s = draw(rng, (0.002, 0.010), 4)
    notes: list[Note] = []
    for section, feel in _sections(streams, form, Purpose.BASS_FEEL):
        line = BASS_LINES[names[0] if section.kind in SOFT_KINDS else names[1]]
        for bar in _bars(form, section):
            ending = bar.section.kind == "end"
            for step, length, tone in ((0, form.steps, 0),) if ending else line:
                if step >= form.steps:
                    continue
                pitch = _bass_pitch(form.chord(bar, step), tone, low)
                start_s = form.time_s(bar.number, step) + jitter(feel, timing_s)
                duration_s = min(length, form.steps - step) * form.step_s * (1.0 - gap)
                velocity = (0.85 if step % 8 == 0 else 0.7) * (1.0 + jitter(feel, 0.2))
                notes.append(Note(max(0.0, start_s), duration_s, pitch, min(1.0, velocity)))
    return names[0], tuple(notes)


def play_chords(streams: Streams, form: Form) -> tuple[str, tuple[Note, ...]]:
    """The accompaniment: its pattern's name and its notes."""
    rng = streams(Purpose.CHORDS)
    names = [list(COMPING)[i] for i in rng.permutation(len(COMPING))[:2]]
    arpeggio = ARPEGGIOS[int(rng.integers(len(ARPEGGIOS)))] if chance(rng, 0.3) else None
    strum_s = draw(rng, (0.0, 0.022), 4)
    voicings = _voicings(form, CHORD_CENTRE + int(rng.integers(-5, 6)))
    notes: list[Note] = []
    for section, feel in _sections(streams, form, Purpose.CHORDS_FEEL):
        soft, ending = section.kind in SOFT_KINDS, section.kind == "end"
        pattern = ((0, form.steps),) if ending else COMPING[names[0] if soft else names[1]]
        for bar in _bars(form, section):
            if arpeggio and soft:
                notes += _arpeggio(form, bar, voicings[bar.number], arpeggio, feel)
            else:
                notes += _strokes(form, bar, voicings[bar.number], pattern, strum_s, feel)
    return "arpeggio" if arpeggio else names[0], tuple(notes)


def play_bed(streams: Streams, form: Form) -> tuple[Note, ...]:
    """Held chords under what is loud, in some songs under everything."""
    rng = streams(Purpose.BED)
    voicings = _voicings(form, CHORD_CENTRE + int(rng.integers(-2, 13)))
    throughout = chance(rng, 0.4)
    notes: list[Note] = []
    for bar in form.bars:
        if bar.section.kind in SOFT_KINDS and not throughout:
            continue
        share = form.steps / len(bar.chords)
        velocity = 0.5 + 0.3 * DENSITY[bar.section.kind]
        for number, voicing in enumerate(voicings[bar.number]):
            start_s = form.time_s(bar.number, round(number * share))
            notes += [Note(start_s, share * form.step_s, pitch, velocity) for pitch in voicing]
    return tuple(notes)


def play_lead(streams: Streams, form: Form, *, always: bool) -> tuple[Note, ...]:
    """Riffs where nobody sings, and everywhere if `always`."""
    notes: list[Note] = []
    for section, feel in _sections(streams, form, Purpose.LEAD_FEEL):
        if section.kind == "verse" and not always:
            continue
        motif = streams(Purpose.LEAD, KINDS.index(section.kind))
        riff = RIFFS[int(motif.integers(len(RIFFS)))]
        pitch = int(motif.integers(LEAD_RANGE[0] + 4, LEAD_RANGE[1] - 4))
        plays_every_bar = always or chance(motif, 0.4)
        for bar in _bars(form, section):
            steps = [0] if section.kind == "end" else [step for step in riff if step < form.steps]
            moves = motif.integers(-2, 3, size=len(steps))
            if not plays_every_bar and bar.position % 2 == 0 and section.kind != "end":
                continue
            for i, step in enumerate(steps):
                until = steps[i + 1] if i + 1 < len(steps) else form.steps
                tones = form.chord(bar, step).pitch_classes if step % 4 == 0 else form.scale
                pitch = nearest_pitch(pitch + int(moves[i]) * 2, tones, LEAD_RANGE)
                start_s = form.time_s(bar.number, step) + abs(jitter(feel, 0.010))
                duration_s = (until - step) * form.step_s * 0.9
                notes.append(Note(start_s, duration_s, pitch, 0.75 * (1.0 + jitter(feel, 0.2))))
    return tuple(notes)


def voice_chord(chord: Chord, previous: Voicing, centre: int) -> Voicing:
    """The inversion of a chord that moves least from the previous voicing and stays near a centre."""
    inversions = []
    for first in range(len(chord.pitch_classes)):
        for octave in (-12, 0):
            low = centre + octave + (chord.pitch_classes[first] - centre) % 12
            turned = chord.pitch_classes[first:] + chord.pitch_classes[:first]
            inversions.append(tuple(low + (tone - turned[0]) % 12 for tone in turned))
    middle = sum(previous) / len(previous)
    return min(inversions, key=lambda v: abs(sum(v) / len(v) - middle) + 0.7 * abs(sum(v) / len(v) - centre))


def nearest_pitch(pitch: int, pitch_classes: tuple[int, ...], limits: tuple[int, int]) -> int:
    """The pitch of one of the classes nearest to a pitch, inside limits."""
    allowed = [p for p in range(limits[0], limits[1] + 1) if p % 12 in pitch_classes]
    return min(allowed, key=lambda p: abs(p - pitch))


def _voicings(form: Form, centre: int) -> list[tuple[Voicing, ...]]:
    """For every bar, the voicings of its chords, each led from the one before."""
    voicing: Voicing = (centre - 4, centre, centre + 4)
    bars = []
    for bar in form.bars:
        voiced = []
        for chord in bar.chords:
            voicing = voice_chord(chord, voicing, centre)
            voiced.append(voicing)
        bars.append(tuple(voiced))
    return bars


def _arpeggio(
    form: Form, bar: Bar, voicings: tuple[Voicing, ...], order: tuple[int, ...], feel: np.random.Generator
) -> list[Note]:
    """A bar of broken chords in eighths."""
    loud = 0.6 + 0.3 * DENSITY[bar.section.kind]
    notes = []
    for step in range(0, form.steps, 2):
        voicing = voicings[form.chord_number(bar, step)]
        start_s = form.time_s(bar.number, step) + abs(jitter(feel, 0.008))
        velocity = loud * (1.0 + jitter(feel, 0.2))
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
    """A bar of whole chords in a rhythm, the strings one after another."""
    loud = 0.6 + 0.3 * DENSITY[bar.section.kind]
    notes = []
    for step, length in ((step, length) for step, length in pattern if step < form.steps):
        start_s = form.time_s(bar.number, step) + abs(jitter(feel, 0.008))
        duration_s = min(length, form.steps - step) * form.step_s * 0.95
        stroke = loud * (1.0 + jitter(feel, 0.15)) * (1.0 if step % 8 == 0 else 0.85)
        for string, pitch in enumerate(voicings[form.chord_number(bar, step)]):
            velocity = min(1.0, stroke * (1.0 + jitter(feel, 0.08)))
            notes.append(Note(start_s + string * strum_s, duration_s, pitch, velocity))
    return notes


def _bass_pitch(chord: Chord, tone: int, low: int) -> int:
    tones = chord.pitch_classes
    root = low + (chord.root - low) % 12
    if tone == 7:
        return root + 12
    return root + (tones[tone % len(tones)] - chord.root) % 12


def _sections(streams: Streams, form: Form, purpose: Purpose) -> Iterator[tuple[Section, np.random.Generator]]:
    return ((section, streams(purpose, section.number)) for section in form.sections)


def _bars(form: Form, section: Section) -> tuple[Bar, ...]:
    return form.bars[section.first_bar : section.first_bar + section.bars]
