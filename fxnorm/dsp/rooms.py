"""Synthesize room impulse responses: early reflections and noise whose treble decays first."""

import numpy as np
import numpy.typing as npt
from scipy import fft

from fxnorm.audio import Audio
from fxnorm.errors import InputError

Float64 = npt.NDArray[np.float64]

BAND_CENTRES_HZ = (125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0, 16_000.0)
MID_HZ = 1000.0
# Ratio of the direct sound to the highest sample of the rest.
DIRECT_RATIO = 1.5
TREBLE_RANGE = (0.3, 0.7)
BASS_RANGE = (0.9, 1.3)
SIZE_RANGE_MS = (15.0, 60.0)


def impulse_response(
    rng: np.random.Generator,
    sample_rate: int,
    *,
    decay_s: float,
    pre_delay_ms: float = 0.0,
    treble: float = 0.5,
    bass: float = 1.1,
    size_ms: float = 30.0,
    reflections: int = 10,
    direct: bool = True,
) -> Audio:
    """Synthesize the stereo impulse response of a room, hall or plate.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of reflections and noise.
    sample_rate : int
        Sample rate in Hz.
    decay_s : float
        Decay time by 60 dB (RT60) at 500 to 1,000 Hz, in seconds.
    pre_delay_ms : float
        Silence before the response, in milliseconds. The direct sound is sample
        round(sample_rate * pre_delay_ms / 1000).
    treble, bass : float
        Decay times at 8 kHz and at 125 Hz, relative to `decay_s`.
    size_ms : float
        Time in milliseconds within which early reflections arrive and the dense tail builds up.
    reflections : int
        Number of early reflections in each channel.
    direct : bool
        Include the direct sound, which is the largest sample of both channels. Without it, the response is that of
        a wet-only reverb.

    Returns
    -------
    ndarray, shape (2, samples), float32
        Response of unit energy in each channel, pre_delay_ms / 1000 + 1.1 * decay_s seconds long.

    Raises
    ------
    InputError
        If the decay time or the sample rate is not positive, or the pre-delay is negative.
    """
    if not (decay_s > 0.0 and sample_rate > 0 and pre_delay_ms >= 0.0):
        raise InputError(
            "expected decay_s and sample_rate above 0 and pre_delay_ms of 0 or more, "
            f"got {decay_s}, {sample_rate} and {pre_delay_ms}; choose other values"
        )
    samples = round(1.1 * decay_s * sample_rate)
    excitation = _excitation(rng, sample_rate, samples, size_ms, reflections)
    tail = _decay_by_band(excitation, sample_rate, decay_s, treble, bass)
    fade = max(1, samples // 10)
    tail[:, samples - fade :] *= 0.5 + 0.5 * np.cos(np.pi * np.arange(fade) / fade)
    tail /= np.sqrt(np.sum(tail**2, axis=1, keepdims=True))
    if direct:
        tail[:, 0] = DIRECT_RATIO * np.abs(tail).max(axis=1)
        tail /= np.sqrt(np.sum(tail**2, axis=1, keepdims=True))
    return np.pad(tail, ((0, 0), (round(pre_delay_ms * sample_rate / 1000.0), 0))).astype(np.float32)


def draw_responses(
    rng: np.random.Generator, sample_rate: int, count: int, *, decay_range_s: tuple[float, float] = (2.0, 4.0)
) -> list[Audio]:
    """Draw impulse responses of rooms of random decay time, colour and size.

    Parameters
    ----------
    rng : numpy.random.Generator
    sample_rate : int
        Sample rate in Hz.
    count : int
        Number of responses.
    decay_range_s : tuple of float
        Shortest and longest decay time in seconds.

    Returns
    -------
    list of ndarray, shape (2, samples), float32
        Responses of unit energy in each channel; the direct sound is sample 0.

    Raises
    ------
    InputError
        If the range is not positive and ascending.
    """
    if not 0.0 < decay_range_s[0] <= decay_range_s[1]:
        raise InputError(f"expected 0 < shortest <= longest decay_range_s, got {decay_range_s}; swap the two")
    return [
        impulse_response(
            rng,
            sample_rate,
            decay_s=_uniform(rng, decay_range_s),
            treble=_uniform(rng, TREBLE_RANGE),
            bass=_uniform(rng, BASS_RANGE),
            size_ms=_uniform(rng, SIZE_RANGE_MS, 1),
            reflections=int(rng.integers(6, 15)),
        )
        for _ in range(count)
    ]


def _excitation(rng: np.random.Generator, sample_rate: int, samples: int, size_ms: float, reflections: int) -> Float64:
    """Return noise that builds up over the size of the room, with single early reflections."""
    size = max(1, min(samples - 1, round(size_ms * sample_rate / 1000.0)))
    noise = rng.standard_normal((2, samples))
    noise[:, :size] *= (np.arange(size) / size) ** 2
    for channel in noise:
        arrivals = rng.integers(size // 8 + 1, size + 1, size=reflections)
        amplitudes = rng.uniform(6.0, 14.0, size=reflections) * rng.choice((-1.0, 1.0), size=reflections)
        # The amplitude of a reflection is inversely proportional to its distance.
        channel[arrivals] += amplitudes * np.minimum(1.0, 0.3 * size / arrivals)
    return noise


def _decay_by_band(excitation: Float64, sample_rate: int, decay_s: float, treble: float, bass: float) -> Float64:
    """Split into octave bands that sum to the whole and apply the decay of each band."""
    samples = excitation.shape[1]
    padded = fft.next_fast_len(samples, real=True)
    spectrum = fft.rfft(excitation, padded)
    octave = np.log2(np.maximum(fft.rfftfreq(padded, 1.0 / sample_rate), 1.0))
    centres = np.log2([centre for centre in BAND_CENTRES_HZ if centre < 0.7 * sample_rate])
    # Triangles over log frequency: the weights of the two nearest bands sum to 1.
    weights = [np.interp(octave, centres, unit) for unit in np.eye(centres.size)]
    times_s = decay_s * np.interp(centres, np.log2([125.0, 500.0, MID_HZ, 8000.0]), [bass, 1.0, 1.0, treble])
    seconds = np.arange(samples) / sample_rate
    out = np.zeros_like(excitation)
    for weight, time_s in zip(weights, times_s, strict=True):
        band = fft.irfft(spectrum * weight, padded)[:, :samples]
        out += band * 10.0 ** (-3.0 * seconds / time_s)
    return out


def _uniform(rng: np.random.Generator, limits: tuple[float, float], digits: int = 2) -> float:
    """Draw from a uniform distribution; rounding makes the number equal on every platform."""
    return round(float(rng.uniform(*limits)), digits)
