"""The processors of a mixing desk.

An insert is anything with `process(x)` on an array (samples, channels) that returns the same shape: the protocol of
the package pymixconsole, whose processors therefore fit. Ours are small frozen settings that work at `RATE`, in
stereo, and can be written to JSON and made again from it.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
from scipy import signal

from fxnorm.audio import RATE
from fxnorm.dsp.biquads import Band, biquad
from fxnorm.dsp.rooms import impulse_response
from fxnorm.errors import InputError
from fxnorm.kernels import synth as kernels
from fxnorm.units import db_to_amplitude

Float64 = npt.NDArray[np.float64]


@runtime_checkable
class Insert(Protocol):
    """A processor that can stand in a channel's chain."""

    def process(self, x: Float64) -> Float64:
        """Process audio of shape (samples, channels) and return the same shape."""


@dataclass(frozen=True)
class Processor:
    """What our own inserts share: settings in plain values."""

    def settings(self) -> dict[str, Any]:
        """The insert's name and its parameters, ready for JSON."""
        return {"insert": type(self).__name__, **asdict(self)}


@dataclass(frozen=True)
class Gain(Processor):
    """Louder or quieter."""

    gain_db: float

    def process(self, x: Float64) -> Float64:
        """Multiply."""
        return x * db_to_amplitude(self.gain_db)


@dataclass(frozen=True)
class ParametricEq(Processor):
    """Biquads after R. Bristow-Johnson's cookbook, one after another."""

    bands: tuple[Band, ...]

    def settings(self) -> dict[str, Any]:
        """The bands as a list, which is what JSON knows."""
        return {"insert": type(self).__name__, "bands": [asdict(band) for band in self.bands]}

    def process(self, x: Float64) -> Float64:
        """Filter every channel."""
        if not self.bands:
            return x
        return np.asarray(signal.sosfilt([biquad(band) for band in self.bands], x, axis=0))


@dataclass(frozen=True)
class Compressor(Processor):
    """Feed-forward compression of both channels alike, with a soft knee and a share of the dry signal."""

    threshold_db: float
    ratio: float
    attack_ms: float
    release_ms: float
    knee_db: float = 6.0
    makeup_db: float = 0.0
    mix: float = 1.0

    def process(self, x: Float64) -> Float64:
        """Compress by the louder channel's level."""
        level_db = 20.0 * np.log10(np.maximum(np.abs(x).max(axis=1), 1e-6))
        over_db = level_db - self.threshold_db
        half = 0.5 * self.knee_db
        # Over the knee r = (1 - 1/R)(x - T), under it 0, within it (1 - 1/R)(x - T + W/2)² / 2W.
        bent = np.clip(over_db + half, 0.0, self.knee_db)
        reduction_db = (1.0 - 1.0 / self.ratio) * (
            bent**2 / max(2.0 * self.knee_db, 1e-9) + np.maximum(over_db - half, 0.0)
        )
        smooth_db = np.empty_like(reduction_db)
        attack, release = (float(np.exp(-1000.0 / (RATE * ms))) for ms in (self.attack_ms, self.release_ms))
        kernels.smooth_reduction(reduction_db, attack, release, smooth_db)
        wet = 10.0 ** ((self.makeup_db - smooth_db) / 20.0)
        return x * (1.0 - self.mix + self.mix * wet)[:, np.newaxis]


@dataclass(frozen=True)
class Saturation(Processor):
    """A soft clipper: quiet signals pass unchanged, loud ones are rounded off."""

    drive_db: float
    mix: float = 1.0

    COUPLING_HZ: ClassVar[float] = 6.0

    def process(self, x: Float64) -> Float64:
        """Blend in tanh(drive * x) / drive, coupled so that an uneven waveform leaves no DC behind."""
        drive = db_to_amplitude(self.drive_db)
        rounded = signal.sosfilt([biquad(Band("high_pass", self.COUPLING_HZ))], np.tanh(drive * x) / drive, axis=0)
        return (1.0 - self.mix) * x + self.mix * rounded


@dataclass(frozen=True)
class Pan(Processor):
    """Constant-power balance: -1 left, 0 centre (unchanged), 1 right."""

    position: float

    def process(self, x: Float64) -> Float64:
        """Weigh left and right."""
        angle = 0.25 * np.pi * (1.0 + self.position)
        return x * (np.sqrt(2.0) * np.array((np.cos(angle), np.sin(angle))))


@dataclass(frozen=True)
class Width(Processor):
    """Mid and side: 0 mono, 1 unchanged, more is wider."""

    width: float

    def process(self, x: Float64) -> Float64:
        """Scale the difference of the channels."""
        mid = x.mean(axis=1, keepdims=True)
        return mid + self.width * (x - mid)


@dataclass(frozen=True)
class Decorrelation(Processor):
    """Width from a mono source: a scattered copy of the middle, added left and taken off right; mono is unchanged."""

    amount: float
    spread_ms: float
    low_cut_hz: float
    seed: int

    TAPS: ClassVar[int] = 12

    def process(self, x: Float64) -> Float64:
        """Add a side signal made of the middle."""
        rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([self.seed])))
        response = np.zeros(max(2, round(self.spread_ms * RATE / 1000.0)))
        places = rng.integers(1, response.size, size=self.TAPS)
        np.add.at(response, places, rng.choice((-1.0, 1.0), size=self.TAPS) / np.sqrt(self.TAPS))
        mid = signal.sosfilt([biquad(Band("high_pass", self.low_cut_hz))], x.mean(axis=1))
        side = self.amount * signal.oaconvolve(mid, response)[: len(x)]
        return x + np.stack((side, -side), axis=1)


@dataclass(frozen=True)
class Reverb(Processor):
    """A filtered send, convolved with a synthesised response and added at a level.

    The level is that of a response with unit energy: a steady noise comes back that much below itself.
    """

    decay_s: float
    pre_delay_ms: float
    level_db: float
    low_cut_hz: float
    high_cut_hz: float
    size_ms: float
    treble: float
    seed: int

    def process(self, x: Float64) -> Float64:
        """Add the room."""
        rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([self.seed])))
        response = impulse_response(
            rng, RATE, decay_s=self.decay_s, pre_delay_ms=self.pre_delay_ms, treble=self.treble, size_ms=self.size_ms,
            direct=False,
        )  # fmt: skip
        cuts = [biquad(Band("high_pass", self.low_cut_hz)), biquad(Band("low_pass", self.high_cut_hz))]
        send = signal.sosfilt(cuts, x, axis=0).T.astype(np.float32)
        room = signal.oaconvolve(send, response[:, : len(x)], axes=1)[:, : len(x)]
        return x + db_to_amplitude(self.level_db) * room.T


PROCESSORS: dict[str, Callable[..., Insert]] = {
    kind.__name__: kind for kind in (Gain, ParametricEq, Compressor, Saturation, Pan, Width, Decorrelation, Reverb)
}


def restore(settings: dict[str, Any]) -> Insert:
    """Make an insert again from its settings.

    Raises
    ------
    InputError
        If the settings are not those of one of our inserts.
    """
    parameters = dict(settings)
    name = parameters.pop("insert", None)
    if name not in PROCESSORS:
        raise InputError(f"expected one of {', '.join(PROCESSORS)}, got insert {name!r}; make it by hand")
    if "bands" in parameters:
        parameters["bands"] = tuple(Band(**band) for band in parameters["bands"])
    return PROCESSORS[name](**parameters)


def describe(insert: Insert) -> dict[str, Any]:
    """What is known of any insert, ready for JSON.

    Ours tell their settings. A stranger is named by its class, with the values of its parameters where it lists them
    as pymixconsole does.
    """
    settings = getattr(insert, "settings", None)
    if callable(settings):
        return dict(settings())
    kind = type(insert)
    serialize = getattr(getattr(insert, "parameters", None), "serialize", None)
    values = serialize() if callable(serialize) else {}
    plain = {name: value.item() if isinstance(value, np.generic) else value for name, value in values.items()}
    return {"insert": f"{kind.__module__}.{kind.__qualname__}", **plain}
