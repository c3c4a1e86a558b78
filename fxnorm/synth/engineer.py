"""Mixing engineer of synthetic songs: draws a console and sets its gains by measured loudness."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from fxnorm.audio import SAMPLE_RATE, Audio, is_silent, peak
from fxnorm.console.document import Console, TrackStrip
from fxnorm.console.filtering import Cascade
from fxnorm.console.foreign import adapt
from fxnorm.console.processor import Processor
from fxnorm.console.processors import Gain
from fxnorm.console.render import render
from fxnorm.corpus.stems import STEMS
from fxnorm.dsp.biquads import Band
from fxnorm.errors import InputError
from fxnorm.synth import priors
from fxnorm.synth.chains import EngineerStyle, draw_chain, draw_style, in_range
from fxnorm.synth.priors import STEM_PRIORS
from fxnorm.synth.seeding import uniform
from fxnorm.units import amplitude_to_db, db_to_amplitude, power_to_db

ExtraProcessors = Mapping[str, Sequence[Any]]

BLOCK_S = 0.4
GATE_DB = -10.0
SILENCE_POWER = 1e-7
SILENCE_DB = -70.0
# Approximation of the K-weighting of loudness meters.
WEIGHTING = (Band("high_shelf", 1500.0, 4.0), Band("high_pass", 38.0, q=0.5))


@dataclass(frozen=True)
class SyntheticMix:
    """Wet stems, their sum, and the console that renders them.

    Attributes
    ----------
    wet : dict of str to ndarray, shape (2, samples), float32
        Wet stems in the order of `STEMS`: the outputs of the tracks of the console.
    mixture : ndarray, shape (2, samples), float32
        Sum of the wet stems.
    console : Console
        A track for each stem, with the gains set by measured loudness, and a neutral master. Its notes hold the style
        of the engineer.
    """

    wet: dict[str, Audio]
    mixture: Audio
    console: Console


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
            Processors appended to the chains of these stems: a `Processor` of the console, or any object with
            `process(x)` on an array (samples, channels) that returns an array of the same shape.

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
        tracks = tuple(TrackStrip(stem, self._chain(stem, dry[stem]), stem=stem) for stem in STEMS)
        console = Console(tracks=tracks, notes={"style": asdict(self.style)})
        processed = render(console, dry, SAMPLE_RATE).tracks
        faders_db = self._faders_db(processed)
        # A fader is the last of a strip, so what it changes need not be rendered again.
        wet = {stem: Gain(faders_db[stem]).process(processed[stem], SAMPLE_RATE) for stem in STEMS}
        faded = tuple(replace(track, fader_db=faders_db[track.name]) for track in tracks)
        mixture = sum((wet[stem] for stem in STEMS), np.zeros(1, np.float32))
        return SyntheticMix(wet, mixture, replace(console, tracks=faded))

    def _chain(self, stem: str, dry: Audio) -> tuple[Processor, ...]:
        """Return the processors of a stem behind a gain that brings it to the working level."""
        if is_silent(dry):
            return ()
        trim_db = priors.WORKING_LEVEL_DB - loudness_db(dry, SAMPLE_RATE)
        return Gain(in_range(Gain, "gain_db", trim_db, 1)), *self.chains[stem]

    def _faders_db(self, processed: Mapping[str, Audio]) -> dict[str, float]:
        """Return the faders that balance the stems and bring the highest peak of stems and mixture to the limit."""
        levels_db = {
            stem: round(self.levels_db[stem] + priors.WORKING_LEVEL_DB - loudness_db(audio, SAMPLE_RATE), 1)
            for stem, audio in processed.items()
            if not is_silent(audio)
        }
        balanced = [db_to_amplitude(level_db) * processed[stem] for stem, level_db in levels_db.items()]
        if not balanced:
            return dict.fromkeys(STEMS, 0.0)
        highest = max(peak(sum(balanced, np.zeros(1))), *(peak(audio) for audio in balanced))
        # Rounded down, so that short settings still keep the peak under its limit.
        common_db = math.floor(100.0 * (priors.MIX_PEAK_DB - float(amplitude_to_db(highest)))) / 100.0
        return {
            stem: in_range(TrackStrip, "fader_db", levels_db[stem] + common_db, 2) if stem in levels_db else 0.0
            for stem in STEMS
        }


def loudness_db(audio: npt.NDArray[np.floating], sample_rate: int) -> float:
    """Measure the loudness of audio (channels, samples) in dB: weighted blocks behind a relative gate."""
    weighted = Cascade(WEIGHTING, sample_rate, len(audio)).push(audio.astype(np.float64))
    samples = audio.shape[1]
    block = round(BLOCK_S * sample_rate)
    power = np.add.reduceat((weighted**2).sum(axis=0), np.arange(0, samples, block)) / min(block, samples)
    power = power[power > SILENCE_POWER]
    if not power.size:
        return SILENCE_DB
    power = power[power >= power.mean() * db_to_amplitude(2.0 * GATE_DB)]
    return float(power_to_db(power.mean()))


def _adapt_extra(extra: ExtraProcessors) -> dict[str, tuple[Processor, ...]]:
    if unknown := [stem for stem in extra if stem not in STEMS]:
        raise InputError(f"expected extra processors for {', '.join(STEMS)}, got {unknown[0]!r}; use a stem's name")
    return {stem: tuple(adapt(processor) for processor in processors) for stem, processors in extra.items()}
