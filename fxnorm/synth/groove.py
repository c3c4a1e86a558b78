"""Drummer: patterns of a bar, fills, dynamics and deviations in timing and velocity."""

from dataclasses import dataclass

import numpy as np

from fxnorm.synth.form import DENSITY, Bar, Form
from fxnorm.synth.seeding import SeedBranch, SeedTree, bernoulli, triangular, uniform


@dataclass(frozen=True)
class Hit:
    """Stroke of a drum; velocity 0 to 1."""

    start_s: float
    drum: str
    velocity: float


# Sixteen steps per bar: X accent, x normal, o soft, . rest.
GROOVES = {
    "rock": {"kick": "X.......X.x.....", "snare": "....X.......X...", "hat": "x.o.x.o.x.o.x.o."},
    "pop": {"kick": "X.....x.X.......", "snare": "....X.......X..o", "hat": "xoxoxoxoxoxoxoxo"},
    "house": {"kick": "X...X...X...X...", "clap": "....X.......X...", "hat": "o.X.o.X.o.X.o.X."},
    "disco": {
        "kick": "X...X...X...X...",
        "snare": "....X.......X...",
        "hat": "xo..xo..xo..xo..",
        "open hat": "..x...x...x...x.",
    },
    "half time": {"kick": "X.....x....x....", "snare": "........X.......", "hat": "x.o.x.o.x.o.x.o."},
    "funk": {"kick": "X..x......x..x..", "snare": "....X..o.o..X..o", "hat": "xoxoxoxoxoxoxoxo"},
    "breakbeat": {"kick": "X.x.......xx....", "snare": "....X..o.o..X..o", "ride": "x.x.x.x.x.x.x.x."},
    "trap": {"kick": "X......x..X.....", "clap": "........X.......", "hat": "x.x.x.xxx.x.xoxo"},
    "bossa": {"kick": "X..xX..xX..xX..x", "rim": "X..x..x...x..x..", "shaker": "xoxoxoxoxoxoxoxo"},
    "ballad": {"kick": "X.........x.....", "rim": "........X.......", "hat": "x...o...x...o..."},
    "motown": {"kick": "X.....x.X.......", "snare": "X...X...X...X...", "hat": "x.o.x.o.x.o.x.o."},
    "train": {"kick": "X...x...X...x...", "snare": "xoXoxoXoxoXoxoXo", "hat": "..x...x...x...x."},
}  # fmt: skip
# Twelve steps per bar.
WALTZES = {
    "waltz": {"kick": "X...........", "snare": "....x...x...", "hat": "x.o.x.o.x.o."},
    "slow three": {"kick": "X.....x.....", "snare": "........X...", "ride": "x...x...x..."},
}
VELOCITY = {"X": 1.0, "x": 0.72, "o": 0.4}
FILLS = (
    (("snare", "snare", "high tom", "low tom"), "xxxx"),
    (("snare",) * 4, "oxxX"),
    (("high tom", "high tom", "low tom", "low tom"), "xoxX"),
    (("snare", "kick", "snare", "kick"), "x.XX"),
)


@dataclass(frozen=True)
class Drummer:
    """Groove of a song, deviations in timing and velocity, and probability of fills."""

    groove: str
    timing_ms: float
    velocity_deviation: float
    fill_probability: float
    delay_ms: float


def draw_drummer(seeds: SeedTree, form: Form) -> Drummer:
    """Draw the drummer of a song."""
    rng = seeds.generator(SeedBranch.GROOVE)
    grooves = list(GROOVES if form.beats_per_bar == 4 else WALTZES)
    return Drummer(
        groove=grooves[int(rng.integers(len(grooves)))],
        timing_ms=uniform(rng, (1.0, 9.0)),
        velocity_deviation=uniform(rng, (0.05, 0.25)),
        fill_probability=uniform(rng, (0.4, 1.0)),
        delay_ms=uniform(rng, (-4.0, 8.0)),
    )


def play_drums(seeds: SeedTree, form: Form, drummer: Drummer) -> tuple[Hit, ...]:
    """Play all hits of a song, in order of time."""
    hits: list[Hit] = []
    for section in form.sections:
        rng = seeds.generator(SeedBranch.DRUM_FEEL, section.number)
        for bar in form.bars[section.first_bar : section.first_bar + section.bars]:
            for step, drum, velocity in _bar_hits(rng, form, drummer, bar):
                delay_ms = 0.0 if drum == "kick" else drummer.delay_ms
                deviation_s = (triangular(rng, drummer.timing_ms) + delay_ms) / 1000.0
                played = velocity * (1.0 + triangular(rng, drummer.velocity_deviation))
                start_s = max(0.0, form.time_s(bar.number, step) + deviation_s)
                hits.append(Hit(start_s, drum, min(1.0, max(0.05, played))))
    return tuple(sorted(hits, key=lambda hit: hit.start_s))


def _bar_hits(rng: np.random.Generator, form: Form, drummer: Drummer, bar: Bar) -> list[tuple[int, str, float]]:
    """Return the hits (step, drum, velocity) of a bar, without deviations."""
    if bar.section.kind == "end":
        return [(0, "kick", 1.0), (0, "crash", 0.9)]
    has_fill = bar.is_last and bar.section.bars > 1 and bernoulli(rng, drummer.fill_probability)
    fill_start = form.steps - 4 if has_fill else form.steps
    hits = _pattern_hits(form, drummer, bar, fill_start)
    if has_fill:
        hits += _fill_hits(rng, fill_start)
    if bar.position == 0 and bar.section.kind in ("chorus", "outro"):
        hits.append((0, "crash", 0.85))
    return hits


def _pattern_hits(form: Form, drummer: Drummer, bar: Bar, steps: int) -> list[tuple[int, str, float]]:
    """Return the hits of the groove in the first steps of a bar, adapted to its section."""
    kind = bar.section.kind
    density = DENSITY[kind]
    hits: list[tuple[int, str, float]] = []
    for drum, marks in (GROOVES if form.beats_per_bar == 4 else WALTZES)[drummer.groove].items():
        if kind == "intro" and drum in ("snare", "clap") and bar.position == 0:
            continue
        offbeat_drum = "open hat" if kind == "chorus" and drum == "hat" else drum
        for step, mark in enumerate(marks[:steps]):
            if mark == "." or (mark == "o" and density < 0.55):
                continue
            hits.append((step, offbeat_drum if step % 8 == 6 else drum, VELOCITY[mark] * (0.8 + 0.2 * density)))
    return hits


def _fill_hits(rng: np.random.Generator, start: int) -> list[tuple[int, str, float]]:
    """Draw a fill of four steps that grows louder."""
    drums, marks = FILLS[int(rng.integers(len(FILLS)))]
    return [(start + i, drums[i], VELOCITY[mark] * (0.85 + 0.05 * i)) for i, mark in enumerate(marks) if mark != "."]
