"""What the singer sings: phrases with rests, one syllable a note, the same tune whenever a section returns."""

from dataclasses import dataclass

import numpy as np

from fxnorm.synth.form import KINDS, Form, Section
from fxnorm.synth.players import nearest_pitch
from fxnorm.synth.seeding import Purpose, Streams, chance, draw, jitter

# Lowest and highest MIDI number that each kind of voice is comfortable with.
TESSITURAS = {"bass": (43, 58), "tenor": (50, 66), "alto": (55, 70), "soprano": (60, 76)}
VOICE_CHANCES = (0.15, 0.35, 0.30, 0.20)
VOWELS = ("a", "e", "i", "o", "u", "uh")
CONSONANTS = ("", "s", "sh", "f", "t", "k", "p", "m", "n", "l")
SINGING_KINDS = ("verse", "chorus", "bridge", "outro", "end")
PHRASE_BARS = 2
INSTRUMENTAL_CHANCE = 1.0 / 12.0


@dataclass(frozen=True)
class Syllable:
    """One sung note; pitch is a MIDI number, velocity 0 to 1, the consonant comes before the vowel."""

    start_s: float
    duration_s: float
    pitch: float
    velocity: float
    vowel: str
    consonant: str


@dataclass(frozen=True)
class Singer:
    """A voice type and its habits as a musician."""

    voice: str
    busyness: float
    timing_s: float
    harmony: bool

    @property
    def range(self) -> tuple[int, int]:
        """Lowest and highest MIDI number."""
        return TESSITURAS[self.voice]


def draw_singer(streams: Streams) -> Singer | None:
    """The singer of a song, or None for an instrumental."""
    rng = streams(Purpose.MELODY, len(KINDS))
    if chance(rng, INSTRUMENTAL_CHANCE):
        return None
    voice = str(rng.choice(list(TESSITURAS), p=VOICE_CHANCES))
    return Singer(voice, draw(rng, (0.3, 0.75)), draw(rng, (0.004, 0.02), 4), chance(rng, 0.35))


def sing_melody(streams: Streams, form: Form, singer: Singer) -> tuple[Syllable, ...]:
    """All syllables of a song in the order of time."""
    syllables: list[Syllable] = []
    for section in form.sections:
        if section.kind in SINGING_KINDS:
            syllables += _section(streams, form, singer, section)
    return tuple(syllables)


def _section(streams: Streams, form: Form, singer: Singer, section: Section) -> list[Syllable]:
    tune = streams(Purpose.MELODY, KINDS.index(section.kind))
    feel = streams(Purpose.MELODY_FEEL, section.number)
    low, high = singer.range
    # A chorus lies high, a verse low.
    low, high = (low + 4, high) if section.kind in ("chorus", "outro") else (low, high - 3)
    pitch = (low + high) // 2
    rhythms = [_rhythm(tune, form, singer.busyness) for _ in range(2)]
    syllables: list[Syllable] = []
    for phrase in range(-(-section.bars // PHRASE_BARS)):
        steps = [0] if section.kind == "end" else rhythms[phrase % 2]
        moves = tune.choice((-2, -1, -1, 0, 1, 1, 2, 4), size=len(steps))
        for i, step in enumerate(steps):
            position, within = phrase * PHRASE_BARS + step // form.steps, step % form.steps
            if position >= section.bars:
                break
            bar = form.bars[section.first_bar + position]
            rests = i + 1 == len(steps)
            tones = form.chord(bar, within).pitch_classes if rests or within % 8 == 0 else form.scale
            pitch = nearest_pitch(pitch + int(moves[i]), tones, (low, high))
            wanted = int(tune.integers(4, 9)) if rests else min(steps[i + 1] - step, 8)
            # A phrase ends before the next one begins, and before its section does.
            length = min(wanted, PHRASE_BARS * form.steps - step - 1, (section.bars - position) * form.steps - within)
            start_s = form.time_s(bar.number, within) + jitter(feel, singer.timing_s)
            syllables.append(
                Syllable(
                    start_s=max(0.0, start_s),
                    duration_s=length * form.step_s * 0.96,
                    pitch=pitch,
                    velocity=(0.8 if within % 4 == 0 else 0.68) * (1.0 + jitter(feel, 0.25)),
                    vowel=VOWELS[int(tune.integers(len(VOWELS)))],
                    consonant=CONSONANTS[int(tune.integers(len(CONSONANTS)))],
                )
            )
    return syllables


def _rhythm(rng: np.random.Generator, form: Form, busyness: float) -> list[int]:
    """Steps of a phrase on which syllables begin; its last beats are left for breathing."""
    last = PHRASE_BARS * form.steps - int(rng.integers(6, 11))
    first = int(rng.choice((0, 0, 2, 4)))
    steps = [first]
    for step in range(first + 2, last, 2):
        strong = step % 4 == 0
        if chance(rng, min(1.0, busyness + (0.25 if strong else -0.05))):
            steps.append(step - 1 if strong and chance(rng, 0.12) and step - 1 > steps[-1] else step)
    return steps
