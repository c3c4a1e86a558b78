"""Singing voice: harmonics shaped by moving formants, breath and consonants.

The formants follow Peterson and Barney (1952) and Fant (1960), rounded; each voice type scales them by the length of
its vocal tract.
"""

from dataclasses import asdict, dataclass

import numpy as np
from scipy import ndimage, signal

from fxnorm.audio import SAMPLE_RATE
from fxnorm.synth.consonants import FRICATIVES, NASAL_S, NASALS, PLOSIVES, add_consonant
from fxnorm.synth.melody import Syllable
from fxnorm.synth.oscillators import (
    HOP,
    Floats,
    band_noise,
    cycles,
    envelope,
    frames_of,
    harmonic_bank,
)
from fxnorm.synth.seeding import SeedBranch, SeedTree, uniform
from fxnorm.units import db_to_amplitude

FORMANTS_HZ = {
    "a": (730.0, 1150.0, 2450.0, 3400.0, 4500.0),
    "e": (500.0, 1850.0, 2500.0, 3500.0, 4500.0),
    "i": (300.0, 2250.0, 2950.0, 3600.0, 4600.0),
    "o": (480.0, 880.0, 2450.0, 3300.0, 4400.0),
    "u": (330.0, 850.0, 2300.0, 3300.0, 4300.0),
    "uh": (620.0, 1200.0, 2450.0, 3400.0, 4500.0),
}
BANDWIDTHS_HZ = (90.0, 110.0, 160.0, 230.0, 320.0)
TRACT_SCALE = {"bass": 0.94, "tenor": 1.0, "alto": 1.12, "soprano": 1.18}
HIGHEST_HZ = 16_000.0
AIR_HZ = 10_000.0  # upper limit of voiced sounds


@dataclass(frozen=True)
class Voice:
    """Settings of a voice."""

    kind: str
    vibrato_hz: float
    vibrato_cents: float
    glide_s: float
    breath_db: float
    sibilance_db: float
    tilt_db: float
    tract: float
    drift_db: float

    def to_dict(self) -> dict[str, str | float]:
        """Return the settings, ready for JSON."""
        return asdict(self)


def draw_voice(seeds: SeedTree, kind: str) -> Voice:
    """Draw a voice of a type: "bass", "tenor", "alto" or "soprano"."""
    rng = seeds.generator(SeedBranch.VOICE)
    return Voice(
        kind=kind,
        vibrato_hz=uniform(rng, (4.8, 6.4)),
        vibrato_cents=uniform(rng, (15.0, 55.0), 1),
        glide_s=uniform(rng, (0.015, 0.05), 3),
        breath_db=uniform(rng, (-38.0, -24.0), 1),
        sibilance_db=uniform(rng, (-6.0, 3.0), 1),
        tilt_db=uniform(rng, (-2.0, 2.0), 1),
        tract=round(TRACT_SCALE[kind] * uniform(rng, (0.95, 1.05), 3), 3),
        drift_db=uniform(rng, (0.5, 2.5), 1),
    )


def render_voice(syllables: tuple[Syllable, ...], voice: Voice, samples: int, rng: np.random.Generator) -> Floats:
    """Render syllables to a mono signal."""
    frames = frames_of(samples)
    if not syllables:
        return np.zeros(samples)
    # One generator per component, so that a longer song begins like a shorter one.
    pitch_rng, shimmer_rng, breath_rng, consonant_rng, drift_rng = rng.spawn(5)
    loudness, pitch, formants_hz, nasality = _tracks(syllables, voice, frames)
    frequency_hz = _fundamental(pitch, loudness, voice, pitch_rng)
    k = np.arange(1, int(HIGHEST_HZ / float(frequency_hz.min())) + 1)
    harmonics_hz = frequency_hz[:, np.newaxis] * k
    spectrum = _vocal_tract(harmonics_hz, formants_hz) * _glottis(harmonics_hz, frequency_hz, loudness, voice)
    spectrum /= 1.0 + nasality[:, np.newaxis] * (harmonics_hz / 500.0) ** 2
    shimmer = _wander_gain(shimmer_rng, frames, 0.03, 0.4)
    phase = cycles(_per_sample(frequency_hz, samples), samples)
    vowels = harmonic_bank(phase, spectrum * (loudness * shimmer)[:, np.newaxis])
    breath = 0.3 * db_to_amplitude(voice.breath_db) * band_noise(breath_rng, samples, 1200.0, 7000.0)
    sound = vowels + breath * _per_sample(loudness, samples)
    for syllable in syllables:
        level = (0.4 + 0.6 * syllable.velocity) * db_to_amplitude(voice.sibilance_db)
        add_consonant(sound, syllable, level, consonant_rng)
    # Slow level changes of a singer who moves in front of the microphone.
    return sound * _per_sample(_wander_gain(drift_rng, frames, 1.5, voice.drift_db), samples)


def _tracks(syllables: tuple[Syllable, ...], voice: Voice, frames: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Return loudness, pitch (MIDI), formants (frames, 5) and nasality of each frame."""
    loudness, nasality = np.zeros(frames), np.zeros(frames)
    pitch = np.full(frames, float(syllables[0].pitch))
    formants_hz = np.tile(np.array(FORMANTS_HZ[syllables[0].vowel]), (frames, 1))
    for syllable in syllables:
        begin, end = (round(t * SAMPLE_RATE / HOP) for t in (syllable.start_s, syllable.start_s + syllable.duration_s))
        end = min(max(end, begin + 3), frames)
        if begin >= end:
            continue
        # Formants and pitch hold until the next syllable; the smoothing below makes them glide.
        formants_hz[begin:] = FORMANTS_HZ[syllable.vowel]
        pitch[begin:] = syllable.pitch
        swell = envelope((end - begin) * HOP, 0.045, 0.6 * syllable.duration_s, 0.4 * syllable.duration_s + 0.03)[::HOP]
        loudness[begin:end] = np.maximum(loudness[begin:end], syllable.velocity * (0.25 + 0.75 * swell))
        gap = max(1, round(0.03 * SAMPLE_RATE / HOP))
        if syllable.consonant in FRICATIVES or syllable.consonant in PLOSIVES:
            loudness[max(0, begin - gap) : begin + 1] *= 0.1
        elif syllable.consonant in NASALS:
            nasality[begin : begin + max(1, round(NASAL_S * SAMPLE_RATE / HOP))] = 1.0
    frame_s = HOP / SAMPLE_RATE
    loudness = ndimage.gaussian_filter1d(loudness, 0.012 / frame_s)
    pitch = ndimage.gaussian_filter1d(pitch, voice.glide_s / frame_s)
    formants_hz = voice.tract * ndimage.gaussian_filter1d(formants_hz, 0.03 / frame_s, axis=0)
    return loudness, pitch, formants_hz, ndimage.gaussian_filter1d(nasality, 0.012 / frame_s)


def _fundamental(pitch: Floats, loudness: Floats, voice: Voice, rng: np.random.Generator) -> Floats:
    """Return the fundamental in Hz, with vibrato on held notes and small random deviations."""
    seconds = np.arange(pitch.size) * (HOP / SAMPLE_RATE)
    # Vibrato starts after the pitch has been constant for a while.
    steady = np.abs(np.gradient(pitch)) < 0.02
    settled = ndimage.gaussian_filter1d((steady & (loudness > 0.1)).astype(np.float64), 0.12 * SAMPLE_RATE / HOP)
    vibrato = voice.vibrato_cents / 100.0 * settled**2 * np.sin(2.0 * np.pi * voice.vibrato_hz * seconds)
    return 440.0 * 2.0 ** ((pitch + vibrato + 0.06 * _wander(rng, pitch.size, 0.08) - 69.0) / 12.0)


def _vocal_tract(frequency_hz: Floats, formants_hz: Floats) -> Floats:
    """Return the magnitude of five resonances in series, each 1 at 0 Hz."""
    magnitude = np.ones_like(frequency_hz)
    for i, bandwidth_hz in enumerate(BANDWIDTHS_HZ):
        formant_hz = formants_hz[:, i, np.newaxis]
        # |H(f)| = (F² + B²/4) / sqrt(((f - F)² + B²/4) ((f + F)² + B²/4))
        half_width = (0.5 * bandwidth_hz) ** 2
        magnitude *= (formant_hz**2 + half_width) / np.sqrt(
            ((frequency_hz - formant_hz) ** 2 + half_width) * ((frequency_hz + formant_hz) ** 2 + half_width)
        )
    # Correction for the higher resonances that the series of five lacks.
    magnitude *= (1.0 + (frequency_hz / 4500.0) ** 2) ** 1.5 / (1.0 + (frequency_hz / AIR_HZ) ** 8)
    return np.where(frequency_hz < HIGHEST_HZ, magnitude, 0.0)


def _glottis(frequency_hz: Floats, fundamental_hz: Floats, loudness: Floats, voice: Voice) -> Floats:
    """Return the magnitude of source and lip radiation: about -6 dB per octave, brighter when louder."""
    slope = -1.25 + 0.35 * loudness + voice.tilt_db / 20.0
    return 0.12 * (frequency_hz / fundamental_hz[:, np.newaxis]) ** slope[:, np.newaxis]


def _wander(rng: np.random.Generator, frames: int, time_s: float) -> Floats:
    """Return a random walk around zero with standard deviation 1 and a correlation time in seconds."""
    pole = float(np.exp(-HOP / SAMPLE_RATE / time_s))
    return np.asarray(signal.lfilter([np.sqrt(1.0 - pole**2)], [1.0, -pole], rng.standard_normal(frames)))


def _wander_gain(rng: np.random.Generator, frames: int, time_s: float, std_db: float) -> Floats:
    """Return a randomly varying gain with a standard deviation in dB."""
    return db_to_amplitude(std_db * _wander(rng, frames, time_s))


def _per_sample(track: Floats, samples: int) -> Floats:
    """Interpolate the values of frames to samples."""
    return np.interp(np.arange(samples) / HOP, np.arange(track.size), track)
