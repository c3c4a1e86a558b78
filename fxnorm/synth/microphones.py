"""Microphones around a drum kit: every one hears every drum, later and softer with distance.

Places are in metres: x from left to right as the audience hears it, y away from the drummer, z up. A drum at distance d
arrives d / 343 m/s later and in inverse proportion to d; off its axis a microphone also hears less, and duller.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import signal

from fxnorm.audio import SAMPLE_RATE
from fxnorm.dsp.convolution import convolve
from fxnorm.dsp.rooms import impulse_response
from fxnorm.synth.drums import Kit, piece_gain
from fxnorm.synth.oscillators import Floats
from fxnorm.synth.seeding import Range, uniform
from fxnorm.units import db_to_amplitude

SPEED_OF_SOUND_M_S = 343.0
REFERENCE_M = 0.1  # distance at which a drum has the gain 1
KIT_PLACES = {
    "kick": (0.0, 0.5, 0.3), "snare": (0.12, 0.0, 0.65), "rim": (0.12, 0.0, 0.65), "hat": (0.5, 0.05, 0.85),
    "open hat": (0.5, 0.05, 0.85), "high tom": (0.25, 0.45, 0.85), "low tom": (-0.45, 0.05, 0.6),
    "ride": (-0.6, 0.35, 1.0), "crash": (-0.4, 0.6, 1.3),
}  # fmt: skip
# Drum that a close microphone is pointed at, and its distance.
CLOSE = {
    "kick in": ("kick", (0.05, 0.12)), "kick out": ("kick", (0.35, 0.6)), "snare top": ("snare", (0.04, 0.08)),
    "snare bottom": ("snare", (0.08, 0.15)), "hats": ("hat", (0.08, 0.18)), "high tom": ("high tom", (0.04, 0.09)),
    "low tom": ("low tom", (0.04, 0.09)),
}  # fmt: skip
SAME_PLACE = {"rim": "snare", "open hat": "hat"}
REJECTION_DB: Range = (-12.0, -5.0)  # off the axis of a close microphone
BLEED_HIGH_CUT_HZ: Range = (4500.0, 9000.0)
BOTTOM_LOW_CUT_HZ = 300.0  # the wires are nearer than the batter head
OUT_HIGH_CUT_HZ = 4000.0
OVERHEAD_SPACING_M: Range = (0.4, 0.75)
OVERHEAD_HEIGHT_M: Range = (1.6, 2.1)
ROOM_DISTANCE_M: Range = (2.5, 5.0)
ROOM_DECAY_S: Range = (0.25, 0.7)
ROOM_WIDTH_M: Range = (0.8, 1.5)


@dataclass(frozen=True)
class Microphone:
    """A microphone: the gain and delay with which it hears each drum.

    Attributes
    ----------
    arrivals : dict of str to (float, float)
        Gain and delay in seconds, by drum.
    own : tuple of str
        Drums that it is pointed at; all others are bleed.
    bleed_high_cut_hz : float
        Of the bleed; 0 for none.
    """

    arrivals: dict[str, tuple[float, float]]
    own: tuple[str, ...]
    bleed_high_cut_hz: float = 0.0

    def record(self, pieces: Mapping[str, Floats], samples: int) -> tuple[Floats, Floats]:
        """Return what the microphone hears of its own drums, and of the others."""
        direct: Floats = np.zeros(samples)
        bleed: Floats = np.zeros(samples)
        for drum, (gain, delay_s) in self.arrivals.items():
            if drum in pieces:
                delay = round(delay_s * SAMPLE_RATE)
                out = direct if drum in self.own else bleed
                out[delay:] += gain * pieces[drum][: samples - delay]
        if self.bleed_high_cut_hz:
            bleed = _filter(bleed, 1, self.bleed_high_cut_hz, "lowpass")
        return direct, bleed


def close_microphone(rng: np.random.Generator, name: str) -> Microphone:
    """Draw a close microphone; its own drum has the gain 1 whatever the distance."""
    target, distance_range = CLOSE[name]
    distance_m = uniform(rng, distance_range)
    rejection = float(db_to_amplitude(uniform(rng, REJECTION_DB, 1)))
    place = np.array(KIT_PLACES[target])
    own = tuple(drum for drum in KIT_PLACES if SAME_PLACE.get(drum, drum) == target)
    arrivals = {}
    for drum, other in KIT_PLACES.items():
        away_m = distance_m if drum in own else max(distance_m, float(np.linalg.norm(place - other)))
        gain = 1.0 if drum in own else rejection * distance_m / away_m
        arrivals[drum] = (gain, away_m / SPEED_OF_SOUND_M_S)
    return Microphone(arrivals, own, uniform(rng, BLEED_HIGH_CUT_HZ, 0))


def distant_microphones(rng: np.random.Generator, name: str) -> tuple[Microphone, Microphone]:
    """Draw the pair of overheads, or of room microphones, left and right."""
    if name == "overheads":
        x, y, z = uniform(rng, OVERHEAD_SPACING_M), 0.2, uniform(rng, OVERHEAD_HEIGHT_M)
    else:
        x, y, z = uniform(rng, ROOM_WIDTH_M), uniform(rng, ROOM_DISTANCE_M), 1.5
    left, right = (
        Microphone({drum: _arrival(place, (side * x, y, z)) for drum, place in KIT_PLACES.items()}, tuple(KIT_PLACES))
        for side in (-1.0, 1.0)
    )
    return left, right


def record_close(rng: np.random.Generator, name: str, pieces: Mapping[str, Floats], samples: int) -> Floats:
    """Record a close microphone, shape (1, samples)."""
    direct, bleed = close_microphone(rng, name).record(pieces, samples)
    if name == "snare bottom":
        direct = _filter(direct, 1, BOTTOM_LOW_CUT_HZ, "highpass")
    elif name == "kick out":
        direct = _filter(direct, 1, OUT_HIGH_CUT_HZ, "lowpass")
    return (direct + bleed)[np.newaxis]


def record_distant(rng: np.random.Generator, name: str, pieces: Mapping[str, Floats], samples: int) -> Floats:
    """Record overheads or room microphones, shape (2, samples)."""
    pair = np.stack([microphone.record(pieces, samples)[0] for microphone in distant_microphones(rng, name)])
    if name == "overheads":
        return pair
    decay_s, treble = uniform(rng, ROOM_DECAY_S), uniform(rng, (0.4, 0.8))
    response = impulse_response(rng, SAMPLE_RATE, decay_s=decay_s, treble=treble, size_ms=12.0, direct=False)
    room = convolve(np.ascontiguousarray(pair, dtype=np.float64), response.astype(np.float64))
    return 0.5 * pair + room


def balance_pieces(pieces: Mapping[str, Floats], kit: Kit) -> dict[str, Floats]:
    """Give the drums that stand in the room the balance of the kit."""
    return {drum: piece_gain(drum, kit) * piece for drum, piece in pieces.items() if drum in KIT_PLACES}


def _arrival(drum: tuple[float, ...], microphone: tuple[float, ...]) -> tuple[float, float]:
    distance_m = float(np.linalg.norm(np.subtract(drum, microphone)))
    return REFERENCE_M / distance_m, distance_m / SPEED_OF_SOUND_M_S


def _filter(audio: Floats, order: int, frequency_hz: float, kind: str) -> Floats:
    sos = signal.butter(order, frequency_hz, btype=kind, fs=SAMPLE_RATE, output="sos")
    return np.asarray(signal.sosfilt(sos, audio))
