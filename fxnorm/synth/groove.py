"""The drummer: patterns of a bar, fills, dynamics and a little human error."""

from dataclasses import dataclass

import numpy as np

from fxnorm.synth.form import DENSITY, Bar, Form
from fxnorm.synth.seeding import Purpose, Streams, chance, draw, jitter

PIECES = ("kick", "snare", "rim", "clap", "hat", "open hat", "ride", "crash", "high tom", "low tom", "shaker")


@dataclass(frozen=True)
class Hit:
    """One stroke; velocity 0 to 1."""

    start_s: float
    piece: str
    velocity: float


# Sixteen steps a bar: X accent, x normal, o soft, . rest.
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
# Twelve steps a bar.
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
    """How a song's drummer plays."""

    groove: str
    timing_ms: float
    unevenness: float
    fill_chance: float
    drag_ms: float


def draw_drummer(streams: Streams, form: Form) -> Drummer:
    """Draw the groove and the touch of a song's drummer."""
    rng = streams(Purpose.GROOVE)
    grooves = list(GROOVES if form.beats_per_bar == 4 else WALTZES)
    return Drummer(
        groove=grooves[int(rng.integers(len(grooves)))],
        timing_ms=draw(rng, (1.0, 9.0)),
        unevenness=draw(rng, (0.05, 0.25)),
        fill_chance=draw(rng, (0.4, 1.0)),
        drag_ms=draw(rng, (-4.0, 8.0)),
    )


def play_drums(streams: Streams, form: Form, drummer: Drummer) -> tuple[Hit, ...]:
    """All strokes of a song in the order of time."""
    hits: list[Hit] = []
    for section in form.sections:
        rng = streams(Purpose.DRUM_FEEL, section.number)
        for bar in form.bars[section.first_bar : section.first_bar + section.bars]:
            for step, piece, velocity in _bar_strokes(rng, form, drummer, bar):
                late_s = (jitter(rng, drummer.timing_ms) + (drummer.drag_ms if piece != "kick" else 0.0)) / 1000.0
                uneven = velocity * (1.0 + jitter(rng, drummer.unevenness))
                hits.append(Hit(max(0.0, form.time_s(bar.number, step) + late_s), piece, min(1.0, max(0.05, uneven))))
    return tuple(sorted(hits, key=lambda hit: hit.start_s))


def _bar_strokes(rng: np.random.Generator, form: Form, drummer: Drummer, bar: Bar) -> list[tuple[int, str, float]]:
    """Strokes (step, piece, velocity) of a bar before human error."""
    kind = bar.section.kind
    if kind == "end":
        return [(0, "kick", 1.0), (0, "crash", 0.9)]
    pattern = (GROOVES if form.beats_per_bar == 4 else WALTZES)[drummer.groove]
    density = DENSITY[kind]
    fills = bar.closes and bar.section.bars > 1 and chance(rng, drummer.fill_chance)
    fill_from = form.steps - 4 if fills else form.steps
    strokes: list[tuple[int, str, float]] = []
    for piece, line in pattern.items():
        if kind == "intro" and piece in ("snare", "clap") and bar.position == 0:
            continue
        opened = "open hat" if kind == "chorus" and piece == "hat" else piece
        for step, mark in enumerate(line[:fill_from]):
            if mark == "." or (mark == "o" and density < 0.55):
                continue
            played = opened if step % 8 == 6 else piece
            strokes.append((step, played, VELOCITY[mark] * (0.8 + 0.2 * density)))
    if fills:
        pieces, marks = FILLS[int(rng.integers(len(FILLS)))]
        strokes += [
            (fill_from + i, pieces[i], VELOCITY[mark] * (0.85 + 0.05 * i))
            for i, mark in enumerate(marks)
            if mark != "."
        ]
    if bar.position == 0 and kind in ("chorus", "outro"):
        strokes.append((0, "crash", 0.85))
    return strokes
