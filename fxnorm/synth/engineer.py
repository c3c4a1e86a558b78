"""The mixing engineer: draws a chain of inserts for every stem, then makes the stems wet and balances them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy import signal

from fxnorm.audio import RATE, Audio, is_silent, peak
from fxnorm.corpus.stems import STEMS
from fxnorm.dsp.biquads import Band, biquad
from fxnorm.errors import InputError
from fxnorm.synth import priors
from fxnorm.synth.chains import Taste, draw_chain, draw_taste
from fxnorm.synth.priors import HABITS
from fxnorm.synth.processors import Gain, Insert, describe
from fxnorm.synth.seeding import draw
from fxnorm.units import amplitude_to_db, db_to_amplitude

Extra = Mapping[str, Sequence[Insert]]

BLOCK_S = 0.4
GATE_DB = -10.0
# The two filters of loudness metering, near enough for a hand on a fader.
EAR = (Band("high_shelf", 1500.0, 4.0), Band("high_pass", 38.0, q=0.5))


@dataclass(frozen=True)
class Mix:
    """Wet stems, their sum, and what was done: each stem's inserts in order, with the gains set by ear."""

    wet: dict[str, Audio]
    mixture: Audio
    settings: dict[str, Any]


@dataclass(frozen=True)
class Engineer:
    """A taste, a chain of inserts and a level for every stem."""

    taste: Taste
    chains: dict[str, tuple[Insert, ...]]
    levels_db: dict[str, float]

    @classmethod
    def draw(cls, rng: np.random.Generator, *, extra: Extra | None = None) -> Self:
        """Draw an engineer from the habits.

        Parameters
        ----------
        rng : numpy.random.Generator
        extra : mapping of stem to inserts, optional
            Inserts appended to the chains of these stems: anything with `process(x)` on an array
            (samples, channels) that returns the same shape.

        Returns
        -------
        Engineer

        Raises
        ------
        InputError
            If `extra` names an unknown stem or holds something without `process`.
        """
        appended = _checked(extra or {})
        taste = draw_taste(rng)
        chains = {stem: (*draw_chain(rng, HABITS[stem], taste), *appended.get(stem, ())) for stem in STEMS}
        levels_db = {stem: draw(rng, HABITS[stem].level_db, 1) for stem in STEMS}
        return cls(taste, chains, levels_db)

    def mix(self, dry: Mapping[str, Audio]) -> Mix:
        """Make dry stems wet and balance them.

        Parameters
        ----------
        dry : mapping of stem to ndarray, shape (2, samples), float32
            All of the same length, at `RATE`. A silent stem stays silent.

        Returns
        -------
        Mix
            Wet stems and mixture have the shape of the dry ones. The mixture is the sum of the wet stems, and
            nothing in it is louder than `habits.MIX_PEAK_DB`.

        Raises
        ------
        InputError
            If an insert changes the shape of its audio.
        """
        used: dict[str, list[Insert]] = {}
        wet: dict[str, npt.NDArray[np.float64]] = {}
        for stem in STEMS:
            wet[stem], used[stem] = self._process(stem, dry[stem])
        loudest = max(peak(sum(wet.values(), np.zeros(1))), *(peak(audio) for audio in wet.values()))
        # Rounded down: the settings are short numbers, and the peak stays under its limit.
        master = Gain(
            math.floor(100.0 * (priors.MIX_PEAK_DB - float(amplitude_to_db(loudest)))) / 100.0 if loudest else 0.0
        )
        stems = {stem: master.process(audio).T.astype(np.float32, order="C") for stem, audio in wet.items()}
        settings = {
            "taste": asdict(self.taste),
            "inserts": {stem: [describe(insert) for insert in (*inserts, master)] for stem, inserts in used.items()},
        }
        return Mix(stems, sum((stems[stem] for stem in STEMS), np.zeros(1, np.float32)), settings)

    def _process(self, stem: str, dry: Audio) -> tuple[npt.NDArray[np.float64], list[Insert]]:
        """One stem through its chain, and the inserts it went through with the two gains set by ear."""
        audio = np.ascontiguousarray(dry.T, dtype=np.float64)
        if is_silent(dry):
            return np.zeros_like(audio), []
        trim = Gain(round(priors.WORKING_LEVEL_DB - loudness_db(audio), 1))
        inserts = [trim, *self.chains[stem]]
        for insert in inserts:
            processed = np.asarray(insert.process(audio), dtype=np.float64)
            if processed.shape != audio.shape:
                raise InputError(
                    f"{stem}: expected {type(insert).__name__}.process to return {audio.shape}, got {processed.shape}; "
                    "keep (samples, channels)"
                )
            audio = processed
        fader = Gain(round(self.levels_db[stem] + priors.WORKING_LEVEL_DB - loudness_db(audio), 1))
        return fader.process(audio), [*inserts, fader]


def loudness_db(audio: npt.NDArray[np.float64]) -> float:
    """Loudness of audio (samples, channels) while it plays: weighted blocks, the quiet ones left out."""
    weighted = signal.sosfilt([biquad(band) for band in EAR], audio, axis=0)
    block = round(BLOCK_S * RATE)
    power = np.add.reduceat((weighted**2).sum(axis=1), np.arange(0, len(audio), block)) / min(block, len(audio))
    playing = power[power > 1e-7]
    if not playing.size:
        return -70.0
    playing = playing[playing >= playing.mean() * db_to_amplitude(2.0 * GATE_DB)]
    return float(10.0 * np.log10(playing.mean()))


def _checked(extra: Extra) -> Extra:
    for stem, inserts in extra.items():
        if stem not in STEMS:
            raise InputError(f"expected extra inserts for {', '.join(STEMS)}, got {stem!r}; name one of these stems")
        for insert in inserts:
            if not isinstance(insert, Insert):
                raise InputError(f"{stem}: expected inserts with process(x), got {type(insert).__name__}; give it one")
    return extra
