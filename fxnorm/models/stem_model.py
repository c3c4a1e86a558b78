"""The mix model of four stems: one length, one sample rate, normalisation, then a predictor."""

from collections.abc import Mapping, Sequence
from typing import Literal, Self

import numpy as np

from fxnorm.audio import Audio, as_audio, resample, to_stereo
from fxnorm.console.document import Console
from fxnorm.corpus.stems import STEMS, require_stem
from fxnorm.errors import FxnormError, InputError
from fxnorm.models.base import MixResult, ModelInput, Predictor, SongProgress
from fxnorm.models.checkpoint import Checkpoint
from fxnorm.normalization.chain import Chain
from fxnorm.normalization.effect import AppliedEffect
from fxnorm.normalization.impulse_responses import ImpulseResponse

PREPARATION_SHARE = 0.3  # of the time of a song


class StemModel:
    """A predictor with the preparation of its stems: a `MixModel`.

    Parameters
    ----------
    predictor : Predictor
    chain : Chain or None
        Normalisation of the stems; None passes them as recorded.
    name : str
        Name in tables and records; the predictor's if empty.
    identity : str
        Text that differs between models; the name if empty.
    rooms : sequence of ImpulseResponse
        Short impulse responses, applied to vocals and other first: for anechoic recordings.
    seed : int
        Seed of rooms and reverb.

    Examples
    --------
    >>> model = open_model("runs/tdcn")
    >>> result = model.mix({"vocals": vocals, "drums": drums}, 48_000)
    """

    inputs: Literal["stems"] = "stems"

    def __init__(
        self,
        predictor: Predictor,
        chain: Chain | None,
        *,
        name: str = "",
        identity: str = "",
        rooms: Sequence[ImpulseResponse] = (),
        seed: int = 0,
    ) -> None:
        self.predictor = predictor
        self.chain = chain
        self.name = name or predictor.name
        self.seed = seed
        random = rooms or (chain is not None and "reverb" in chain.settings.active)
        draws = f"{len(rooms)} rooms, seed {seed}" if random else ""
        self.identity = ", ".join(filter(None, (identity or self.name, draws)))
        self._normalizer = chain.normalizer(rooms=tuple(rooms)) if chain is not None else None

    @classmethod
    def from_checkpoint(
        cls,
        checkpoint: Checkpoint,
        *,
        name: str = "",
        identity: str = "",
        rooms: Sequence[ImpulseResponse] = (),
        seed: int = 0,
    ) -> Self:
        """Use a trained predictor with the normalisation it was trained on.

        Raises
        ------
        InputError
            If the checkpoint has no chain.
        """
        model, chain = checkpoint.model, checkpoint.chain
        if chain is None:
            raise InputError(
                f"{name or model.name}: expected a model that was trained on normalised stems, got one that "
                "does not say how they are normalised; train it with fxnorm train"
            )
        return cls(model, chain, name=name, identity=identity, rooms=rooms, seed=seed)

    @property
    def description(self) -> str:
        """Sentence about how the mix is made."""
        return self.predictor.description

    def mix(
        self,
        tracks: Mapping[str, Audio],
        sample_rate: int,
        *,
        samples: int | None = None,
        song: Console | None = None,
        progress: SongProgress = lambda share, label: None,
    ) -> MixResult:
        """Mix stems; see `MixModel.mix`."""
        del song
        _require_stems(tracks, sample_rate)
        samples = samples or _longest(tracks)
        prepared = self._prepare(
            tracks, sample_rate, samples, lambda share, label: progress(PREPARATION_SHARE * share, label)
        )
        mix = self.predictor.predict(
            prepared.audio,
            progress=lambda share: progress(PREPARATION_SHARE + (1.0 - PREPARATION_SHARE) * share, "mix"),
        )
        if not np.isfinite(np.sum(mix, dtype=np.float64)):
            raise FxnormError(f"{self.name}: gave samples that are not finite; train it again, or take another model")
        mix = np.ascontiguousarray(mix, dtype=np.float32)
        return MixResult(resample(mix, prepared.sample_rate, sample_rate, samples=samples), sample_rate, prepared)

    def prepare(
        self,
        stems: Mapping[str, Audio],
        sample_rate: int,
        *,
        samples: int | None = None,
        progress: SongProgress = lambda share, label: None,
    ) -> ModelInput:
        """Bring stems to one length and to the predictor's sample rate, and normalise them.

        Parameters, progress and errors as for `MixModel.mix`.
        """
        _require_stems(stems, sample_rate)
        return self._prepare(stems, sample_rate, samples or _longest(stems), progress)

    def _prepare(
        self, stems: Mapping[str, Audio], sample_rate: int, samples: int, progress: SongProgress
    ) -> ModelInput:
        target_rate = self.predictor.sample_rate or sample_rate
        length = samples if target_rate == sample_rate else -(-samples * target_rate // sample_rate)
        prepared = np.zeros((len(STEMS), 2, length), dtype=np.float32)
        effects: dict[str, Sequence[AppliedEffect]] = {}
        for number, stem in enumerate((stem for stem in STEMS if stem in stems), start=1):
            index = STEMS.index(stem)
            audio = to_stereo(as_audio(stems[stem], label=stem))
            audio = resample(audio, sample_rate, target_rate, samples=length)
            if self._normalizer is not None:
                rng = np.random.default_rng([self.seed, index])
                audio, effects[stem] = self._normalizer(audio, target_rate, stem, rng=rng)
            prepared[index] = audio
            del audio  # before the next stem is read
            progress(number / len(stems), stem)
        return ModelInput(prepared, target_rate, effects)


def _longest(stems: Mapping[str, Audio]) -> int:
    """Return the length of the longest stem in samples."""
    return max(as_audio(stems[stem], label=stem).shape[1] for stem in stems)


def _require_stems(stems: Mapping[str, Audio], sample_rate: int) -> None:
    if not stems:
        raise InputError(f"expected at least one of the stems {', '.join(STEMS)}, got none")
    for stem in stems:
        require_stem(stem)
    if sample_rate <= 0:
        raise InputError(f"expected a sampling rate above 0 Hz, got {sample_rate}")
