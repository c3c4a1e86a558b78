"""The pitched instruments: bass, chords and lead. Each is a function from a note to a mono tone."""

from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np

from fxnorm.audio import RATE
from fxnorm.synth.oscillators import (
    Mono,
    add_at,
    band_noise,
    bank,
    cycles,
    decay,
    envelope,
    frame_times,
    harmonic_count,
    midi_to_hz,
    samples_of,
)
from fxnorm.synth.players import Note
from fxnorm.synth.seeding import Purpose, Range, Streams, draw, draw_hz

ROLES = ("bass", "chords", "lead", "bed")
CUTOFF_HZ: dict[str, Range] = {
    "bass": (600.0, 2000.0), "chords": (1800.0, 8000.0), "lead": (2000.0, 9000.0), "bed": (1500.0, 6000.0),
}  # fmt: skip
RING_S: dict[str, Range] = {"bass": (4.0, 10.0), "chords": (2.0, 6.0), "lead": (2.0, 5.0), "bed": (2.0, 6.0)}
CABINET_HZ = 5500.0  # a guitar loudspeaker has little above


@dataclass(frozen=True)
class Tone:
    """An instrument and how its player has set it up."""

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

    def summary(self) -> dict[str, str | float]:
        """The instrument as plain values."""
        return asdict(self)


def draw_tone(streams: Streams, role: str) -> Tone:
    """Draw the instrument that plays a role: "bass", "chords", "lead" or "bed"."""
    rng = streams(Purpose.TIMBRE, ROLES.index(role))
    timbres = TIMBRES[role]
    return Tone(
        timbre=timbres[int(rng.integers(len(timbres)))],
        cutoff_hz=draw_hz(rng, CUTOFF_HZ[role]),
        ring_s=draw(rng, RING_S[role]),
        attack_s=draw(rng, (0.004, 0.03), 3),
        pluck=draw(rng, (0.08, 0.35)),
        detune_cents=draw(rng, (3.0, 14.0), 1),
        vibrato_cents=draw(rng, (5.0, 30.0), 1),
        vibrato_hz=draw(rng, (4.5, 6.5)),
        position=0.0 if role == "bass" else draw(rng, (-0.35, 0.35)),
        dynamics=draw(rng, (0.9, 1.8)),
    )


def render_notes(notes: tuple[Note, ...], tone: Tone, samples: int, rng: np.random.Generator) -> Mono:
    """All notes of a part as one mono signal."""
    play = INSTRUMENTS[tone.timbre]
    out = np.zeros(samples)
    for note in notes:
        played = play(midi_to_hz(note.pitch), note.duration_s, note.velocity, tone, rng)
        add_at(out, note.velocity**tone.dynamics * played, note.start_s)
    return out


def _string(frequency_hz: float, duration_s: float, velocity: float, tone: Tone, rng: np.random.Generator) -> Mono:
    """A plucked string: modes shaped by where it is plucked, the high ones die first."""
    held_s = min(duration_s, tone.ring_s)
    samples = samples_of(held_s + 0.09)
    k = np.arange(1, min(70, harmonic_count(frequency_hz, 5.0 * tone.cutoff_hz)) + 1)
    pluck = tone.pluck * (1.0 + 0.1 * rng.random())
    modes = np.sin(np.pi * k * pluck) / k * _lowpass(k * frequency_hz, tone.cutoff_hz * (0.6 + 0.8 * velocity))
    ring_s = tone.ring_s * (220.0 / (220.0 + frequency_hz)) / (1.0 + 0.7 * k * frequency_hz / tone.cutoff_hz) + 0.05
    amplitudes = modes * 10.0 ** (-3.0 * frame_times(samples)[:, np.newaxis] / ring_s)
    shaped = bank(cycles(frequency_hz, samples), amplitudes)
    return 1.4 * shaped * envelope(samples, 0.003, held_s, 0.08)


def _distorted_guitar(
    frequency_hz: float, duration_s: float, velocity: float, tone: Tone, rng: np.random.Generator
) -> Mono:
    """A string through an overdriven amplifier: a long, level tone whose top the loudspeaker takes away."""
    samples = samples_of(duration_s + 0.09)
    k = np.arange(1, min(60, harmonic_count(frequency_hz, 12_000.0)) + 1)
    crunch = 0.75 + 0.35 * np.cos(2.1 * k + 6.0 * rng.random())
    modes = crunch * k**-0.9 / (1.0 + (k * frequency_hz / CABINET_HZ) ** 4)
    settling = 0.75 + 0.25 * np.exp(-frame_times(samples) / 0.2)
    sag = 10.0 ** (-3.0 * frame_times(samples) / (3.0 * tone.ring_s))
    driven = np.tanh(0.9 * bank(cycles(frequency_hz, samples), modes * (settling * sag)[:, np.newaxis]))
    return 0.4 * driven * envelope(samples, 0.006, duration_s, 0.06)


def _piano(frequency_hz: float, duration_s: float, velocity: float, tone: Tone, rng: np.random.Generator) -> Mono:
    """A hammered string: two slopes of decay, felt that hardens with velocity, a knock."""
    held_s = min(duration_s, tone.ring_s)
    samples = samples_of(held_s + 0.16)
    k = np.arange(1, min(40, harmonic_count(frequency_hz, 9000.0)) + 1)
    modes = k**-0.8 * _lowpass(k * frequency_hz, 700.0 + 2600.0 * velocity**2)
    seconds = frame_times(samples)[:, np.newaxis]
    slow_s = 2.0 * tone.ring_s * (261.0 / (261.0 + frequency_hz)) / k**0.5
    amplitudes = modes * (0.7 * 10.0 ** (-3.0 * seconds / (0.3 * slow_s)) + 0.3 * 10.0 ** (-3.0 * seconds / slow_s))
    shaped = 0.5 * bank(cycles(frequency_hz, samples), amplitudes)
    knock = samples_of(0.03)
    shaped[:knock] += 0.03 * velocity * band_noise(rng, knock, 200.0, 2500.0) * decay(knock, 0.03)
    return shaped * envelope(samples, 0.002, held_s, 0.15)


def _electric_piano(
    frequency_hz: float, duration_s: float, velocity: float, tone: Tone, rng: np.random.Generator
) -> Mono:
    """Two operators: a mellow pair for the body and a high one for the tine."""
    held_s = min(duration_s, tone.ring_s)
    samples = samples_of(held_s + 0.13)
    phase = 2.0 * np.pi * cycles(frequency_hz, samples)
    bark = 2.2 * velocity**2 * decay(samples, 1.2)
    tine = 0.12 * velocity * decay(samples, 0.25) * np.sin(14.0 * phase) if frequency_hz < 900.0 else 0.0
    body = np.sin(phase + bark * np.sin(phase)) * decay(samples, 1.5 * tone.ring_s) + tine
    return 0.6 * body * envelope(samples, 0.003, held_s, 0.12)


def _organ(frequency_hz: float, duration_s: float, velocity: float, tone: Tone, rng: np.random.Generator) -> Mono:
    """Drawbars over a turning speaker."""
    samples = samples_of(duration_s + 0.04)
    drawbars = np.zeros(16)
    # Harmonics of the sixteen-foot pipe, an octave under the note.
    drawbars[[0, 1, 2, 3, 5, 7]] = (0.5, 0.7, 0.4, 1.4 * tone.pluck, tone.pluck, 0.15)
    turning = 1.0 + 0.12 * np.sin(2.0 * np.pi * tone.vibrato_hz * frame_times(samples))[:, np.newaxis]
    return (
        0.4 * bank(cycles(0.5 * frequency_hz, samples), drawbars * turning) * envelope(samples, 0.006, duration_s, 0.03)
    )


def _pad(frequency_hz: float, duration_s: float, velocity: float, tone: Tone, rng: np.random.Generator) -> Mono:
    """Two detuned saws through a filter that opens slowly."""
    samples = samples_of(duration_s + 0.35)
    opening = 0.35 + 0.65 * np.minimum(1.0, frame_times(samples) / 0.8)
    amplitudes = _saw(frequency_hz, 0.6 * tone.cutoff_hz * opening)
    return 0.3 * _unison(rng, frequency_hz, amplitudes, samples, tone) * envelope(samples, 0.12, duration_s, 0.33)


def _saw_stab(frequency_hz: float, duration_s: float, velocity: float, tone: Tone, rng: np.random.Generator) -> Mono:
    """Two detuned saws with a quick filter envelope."""
    samples = samples_of(duration_s + 0.12)
    sweep = 0.3 + 1.2 * velocity * np.exp(-frame_times(samples) / 0.15)
    amplitudes = _saw(frequency_hz, tone.cutoff_hz * sweep)
    return 0.35 * _unison(rng, frequency_hz, amplitudes, samples, tone) * envelope(samples, 0.005, duration_s, 0.1)


def _synth_lead(frequency_hz: float, duration_s: float, velocity: float, tone: Tone, rng: np.random.Generator) -> Mono:
    """A saw with vibrato that comes in late."""
    samples = samples_of(duration_s + 0.08)
    amplitudes = _saw(frequency_hz, tone.cutoff_hz * (0.8 + 0.6 * np.exp(-frame_times(samples) / 0.2)))
    phase = cycles(_vibrato(frequency_hz, samples, tone), samples, float(rng.random()))
    return 0.45 * bank(phase, amplitudes) * envelope(samples, tone.attack_s, duration_s, 0.07)


def _flute(frequency_hz: float, duration_s: float, velocity: float, tone: Tone, rng: np.random.Generator) -> Mono:
    """Few harmonics, breath and vibrato."""
    samples = samples_of(duration_s + 0.1)
    amplitudes = np.tile(np.array((1.0, 0.35 * velocity, 0.16 * velocity, 0.05, 0.02)), (frame_times(samples).size, 1))
    breath = 0.03 * band_noise(rng, samples, min(frequency_hz, 2000.0), 6000.0, order=1)
    blown = 0.6 * bank(cycles(_vibrato(frequency_hz, samples, tone), samples), amplitudes) + breath
    return blown * envelope(samples, 0.05, duration_s, 0.09)


def _sub(frequency_hz: float, duration_s: float, velocity: float, tone: Tone, rng: np.random.Generator) -> Mono:
    """A near-sine bass with a few soft harmonics."""
    samples = samples_of(duration_s + 0.06)
    harmonics = np.array((1.0, 0.3, 0.18, 0.1 * velocity, 0.06 * velocity, 0.03))
    settling = 1.0 + 0.5 * np.exp(-frame_times(samples) / 0.05)[:, np.newaxis] * np.arange(6) / 5.0
    return 0.7 * bank(cycles(frequency_hz, samples), harmonics * settling) * envelope(samples, 0.006, duration_s, 0.05)


def _saw(frequency_hz: float, cutoff_hz: Mono) -> Mono:
    """Amplitudes of a filtered saw, frame by frame, as far up as they can be heard."""
    k = np.arange(1, min(90, harmonic_count(frequency_hz, min(16_000.0, 8.0 * float(cutoff_hz.max())))) + 1)
    return _lowpass(k * frequency_hz, cutoff_hz[:, np.newaxis]) / k


def _lowpass(frequency_hz: Mono, cutoff_hz: float | Mono) -> Mono:
    """Magnitude of a filter that falls by 12 dB an octave."""
    return 1.0 / (1.0 + (frequency_hz / cutoff_hz) ** 2)


def _unison(rng: np.random.Generator, frequency_hz: float, amplitudes: Mono, samples: int, tone: Tone) -> Mono:
    ratio = 2.0 ** (tone.detune_cents / 2400.0)
    starts = rng.random(2)
    return sum(
        (bank(cycles(f_hz, samples, float(start)), amplitudes)
         for f_hz, start in zip((frequency_hz * ratio, frequency_hz / ratio), starts, strict=True)),
        np.zeros(samples),
    )  # fmt: skip


def _vibrato(frequency_hz: float, samples: int, tone: Tone) -> Mono:
    seconds = np.arange(samples) / RATE
    depth = tone.vibrato_cents / 1200.0 * np.clip((seconds - 0.15) / 0.3, 0.0, 1.0)
    return frequency_hz * 2.0 ** (depth * np.sin(2.0 * np.pi * tone.vibrato_hz * seconds))


Instrument = Callable[[float, float, float, Tone, np.random.Generator], Mono]
INSTRUMENTS: dict[str, Instrument] = {
    "plucked string": _string,
    "distorted guitar": _distorted_guitar,
    "piano": _piano,
    "electric piano": _electric_piano,
    "organ": _organ,
    "pad": _pad,
    "saw stab": _saw_stab,
    "synth lead": _synth_lead,
    "flute": _flute,
    "sub": _sub,
}
TIMBRES = {
    "bass": ("plucked string", "plucked string", "saw stab", "sub"),
    "chords": ("plucked string", "distorted guitar", "piano", "electric piano", "organ", "saw stab"),
    "lead": ("plucked string", "distorted guitar", "electric piano", "synth lead", "flute"),
    "bed": ("pad", "pad", "organ"),
}
