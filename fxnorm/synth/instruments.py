"""Pitched instruments: functions that synthesize a note to a mono tone."""

from collections.abc import Callable

import numpy as np

from fxnorm.audio import SAMPLE_RATE
from fxnorm.synth.oscillators import (
    Floats,
    add_at,
    band_noise,
    cycles,
    decay,
    envelope,
    frame_times,
    harmonic_bank,
    harmonic_count,
    midi_to_hz,
    samples_of,
)
from fxnorm.synth.players import Note
from fxnorm.synth.tones import Tone

CABINET_HZ = 5500.0  # upper limit of a guitar loudspeaker


def render_notes(notes: tuple[Note, ...], tone: Tone, samples: int, rng: np.random.Generator) -> Floats:
    """Render the notes of a part to a mono signal."""
    synthesize = INSTRUMENTS[tone.timbre]
    out = np.zeros(samples)
    for note in notes:
        sound = synthesize(midi_to_hz(note.pitch), note.duration_s, note.velocity, tone, rng)
        add_at(out, note.velocity**tone.dynamics * sound, note.start_s)
    return out


def _string(frequency_hz: float, duration_s: float, velocity: float, tone: Tone, rng: np.random.Generator) -> Floats:
    """Plucked string: modes weighted by the plucking position; high modes decay first."""
    hold_s = min(duration_s, tone.ring_s)
    samples = samples_of(hold_s + 0.09)
    k = np.arange(1, min(70, harmonic_count(frequency_hz, 5.0 * tone.cutoff_hz)) + 1)
    pluck = tone.pluck * (1.0 + 0.1 * rng.random())
    modes = np.sin(np.pi * k * pluck) / k * _lowpass(k * frequency_hz, tone.cutoff_hz * (0.6 + 0.8 * velocity))
    ring_s = tone.ring_s * (220.0 / (220.0 + frequency_hz)) / (1.0 + 0.7 * k * frequency_hz / tone.cutoff_hz) + 0.05
    amplitudes = modes * 10.0 ** (-3.0 * frame_times(samples)[:, np.newaxis] / ring_s)
    sound = harmonic_bank(cycles(frequency_hz, samples), amplitudes)
    return 1.4 * sound * envelope(samples, 0.003, hold_s, 0.08)


def _distorted_guitar(
    frequency_hz: float, duration_s: float, velocity: float, tone: Tone, rng: np.random.Generator
) -> Floats:
    """Play a string through an overdriven amplifier: long sustain, low-passed by the loudspeaker."""
    samples = samples_of(duration_s + 0.09)
    k = np.arange(1, min(60, harmonic_count(frequency_hz, 12_000.0)) + 1)
    crunch = 0.75 + 0.35 * np.cos(2.1 * k + 6.0 * rng.random())
    modes = crunch * k**-0.9 / (1.0 + (k * frequency_hz / CABINET_HZ) ** 4)
    onset = 0.75 + 0.25 * np.exp(-frame_times(samples) / 0.2)
    sag = 10.0 ** (-3.0 * frame_times(samples) / (3.0 * tone.ring_s))
    distorted = np.tanh(0.9 * harmonic_bank(cycles(frequency_hz, samples), modes * (onset * sag)[:, np.newaxis]))
    return 0.4 * distorted * envelope(samples, 0.006, duration_s, 0.06)


def _piano(frequency_hz: float, duration_s: float, velocity: float, tone: Tone, rng: np.random.Generator) -> Floats:
    """Hammered string: two-stage decay, a hammer that hardens with velocity, and a knock."""
    hold_s = min(duration_s, tone.ring_s)
    samples = samples_of(hold_s + 0.16)
    k = np.arange(1, min(40, harmonic_count(frequency_hz, 9000.0)) + 1)
    modes = k**-0.8 * _lowpass(k * frequency_hz, 700.0 + 2600.0 * velocity**2)
    seconds = frame_times(samples)[:, np.newaxis]
    slow_s = 2.0 * tone.ring_s * (261.0 / (261.0 + frequency_hz)) / k**0.5
    amplitudes = modes * (0.7 * 10.0 ** (-3.0 * seconds / (0.3 * slow_s)) + 0.3 * 10.0 ** (-3.0 * seconds / slow_s))
    sound = 0.5 * harmonic_bank(cycles(frequency_hz, samples), amplitudes)
    knock = samples_of(0.03)
    sound[:knock] += 0.03 * velocity * band_noise(rng, knock, 200.0, 2500.0) * decay(knock, 0.03)
    return sound * envelope(samples, 0.002, hold_s, 0.15)


def _electric_piano(
    frequency_hz: float, duration_s: float, velocity: float, tone: Tone, rng: np.random.Generator
) -> Floats:
    """Frequency modulation for the body, a high partial for the tine."""
    hold_s = min(duration_s, tone.ring_s)
    samples = samples_of(hold_s + 0.13)
    phase = 2.0 * np.pi * cycles(frequency_hz, samples)
    bark = 2.2 * velocity**2 * decay(samples, 1.2)
    tine = 0.12 * velocity * decay(samples, 0.25) * np.sin(14.0 * phase) if frequency_hz < 900.0 else 0.0
    body = np.sin(phase + bark * np.sin(phase)) * decay(samples, 1.5 * tone.ring_s) + tine
    return 0.6 * body * envelope(samples, 0.003, hold_s, 0.12)


def _organ(frequency_hz: float, duration_s: float, velocity: float, tone: Tone, rng: np.random.Generator) -> Floats:
    """Drawbar organ through a rotary speaker."""
    samples = samples_of(duration_s + 0.04)
    drawbars = np.zeros(16)
    # Harmonics of the sixteen-foot pipe, an octave under the note.
    drawbars[[0, 1, 2, 3, 5, 7]] = (0.5, 0.7, 0.4, 1.4 * tone.pluck, tone.pluck, 0.15)
    rotation = 1.0 + 0.12 * np.sin(2.0 * np.pi * tone.vibrato_hz * frame_times(samples))[:, np.newaxis]
    sound = 0.4 * harmonic_bank(cycles(0.5 * frequency_hz, samples), drawbars * rotation)
    return sound * envelope(samples, 0.006, duration_s, 0.03)


def _pad(frequency_hz: float, duration_s: float, velocity: float, tone: Tone, rng: np.random.Generator) -> Floats:
    """Two detuned saws through a slowly opening filter."""
    samples = samples_of(duration_s + 0.35)
    filter_envelope = 0.35 + 0.65 * np.minimum(1.0, frame_times(samples) / 0.8)
    amplitudes = _saw(frequency_hz, 0.6 * tone.cutoff_hz * filter_envelope)
    return 0.3 * _unison(rng, frequency_hz, amplitudes, samples, tone) * envelope(samples, 0.12, duration_s, 0.33)


def _saw_stab(frequency_hz: float, duration_s: float, velocity: float, tone: Tone, rng: np.random.Generator) -> Floats:
    """Two detuned saws with a fast filter envelope."""
    samples = samples_of(duration_s + 0.12)
    filter_envelope = 0.3 + 1.2 * velocity * np.exp(-frame_times(samples) / 0.15)
    amplitudes = _saw(frequency_hz, tone.cutoff_hz * filter_envelope)
    return 0.35 * _unison(rng, frequency_hz, amplitudes, samples, tone) * envelope(samples, 0.005, duration_s, 0.1)


def _synth_lead(
    frequency_hz: float, duration_s: float, velocity: float, tone: Tone, rng: np.random.Generator
) -> Floats:
    """Saw with delayed vibrato."""
    samples = samples_of(duration_s + 0.08)
    amplitudes = _saw(frequency_hz, tone.cutoff_hz * (0.8 + 0.6 * np.exp(-frame_times(samples) / 0.2)))
    phase = cycles(_vibrato(frequency_hz, samples, tone), samples, float(rng.random()))
    return 0.45 * harmonic_bank(phase, amplitudes) * envelope(samples, tone.attack_s, duration_s, 0.07)


def _flute(frequency_hz: float, duration_s: float, velocity: float, tone: Tone, rng: np.random.Generator) -> Floats:
    """Few harmonics with breath noise and vibrato."""
    samples = samples_of(duration_s + 0.1)
    amplitudes = np.tile(np.array((1.0, 0.35 * velocity, 0.16 * velocity, 0.05, 0.02)), (frame_times(samples).size, 1))
    breath = 0.03 * band_noise(rng, samples, min(frequency_hz, 2000.0), 6000.0, order=1)
    tone_and_breath = 0.6 * harmonic_bank(cycles(_vibrato(frequency_hz, samples, tone), samples), amplitudes) + breath
    return tone_and_breath * envelope(samples, 0.05, duration_s, 0.09)


def _sub(frequency_hz: float, duration_s: float, velocity: float, tone: Tone, rng: np.random.Generator) -> Floats:
    """Bass of a sine and a few weak harmonics."""
    samples = samples_of(duration_s + 0.06)
    harmonics = np.array((1.0, 0.3, 0.18, 0.1 * velocity, 0.06 * velocity, 0.03))
    onset = 1.0 + 0.5 * np.exp(-frame_times(samples) / 0.05)[:, np.newaxis] * np.arange(6) / 5.0
    sound = 0.7 * harmonic_bank(cycles(frequency_hz, samples), harmonics * onset)
    return sound * envelope(samples, 0.006, duration_s, 0.05)


def _saw(frequency_hz: float, cutoff_hz: Floats) -> Floats:
    """Return the amplitudes (frames, harmonics) of a low-passed saw, up to the audible harmonics."""
    k = np.arange(1, min(90, harmonic_count(frequency_hz, min(16_000.0, 8.0 * float(cutoff_hz.max())))) + 1)
    return _lowpass(k * frequency_hz, cutoff_hz[:, np.newaxis]) / k


def _lowpass(frequency_hz: Floats, cutoff_hz: float | Floats) -> Floats:
    """Return the magnitude of a low-pass of 12 dB per octave."""
    return 1.0 / (1.0 + (frequency_hz / cutoff_hz) ** 2)


def _unison(rng: np.random.Generator, frequency_hz: float, amplitudes: Floats, samples: int, tone: Tone) -> Floats:
    """Sum two detuned banks with random start phases."""
    ratio = 2.0 ** (tone.detune_cents / 2400.0)
    starts = rng.random(2)
    return sum(
        (harmonic_bank(cycles(f_hz, samples, float(start)), amplitudes)
         for f_hz, start in zip((frequency_hz * ratio, frequency_hz / ratio), starts, strict=True)),
        np.zeros(samples),
    )  # fmt: skip


def _vibrato(frequency_hz: float, samples: int, tone: Tone) -> Floats:
    """Return the frequency of each sample, with vibrato that starts after the attack."""
    seconds = np.arange(samples) / SAMPLE_RATE
    depth = tone.vibrato_cents / 1200.0 * np.clip((seconds - 0.15) / 0.3, 0.0, 1.0)
    return frequency_hz * 2.0 ** (depth * np.sin(2.0 * np.pi * tone.vibrato_hz * seconds))


Instrument = Callable[[float, float, float, Tone, np.random.Generator], Floats]
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
