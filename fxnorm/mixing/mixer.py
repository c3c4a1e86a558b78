"""A mixer: stems in, mix out, whatever the model and however long the song."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from fxnorm import models
from fxnorm.audio import RATE, Audio, as_audio, resample, to_stereo
from fxnorm.corpus.stems import STEMS, require_stem
from fxnorm.errors import FxnormError, InputError
from fxnorm.mixing.baselines import Baseline
from fxnorm.models import metadata, sums
from fxnorm.normalization.chain import Chain
from fxnorm.normalization.effect import AppliedEffect
from fxnorm.normalization.reverb import ImpulseResponse
from fxnorm.normalization.settings import ChainSettings
from fxnorm.normalization.statistics import FxStats

if TYPE_CHECKING:
    from fxnorm.models.checkpoint import Checkpoint
    from fxnorm.models.gbdt.model import Boosted

BASELINES = tuple(sums.BASELINES)

Progress = Callable[[float, str], None]  # share of the song that is done, 0 to 1, and what was just done
PREPARING = 0.3  # of a song's work


@dataclass(frozen=True)
class Prepared:
    """Stems as a model takes them.

    Attributes
    ----------
    audio : ndarray, shape (4, 2, samples), float32
        In the order of `STEMS`; silence where a stem is missing.
    rate : int
        Sampling rate in Hz.
    steps : dict of str to list of AppliedEffect
        What normalising did to each stem that was given; no steps where the mixer does not normalise.
    """

    audio: Audio
    rate: int
    steps: Mapping[str, Sequence[AppliedEffect]] = field(default_factory=dict)


@dataclass(frozen=True)
class Mix:
    """A mix, and what it was made of.

    Attributes
    ----------
    audio : ndarray, shape (2, samples), float32
    rate : int
        Sampling rate in Hz.
    prepared : Prepared
    """

    audio: Audio
    rate: int
    prepared: Prepared


class Mixer:
    """Normalises stems as its model was trained on, and lets the model mix them.

    Parameters
    ----------
    model : Checkpoint, Boosted or Baseline
    name : str
        What tables and cards call it; the model's own name if not given.
    rooms : sequence of ImpulseResponse
        Short impulse responses that vocals and other are put into first: for really dry material.
    seed : int
        Of what rooms and reverb draw.

    Raises
    ------
    InputError
        If the model does not say how its stems were normalised, or its impulse responses are missing.

    Examples
    --------
    >>> mixer = Mixer.open("runs/tdcn")
    >>> mix = mixer.mix({"vocals": vocals, "drums": drums}, 48_000)
    """

    def __init__(
        self,
        model: "Checkpoint | Boosted | Baseline",
        *,
        name: str = "",
        rooms: Sequence[ImpulseResponse] = (),
        seed: int = 0,
    ) -> None:
        self.model = model
        self.name = name or _name_of(model)
        self.identity = self.name
        self.rooms = tuple(rooms)
        self.seed = seed
        self.is_baseline = isinstance(model, Baseline)
        self.is_network = hasattr(model, "network")
        if model.chain is None and not self.is_baseline:
            raise InputError(
                f"{self.name}: expected a model that was trained on normalised stems, got one that does not say how "
                "they are normalised; train it with fxnorm train"
            )
        self._normalizer = model.chain.normalizer(rooms=self.rooms) if model.chain is not None else None

    @classmethod
    def open(
        cls,
        model: str | Path,
        *,
        device: str = "auto",
        stats: FxStats | None = None,
        settings: ChainSettings | None = None,
        rooms: Sequence[ImpulseResponse] = (),
        seed: int = 0,
    ) -> Self:
        """Open a model by name or folder.

        Parameters
        ----------
        model : str or Path
            `sum`, `normalized-sum`, `naive`, or the folder of a checkpoint or of a run.
        device : {"auto", "cpu", "cuda", "mps"}
            Where a network works; auto takes a GPU if there is one.
        stats, settings : FxStats, ChainSettings, optional
            Of the chain of `normalized-sum`. A trained model has its own: others are refused.
        rooms, seed
            As for `Mixer`.

        Raises
        ------
        InputError
            If there is no such model or device, or the statistics or settings are not the model's.
        CheckpointError
            If the checkpoint is damaged.
        """
        name = str(model)
        if name in BASELINES:
            baseline = Baseline.open(name, stats=stats, settings=settings)
            if baseline.chain is None and (stats is not None or settings is not None or rooms):
                raise InputError(f"{name} leaves the stems as they are; take normalized-sum to have them normalised")
            mixer = cls(baseline, rooms=rooms, seed=seed)
            mixer.identity = f"{name} {baseline.chain.signature if baseline.chain else ''}".strip()
            return mixer
        folder = metadata.find(Path(model))
        if not folder.is_dir():
            raise InputError(
                f"unknown model {name!r}: expected {', '.join(BASELINES)} or the folder of a trained run; "
                "there is no such folder"
            )
        trained = models.load(folder)
        _require_same(trained.chain, stats, settings, folder)
        if hasattr(trained, "network"):  # the others know no devices
            trained.network.to(_choose_device(device))
        own = folder.resolve()
        mixer = cls(
            trained,
            name=own.parent.name if own.name == metadata.RUN_CHECKPOINT else own.name,
            rooms=rooms,
            seed=seed,
        )
        mixer.identity = _digest(folder)
        return mixer

    @property
    def chain(self) -> Chain | None:
        """How stems are normalised; None where they are not."""
        return self.model.chain

    @property
    def normalizes(self) -> bool:
        """Whether stems are normalised first."""
        return self._normalizer is not None

    def prepare(
        self,
        stems: Mapping[str, Audio],
        rate: int,
        *,
        samples: int | None = None,
        at: int = RATE,
        progress: Progress = lambda share, what: None,
    ) -> Prepared:
        """Bring stems to one length, one rate and the averages that the model knows.

        Parameters
        ----------
        stems : mapping of str to ndarray, shape (1 or 2, samples)
            By name; missing ones are silence. Each is asked for once, so that a mapping which reads files when asked
            holds one stem at a time.
        rate : int
            Of all stems, in Hz.
        samples : int, optional
            Length of the longest; found out by asking for every stem once more if not given.
        at : int
            Rate of the result in Hz.
        progress : callable

        Returns
        -------
        Prepared

        Raises
        ------
        InputError
            If there is no stem, a name is none, or the rate is not above 0 Hz.
        AudioError
            If a stem has more than two channels, no samples, or samples that are not finite.
        """
        _require_stems(stems, rate)
        if samples is None:
            samples = max(as_audio(stems[stem], what=stem).shape[1] for stem in stems)
        length = samples if at == rate else -(-samples * at // rate)
        out = np.zeros((len(STEMS), 2, length), dtype=np.float32)
        steps: dict[str, Sequence[AppliedEffect]] = {}
        for index, stem in enumerate(name for name in STEMS if name in stems):
            audio = to_stereo(as_audio(stems[stem], what=stem))
            audio = resample(audio, rate, at, samples=length)  # the longest and the whole song alike: see METHOD
            if self._normalizer is not None:
                rng = np.random.default_rng([self.seed, STEMS.index(stem)])
                audio, steps[stem] = self._normalizer(audio, at, stem, rng=rng)
            out[STEMS.index(stem)] = audio
            del audio
            progress((index + 1) / len(stems), stem)
        return Prepared(out, at, steps)

    def mix_prepared(self, prepared: Audio, *, progress: Progress = lambda share, what: None) -> Audio:
        """Let the model mix what `prepare` made.

        Parameters
        ----------
        prepared : ndarray, shape (4, 2, samples), float32
            At 44,100 Hz; a baseline takes any rate.
        progress : callable

        Returns
        -------
        ndarray, shape (2, samples), float32

        Raises
        ------
        FxnormError
            If the model gives anything but finite samples.
        """
        mix: Audio
        if self.is_network:  # takes its time, and says how far it is
            mix = self.model.mix(prepared, progress=lambda share: progress(share, "mix"))  # type: ignore[call-arg]
        else:
            mix = self.model.mix(prepared)
        if not np.isfinite(np.sum(mix, dtype=np.float64)):
            raise FxnormError(f"{self.name}: gave samples that are not finite; train it again, or take another model")
        return np.ascontiguousarray(mix, dtype=np.float32)

    def mix(
        self,
        stems: Mapping[str, Audio],
        rate: int,
        *,
        samples: int | None = None,
        progress: Progress = lambda share, what: None,
    ) -> Mix:
        """Mix stems.

        Parameters
        ----------
        stems, rate, samples, progress
            As for `prepare`.

        Returns
        -------
        Mix
            Stereo, at the rate of the stems, as long as the longest, sample by sample in its place.
        """
        _require_stems(stems, rate)
        if samples is None:
            samples = max(as_audio(stems[stem], what=stem).shape[1] for stem in stems)
        prepared = self.prepare(
            stems,
            rate,
            samples=samples,
            at=rate if self.is_baseline else RATE,
            progress=lambda share, what: progress(PREPARING * share, what),
        )
        mix = self.mix_prepared(
            prepared.audio, progress=lambda share, what: progress(PREPARING + (1.0 - PREPARING) * share, what)
        )
        return Mix(resample(mix, prepared.rate, rate, samples=samples), rate, prepared)


def _require_stems(stems: Mapping[str, Audio], rate: int) -> None:
    if not stems:
        raise InputError(f"expected at least one of the stems {', '.join(STEMS)}, got none")
    for stem in stems:
        require_stem(stem)
    if rate <= 0:
        raise InputError(f"expected a sampling rate above 0 Hz, got {rate}")


def _require_same(chain: Chain | None, stats: FxStats | None, settings: ChainSettings | None, folder: Path) -> None:
    if chain is None:
        return  # refused by the mixer itself
    if stats is not None and stats.signature != chain.stats.signature:
        raise InputError(
            f"{folder}: expected its own statistics ({chain.stats.title}), got {stats.title}; leave --stats out"
        )
    if settings is not None and settings != chain.settings:
        raise InputError(f"{folder}: expected its own settings of the chain, got others; leave --preset out")


def _choose_device(name: str) -> Any:
    from fxnorm.models import devices

    return devices.choose(name)


def _name_of(model: Any) -> str:
    return str(getattr(getattr(model, "network", model), "name", type(model).__name__.lower()))


def _digest(folder: Path) -> str:
    """What tells a trained model from another: its card, which names its weights by their hash."""
    return hashlib.sha256((folder / metadata.CARD).read_bytes()).hexdigest()[:16]
