"""The mix model of four stems: preparation, then a predictor."""

from collections.abc import Mapping, Sequence
from typing import Literal, Self

import numpy as np

from fxnorm.audio import Audio, resample
from fxnorm.errors import FxnormError, InputError
from fxnorm.models.base import MixResult, Predictor, SongProgress
from fxnorm.models.checkpoint import Checkpoint
from fxnorm.models.preparation import Preparation, longest, require_stems
from fxnorm.normalization.normalizer import Chain

PREPARATION_SHARE = 0.3  # of the time of a song


class StemModel:
    """A predictor with the preparation of its stems: a `MixModel`.

    Parameters
    ----------
    predictor : Predictor
    preparation : Preparation
    name : str
        Name in tables and records; the predictor's if empty.
    identity : str
        Text that differs between models; the name if empty.

    Examples
    --------
    >>> model = open_model("runs/tdcn")
    >>> result = model.mix({"vocals": vocals, "drums": drums}, 48_000)
    """

    inputs: Literal["stems"] = "stems"

    def __init__(self, predictor: Predictor, preparation: Preparation, *, name: str = "", identity: str = "") -> None:
        self.predictor = predictor
        self.preparation = preparation
        self.name = name or predictor.name
        self.identity = ", ".join(filter(None, (identity or self.name, preparation.identity)))

    @classmethod
    def from_checkpoint(
        cls,
        checkpoint: Checkpoint,
        *,
        name: str = "",
        identity: str = "",
        rooms: Sequence[Audio] = (),
        seed: int = 0,
    ) -> Self:
        """Use a trained predictor with the normalisation it was trained on.

        Raises
        ------
        InputError
            If the checkpoint has no chain.
        """
        if checkpoint.chain is None:
            raise InputError(
                f"{name or checkpoint.model.name}: expected a model that was trained on normalised stems, got one that "
                "does not say how they are normalised; train it with fxnorm train"
            )
        preparation = Preparation(checkpoint.chain, rooms=rooms, seed=seed)
        return cls(checkpoint.model, preparation, name=name, identity=identity)

    @property
    def chain(self) -> Chain | None:
        """Normalisation of the stems; None for a model that takes them as recorded."""
        return self.preparation.chain

    @property
    def description(self) -> str:
        """Sentence about how the mix is made."""
        return self.predictor.description

    def predict(self, stems: Audio, *, progress: SongProgress = lambda share, label: None) -> Audio:
        """Map prepared stems to their mix.

        Parameters
        ----------
        stems : ndarray, shape (4, 2, samples), float32
            As `Preparation.prepare` gives them, at the predictor's sample rate.
        progress : callable

        Returns
        -------
        ndarray, shape (2, samples), float32

        Raises
        ------
        FxnormError
            If the mix has samples that are not finite.
        """
        mix = self.predictor.predict(stems, progress=lambda share: progress(share, "mix"))
        if not np.isfinite(np.sum(mix, dtype=np.float64)):
            raise FxnormError(f"{self.name}: gave samples that are not finite; train it again, or take another model")
        return np.ascontiguousarray(mix, dtype=np.float32)

    def mix(
        self,
        tracks: Mapping[str, Audio],
        sample_rate: int,
        *,
        samples: int | None = None,
        progress: SongProgress = lambda share, label: None,
    ) -> MixResult:
        """Mix stems; see `MixModel.mix`."""
        require_stems(tracks, sample_rate)
        if samples is None:
            samples = longest(tracks)
        prepared = self.preparation.prepare(
            tracks,
            sample_rate,
            samples=samples,
            target_rate=self.predictor.sample_rate or sample_rate,
            progress=lambda share, label: progress(PREPARATION_SHARE * share, label),
        )
        mix = self.predict(
            prepared.audio,
            progress=lambda share, label: progress(PREPARATION_SHARE + (1.0 - PREPARATION_SHARE) * share, label),
        )
        return MixResult(resample(mix, prepared.sample_rate, sample_rate, samples=samples), sample_rate, prepared)
