"""Types of a mix model: its input, its result, and the protocols of a model and of its predictor."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol, Self

from fxnorm.audio import Audio
from fxnorm.console.document import Console
from fxnorm.models.settings import ModelSettings
from fxnorm.normalization.chain import Chain
from fxnorm.normalization.effect import AppliedEffect

Progress = Callable[[float], None]  # share completed, 0 to 1
SongProgress = Callable[[float, str], None]  # share of the song completed, 0 to 1, and the name of the last step


@dataclass(frozen=True)
class ModelInput:
    """Stems after preparation.

    Attributes
    ----------
    audio : ndarray, shape (4, 2, samples), float32
        In the order of `STEMS`; a missing stem is silent.
    sample_rate : int
        In Hz.
    effects : dict of str to list of AppliedEffect
        Effects that normalising applied, by stem; empty without normalising.
    """

    audio: Audio
    sample_rate: int
    effects: Mapping[str, Sequence[AppliedEffect]] = field(default_factory=dict)


@dataclass(frozen=True)
class MixResult:
    """A mix and its sources.

    Attributes
    ----------
    audio : ndarray, shape (2, samples), float32
    sample_rate : int
        In Hz.
    prepared : ModelInput or None
        Input of a model that takes stems.
    console : Console or None
        Console that renders this mix; None for a model that writes none.
    level : dict
        Gain and peak handling applied to the mix, as `OutputLevel.apply` reports them.
    notices : tuple of str
        Remarks for the user.
    """

    audio: Audio
    sample_rate: int
    prepared: ModelInput | None = None
    console: Console | None = None
    level: Mapping[str, Any] = field(default_factory=dict)
    notices: tuple[str, ...] = ()


class MixModel(Protocol):
    """A model that mixes songs: a baseline, boosted trees or a network."""

    @property
    def name(self) -> str:
        """Name in tables and records."""

    @property
    def identity(self) -> str:
        """Text that differs between models whose mixes may differ."""

    @property
    def description(self) -> str:
        """Sentence about how the mix is made."""

    @property
    def inputs(self) -> Literal["stems", "tracks"]:
        """Kind of tracks that `mix` takes: the four stems, or tracks of any number and name."""

    @property
    def chain(self) -> Chain | None:
        """Normalisation of the tracks; None for a model that takes them as recorded."""

    def mix(
        self,
        tracks: Mapping[str, Audio],
        sample_rate: int,
        *,
        samples: int | None = None,
        song: Console | None = None,
        progress: SongProgress = lambda share, label: None,
    ) -> MixResult:
        """Mix a song.

        Parameters
        ----------
        tracks : mapping of str to ndarray, shape (1 or 2, samples)
            By name; a missing stem is silent. With `samples` given, each is accessed once, so a mapping that reads
            files on access holds one at a time.
        sample_rate : int
            Of all tracks, in Hz.
        samples : int, optional
            Length of the longest track; measured if not given.
        song : Console, optional
            Neutral console with roles and files of the tracks, for a model that takes tracks; by default, roles follow
            from the names.
        progress : callable

        Returns
        -------
        MixResult
            Stereo, at the sample rate and with the length of the tracks, aligned with them.

        Raises
        ------
        InputError
            If there is no track, a name is unknown, or the sample rate is not above 0 Hz.
        AudioError
            If a track has more than two channels, no samples, or samples that are not finite.
        FxnormError
            If the mix has samples that are not finite.
        """


class Predictor(Protocol):
    """The part of a model that maps prepared stems to a mix."""

    @property
    def name(self) -> str:
        """Name in the registry."""

    @property
    def description(self) -> str:
        """Sentence about how the mix is made."""

    @property
    def sample_rate(self) -> int | None:
        """Sample rate of the stems in Hz; None for any."""

    def predict(self, stems: Audio, *, progress: Progress = lambda share: None) -> Audio:
        """Map stems (4, 2, samples) of any length to their mix (2, samples), aligned with them."""


class TrainablePredictor(Predictor, Protocol):
    """A predictor with presets and weights, as the registry and checkpoints handle it.

    Attributes
    ----------
    presets : dict
        Settings by preset; the first is the default.
    size_unit : str
        Plural noun for `size`: parameters, trees.
    history_unit : str
        Noun of a row of its history.
    weights_suffix : str
        Suffix of the file that `to_bytes` fills.
    """

    presets: ClassVar[Mapping[str, ModelSettings]]
    size_unit: ClassVar[str]
    history_unit: ClassVar[str]
    weights_suffix: ClassVar[str]

    @property
    def settings(self) -> ModelSettings:
        """Settings to build the same predictor again."""

    @property
    def size(self) -> int:
        """Number of `size_unit`."""

    @classmethod
    def describe_preset(cls, preset: str) -> dict[str, int]:
        """Return the figures of a preset before training."""

    def to_bytes(self) -> bytes:
        """Return the weights as the content of a file."""

    @classmethod
    def from_bytes(cls, content: bytes, settings: ModelSettings, *, label: str, device: str = "cpu") -> Self:
        """Build from settings and weights.

        Parameters
        ----------
        content : bytes
            As `to_bytes` gives them.
        settings : ModelSettings
        label : str
            Name of the content in error messages.
        device : {"auto", "cpu", "cuda", "mps"}
            For predictors that run on several.

        Raises
        ------
        CheckpointError
            If the content is damaged or does not fit the settings.
        InputError
            If the device is unknown or missing, or a package is not installed.
        """
