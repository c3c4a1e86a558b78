"""Voice leading: chord inversions that move little, and the pitch nearest to a melody."""

from fxnorm.synth.form import Chord, Form

Voicing = tuple[int, ...]  # MIDI numbers of a chord


def voice_chord(chord: Chord, previous: Voicing, centre: int) -> Voicing:
    """Return the inversion of a chord that moves least from the previous voicing and stays near a centre."""
    inversions = []
    for first in range(len(chord.pitch_classes)):
        for octave in (-12, 0):
            low = centre + octave + (chord.pitch_classes[first] - centre) % 12
            rotated = chord.pitch_classes[first:] + chord.pitch_classes[:first]
            inversions.append(tuple(low + (tone - rotated[0]) % 12 for tone in rotated))
    mean = sum(previous) / len(previous)
    return min(inversions, key=lambda v: abs(sum(v) / len(v) - mean) + 0.7 * abs(sum(v) / len(v) - centre))


def voice_form(form: Form, centre: int) -> list[tuple[Voicing, ...]]:
    """Return the voicings of the chords of each bar, each led from the previous one."""
    voicing: Voicing = (centre - 4, centre, centre + 4)
    bars = []
    for bar in form.bars:
        voicings = []
        for chord in bar.chords:
            voicing = voice_chord(chord, voicing, centre)
            voicings.append(voicing)
        bars.append(tuple(voicings))
    return bars


def nearest_pitch(pitch: int, pitch_classes: tuple[int, ...], limits: tuple[int, int]) -> int:
    """Return the pitch within limits that is nearest to a pitch and belongs to one of the classes."""
    candidates = [p for p in range(limits[0], limits[1] + 1) if p % 12 in pitch_classes]
    return min(candidates, key=lambda p: abs(p - pitch))
