"""The raw material of every instrument: harmonics, noise and envelopes, all mono float64 at `RATE`."""

import numpy as np
import numpy.typing as npt
from scipy import signal

from fxnorm.audio import RATE
from fxnorm.kernels import synth as kernels

Mono = npt.NDArray[np.floating]

HOP = 256  # samples between two amplitude frames of a bank of harmonics
HIGHEST_HZ = 17_000.0


def midi_to_hz(pitch: float) -> float:
    """Frequency of a MIDI number, A4 = 69 = 440 Hz."""
    return 440.0 * 2.0 ** ((pitch - 69.0) / 12.0)


def samples_of(seconds: float) -> int:
    """Whole samples in a duration."""
    return max(1, round(seconds * RATE))


def frames_of(samples: int) -> int:
    """Amplitude frames that a bank of harmonics needs for this many samples."""
    return -(-samples // HOP) + 1


def frame_times(samples: int) -> Mono:
    """When the amplitude frames fall, in seconds."""
    return np.arange(frames_of(samples)) * (HOP / RATE)


def harmonic_count(frequency_hz: float, highest_hz: float = HIGHEST_HZ) -> int:
    """How many harmonics fit under a frequency."""
    return max(1, int(highest_hz / frequency_hz))


def cycles(frequency_hz: float | Mono, samples: int, start: float = 0.0) -> Mono:
    """Phase in cycles of a constant or gliding frequency."""
    if isinstance(frequency_hz, np.ndarray):
        return start + np.cumsum(frequency_hz) / RATE
    return start + np.arange(samples) * (frequency_hz / RATE)


def bank(phase: Mono, amplitudes: Mono) -> Mono:
    """Sum of harmonics of one phase; amplitudes (frames, harmonics) glide between frames."""
    out = np.zeros(phase.size)
    turns, levels = (np.ascontiguousarray(array, dtype=np.float64) for array in (phase, amplitudes))
    kernels.add_harmonics(turns, levels, HOP, out)
    return out


def band_noise(rng: np.random.Generator, samples: int, low_hz: float, high_hz: float, *, order: int = 2) -> Mono:
    """White noise through a Butterworth band-pass, at a root mean square of about 1."""
    sos = signal.butter(order, (low_hz, high_hz), btype="bandpass", fs=RATE, output="sos")
    noise = signal.sosfilt(sos, rng.standard_normal(samples))
    return noise * np.sqrt(RATE / 2.0 / (high_hz - low_hz))


def envelope(samples: int, attack_s: float, hold_s: float, release_s: float) -> Mono:
    """Rise, stay, fall: raised-cosine flanks; full level until `hold_s`, then `release_s` to nothing."""
    rise = min(samples_of(attack_s), samples)
    shape = np.ones(samples)
    shape[:rise] = 0.5 - 0.5 * np.cos(np.pi * np.arange(rise) / rise)
    begin = min(samples_of(hold_s), samples)
    fall = min(samples_of(release_s), samples - begin)
    shape[begin : begin + fall] *= 0.5 + 0.5 * np.cos(np.pi * np.arange(fall) / max(1, fall))
    shape[begin + fall :] = 0.0
    return shape


def decay(samples: int, time_s: float) -> Mono:
    """Exponential decay that loses 60 dB in a time."""
    return 10.0 ** (-3.0 / (time_s * RATE) * np.arange(samples))


def add_at(out: Mono, tone: Mono, start_s: float) -> None:
    """Add a tone to a longer signal at a time; what lies beyond the end is dropped."""
    start = round(start_s * RATE)
    kept = tone[: max(0, out.size - start)]
    out[start : start + kept.size] += kept
