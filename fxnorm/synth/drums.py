"""Drum kit: synthesize a few strokes of each drum, then place them in time, level and stereo."""

from dataclasses import asdict, dataclass

import numpy as np
from scipy import signal

from fxnorm.audio import SAMPLE_RATE
from fxnorm.synth.groove import Hit
from fxnorm.synth.oscillators import Floats, add_at, band_noise, cycles, decay, samples_of
from fxnorm.synth.seeding import SeedBranch, SeedTree, log_uniform_hz, uniform
from fxnorm.units import db_to_amplitude

STROKES = 4  # variants of each drum, so that successive strokes differ
# Stereo position of each drum (-1 left, 1 right) at full width of the kit.
POSITIONS = {
    "kick": 0.0, "snare": 0.08, "rim": 0.1, "clap": 0.0, "hat": 0.6, "open hat": 0.6, "ride": -0.65, "crash": -0.5,
    "high tom": 0.35, "low tom": -0.45, "shaker": -0.4,
}  # fmt: skip
# Gain of each drum in the kit.
GAINS = {
    "kick": 0.8, "snare": 1.0, "rim": 0.45, "clap": 0.6, "hat": 0.22, "open hat": 0.22, "ride": 0.22, "crash": 0.32,
    "high tom": 0.75, "low tom": 0.8, "shaker": 0.14,
}  # fmt: skip
CYMBALS = ("hat", "open hat", "ride", "crash", "shaker")


@dataclass(frozen=True)
class Kit:
    """Tuning, decay times, stereo width and balance of a drum kit."""

    kick_hz: float
    kick_s: float
    kick_click: float
    snare_hz: float
    snare_s: float
    wires: float
    hat_hz: float
    hat_s: float
    cymbal_s: float
    tom_hz: float
    width: float
    cymbals_db: float
    dynamics: float

    def to_dict(self) -> dict[str, float]:
        """Return the settings, ready for JSON."""
        return asdict(self)


def draw_kit(seeds: SeedTree) -> Kit:
    """Draw the kit of a song."""
    rng = seeds.generator(SeedBranch.KIT)
    return Kit(
        kick_hz=log_uniform_hz(rng, (44.0, 66.0)),
        kick_s=uniform(rng, (0.3, 0.9)),
        kick_click=uniform(rng, (0.2, 0.8)),
        snare_hz=log_uniform_hz(rng, (155.0, 250.0)),
        snare_s=uniform(rng, (0.25, 0.6)),
        wires=uniform(rng, (0.6, 1.2)),
        hat_hz=log_uniform_hz(rng, (5500.0, 8500.0)),
        hat_s=uniform(rng, (0.07, 0.25)),
        cymbal_s=uniform(rng, (1.5, 3.5)),
        tom_hz=log_uniform_hz(rng, (85.0, 130.0)),
        width=uniform(rng, (0.1, 0.9)),
        cymbals_db=uniform(rng, (-4.0, 4.0), 1),
        dynamics=uniform(rng, (0.9, 1.6)),
    )


def render_drums(hits: tuple[Hit, ...], kit: Kit, samples: int, rng: np.random.Generator) -> Floats:
    """Render all hits to stereo audio of shape (2, samples)."""
    stereo = np.zeros((2, samples))
    for drum, track in render_pieces(hits, kit, samples, rng).items():
        level = piece_gain(drum, kit)
        angle = np.pi / 4.0 * (1.0 + kit.width * POSITIONS[drum])
        stereo[0] += level * np.cos(angle) * track
        stereo[1] += level * np.sin(angle) * track
    return stereo


def render_pieces(hits: tuple[Hit, ...], kit: Kit, samples: int, rng: np.random.Generator) -> dict[str, Floats]:
    """Render the hits of each drum to a mono signal, before the balance of the kit."""
    strokes = {drum: [_stroke(drum, kit, rng) for _ in range(STROKES)] for drum in POSITIONS}
    tracks: dict[str, Floats] = {drum: np.zeros(samples) for drum in dict.fromkeys(hit.drum for hit in hits)}
    for number, hit in enumerate(hits):
        # A hard stroke is louder and brighter: its attack rises faster with velocity than its body.
        body, attack = strokes[hit.drum][number % STROKES]
        level = hit.velocity**kit.dynamics
        add_at(tracks[hit.drum], level * body, hit.start_s)
        add_at(tracks[hit.drum], level * (0.4 + 0.6 * hit.velocity) * attack, hit.start_s)
    return tracks


def piece_gain(drum: str, kit: Kit) -> float:
    """Return the gain of a drum in the kit."""
    return GAINS[drum] * (db_to_amplitude(kit.cymbals_db) if drum in CYMBALS else 1.0)


def _stroke(drum: str, kit: Kit, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Synthesize body and attack of a stroke; the higher peak is about 1."""
    if drum == "kick":
        beater = _click(rng, 1800.0, 5500.0)
        return _membrane(rng, kit.kick_hz, kit.kick_s, 3.5, 0.03), 0.3 * kit.kick_click * beater
    if drum == "snare":
        shell = _membrane(rng, kit.snare_hz, 0.6 * kit.snare_s, 1.5, 0.02)
        return 0.7 * shell, 0.5 * kit.wires * _wires(rng, kit.snare_s)
    if drum in ("high tom", "low tom"):
        pitch_hz = kit.tom_hz * (1.5 if drum == "high tom" else 1.0)
        return _membrane(rng, pitch_hz, 0.45, 1.6, 0.05), 0.25 * _click(rng, 900.0, 4000.0)
    if drum == "rim":
        return 0.8 * _membrane(rng, 1650.0, 0.05, 1.1, 0.01), 0.4 * _click(rng, 2500.0, 7000.0)
    if drum == "clap":
        return _clap(rng, 0.7 * kit.snare_s + 0.1), np.zeros(1)
    if drum == "shaker":
        swell = np.minimum(1.0, np.arange(samples_of(0.1)) / (0.025 * SAMPLE_RATE))
        return swell * band_noise(rng, swell.size, 5000.0, 12_000.0) * decay(swell.size, 0.09) * 0.5, np.zeros(1)
    time_s = {"hat": kit.hat_s, "open hat": 0.5, "ride": 0.6 * kit.cymbal_s, "crash": kit.cymbal_s}[drum]
    return _cymbal(rng, kit.hat_hz * (1.0 if "hat" in drum else 0.65), time_s)


def _membrane(rng: np.random.Generator, pitch_hz: float, time_s: float, sweep: float, sweep_s: float) -> Floats:
    """Synthesize a drum head: the pitch falls from `sweep` times its final value; two overtones decay early."""
    samples = samples_of(1.3 * time_s)
    tuned_hz = pitch_hz * (1.0 + 0.01 * rng.standard_normal())
    glide = tuned_hz * (1.0 + (sweep - 1.0) * np.exp(-np.arange(samples) / (sweep_s * SAMPLE_RATE)))
    phase = 2.0 * np.pi * cycles(glide, samples)
    tone = np.sin(phase) * decay(samples, time_s)
    for ratio, level in ((1.59, 0.25), (2.3, 0.12)):
        tone += level * np.sin(ratio * phase) * decay(samples, 0.4 * time_s)
    return tone * _fades(samples)


def _click(rng: np.random.Generator, low_hz: float, high_hz: float) -> Floats:
    samples = samples_of(0.04)
    return band_noise(rng, samples, low_hz, high_hz) * decay(samples, 0.03) * _fades(samples)


def _wires(rng: np.random.Generator, time_s: float) -> Floats:
    samples = samples_of(1.1 * time_s)
    hiss = 0.5 * band_noise(rng, samples, 450.0, 4000.0, order=1) + 0.5 * band_noise(
        rng, samples, 3500.0, 11_000.0, order=1
    )
    return hiss * decay(samples, time_s) * _fades(samples)


def _clap(rng: np.random.Generator, time_s: float) -> Floats:
    """Synthesize three claps a few milliseconds apart, the last one with a long decay."""
    samples = samples_of(time_s)
    noise = band_noise(rng, samples, 900.0, 3500.0)
    shape = decay(samples, time_s)
    for delay_s in (0.0, 0.009, 0.019):
        begin = samples_of(delay_s)
        shape[begin : begin + samples_of(0.009)] = decay(min(samples_of(0.009), samples - begin), 0.02)
    return 0.5 * noise * shape * _fades(samples)


def _cymbal(rng: np.random.Generator, low_hz: float, time_s: float) -> tuple[Floats, Floats]:
    """Synthesize noise and a cluster of inharmonic partials; the attack is brighter than the body."""
    samples = samples_of(1.1 * time_s)
    seconds = np.arange(samples) / SAMPLE_RATE
    partials_hz = low_hz * np.array((0.62, 0.81, 1.0, 1.17, 1.39, 1.63)) * (1.0 + 0.003 * rng.standard_normal(6))
    ring = np.sin(2.0 * np.pi * partials_hz[:, np.newaxis] * seconds + rng.uniform(0, 6.28, (6, 1))).sum(axis=0) / 6.0
    wash = band_noise(rng, samples, 0.5 * low_hz, 15_000.0)
    body = (0.35 * ring + 0.4 * wash) * decay(samples, time_s)
    attack = 0.5 * wash * decay(samples, min(0.08, time_s))
    sos = signal.butter(2, 0.45 * low_hz, btype="highpass", fs=SAMPLE_RATE, output="sos")
    return signal.sosfilt(sos, body) * _fades(samples), signal.sosfilt(sos, attack) * _fades(samples)


def _fades(samples: int) -> Floats:
    """Return a gain curve with a short fade at each end, which prevents clicks."""
    shape = np.ones(samples)
    rise, fall = min(24, samples), min(256, samples)
    shape[:rise] *= np.linspace(0.0, 1.0, rise)
    shape[samples - fall :] *= np.linspace(1.0, 0.0, fall)
    return shape
