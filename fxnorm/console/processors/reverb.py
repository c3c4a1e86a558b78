"""Reverb."""

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np

from fxnorm.audio import Audio
from fxnorm.console.filtering import Cascade, cascade_vjp
from fxnorm.console.parameter import parameter
from fxnorm.console.processor import Gradients, Processor, Pullback, Samples, Stream
from fxnorm.console.processors.gain import DB_TO_LOG
from fxnorm.console.seeding import seeded_generator
from fxnorm.dsp.biquads import Band
from fxnorm.dsp.convolution import Convolver, convolve, correlate
from fxnorm.dsp.rooms import impulse_response
from fxnorm.units import db_to_amplitude

SEED_LIMIT = 2**31


@dataclass(frozen=True)
class Reverb(Processor):
    """Filter the input, convolve it with a synthesized room, and add it to the dry signal.

    `level_db` refers to a response of unit energy: steady noise returns at this level relative to itself. `dry` is 1
    for an insert, which keeps its input, and 0 for a bus that tracks are sent to.

    The room (decay time, pre-delay, size, treble and seed) is synthesized by `fxnorm.dsp.rooms.impulse_response`; it
    has no gradient.
    """

    KIND: ClassVar[str] = "reverb"
    NEEDS_STEREO: ClassVar[bool] = True

    level_db: float = parameter("dB", -60.0, 0.0, -18.0)
    dry: float = parameter("", 0.0, 1.0, 1.0)
    low_cut_hz: float = parameter("Hz", 20.0, 2000.0, 200.0, "log")
    high_cut_hz: float = parameter("Hz", 500.0, 20_000.0, 8000.0, "log")
    decay_s: float = parameter("s", 0.1, 10.0, 1.5, "log", learned=False)
    pre_delay_ms: float = parameter("ms", 0.0, 250.0, 20.0, learned=False)
    size_ms: float = parameter("ms", 1.0, 200.0, 20.0, "log", learned=False)
    treble: float = parameter("", 0.1, 1.5, 0.5, "log", learned=False)
    seed: int = parameter("", 0, SEED_LIMIT - 1, 0, learned=False)

    def stream(self, sample_rate: int, channels: int) -> Stream:
        """Begin a recording."""
        return _ReverbStream(self, sample_rate, channels)

    def vjp(self, audio: Samples, sample_rate: int, *, key: Samples | None = None) -> tuple[Samples, Pullback]:
        """Process a recording, and return a function that carries a gradient back."""
        del key
        send, filter_pullback = cascade_vjp(audio, self.bands, sample_rate)
        response = self.response(sample_rate).astype(audio.dtype, copy=False)
        room = convolve(send, response)
        gain, dry = (audio.dtype.type(value) for value in (db_to_amplitude(self.level_db), self.dry))

        def pullback(gradient: Samples) -> Gradients:
            through, bands = filter_pullback(correlate(gradient * gain, response))
            values = [DB_TO_LOG * gain * np.vdot(gradient, room), np.vdot(gradient, audio), *bands[:, 0]]
            return Gradients(gradient * dry + through, np.array(values, dtype=np.float64))

        return audio * dry + room * gain, pullback

    @property
    def bands(self) -> tuple[Band, ...]:
        """Filters before the room."""
        return Band("high_pass", self.low_cut_hz), Band("low_pass", self.high_cut_hz)

    def response(self, sample_rate: int) -> Audio:
        """Return the impulse response of the room, shape (2, samples)."""
        return _response(sample_rate, self.decay_s, self.pre_delay_ms, self.size_ms, self.treble, self.seed)

    def describe(self) -> str:
        """Describe the room: "-18.0 dB, 1.5 s, pre-delay 20 ms, 200 Hz to 8 kHz"."""
        own = self.parameters()
        low, high = (own[name].format(getattr(self, name)) for name in ("low_cut_hz", "high_cut_hz"))
        text = f"{self.level_db:+.1f} dB, {self.decay_s:.3g} s, pre-delay {self.pre_delay_ms:.3g} ms, {low} to {high}"
        return text if self.dry == 1.0 else f"{text}, dry {100.0 * self.dry:.0f} %"


class _ReverbStream(Stream):
    def __init__(self, settings: Reverb, sample_rate: int, channels: int) -> None:
        super().__init__(channels)
        self._settings = settings
        self._sample_rate = sample_rate
        self._filter = Cascade(settings.bands, sample_rate, channels)
        self._convolver: Convolver | None = None
        self._waiting: list[Samples] = []  # dry samples whose reverberation is not complete yet

    def push(self, block: Samples, key: Samples | None = None) -> Samples:
        del key
        if self._convolver is None:
            self._convolver = Convolver(self._settings.response(self._sample_rate).astype(block.dtype, copy=False))
        self._waiting.append(block)
        return self._combine(self._convolver.push(self._filter.push(block)))

    def finish(self) -> Samples:
        if self._convolver is None:
            return super().finish()
        return self._combine(self._convolver.finish())

    def _combine(self, room: Samples) -> Samples:
        """Add the dry signal of the same span."""
        samples = room.shape[1]
        if not samples:
            return room
        dry = np.concatenate(self._waiting, axis=1) if len(self._waiting) > 1 else self._waiting[0]
        self._waiting = [dry[:, samples:].copy()]
        room *= room.dtype.type(db_to_amplitude(self._settings.level_db))
        if self._settings.dry:
            room += dry[:, :samples] * room.dtype.type(self._settings.dry)
        return room


@lru_cache(maxsize=16)
def _response(sample_rate: int, decay_s: float, pre_delay_ms: float, size_ms: float, treble: float, seed: int) -> Audio:
    response = impulse_response(
        seeded_generator(seed), sample_rate, decay_s=decay_s, pre_delay_ms=pre_delay_ms, size_ms=size_ms,
        treble=treble, direct=False,
    )  # fmt: skip
    response.flags.writeable = False
    return response
