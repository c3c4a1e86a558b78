"""Building blocks of the instruments: harmonics, noise and envelopes, mono float64 at `SAMPLE_RATE`."""

import numpy as np
import numpy.typing as npt
from scipy import signal

from fxnorm.audio import SAMPLE_RATE
from fxnorm.kernels import synth as kernels

Floats = npt.NDArray[np.floating]

HOP = 256  # samples between the amplitude frames of a harmonic bank
HIGHEST_HZ = 17_000.0


def midi_to_hz(pitch: float) -> float:
    """Convert a MIDI number to a frequency; 69 is A4, 440 Hz."""
    return 440.0 * 2.0 ** ((pitch - 69.0) / 12.0)


def samples_of(seconds: float) -> int:
    """Convert a duration to samples, at least 1."""
    return max(1, round(seconds * SAMPLE_RATE))


def frames_of(samples: int) -> int:
    """Return the number of amplitude frames for a number of samples."""
    return -(-samples // HOP) + 1


def frame_times(samples: int) -> Floats:
    """Return the times of the amplitude frames in seconds."""
    return np.arange(frames_of(samples)) * (HOP / SAMPLE_RATE)


def harmonic_count(frequency_hz: float, highest_hz: float = HIGHEST_HZ) -> int:
    """Return the number of harmonics up to a frequency, at least 1."""
    return max(1, int(highest_hz / frequency_hz))


def cycles(frequency_hz: float | Floats, samples: int, start: float = 0.0) -> Floats:
    """Return the phase in cycles of a constant or varying frequency."""
    if isinstance(frequency_hz, np.ndarray):
        return start + np.cumsum(frequency_hz) / SAMPLE_RATE
    return start + np.arange(samples) * (frequency_hz / SAMPLE_RATE)


def harmonic_bank(phase: Floats, amplitudes: Floats) -> Floats:
    """Sum the harmonics of a phase; amplitudes (frames, harmonics) are interpolated linearly."""
    out = np.zeros(phase.size)
    phase, amplitudes = (np.ascontiguousarray(array, dtype=np.float64) for array in (phase, amplitudes))
    kernels.add_harmonics(phase, amplitudes, HOP, out)
    return out


def band_noise(rng: np.random.Generator, samples: int, low_hz: float, high_hz: float, *, order: int = 2) -> Floats:
    """Filter white noise with a Butterworth band-pass and scale it to an RMS of about 1."""
    sos = signal.butter(order, (low_hz, high_hz), btype="bandpass", fs=SAMPLE_RATE, output="sos")
    noise = signal.sosfilt(sos, rng.standard_normal(samples))
    return noise * np.sqrt(SAMPLE_RATE / 2.0 / (high_hz - low_hz))


def envelope(samples: int, attack_s: float, hold_s: float, release_s: float) -> Floats:
    """Return an envelope with raised-cosine flanks: full level until `hold_s`, zero `release_s` later."""
    rise = min(samples_of(attack_s), samples)
    shape = np.ones(samples)
    shape[:rise] = 0.5 - 0.5 * np.cos(np.pi * np.arange(rise) / rise)
    begin = min(samples_of(hold_s), samples)
    fall = min(samples_of(release_s), samples - begin)
    shape[begin : begin + fall] *= 0.5 + 0.5 * np.cos(np.pi * np.arange(fall) / max(1, fall))
    shape[begin + fall :] = 0.0
    return shape


def decay(samples: int, time_s: float) -> Floats:
    """Return an exponential decay by 60 dB in `time_s` seconds."""
    return 10.0 ** (-3.0 / (time_s * SAMPLE_RATE) * np.arange(samples))


def add_at(out: Floats, tone: Floats, start_s: float) -> None:
    """Add a tone to a signal at a time; samples beyond the end are dropped."""
    start = round(start_s * SAMPLE_RATE)
    tone = tone[: max(0, out.size - start)]
    out[start : start + tone.size] += tone
