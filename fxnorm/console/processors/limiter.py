"""Look-ahead true-peak limiter."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from fxnorm.console.parameter import parameter
from fxnorm.console.processor import Float64, Gradients, Processor, Pullback, Samples, Stream
from fxnorm.console.processors.gain import DB_TO_LOG
from fxnorm.dsp.true_peak import HISTORY, TAPS, largest_ratio, peaks_between
from fxnorm.kernels.limiter import smooth_held
from fxnorm.units import amplitude_to_db, db_to_amplitude

PASSES = 2  # the second removes what the movement of the gain adds between samples, up to 0.03 dB
HOP = 8192  # samples limited at a time, whatever the blocks, so that these make no difference
METER_SPAN = 64  # samples per value in the statistics of the reduction
METER_STEP_DB = 0.01
METER_DB = 60.0


@dataclass(frozen=True)
class Limiter(Processor):
    """Limit the true peak: what exceeds the ceiling is reduced before it arrives, and recovers exponentially after it.

    All channels are reduced by one gain. Audio under the ceiling is returned bit for bit, apart from `gain_db`.

    Notes
    -----
    The reduction r = 1 - c / p that the true peak p between two samples needs (ITU-R BS.1770-4, 4 times oversampled)
    is held over the look-ahead and the reach of the interpolator, smoothed by two moving averages which are together
    as long as the look-ahead, and falls with one pole: it is complete when the peak arrives and cannot overshoot. As
    the gain moves within the reach of the interpolator, the true peak of the result can still be a little over the
    ceiling; the same law is therefore applied once more to the result.
    """

    KIND: ClassVar[str] = "limiter"

    gain_db: float = parameter("dB", 0.0, 24.0, 0.0)
    ceiling_db: float = parameter("dB", -12.0, 0.0, -1.0)
    look_ahead_ms: float = parameter("ms", 1.0, 10.0, 5.0, "log")
    release_ms: float = parameter("ms", 10.0, 1000.0, 100.0, "log")

    def stream(self, sample_rate: int, channels: int) -> "LimiterStream":
        """Begin a recording."""
        return LimiterStream(self, sample_rate, channels)

    def vjp(self, audio: Samples, sample_rate: int, *, key: Samples | None = None) -> tuple[Samples, Pullback]:
        """Process a recording, and return a function that carries a gradient back.

        The reduction is taken as constant: the gradients of ceiling, look-ahead and release are 0, and that of the
        gain is the one of a plain gain before the reduction.
        """
        del key
        gain = self.gain_curve(audio, sample_rate)
        out = audio * gain

        def pullback(gradient: Samples) -> Gradients:
            values = np.zeros(4)
            values[0] = DB_TO_LOG * np.vdot(gradient, out)
            return Gradients(gradient * gain, values)

        return out, pullback

    def gain_curve(self, audio: Samples, sample_rate: int) -> Samples:
        """Return the factor of every sample, `gain_db` included, shape (samples,); `process` multiplies by it."""
        stream = self.stream(sample_rate, len(audio))
        return np.concatenate([stream.push_curve(audio)[1], stream.finish_curve()[1]])

    def describe(self) -> str:
        """Describe the settings: "+4.0 dB into -1.0 dBTP, look-ahead 5 ms, release 100 ms"."""
        gain = f"{self.gain_db:+.1f} dB into " if self.gain_db else ""
        return (
            f"{gain}{self.ceiling_db:.1f} dBTP, look-ahead {self.look_ahead_ms:.3g} ms, "
            f"release {self.release_ms:.3g} ms"
        )


class LimiterStream(Stream):
    """A recording on its way through a limiter, with statistics of the reduction.

    Parameters
    ----------
    settings : Limiter
    sample_rate, channels : int
    passes : int
        Applications of the law; a single one is half the work and at most 0.03 dB over the ceiling.

    Attributes
    ----------
    max_reduction_db : float
        Largest reduction of the samples returned so far, 0 or more.
    """

    def __init__(self, settings: Limiter, sample_rate: int, channels: int, *, passes: int = PASSES) -> None:
        super().__init__(channels)
        self._gain = db_to_amplitude(settings.gain_db)
        self._passes = [_Pass(settings, sample_rate, channels) for _ in range(passes)]
        self._ahead = sum(one.delay for one in self._passes)  # samples of silence that come out first
        self._pending = np.zeros((channels, HOP), dtype=np.float32)
        self._filled = 0
        self._due = 0  # samples received and not yet returned
        self._counts = np.zeros(round(METER_DB / METER_STEP_DB) + 1, dtype=np.int64)
        self.max_reduction_db = 0.0

    def push(self, block: Samples, key: Samples | None = None) -> Samples:
        """Process the next samples and return those that are ready."""
        del key
        audio, gain = self.push_curve(block)
        return audio * gain

    def finish(self) -> Samples:
        """Return the samples that are still missing."""
        audio, gain = self.finish_curve()
        return audio * gain

    def push_curve(self, block: Samples) -> tuple[Samples, Samples]:
        """Process the next samples; return those that are ready, and the factor of each, shape (samples,)."""
        if self._pending.dtype != block.dtype:
            self._pending = self._pending.astype(block.dtype)
        self._due += block.shape[1]
        ready = []
        start = 0
        while start < block.shape[1]:
            stop = min(start + HOP - self._filled, block.shape[1])
            self._pending[:, self._filled : self._filled + stop - start] = block[:, start:stop]
            self._filled += stop - start
            start = stop
            if self._filled == HOP:
                ready.append(self._limit())
        return self._join(ready)

    def finish_curve(self) -> tuple[Samples, Samples]:
        """Return the samples that are still missing, and the factor of each."""
        ready = []
        missing = self._due
        while missing > 0:
            self._pending[:, self._filled :] = 0.0
            ready.append(self._limit())
            missing -= ready[-1][1].size
        audio, gain = self._join(ready)
        return audio, gain

    def reduction_db(self, percentile: float) -> float:
        """Return the reduction that is exceeded for all but `percentile` percent of the time."""
        total = self._counts.sum()
        if not total:
            return 0.0
        index = int(np.searchsorted(np.cumsum(self._counts), percentile / 100.0 * total))
        return min(index * METER_STEP_DB, self.max_reduction_db)

    def _limit(self) -> tuple[Samples, Samples]:
        """Take the pending hop through all passes; return what is ready of the result."""
        audio: Samples = self._pending
        gain = np.full(HOP, self._gain)
        for one in self._passes:
            audio, gain = one.push(audio, gain)
        self._filled = 0
        skipped = min(self._ahead, HOP)
        self._ahead -= skipped
        span = slice(skipped, min(HOP, skipped + self._due))
        self._due -= span.stop - span.start
        self._measure(gain[span])
        return audio[:, span].copy(), gain[span].astype(audio.dtype)

    def _join(self, ready: list[tuple[Samples, Samples]]) -> tuple[Samples, Samples]:
        if len(ready) == 1:
            return ready[0]
        empty = self._pending[:, :0], self._pending[0, :0]
        audio, gain = zip(empty, *ready, strict=True)
        return np.concatenate(audio, axis=1), np.concatenate(gain)

    def _measure(self, gain: Float64) -> None:
        """Count the largest reductions of short spans."""
        if not gain.size:
            return
        lowest = np.minimum.reduceat(gain, np.arange(0, gain.size, METER_SPAN)) / self._gain
        reduction_db = -amplitude_to_db(lowest)
        self.max_reduction_db = max(self.max_reduction_db, float(reduction_db.max()))
        bins = np.minimum(np.ceil(reduction_db / METER_STEP_DB), self._counts.size - 1).astype(np.int64)
        self._counts += np.bincount(bins, minlength=self._counts.size)


class _Pass:
    """One application of the law to audio times a gain; returns both late, the gain reduced."""

    def __init__(self, settings: Limiter, sample_rate: int, channels: int) -> None:
        look_ahead = max(2, round(1e-3 * settings.look_ahead_ms * sample_rate))
        self._ceiling = np.float32(db_to_amplitude(settings.ceiling_db))
        self._release = float(np.exp(-1000.0 / (sample_rate * settings.release_ms)))
        self._first = look_ahead // 2 + 1
        self._second = look_ahead + 2 - self._first
        self._hold = look_ahead + 1 + TAPS  # the look-ahead, and half the reach of the interpolator on either side
        self.delay = look_ahead + HISTORY
        self._audio: npt.NDArray[Any] = np.zeros((channels, self.delay + HOP), dtype=np.float32)
        self._gain = np.ones(self.delay + HOP)
        self._signal = np.zeros((channels, HISTORY + HOP), dtype=np.float32)
        self._needed = np.zeros(self._hold - 1 + self._first + self._second - 2 + HOP, dtype=np.float32)
        self._reduction = np.zeros(HOP)
        self._state = 0.0

    def push(self, audio: Samples, gain: Float64) -> tuple[Samples, Float64]:
        """Take the next HOP samples and their gain; return those of `delay` samples before."""
        if self._audio.dtype != audio.dtype:
            self._audio = self._audio.astype(audio.dtype)
        _shift_in(self._audio, audio)
        _shift_in(self._gain, gain)
        _shift_in(self._signal, audio * gain.astype(audio.dtype))
        delayed = self._gain[:HOP]
        if self._reduce():
            delayed = delayed * (1.0 - self._reduction)
        return self._audio[:, :HOP], delayed

    def _reduce(self) -> bool:
        """Compute the reduction of the hop; False if there is none."""
        needed = np.zeros(HOP, dtype=np.float32)
        if max(self._signal.max(), -self._signal.min()) * largest_ratio() > self._ceiling:
            peaks = peaks_between(self._signal)
            # 1 - q is a multiple of 2**-24 in single precision, as the moving sums need it
            np.subtract(1.0, self._ceiling / np.maximum(peaks, self._ceiling), out=needed)
        _shift_in(self._needed, needed)
        if self._state == 0.0 and not self._needed.any():
            return False
        held = _trailing_maximum(self._needed, self._hold)
        self._state = smooth_held(held, self._first, self._second, self._release, self._state, self._reduction)
        return True


def _shift_in(buffer: npt.NDArray[Any], new: npt.NDArray[Any]) -> None:
    """Move a buffer on by the new samples at its end."""
    count = new.shape[-1]
    buffer[..., :-count] = buffer[..., count:].copy()
    buffer[..., -count:] = new


def _trailing_maximum(signal: npt.NDArray[np.float32], window: int) -> npt.NDArray[np.float32]:
    """Return the largest of every `window` successive samples, `window - 1` fewer than those given."""
    length = 1
    while 2 * length <= window:
        signal = np.maximum(signal[length:], signal[:-length])
        length *= 2
    rest = window - length
    return np.maximum(signal[rest:], signal[:-rest]) if rest else signal
