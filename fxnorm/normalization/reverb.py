"""Reverb and room: processors drawn at random that precede the matched effects."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from pydantic import field_serializer

from fxnorm.audio import Audio
from fxnorm.dsp.biquads import Band, biquad
from fxnorm.errors import InputError
from fxnorm.kernels.silence import TINY
from fxnorm.normalization.effect import AppliedEffect, EffectSettings
from fxnorm.normalization.processor import Facts, Processor

STEMS_WITH_REVERB = ("vocals", "other")
DECAY_S = (2.0, 4.0)  # range of the decay times of synthesised responses
ROOM_DECAY_S = (0.3, 1.5)  # likewise, for rooms
ROOM_SHARE = 0.5
_BLOCK = 1024  # samples, too few for the state of a shelf to fall from TINY to a subnormal number


class ReverbSettings(EffectSettings):
    """Level of the reverb and ranges of its shelves.

    Attributes
    ----------
    strength : float
        Level of the send, 0 to 1.
    low_shelf_hz, high_shelf_hz : tuple of float
        Ranges of the two shelf frequencies.
    shelf_db : float
        Gain of both shelves.
    q : float
        Quality of both shelves.
    """

    strength: float = 1.0
    low_shelf_hz: tuple[float, float] = (500.0, 700.0)
    high_shelf_hz: tuple[float, float] = (7_000.0, 10_000.0)
    shelf_db: float = -30.0
    q: float = 0.707


@dataclass(frozen=True)
class ImpulseResponse:
    """An impulse response at 44,100 Hz.

    Attributes
    ----------
    identity : str
        Origin of the response; equal identities stand for equal samples.
    audio : ndarray, shape (1 or 2, samples), float32
    """

    identity: str
    audio: Audio = field(compare=False, repr=False)

    @classmethod
    def from_audio(cls, audio: Audio) -> Self:
        """Create a response that is identified by a hash of its samples."""
        return cls(hashlib.sha256(np.ascontiguousarray(audio).tobytes()).hexdigest()[:16], audio)


class _Convolver(Processor):
    """Base of the processors that hold an impulse response; JSON holds its identity."""

    response: ImpulseResponse

    @field_serializer("response")
    def _identity(self, response: ImpulseResponse) -> str:
        return response.identity

    @classmethod
    def from_dict(cls, content: Mapping[str, Any], responses: Mapping[str, Any]) -> Self:
        """Create a processor; raise `InputError` if its impulse response is missing."""
        identity = str(content.get("response"))
        if identity not in responses:
            raise InputError(
                f"expected the impulse response {identity!r}, got none of this identity; restore its folder, or name "
                "it with --impulse-responses"
            )
        return super().from_dict({**content, "response": responses[identity]}, responses)


class ReverbSend(_Convolver):
    """A stem plus its reverb: a low and a high shelf, then the impulse response without its delay.

    Attributes
    ----------
    response : ImpulseResponse
    low_shelf_hz, high_shelf_hz : float
        Shelf frequencies.
    shelf_db, q : float
        Gain and quality of both shelves.
    gain : float
        Amplitude of the send.
    """

    kind: ClassVar[str] = "reverb_send"
    title: ClassVar[str] = "Reverb"
    low_shelf_hz: float
    high_shelf_hz: float
    shelf_db: float = -30.0
    q: float = 0.707
    gain: float = 1.0

    def process(self, audio: Audio, sample_rate: int, *, overwrite: bool = False) -> Audio:
        """Add the reverb."""
        return audio + np.float32(self.gain) * self.send(audio, sample_rate)

    def send(self, audio: Audio, sample_rate: int) -> Audio:
        """Return the reverb alone, as long as the input."""
        shelves = (
            Band("low_shelf", self.low_shelf_hz, self.shelf_db, self.q),
            Band("high_shelf", self.high_shelf_hz, self.shelf_db, self.q),
        )
        sections = [biquad(shelf, sample_rate) for shelf in shelves]
        return convolve(_filter(audio, np.stack(sections)), self.response.audio)

    def facts(self) -> Facts:
        """Return response, shelves and level."""
        return [
            ("Response", self.response.identity),
            ("Low shelf", f"{self.low_shelf_hz:.0f} Hz"),
            ("High shelf", f"{self.high_shelf_hz:.0f} Hz"),
        ]


class Room(_Convolver):
    """A stem in a small room.

    Attributes
    ----------
    response : ImpulseResponse
    share : float
        Share of the room, 0 to 1; the stem gets the rest.
    """

    kind: ClassVar[str] = "room"
    title: ClassVar[str] = "Room"
    share: float = ROOM_SHARE

    def process(self, audio: Audio, sample_rate: int, *, overwrite: bool = False) -> Audio:
        """Mix the stem and its room."""
        return np.float32(1.0 - self.share) * audio + np.float32(self.share) * convolve(audio, self.response.audio)

    def facts(self) -> Facts:
        """Return response and share."""
        return [("Response", self.response.identity), ("Share", f"{100.0 * self.share:.0f} %")]


PROCESSORS: dict[str, type[Processor]] = {"room": Room, "reverb": ReverbSend}


def draw_reverb(
    responses: Sequence[ImpulseResponse],
    *,
    stem: str,
    rng: np.random.Generator,
    settings: ReverbSettings | None = None,
) -> AppliedEffect:
    """Draw a response and shelf frequencies.

    Parameters
    ----------
    responses : sequence of ImpulseResponse
    stem : str
        Only vocals and other get a reverb.
    rng : numpy.random.Generator
        Source of the three draws.
    settings : ReverbSettings, optional
    """
    if stem not in STEMS_WITH_REVERB:
        return AppliedEffect("reverb", skipped=f"only {' and '.join(STEMS_WITH_REVERB)} get a reverb")
    settings = settings or ReverbSettings()
    index = int(rng.integers(len(responses)))
    processor = ReverbSend(
        response=responses[index],
        low_shelf_hz=float(rng.uniform(*settings.low_shelf_hz)),
        high_shelf_hz=float(rng.uniform(*settings.high_shelf_hz)),
        shelf_db=settings.shelf_db,
        q=settings.q,
        gain=settings.strength,
    )
    return AppliedEffect("reverb", processor)


def draw_room(responses: Sequence[ImpulseResponse], *, stem: str, rng: np.random.Generator) -> AppliedEffect:
    """Draw a small room for dry material.

    Parameters
    ----------
    responses : sequence of ImpulseResponse
    stem : str
        Only vocals and other get a room.
    rng : numpy.random.Generator
        Source of the draw.
    """
    if stem not in STEMS_WITH_REVERB:
        return AppliedEffect("room", skipped=f"only {' and '.join(STEMS_WITH_REVERB)} get a room")
    return AppliedEffect("room", Room(response=responses[int(rng.integers(len(responses)))]))


def _filter(audio: Audio, sections: npt.NDArray[np.float64]) -> Audio:
    """Filter by second-order sections in blocks, and set negligible states to zero in between."""
    from scipy.signal import sosfilt

    out = np.empty_like(audio)
    state = np.zeros((len(sections), len(audio), 2))
    for start in range(0, audio.shape[1], _BLOCK):
        block = slice(start, start + _BLOCK)
        out[:, block], state = sosfilt(sections, audio[:, block], axis=1, zi=state)
        state[np.abs(state) < TINY] = 0.0
    return out


def convolve(audio: Audio, response: Audio) -> Audio:
    """Convolve with an impulse response without the delay to its peak; as long as the input."""
    from scipy.signal import oaconvolve

    delay = int(np.argmax(np.abs(response).max(axis=0)))
    return oaconvolve(audio, response, axes=1)[:, delay : delay + audio.shape[1]]
