"""Preparation of stems for a model: one length, one sample rate, and normalisation."""

from collections.abc import Mapping, Sequence

import numpy as np

from fxnorm.audio import Audio, as_audio, resample, to_stereo
from fxnorm.corpus.stems import STEMS, require_stem
from fxnorm.errors import InputError
from fxnorm.models.base import ModelInput, SongProgress
from fxnorm.normalization.effects import Step
from fxnorm.normalization.normalizer import Chain, Normalizer


class Preparation:
    """Resamples and normalises stems.

    Parameters
    ----------
    chain : Chain or None
        Normalisation; None leaves the stems as recorded.
    rooms : sequence of ndarray, shape (1 or 2, samples)
        Short impulse responses at 44,100 Hz, applied to vocals and other first: for anechoic recordings.
    seed : int
        Seed of rooms and reverb.
    """

    def __init__(self, chain: Chain | None, *, rooms: Sequence[Audio] = (), seed: int = 0) -> None:
        self.chain = chain
        self.seed = seed
        self._normalizer = _build_normalizer(chain, rooms) if chain is not None else None
        self._rooms = len(rooms)

    @property
    def identity(self) -> str:
        """Text that differs between preparations with other random draws; empty if nothing is drawn."""
        random = self._rooms or (self.chain is not None and "reverb" in self.chain.settings.active)
        return f"{self._rooms} rooms, seed {self.seed}" if random else ""

    def prepare(
        self,
        stems: Mapping[str, Audio],
        sample_rate: int,
        *,
        target_rate: int,
        samples: int | None = None,
        progress: SongProgress = lambda share, label: None,
    ) -> ModelInput:
        """Bring stems to one length and sample rate, and normalise them.

        Parameters
        ----------
        stems, sample_rate, samples
            As for `MixModel.mix`.
        target_rate : int
            Sample rate of the result in Hz.
        progress : callable

        Returns
        -------
        ModelInput

        Raises
        ------
        InputError
            If there is no stem, a name is unknown, or the sample rate is not above 0 Hz.
        AudioError
            If a stem has more than two channels, no samples, or samples that are not finite.
        """
        require_stems(stems, sample_rate)
        if samples is None:
            samples = longest(stems)
        length = samples if target_rate == sample_rate else -(-samples * target_rate // sample_rate)
        prepared = np.zeros((len(STEMS), 2, length), dtype=np.float32)
        effects: dict[str, Sequence[Step]] = {}
        for number, stem in enumerate((stem for stem in STEMS if stem in stems), start=1):
            index = STEMS.index(stem)
            audio = to_stereo(as_audio(stems[stem], what=stem))
            audio = resample(audio, sample_rate, target_rate, samples=length)
            if self._normalizer is not None:
                rng = np.random.default_rng([self.seed, index])
                audio, effects[stem] = self._normalizer(audio, target_rate, stem, rng=rng)
            prepared[index] = audio
            del audio  # before the next stem is read
            progress(number / len(stems), stem)
        return ModelInput(prepared, target_rate, effects)


def longest(stems: Mapping[str, Audio]) -> int:
    """Length of the longest stem in samples."""
    return max(as_audio(stems[stem], what=stem).shape[1] for stem in stems)


def require_stems(stems: Mapping[str, Audio], sample_rate: int) -> None:
    """Check names and sample rate.

    Raises
    ------
    InputError
        If there is no stem, a name is unknown, or the sample rate is not above 0 Hz.
    """
    if not stems:
        raise InputError(f"expected at least one of the stems {', '.join(STEMS)}, got none")
    for stem in stems:
        require_stem(stem)
    if sample_rate <= 0:
        raise InputError(f"expected a sampling rate above 0 Hz, got {sample_rate}")


def _build_normalizer(chain: Chain, rooms: Sequence[Audio]) -> Normalizer:
    responses: Sequence[Audio] = ()
    if "reverb" in chain.settings.active:
        from fxnorm.normalization.impulse_responses import Responses

        responses = Responses().load()
    return Normalizer(chain.stats, chain.settings, responses=responses, rooms=tuple(rooms))
