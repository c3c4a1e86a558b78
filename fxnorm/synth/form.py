"""Form of a song: tempo, key, chords and sections, bar by bar.

Time is counted in steps of a sixteenth note. Sections are drawn for an endless song and cut to the requested duration,
so a longer version of a song begins like the shorter one; only the outro moves.
"""

import math
from dataclasses import dataclass

import numpy as np

from fxnorm.synth.seeding import SeedBranch, SeedTree, bernoulli, uniform

STEPS_PER_BEAT = 4
KEYS = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
}
MODE_PROBABILITIES = {"major": 0.42, "minor": 0.36, "dorian": 0.12, "mixolydian": 0.10}
# Scale degrees, counted from zero.
PROGRESSIONS = {
    "major": ((0, 4, 5, 3), (0, 5, 3, 4), (5, 3, 0, 4), (0, 3, 4, 3), (0, 2, 3, 4), (1, 4, 0, 5), (0, 3, 0, 4)),
    "minor": ((0, 5, 2, 6), (0, 6, 5, 6), (0, 3, 5, 4), (0, 3, 6, 2), (5, 6, 0, 0), (0, 2, 5, 3), (0, 4, 5, 3)),
    "dorian": ((0, 3, 0, 3), (0, 6, 3, 0), (0, 2, 3, 6), (0, 1, 2, 3)),
    "mixolydian": ((0, 6, 3, 0), (0, 3, 6, 3), (0, 4, 6, 3), (0, 0, 6, 3)),
}  # fmt: skip
NUMERALS = ("i", "ii", "iii", "iv", "v", "vi", "vii")
KINDS = ("intro", "verse", "chorus", "bridge", "outro", "end")
SECTION_CYCLE = ("verse", "chorus", "verse", "chorus", "bridge", "chorus")
DENSITY = {"intro": 0.45, "verse": 0.6, "chorus": 1.0, "bridge": 0.5, "outro": 0.8, "end": 1.0}
TEMPO_BPM = (68.0, 156.0)
MAX_INTRO_S = 4.2
RING_OUT_S = 1.2
MIN_BARS_WITH_OUTRO = 8
OUTRO_BARS = 2


@dataclass(frozen=True)
class Chord:
    """Chord: pitch classes from the root upwards, and its numeral in the key."""

    pitch_classes: tuple[int, ...]
    numeral: str

    @property
    def root(self) -> int:
        """Return the pitch class of the root."""
        return self.pitch_classes[0]


@dataclass(frozen=True)
class Section:
    """Section of whole bars; `number` is its index in the song."""

    kind: str
    number: int
    first_bar: int
    bars: int


@dataclass(frozen=True)
class Bar:
    """Bar: its index in the song, its section and its chords, which divide the bar equally."""

    number: int
    section: Section
    chords: tuple[Chord, ...]

    @property
    def position(self) -> int:
        """Return the index of the bar in its section."""
        return self.number - self.section.first_bar

    @property
    def is_last(self) -> bool:
        """Return whether the bar is the last of its section."""
        return self.position == self.section.bars - 1


@dataclass(frozen=True)
class Form:
    """Tempo, meter, key and sections of a song."""

    tempo_bpm: float
    beats_per_bar: int
    swing: float
    key: int
    mode: str
    seconds: float
    progressions: dict[str, tuple[str, ...]]
    bars: tuple[Bar, ...]

    @property
    def steps(self) -> int:
        """Return the number of steps in a bar."""
        return self.beats_per_bar * STEPS_PER_BEAT

    @property
    def step_s(self) -> float:
        """Return the duration of a step in seconds."""
        return 60.0 / self.tempo_bpm / STEPS_PER_BEAT

    @property
    def scale(self) -> tuple[int, ...]:
        """Return the pitch classes of the key."""
        return tuple((self.key + degree) % 12 for degree in SCALES[self.mode])

    @property
    def sections(self) -> tuple[Section, ...]:
        """Return the sections in order."""
        return tuple(dict.fromkeys(bar.section for bar in self.bars))

    def time_s(self, bar: int, step: float) -> float:
        """Return the time of a step of a bar in seconds; swing delays odd steps."""
        delay = self.swing if int(step) % 2 else 0.0
        return (bar * self.steps + step + delay) * self.step_s

    def chord_number(self, bar: Bar, step: float) -> int:
        """Return the index of the chord of a bar at a step."""
        return min(int(step * len(bar.chords) / self.steps), len(bar.chords) - 1)

    def chord(self, bar: Bar, step: float) -> Chord:
        """Return the chord of a bar at a step."""
        return bar.chords[self.chord_number(bar, step)]


def draw_form(seeds: SeedTree, seconds: float) -> Form:
    """Draw tempo, key, chords and sections of a song of a duration in seconds."""
    rng = seeds.generator(SeedBranch.FORM)
    tempo_bpm = uniform(rng, TEMPO_BPM, 1)
    beats = 3 if bernoulli(rng, 0.08) else 4
    swing = uniform(rng, (0.15, 0.33)) if bernoulli(rng, 0.25) else 0.0
    section_bars = 8 if bernoulli(rng, 0.3) else 4
    bar_s = beats * 60.0 / tempo_bpm
    intro_bars = min(int(rng.integers(0, 3)), int(MAX_INTRO_S / bar_s))
    key, mode, chords = _draw_harmony(seeds)
    bars: list[Bar] = []
    for section in _sections(intro_bars, section_bars, bar_s, seconds):
        cycle = chords[section.kind]
        numbers = range(section.first_bar, section.first_bar + section.bars)
        bars += [Bar(number, section, cycle[(number - section.first_bar) % len(cycle)]) for number in numbers]
    numerals = {kind: tuple(chord.numeral for bar in cycle for chord in bar) for kind, cycle in chords.items()}
    return Form(tempo_bpm, beats, swing, key, mode, seconds, numerals, tuple(bars))


def _sections(intro_bars: int, section_bars: int, bar_s: float, seconds: float) -> list[Section]:
    """Return the sections of a song; a long enough song ends with an outro and a final chord."""
    playable = int((seconds - RING_OUT_S) / bar_s)
    has_outro = playable >= MIN_BARS_WITH_OUTRO
    last = playable - OUTRO_BARS if has_outro else math.ceil(seconds / bar_s)
    plan = [("intro", intro_bars)] if intro_bars else []
    plan += [(SECTION_CYCLE[i % len(SECTION_CYCLE)], section_bars) for i in range(last // section_bars + 1)]
    sections: list[Section] = []
    first = 0
    for kind, bars in plan:
        bars = min(bars, last - first)
        if bars > 0:
            sections.append(Section(kind, len(sections), first, bars))
            first += bars
    if has_outro:
        sections.append(Section("outro", len(sections), first, OUTRO_BARS))
        sections.append(Section("end", len(sections), first + OUTRO_BARS, 1))
    return sections


def _draw_harmony(seeds: SeedTree) -> tuple[int, str, dict[str, tuple[tuple[Chord, ...], ...]]]:
    rng = seeds.generator(SeedBranch.HARMONY)
    key = int(rng.integers(12))
    mode = str(rng.choice(list(MODE_PROBABILITIES), p=list(MODE_PROBABILITIES.values())))
    sevenths = bernoulli(rng, 0.3)
    verse, chorus, bridge = (
        tuple(_bar_chords(rng, key, mode, degree, sevenths) for degree in PROGRESSIONS[mode][choice])
        for choice in rng.permutation(len(PROGRESSIONS[mode]))[:3]
    )
    tonic = ((_chord(key, mode, 0, sevenths),),)
    chords = {"intro": verse, "verse": verse, "chorus": chorus, "bridge": bridge, "outro": chorus, "end": tonic}
    return key, mode, chords


def _bar_chords(rng: np.random.Generator, key: int, mode: str, degree: int, sevenths: bool) -> tuple[Chord, ...]:
    """Return the chord of a bar, sometimes followed by the chord a third above."""
    chord = _chord(key, mode, degree, sevenths)
    return (chord, _chord(key, mode, (degree + 2) % 7, sevenths)) if bernoulli(rng, 0.12) else (chord,)


def _chord(key: int, mode: str, degree: int, sevenths: bool) -> Chord:
    scale = SCALES[mode]
    tones = tuple((key + scale[(degree + third) % 7]) % 12 for third in ((0, 2, 4, 6) if sevenths else (0, 2, 4)))
    third, fifth = (tones[1] - tones[0]) % 12, (tones[2] - tones[0]) % 12
    numeral = NUMERALS[degree].upper() if third == 4 else NUMERALS[degree]
    return Chord(tones, numeral + ("°" if fifth == 6 else "") + ("7" if sevenths else ""))
