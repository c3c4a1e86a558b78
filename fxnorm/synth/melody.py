"""Vocal melody: phrases with rests, one syllable per note, the same tune for each section of a kind."""

from dataclasses import dataclass

import numpy as np

from fxnorm.synth.form import KINDS, Form, Section
from fxnorm.synth.seeding import SeedBranch, SeedTree, bernoulli, triangular, uniform
from fxnorm.synth.voicing import nearest_pitch

# Lowest and highest MIDI number of each kind of voice.
TESSITURAS = {"bass": (43, 58), "tenor": (50, 66), "alto": (55, 70), "soprano": (60, 76)}
VOICE_PROBABILITIES = (0.15, 0.35, 0.30, 0.20)
VOWELS = ("a", "e", "i", "o", "u", "uh")
CONSONANTS = ("", "s", "sh", "f", "t", "k", "p", "m", "n", "l")
SINGING_KINDS = ("verse", "chorus", "bridge", "outro", "end")
PHRASE_BARS = 2
INSTRUMENTAL_PROBABILITY = 1.0 / 12.0
HARMONY_INTERVALS = (4, 3)  # semitones of a harmony voice above the melody


@dataclass(frozen=True)
class Syllable:
    """Sung note; pitch is a MIDI number, velocity 0 to 1; the consonant precedes the vowel."""

    start_s: float
    duration_s: float
    pitch: float
    velocity: float
    vowel: str
    consonant: str


@dataclass(frozen=True)
class Singer:
    """Voice type, note density, deviation in timing, and whether the choruses have a harmony voice."""

    voice: str
    density: float
    timing_s: float
    harmony: bool

    @property
    def range(self) -> tuple[int, int]:
        """Return the lowest and the highest MIDI number."""
        return TESSITURAS[self.voice]


def draw_singer(seeds: SeedTree) -> Singer | None:
    """Draw the singer of a song; None for an instrumental."""
    rng = seeds.generator(SeedBranch.MELODY, len(KINDS))
    if bernoulli(rng, INSTRUMENTAL_PROBABILITY):
        return None
    voice = str(rng.choice(list(TESSITURAS), p=VOICE_PROBABILITIES))
    return Singer(voice, uniform(rng, (0.3, 0.75)), uniform(rng, (0.004, 0.02), 4), bernoulli(rng, 0.35))


def sing_melody(seeds: SeedTree, form: Form, singer: Singer) -> tuple[Syllable, ...]:
    """Return all syllables of a song, in order of time."""
    syllables: list[Syllable] = []
    for section in form.sections:
        if section.kind in SINGING_KINDS:
            syllables += _sing_section(seeds, form, singer, section)
    return tuple(syllables)


def harmonize(syllables: tuple[Syllable, ...], scale: tuple[int, ...]) -> tuple[Syllable, ...]:
    """Return the syllables of a second voice, a third above in the key."""
    return tuple(
        Syllable(s.start_s + 0.012, s.duration_s, s.pitch + _third(s.pitch, scale), s.velocity, s.vowel, s.consonant)
        for s in syllables
    )


def _sing_section(seeds: SeedTree, form: Form, singer: Singer, section: Section) -> list[Syllable]:
    """Sing a section; its tune depends on its kind only, its timing and dynamics on its number."""
    tune = seeds.generator(SeedBranch.MELODY, KINDS.index(section.kind))
    feel = seeds.generator(SeedBranch.MELODY_FEEL, section.number)
    low, high = singer.range
    # A chorus lies high, a verse low.
    low, high = (low + 4, high) if section.kind in ("chorus", "outro") else (low, high - 3)
    pitch = (low + high) // 2
    rhythms = [_rhythm(tune, form, singer.density) for _ in range(2)]
    syllables: list[Syllable] = []
    for phrase in range(-(-section.bars // PHRASE_BARS)):
        steps = [0] if section.kind == "end" else rhythms[phrase % 2]
        moves = tune.choice((-2, -1, -1, 0, 1, 1, 2, 4), size=len(steps))
        for i, step in enumerate(steps):
            position, bar_step = phrase * PHRASE_BARS + step // form.steps, step % form.steps
            if position >= section.bars:
                break
            bar = form.bars[section.first_bar + position]
            is_last = i + 1 == len(steps)
            tones = form.chord(bar, bar_step).pitch_classes if is_last or bar_step % 8 == 0 else form.scale
            pitch = nearest_pitch(pitch + int(moves[i]), tones, (low, high))
            longest = int(tune.integers(4, 9)) if is_last else min(steps[i + 1] - step, 8)
            # A phrase ends before the next one begins, and before its section does.
            section_rest = (section.bars - position) * form.steps - bar_step
            length = min(longest, PHRASE_BARS * form.steps - step - 1, section_rest)
            syllables.append(
                Syllable(
                    start_s=max(0.0, form.time_s(bar.number, bar_step) + triangular(feel, singer.timing_s)),
                    duration_s=length * form.step_s * 0.96,
                    pitch=pitch,
                    velocity=(0.8 if bar_step % 4 == 0 else 0.68) * (1.0 + triangular(feel, 0.25)),
                    vowel=VOWELS[int(tune.integers(len(VOWELS)))],
                    consonant=CONSONANTS[int(tune.integers(len(CONSONANTS)))],
                )
            )
    return syllables


def _rhythm(rng: np.random.Generator, form: Form, density: float) -> list[int]:
    """Draw the steps of a phrase on which syllables begin; its last beats are a rest."""
    last = PHRASE_BARS * form.steps - int(rng.integers(6, 11))
    first = int(rng.choice((0, 0, 2, 4)))
    steps = [first]
    for step in range(first + 2, last, 2):
        is_strong = step % 4 == 0
        if bernoulli(rng, min(1.0, density + (0.25 if is_strong else -0.05))):
            steps.append(step - 1 if is_strong and bernoulli(rng, 0.12) and step - 1 > steps[-1] else step)
    return steps


def _third(pitch: float, scale: tuple[int, ...]) -> int:
    """Return the third in semitones that stays in the key."""
    return next((steps for steps in HARMONY_INTERVALS if (pitch + steps) % 12 in scale), HARMONY_INTERVALS[0])
