"""Reverb: an addition drawn at random; it has no feature and is off unless asked for."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fxnorm.audio import Audio
from fxnorm.dsp.biquads import Band, biquad
from fxnorm.kernels.silence import TINY
from fxnorm.normalization.applied_effect import EffectSettings, Step

STEMS_WITH_REVERB = ("vocals", "other")
DECAY_S = (2.0, 4.0)  # of responses that are made for want of recorded ones
ROOM_DECAY_S = (0.3, 1.5)  # likewise, for what precedes the chain on really dry material
ROOM_SHARE = 0.5
_BLOCK = 1024  # samples, too few for the state of a shelf to fall from TINY to a subnormal number


class Settings(EffectSettings):
    """Where the send's shelves may lie.

    Attributes
    ----------
    low_shelf_hz, high_shelf_hz : tuple of float
        Ranges of the two shelf frequencies.
    shelf_db : float
        Gain of both shelves.
    q : float
        Of both shelves.
    """

    low_shelf_hz: tuple[float, float] = (500.0, 700.0)
    high_shelf_hz: tuple[float, float] = (7_000.0, 10_000.0)
    shelf_db: float = -30.0
    q: float = 0.707


PRESETS = {"published": Settings(), "default": Settings()}


def match(
    audio: Audio,
    rate: int,
    responses: Sequence[Audio],
    *,
    stem: str,
    rng: np.random.Generator,
    settings: Settings = PRESETS["default"],
    strength: float = 1.0,
) -> tuple[Audio, Step]:
    """Add a reverb with a response and shelf frequencies drawn at random.

    Parameters
    ----------
    audio : ndarray, shape (channels, samples), float32
    rate : int
        Sampling rate in Hz, of the responses too.
    responses : sequence of ndarray, shape (1 or 2, samples)
        Impulse responses to choose from.
    stem : str
        Only vocals and other get a reverb.
    rng : numpy.random.Generator
        Source of the three draws.
    settings : Settings
    strength : float
        Level of the send, 0 to 1.

    Returns
    -------
    audio : ndarray, shape (channels, samples), float32
    step : Step
    """
    if stem not in STEMS_WITH_REVERB:
        return audio, Step("reverb", skipped=f"only {' and '.join(STEMS_WITH_REVERB)} get a reverb")
    index = int(rng.integers(len(responses)))
    low_hz = float(rng.uniform(*settings.low_shelf_hz))
    high_hz = float(rng.uniform(*settings.high_shelf_hz))
    wet = send(audio, rate, responses[index], low_shelf_hz=low_hz, high_shelf_hz=high_hz, settings=settings)
    parameters = {"response": index, "low_shelf_hz": round(low_hz, 2), "high_shelf_hz": round(high_hz, 2)}
    return audio + np.float32(strength) * wet, Step("reverb", parameters=parameters)


def add_room(audio: Audio, responses: Sequence[Audio], *, stem: str, rng: np.random.Generator) -> tuple[Audio, Step]:
    """Put really dry material into a small room before the chain: half the stem, half the room.

    Parameters
    ----------
    audio : ndarray, shape (channels, samples), float32
    responses : sequence of ndarray, shape (1 or 2, samples)
        Short impulse responses at the rate of the audio, to choose from.
    stem : str
        Only vocals and other get a room.
    rng : numpy.random.Generator
        Source of the draw.

    Returns
    -------
    audio : ndarray, shape (channels, samples), float32
    step : Step
    """
    if stem not in STEMS_WITH_REVERB:
        return audio, Step("room", skipped=f"only {' and '.join(STEMS_WITH_REVERB)} get a room")
    index = int(rng.integers(len(responses)))
    mixed = np.float32(1.0 - ROOM_SHARE) * audio + np.float32(ROOM_SHARE) * convolve(audio, responses[index])
    return mixed, Step("room", parameters={"response": index, "share": ROOM_SHARE})


def send(
    audio: Audio,
    rate: int,
    response: Audio,
    *,
    low_shelf_hz: float,
    high_shelf_hz: float,
    settings: Settings = PRESETS["default"],
) -> Audio:
    """What the reverb alone gives: both shelves, then the response, its delay removed, as long as the input.

    Parameters
    ----------
    audio : ndarray, shape (channels, samples), float32
    rate : int
        Sampling rate in Hz.
    response : ndarray, shape (1 or 2, samples), float32
    low_shelf_hz, high_shelf_hz : float
        Shelf frequencies.
    settings : Settings

    Returns
    -------
    ndarray, shape (channels, samples), float32
    """
    shelves = (
        Band("low_shelf", low_shelf_hz, settings.shelf_db, settings.q),
        Band("high_shelf", high_shelf_hz, settings.shelf_db, settings.q),
    )
    sections = [biquad(shelf, rate) for shelf in shelves]
    return convolve(_filter(audio, np.stack(sections)), response)


def _filter(audio: Audio, sections: npt.NDArray[np.float64]) -> Audio:
    """Filter by second-order sections, block by block, with what has died away of the state set to zero in between."""
    from scipy.signal import sosfilt

    out = np.empty_like(audio)
    state = np.zeros((len(sections), len(audio), 2))
    for start in range(0, audio.shape[1], _BLOCK):
        block = slice(start, start + _BLOCK)
        out[:, block], state = sosfilt(sections, audio[:, block], axis=1, zi=state)
        state[np.abs(state) < TINY] = 0.0
    return out


def convolve(audio: Audio, response: Audio) -> Audio:
    """Convolve with an impulse response, less the delay to its peak; as long as the input."""
    from scipy.signal import oaconvolve

    delay = int(np.argmax(np.abs(response).max(axis=0)))
    return oaconvolve(audio, response, axes=1)[:, delay : delay + audio.shape[1]]
