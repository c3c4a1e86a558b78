"""Decorrelation: width for a mono source."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fxnorm.console.filtering import Cascade, cascade_vjp
from fxnorm.console.parameter import parameter
from fxnorm.console.processor import Gradients, Processor, Pullback, Samples, Stream
from fxnorm.console.processors.reverb import SEED_LIMIT
from fxnorm.console.seeding import seeded_generator
from fxnorm.dsp.biquads import Band
from fxnorm.kernels.silence import is_zero

TAPS = 12


@dataclass(frozen=True)
class Decorrelation(Processor):
    """Widen a mono source: add the mid signal, scattered over a window, as a side signal.

    The mid signal is high-passed at `low_cut_hz` and repeated with random signs at random delays up to `window_ms`;
    `amount` is its level beside the mid signal. The mono sum is unchanged.
    """

    KIND: ClassVar[str] = "decorrelation"
    NEEDS_STEREO: ClassVar[bool] = True

    amount: float = parameter("", 0.0, 1.0, 0.0)
    low_cut_hz: float = parameter("Hz", 20.0, 2000.0, 300.0, "log")
    window_ms: float = parameter("ms", 1.0, 100.0, 20.0, "log", learned=False)
    seed: int = parameter("", 0, SEED_LIMIT - 1, 0, learned=False)

    @property
    def is_neutral(self) -> bool:
        """Whether nothing is added."""
        return self.amount == 0.0

    def stream(self, sample_rate: int, channels: int) -> Stream:
        """Begin a recording."""
        return _DecorrelationStream(self, sample_rate, channels)

    def vjp(self, audio: Samples, sample_rate: int, *, key: Samples | None = None) -> tuple[Samples, Pullback]:
        """Process a recording, and return a function that carries a gradient back."""
        del key
        mid, filter_pullback = cascade_vjp(_mid(audio), self.bands, sample_rate)
        taps = self.taps(sample_rate)
        scattered = _scatter(mid, taps, np.zeros((1, 0), dtype=audio.dtype))
        amount = audio.dtype.type(self.amount)

        def pullback(gradient: Samples) -> Gradients:
            to_side = gradient[:1] - gradient[1:]
            backwards = np.ascontiguousarray(to_side[:, ::-1]) * amount
            to_mid = _scatter(backwards, taps, np.zeros((1, 0), dtype=audio.dtype))
            through, bands = filter_pullback(to_mid[:, ::-1])
            through *= through.dtype.type(0.5)  # each channel is half of the mid signal
            return Gradients(gradient + through, np.array([np.vdot(to_side, scattered), bands[0, 0]], np.float64))

        side = scattered * amount
        return audio + np.concatenate((side, -side)), pullback

    @property
    def bands(self) -> tuple[Band, ...]:
        """High-pass of the scattered signal."""
        return (Band("high_pass", self.low_cut_hz),)

    def taps(self, sample_rate: int) -> list[tuple[int, float]]:
        """Return the delays in samples and their weights, the shortest delay first."""
        rng = seeded_generator(self.seed)
        length = max(2, round(self.window_ms * sample_rate / 1000.0))
        delays = rng.integers(1, length, size=TAPS)
        weights = rng.choice((-1.0, 1.0), size=TAPS) / np.sqrt(TAPS)
        return sorted((int(delay), float(weight)) for delay, weight in zip(delays, weights, strict=True))

    def describe(self) -> str:
        """Describe the added side signal: "40 % over 20 ms above 300 Hz"."""
        above = self.parameters()["low_cut_hz"].format(self.low_cut_hz)
        return f"{100.0 * self.amount:.0f} % over {self.window_ms:.3g} ms above {above}"


class _DecorrelationStream(Stream):
    def __init__(self, settings: Decorrelation, sample_rate: int, channels: int) -> None:
        super().__init__(channels)
        self._amount = settings.amount
        self._filter = Cascade(settings.bands, sample_rate, 1)
        self._taps = settings.taps(sample_rate)
        self._history: Samples | None = None  # of the filtered mid signal, as long as the longest delay

    def push(self, block: Samples, key: Samples | None = None) -> Samples:
        del key
        if not self._amount:
            return block
        mid = self._filter.push(_mid(block))
        longest = self._taps[-1][0]
        history = np.zeros((1, longest), dtype=block.dtype) if self._history is None else self._history
        self._history = np.concatenate((history, mid), axis=1)[:, -longest:]
        if is_zero(mid) and is_zero(history):
            return block
        side = _scatter(mid, self._taps, history)
        side *= side.dtype.type(self._amount)
        return block + np.concatenate((side, -side))


def _mid(audio: Samples) -> Samples:
    """Return the mid signal, (L + R) / 2, shape (1, samples)."""
    return (audio[:1] + audio[1:]) * audio.dtype.type(0.5)


def _scatter(mid: Samples, taps: list[tuple[int, float]], history: Samples) -> Samples:
    """Add up delayed copies of a signal (1, samples); `history` is what came before it, or nothing."""
    out = np.zeros_like(mid)
    samples, before = mid.shape[1], history.shape[1]
    joined = np.concatenate((history, mid), axis=1)
    for delay, weight in taps:
        first = max(0, delay - before)  # sample of the output that the copy begins at
        start = before + first - delay
        if first < samples:
            out[:, first:] += joined[:, start : start + samples - first] * mid.dtype.type(weight)
    return out
