"""Tones: which instrument plays a part of the accompaniment, and its settings."""

from dataclasses import asdict, dataclass

from fxnorm.synth.seeding import Range, SeedBranch, SeedTree, log_uniform_hz, uniform

ROLES = ("bass", "chords", "lead", "pad")
# Instruments of each role; a repeated name is drawn more often.
TIMBRES = {
    "bass": ("plucked string", "plucked string", "saw stab", "sub"),
    "chords": ("plucked string", "distorted guitar", "piano", "electric piano", "organ", "saw stab"),
    "lead": ("plucked string", "distorted guitar", "electric piano", "synth lead", "flute"),
    "pad": ("pad", "pad", "organ"),
}
CUTOFF_HZ: dict[str, Range] = {
    "bass": (600.0, 2000.0), "chords": (1800.0, 8000.0), "lead": (2000.0, 9000.0), "pad": (1500.0, 6000.0),
}  # fmt: skip
RING_S: dict[str, Range] = {"bass": (4.0, 10.0), "chords": (2.0, 6.0), "lead": (2.0, 5.0), "pad": (2.0, 6.0)}


@dataclass(frozen=True)
class Tone:
    """Instrument and its settings."""

    timbre: str
    cutoff_hz: float
    ring_s: float
    attack_s: float
    pluck: float
    detune_cents: float
    vibrato_cents: float
    vibrato_hz: float
    position: float
    dynamics: float

    def to_dict(self) -> dict[str, str | float]:
        """Return the settings, ready for JSON."""
        return asdict(self)


def draw_tone(seeds: SeedTree, role: str) -> Tone:
    """Draw the tone of a role: "bass", "chords", "lead" or "pad"."""
    rng = seeds.generator(SeedBranch.TIMBRE, ROLES.index(role))
    timbres = TIMBRES[role]
    return Tone(
        timbre=timbres[int(rng.integers(len(timbres)))],
        cutoff_hz=log_uniform_hz(rng, CUTOFF_HZ[role]),
        ring_s=uniform(rng, RING_S[role]),
        attack_s=uniform(rng, (0.004, 0.03), 3),
        pluck=uniform(rng, (0.08, 0.35)),
        detune_cents=uniform(rng, (3.0, 14.0), 1),
        vibrato_cents=uniform(rng, (5.0, 30.0), 1),
        vibrato_hz=uniform(rng, (4.5, 6.5)),
        position=0.0 if role == "bass" else uniform(rng, (-0.35, 0.35)),
        dynamics=uniform(rng, (0.9, 1.8)),
    )
