"""Built-in processors of a channel strip: frozen settings that process audio and can be saved as JSON."""

from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

import numpy as np
from scipy import signal

from fxnorm.dsp.biquads import Band, biquad
from fxnorm.dsp.rooms import impulse_response
from fxnorm.errors import InputError
from fxnorm.kernels import synth as kernels
from fxnorm.synth.processor import Float64, Processor, StripProcessor, build
from fxnorm.synth.seeding import seeded_generator
from fxnorm.units import amplitude_to_db, db_to_amplitude


@dataclass(frozen=True)
class Gain(StripProcessor):
    """Change the level."""

    gain_db: float

    def process(self, audio: Float64, sample_rate: int) -> Float64:
        """Multiply by the gain."""
        return audio * db_to_amplitude(self.gain_db)


@dataclass(frozen=True)
class ParametricEq(StripProcessor):
    """Filter with a cascade of biquads after R. Bristow-Johnson's cookbook."""

    bands: tuple[Band, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return name and bands, ready for JSON."""
        return {"insert": type(self).__name__, "bands": [asdict(band) for band in self.bands]}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Build the equaliser from the values of `to_dict`."""
        bands = {"bands": tuple(build(Band, band) for band in values["bands"])} if "bands" in values else {}
        return super().from_dict({**values, **bands})

    def process(self, audio: Float64, sample_rate: int) -> Float64:
        """Filter each channel."""
        if not self.bands:
            return audio
        return np.asarray(signal.sosfilt([biquad(band, sample_rate) for band in self.bands], audio))


@dataclass(frozen=True)
class Compressor(StripProcessor):
    """Compress both channels alike: feed-forward, soft knee, makeup gain and a wet share (1: no dry signal)."""

    threshold_db: float
    ratio: float
    attack_ms: float
    release_ms: float
    knee_db: float = 6.0
    makeup_db: float = 0.0
    wet: float = 1.0

    def process(self, audio: Float64, sample_rate: int) -> Float64:
        """Reduce the gain by the level of the louder channel."""
        level_db = amplitude_to_db(np.abs(audio).max(axis=0), floor_db=-120.0)
        reduction_db = self._static_reduction_db(level_db)
        smooth_db = np.empty_like(reduction_db)
        attack, release = (float(np.exp(-1000.0 / (sample_rate * ms))) for ms in (self.attack_ms, self.release_ms))
        kernels.smooth_reduction(reduction_db, attack, release, smooth_db)
        gain = db_to_amplitude(self.makeup_db - smooth_db)
        return audio * (1.0 - self.wet + self.wet * gain)

    def _static_reduction_db(self, level_db: Float64) -> Float64:
        over_db = level_db - self.threshold_db
        half_db = 0.5 * self.knee_db
        # Over the knee r = (1 - 1/R)(x - T), under it 0, within it (1 - 1/R)(x - T + W/2)² / 2W.
        knee_db = np.clip(over_db + half_db, 0.0, self.knee_db)
        excess_db = knee_db**2 / max(2.0 * self.knee_db, 1e-9) + np.maximum(over_db - half_db, 0.0)
        return (1.0 - 1.0 / self.ratio) * excess_db


@dataclass(frozen=True)
class Saturation(StripProcessor):
    """Clip softly: low levels pass unchanged, high levels are rounded off."""

    drive_db: float
    wet: float = 1.0

    COUPLING_HZ: ClassVar[float] = 6.0

    def process(self, audio: Float64, sample_rate: int) -> Float64:
        """Blend in tanh(drive * x) / drive, high-passed to remove the DC of an asymmetric waveform."""
        drive = db_to_amplitude(self.drive_db)
        coupling = [biquad(Band("high_pass", self.COUPLING_HZ), sample_rate)]
        clipped = signal.sosfilt(coupling, np.tanh(drive * audio) / drive)
        return (1.0 - self.wet) * audio + self.wet * clipped


@dataclass(frozen=True)
class Pan(StripProcessor):
    """Balance the channels at constant power: -1 left, 0 centre (unchanged), 1 right."""

    position: float

    def process(self, audio: Float64, sample_rate: int) -> Float64:
        """Weight left and right."""
        angle = 0.25 * np.pi * (1.0 + self.position)
        return audio * (np.sqrt(2.0) * np.array([[np.cos(angle)], [np.sin(angle)]]))


@dataclass(frozen=True)
class Width(StripProcessor):
    """Scale the side signal: 0 mono, 1 unchanged, above 1 wider."""

    width: float

    def process(self, audio: Float64, sample_rate: int) -> Float64:
        """Scale the difference of each channel from the mid signal."""
        mid = audio.mean(axis=0)
        return mid + self.width * (audio - mid)


@dataclass(frozen=True)
class Decorrelation(StripProcessor):
    """Widen a mono source: add the mid signal, scattered over a window, as a side signal; the mono sum is unchanged."""

    amount: float
    window_ms: float
    low_cut_hz: float
    seed: int

    TAPS: ClassVar[int] = 12

    def process(self, audio: Float64, sample_rate: int) -> Float64:
        """Convolve the mid signal with sparse random taps and add the result as side signal."""
        rng = seeded_generator(self.seed)
        response = np.zeros(max(2, round(self.window_ms * sample_rate / 1000.0)))
        taps = rng.integers(1, response.size, size=self.TAPS)
        np.add.at(response, taps, rng.choice((-1.0, 1.0), size=self.TAPS) / np.sqrt(self.TAPS))
        mid = signal.sosfilt([biquad(Band("high_pass", self.low_cut_hz), sample_rate)], audio.mean(axis=0))
        side = self.amount * signal.oaconvolve(mid, response)[: mid.size]
        return audio + np.stack((side, -side))


@dataclass(frozen=True)
class Reverb(StripProcessor):
    """Add a filtered send convolved with a synthesised impulse response.

    The level refers to a response of unit energy: steady noise returns at this level relative to itself.
    """

    decay_s: float
    pre_delay_ms: float
    level_db: float
    low_cut_hz: float
    high_cut_hz: float
    size_ms: float
    treble: float
    seed: int

    def process(self, audio: Float64, sample_rate: int) -> Float64:
        """Add the reverberation."""
        samples = audio.shape[1]
        rng = seeded_generator(self.seed)
        response = impulse_response(
            rng, sample_rate, decay_s=self.decay_s, pre_delay_ms=self.pre_delay_ms, treble=self.treble,
            size_ms=self.size_ms, direct=False,
        )  # fmt: skip
        bands = (Band("high_pass", self.low_cut_hz), Band("low_pass", self.high_cut_hz))
        send = signal.sosfilt([biquad(band, sample_rate) for band in bands], audio).astype(np.float32)
        room = signal.oaconvolve(send, response[:, :samples], axes=1)[:, :samples]
        return audio + db_to_amplitude(self.level_db) * room


PROCESSORS: dict[str, type[StripProcessor]] = {
    kind.__name__: kind for kind in (Gain, ParametricEq, Compressor, Saturation, Pan, Width, Decorrelation, Reverb)
}


def processor_from_dict(values: dict[str, Any]) -> Processor:
    """Build a built-in processor from the values of its `to_dict`.

    Parameters
    ----------
    values : dict
        Name of the processor (`insert`) and its settings.

    Returns
    -------
    Processor

    Raises
    ------
    InputError
        If the processor or one of its settings is unknown, or a setting is missing.
    """
    name = values.get("insert")
    if name not in PROCESSORS:
        raise InputError(f"expected insert {', '.join(PROCESSORS)}, got insert {name!r}; build the processor yourself")
    return PROCESSORS[name].from_dict(values)
