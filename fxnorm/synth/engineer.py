"""Mixing engineer of synthetic songs: draws a chain of processors for each stem, applies it and balances the stems."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from scipy import signal

from fxnorm.audio import SAMPLE_RATE, Audio, is_silent, peak
from fxnorm.corpus.stems import STEMS
from fxnorm.dsp.biquads import Band, biquad
from fxnorm.errors import InputError
from fxnorm.synth import priors
from fxnorm.synth.chains import EngineerStyle, draw_chain, draw_style
from fxnorm.synth.foreign import adapt
from fxnorm.synth.priors import STEM_PRIORS
from fxnorm.synth.processor import Float64, Processor
from fxnorm.synth.processors import Gain
from fxnorm.synth.seeding import uniform
from fxnorm.units import amplitude_to_db, db_to_amplitude

ExtraProcessors = Mapping[str, Sequence[Any]]

BLOCK_S = 0.4
GATE_DB = -10.0
SILENCE_POWER = 1e-7
SILENCE_DB = -70.0
# Approximation of the K-weighting of loudness meters.
WEIGHTING = (Band("high_shelf", 1500.0, 4.0), Band("high_pass", 38.0, q=0.5))


@dataclass(frozen=True)
class SyntheticMix:
    """Wet stems, their sum, and the settings of the engineer.

    Attributes
    ----------
    wet : dict of str to ndarray, shape (2, samples), float32
        Wet stems in the order of `STEMS`.
    mixture : ndarray, shape (2, samples), float32
        Sum of the wet stems.
    settings : dict
        Style of the engineer and, for each stem, the settings of its processors in order, including the gains set by
        measured loudness; ready for JSON.
    """

    wet: dict[str, Audio]
    mixture: Audio
    settings: dict[str, Any]


@dataclass(frozen=True)
class Engineer:
    """Style, and a chain of processors and a level in dB for each stem."""

    style: EngineerStyle
    chains: dict[str, tuple[Processor, ...]]
    levels_db: dict[str, float]

    @classmethod
    def draw(cls, rng: np.random.Generator, *, extra: ExtraProcessors | None = None) -> Self:
        """Draw an engineer from the priors.

        Parameters
        ----------
        rng : numpy.random.Generator
        extra : mapping of stem to sequence of processors, optional
            Processors appended to the chains of these stems: a `Processor`, or any object with `process(x)` on an
            array (samples, channels) that returns an array of the same shape.

        Returns
        -------
        Engineer

        Raises
        ------
        InputError
            If `extra` names an unknown stem or holds an object without `process`.
        """
        appended = _adapt_extra(extra or {})
        style = draw_style(rng)
        chains = {stem: (*draw_chain(rng, STEM_PRIORS[stem], style), *appended.get(stem, ())) for stem in STEMS}
        levels_db = {stem: uniform(rng, STEM_PRIORS[stem].level_db, 1) for stem in STEMS}
        return cls(style, chains, levels_db)

    def mix(self, dry: Mapping[str, Audio]) -> SyntheticMix:
        """Process dry stems, balance them and sum them.

        Parameters
        ----------
        dry : mapping of stem to ndarray, shape (2, samples), float32
            Stems of equal length at `SAMPLE_RATE`. A silent stem stays silent.

        Returns
        -------
        SyntheticMix
            Stems and mixture have the shape of the dry stems; no peak exceeds `priors.MIX_PEAK_DB`.

        Raises
        ------
        InputError
            If a processor changes the shape of its audio.
        """
        chains: dict[str, list[Processor]] = {}
        processed: dict[str, Float64] = {}
        for stem in STEMS:
            processed[stem], chains[stem] = self._process(stem, dry[stem])
        master = _master_gain(processed)
        wet = {
            stem: master.process(audio, SAMPLE_RATE).astype(np.float32, order="C") for stem, audio in processed.items()
        }
        settings = {
            "style": asdict(self.style),
            "inserts": {stem: [processor.to_dict() for processor in (*chains[stem], master)] for stem in STEMS},
        }
        return SyntheticMix(wet, sum((wet[stem] for stem in STEMS), np.zeros(1, np.float32)), settings)

    def _process(self, stem: str, dry: Audio) -> tuple[Float64, list[Processor]]:
        """Process a stem and return its complete chain, including the gains set by measured loudness."""
        audio = np.array(dry, dtype=np.float64, order="C")
        if is_silent(dry):
            return np.zeros_like(audio), []
        trim = Gain(round(priors.WORKING_LEVEL_DB - loudness_db(audio, SAMPLE_RATE), 1))
        chain = [trim, *self.chains[stem]]
        for processor in chain:
            audio = _process_checked(stem, processor, audio)
        fader = Gain(round(self.levels_db[stem] + priors.WORKING_LEVEL_DB - loudness_db(audio, SAMPLE_RATE), 1))
        return fader.process(audio, SAMPLE_RATE), [*chain, fader]


def loudness_db(audio: Float64, sample_rate: int) -> float:
    """Measure the loudness of audio (channels, samples) in dB: weighted blocks behind a relative gate."""
    weighted = signal.sosfilt([biquad(band, sample_rate) for band in WEIGHTING], audio)
    samples = audio.shape[1]
    block = round(BLOCK_S * sample_rate)
    power = np.add.reduceat((weighted**2).sum(axis=0), np.arange(0, samples, block)) / min(block, samples)
    power = power[power > SILENCE_POWER]
    if not power.size:
        return SILENCE_DB
    power = power[power >= power.mean() * db_to_amplitude(2.0 * GATE_DB)]
    return float(10.0 * np.log10(power.mean()))


def _process_checked(stem: str, processor: Processor, audio: Float64) -> Float64:
    processed = np.asarray(processor.process(audio, SAMPLE_RATE), dtype=np.float64)
    if processed.shape != audio.shape:
        name = processor.to_dict().get("insert", type(processor).__name__)
        raise InputError(
            f"{stem}: expected audio of shape {audio.shape} from {name}, got {processed.shape}; "
            "return as many channels and samples as process received"
        )
    return processed


def _master_gain(stems: Mapping[str, Float64]) -> Gain:
    """Return the gain that brings the highest peak of stems and mixture to the limit."""
    highest = max(peak(sum(stems.values(), np.zeros(1))), *(peak(audio) for audio in stems.values()))
    if not highest:
        return Gain(0.0)
    # Rounded down, so that short settings still keep the peak under its limit.
    return Gain(math.floor(100.0 * (priors.MIX_PEAK_DB - float(amplitude_to_db(highest)))) / 100.0)


def _adapt_extra(extra: ExtraProcessors) -> dict[str, tuple[Processor, ...]]:
    if unknown := [stem for stem in extra if stem not in STEMS]:
        raise InputError(f"expected extra processors for {', '.join(STEMS)}, got {unknown[0]!r}; use a stem's name")
    return {stem: tuple(adapt(processor) for processor in processors) for stem, processors in extra.items()}
