"""Saturation."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fxnorm.console.filtering import Cascade, cascade_vjp
from fxnorm.console.oversampling import REACHES, Oversampled, expand, reduce
from fxnorm.console.parameter import parameter
from fxnorm.console.processor import Gradients, Memoryless, Processor, Pullback, Samples, Stream
from fxnorm.console.processors.gain import DB_TO_LOG
from fxnorm.console.settings import Choice
from fxnorm.dsp.biquads import Band
from fxnorm.units import db_to_amplitude

COUPLING = Band("high_pass", 6.0)  # removes the DC of asymmetric waveforms


@dataclass(frozen=True)
class Saturation(Processor):
    """Clip softly: tanh(d x) / d, so that low levels pass unchanged and high levels are rounded off.

    The curve is applied at two or four times the sample rate, which keeps most of its harmonics from folding back; 1
    switches that off.
    """

    KIND: ClassVar[str] = "saturation"
    CHOICES: ClassVar[dict[str, tuple[Choice, ...]]] = {"oversampling": (1, 2, 4)}

    drive_db: float = parameter("dB", 0.0, 24.0, 0.0)
    wet: float = parameter("", 0.0, 1.0, 1.0)
    oversampling: int = 2

    @property
    def is_neutral(self) -> bool:
        """Whether only the dry signal passes."""
        return self.wet == 0.0

    def stream(self, sample_rate: int, channels: int) -> Stream:
        """Begin a recording."""
        return _SaturationStream(self, sample_rate, channels)

    def vjp(self, audio: Samples, sample_rate: int, *, key: Samples | None = None) -> tuple[Samples, Pullback]:
        """Process a recording, and return a function that carries a gradient back."""
        del key
        drive = db_to_amplitude(self.drive_db)
        expanded = audio
        for reach in self.reaches:
            expanded = expand(expanded, reach)
        clipped = self.clip(expanded)
        reduced = clipped
        for reach in reversed(self.reaches):
            reduced = reduce(reduced, reach)
        coupled, coupling_pullback = cascade_vjp(reduced, (COUPLING,), sample_rate)
        out = self._blend(audio, coupled)

        def pullback(gradient: Samples) -> Gradients:
            to_wet = np.vdot(gradient, coupled - audio)
            carried, _ = coupling_pullback(gradient * gradient.dtype.type(self.wet))
            for reach in self.reaches:
                carried = expand(carried, reach) * carried.dtype.type(0.5)
            # with t = tanh(d u): d/du t/d = 1 - t², d/dd t/d = (u (1 - t²) - t/d) / d
            slope = 1.0 - (clipped * clipped.dtype.type(drive)) ** 2
            to_drive = DB_TO_LOG * np.vdot(carried, expanded * slope - clipped)
            carried = carried * slope
            for reach in reversed(self.reaches):
                carried = reduce(carried, reach) * carried.dtype.type(2.0)
            carried = carried + gradient * gradient.dtype.type(1.0 - self.wet)
            return Gradients(carried, np.array([to_drive, to_wet], dtype=np.float64))

        return out, pullback

    @property
    def reaches(self) -> tuple[int, ...]:
        """Half-band filters of each doubling of the rate."""
        return REACHES[: self.oversampling.bit_length() - 1]

    def clip(self, audio: Samples) -> Samples:
        """Apply the curve."""
        drive = db_to_amplitude(self.drive_db)
        out = audio * audio.dtype.type(drive)
        np.tanh(out, out=out)
        out *= audio.dtype.type(1.0 / drive)
        return out

    def describe(self) -> str:
        """Describe the drive."""
        return f"drive {self.drive_db:.1f} dB" + (f", wet {100.0 * self.wet:.0f} %" if self.wet < 1.0 else "")

    def _blend(self, dry: Samples, wet: Samples) -> Samples:
        if self.wet == 1.0:
            return wet
        return dry * dry.dtype.type(1.0 - self.wet) + wet * wet.dtype.type(self.wet)


class _SaturationStream(Stream):
    def __init__(self, settings: Saturation, sample_rate: int, channels: int) -> None:
        super().__init__(channels)
        self._settings = settings
        clipper: Stream = Memoryless(channels, settings.clip)
        for reach in reversed(settings.reaches):
            clipper = Oversampled(channels, clipper, reach)
        self._clipper = clipper
        self._coupling = Cascade((COUPLING,), sample_rate, channels)
        self._dry = np.zeros((channels, 0), dtype=np.float32)  # input whose clipped counterpart is still held back

    def push(self, block: Samples, key: Samples | None = None) -> Samples:
        del key
        self._dry = np.concatenate((self._dry.astype(block.dtype, copy=False), block), axis=1)
        return self._combine(self._clipper.push(block))

    def finish(self) -> Samples:
        return self._combine(self._clipper.finish().astype(self._dry.dtype, copy=False))

    def _combine(self, clipped: Samples) -> Samples:
        count = clipped.shape[1]
        dry, self._dry = self._dry[:, :count], self._dry[:, count:]
        return self._settings._blend(dry, self._coupling.push(np.ascontiguousarray(clipped)))
