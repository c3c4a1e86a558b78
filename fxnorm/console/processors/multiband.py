"""Multiband compressor."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fxnorm.console.filtering import Cascade, cascade_vjp
from fxnorm.console.parameter import parameter
from fxnorm.console.processor import Gradients, Memoryless, Processor, Pullback, Samples, Stream
from fxnorm.console.processors.compressor import Compressor
from fxnorm.console.settings import Settings
from fxnorm.dsp.biquads import Band
from fxnorm.errors import InputError

BUTTERWORTH_Q = float(np.sqrt(0.5))
MOST_BANDS = 4


@dataclass(frozen=True)
class Crossover(Settings):
    """Frequency between two bands."""

    frequency_hz: float = parameter("Hz", 40.0, 16_000.0, 1000.0, "log")


@dataclass(frozen=True)
class Multiband(Processor):
    """Split into 2 to 4 bands and compress each.

    The splits are Linkwitz-Riley filters of fourth order, two Butterworth sections each. A low-pass and its high-pass
    add up to an all-pass, which the bands below a split pass through as well, so that uncompressed bands add up flat
    (S. H. Linkwitz, "Active crossover networks for noncoincident drivers", 1976).

    The lowest band comes first; the crossovers can be in any order.

    When every band is neutral, `process` skips the splits and returns its input. `vjp` keeps them, so that a fit can
    begin there; its result then differs by the all-pass.
    """

    KIND: ClassVar[str] = "multiband"
    SECTIONS: ClassVar[dict[str, type[Settings]]] = {"crossovers": Crossover, "bands": Compressor}

    crossovers: tuple[Crossover, ...] = (Crossover(200.0), Crossover(2500.0))
    bands: tuple[Compressor, ...] = (Compressor(), Compressor(), Compressor())

    def __post_init__(self) -> None:
        """Check the settings.

        Raises
        ------
        InputError
            If the number of bands is not 2 to 4 or does not fit the crossovers, or if a band has a side-chain.
        """
        super().__post_init__()
        count = len(self.bands)
        if not 2 <= count <= MOST_BANDS or len(self.crossovers) != count - 1:
            raise InputError(
                f"expected 2 to {MOST_BANDS} bands and one crossover less, got {count} bands and "
                f"{len(self.crossovers)} crossovers; add or remove some"
            )
        if any(band.key for band in self.bands):
            raise InputError("bands: expected compressors without a side-chain, got a key; remove it")

    @property
    def title(self) -> str:
        """Name in tables."""
        return "multiband compressor"

    @property
    def is_neutral(self) -> bool:
        """Whether every band is neutral."""
        return all(band.is_neutral for band in self.bands)

    def stream(self, sample_rate: int, channels: int) -> Stream:
        """Begin a recording."""
        if self.is_neutral:
            return Memoryless(channels, lambda block: block)
        return _MultibandStream(self, sample_rate, channels)

    def vjp(self, audio: Samples, sample_rate: int, *, key: Samples | None = None) -> tuple[Samples, Pullback]:
        """Process a recording, and return a function that carries a gradient back."""
        del key
        filters = [cascade_vjp(audio, self.filters(index), sample_rate) for index in range(len(self.bands))]
        compressed = [band.vjp(filtered, sample_rate) for band, (filtered, _) in zip(self.bands, filters, strict=True)]
        out = np.zeros_like(audio)
        for band_out, _ in compressed:
            out += band_out

        def pullback(gradient: Samples) -> Gradients:
            total = np.zeros_like(gradient)
            crossovers = np.zeros(len(self.crossovers))
            values = []
            for index, ((_, filter_pullback), (_, band_pullback)) in enumerate(zip(filters, compressed, strict=True)):
                of_band = band_pullback(gradient)
                through, sections = filter_pullback(of_band.audio)
                total += through
                for (_, split), slopes in zip(self._layout(index), sections, strict=True):
                    crossovers[split] += slopes[0]
                values.append(of_band.values)
            return Gradients(total, np.concatenate((crossovers, *values)))

        return out, pullback

    def filters(self, index: int) -> list[Band]:
        """Return the sections that a band passes through, the lowest crossover first."""
        return [Band(kind, self.crossovers[split].frequency_hz, q=BUTTERWORTH_Q) for kind, split in self._layout(index)]

    def describe(self) -> str:
        """Describe the bands, the lowest first: "to 200 Hz: -20.0 dB, 2:1, 10/150 ms; above 200 Hz: off"."""
        ascending = [self.crossovers[split] for split in self._order]
        formats = [crossover.parameters()["frequency_hz"].format(crossover.frequency_hz) for crossover in ascending]
        labels = [f"to {text}" for text in formats] + [f"above {formats[-1]}"]
        bands = ["off" if band.is_neutral else band.describe() for band in self.bands]
        return "; ".join(f"{label}: {text}" for label, text in zip(labels, bands, strict=True))

    @property
    def _order(self) -> list[int]:
        """Return the crossovers in ascending order."""
        return sorted(range(len(self.crossovers)), key=lambda split: self.crossovers[split].frequency_hz)

    def _layout(self, index: int) -> list[tuple[str, int]]:
        """Return kind and crossover of each section of a band."""
        order = self._order
        return [
            *(("high_pass", split) for split in order[:index] for _ in range(2)),
            *(("low_pass", split) for split in order[index : index + 1] for _ in range(2)),
            *(("all_pass", split) for split in order[index + 1 :]),
        ]


class _MultibandStream(Stream):
    def __init__(self, settings: Multiband, sample_rate: int, channels: int) -> None:
        super().__init__(channels)
        self._filters = [
            Cascade(settings.filters(index), sample_rate, channels) for index in range(len(settings.bands))
        ]
        self._bands = [band.stream(sample_rate, channels) for band in settings.bands]

    def push(self, block: Samples, key: Samples | None = None) -> Samples:
        del key
        out = np.zeros_like(block)
        for split, band in zip(self._filters, self._bands, strict=True):
            out += band.push(split.push(block))
        return out
