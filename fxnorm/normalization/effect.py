"""Effects: how a feature is measured, and how a stem is brought to its average."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, TypeAdapter

from fxnorm.audio import Audio
from fxnorm.normalization.feature import Feature
from fxnorm.normalization.processor import Processor

Arrays = Mapping[str, npt.NDArray[Any]]


class EffectSettings(BaseModel):
    """Base of the settings of an effect: frozen, and unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True)
class AppliedEffect:
    """The decision of one effect about one stem.

    Attributes
    ----------
    effect : str
        Name of the effect.
    processor : Processor or None
        What is applied; None if the stem stays as it is.
    before, after : dict
        Feature before and after, as far as it is known; rounded JSON values for the reader.
    skipped : str or None
        Why the effect was not applied, or only its gain.
    """

    effect: str
    processor: Processor | None = None
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    skipped: str | None = None

    def process(self, audio: Audio, sample_rate: int, *, overwrite: bool = False) -> Audio:
        """Apply the processor, if there is one."""
        if self.processor is None:
            return audio
        return self.processor.process(audio, sample_rate, overwrite=overwrite)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values without the empty ones."""
        processor = self.processor.to_dict() if self.processor is not None else None
        content = {"processor": processor, "before": self.before, "after": self.after, "skipped": self.skipped}
        return {"effect": self.effect} | {key: value for key, value in content.items() if value}


@dataclass(frozen=True)
class Analysis:
    """Measurements of one stem from which an effect chooses its processor.

    Fields that are arrays can be stored and handed to `Effect.analyze` again.
    """

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return the fields that are worth storing."""
        values = {item.name: getattr(self, item.name) for item in fields(self) if item.metadata.get("stored", True)}
        return {name: np.asarray(value) for name, value in values.items()}


F = TypeVar("F", bound=Feature)
S = TypeVar("S", bound=EffectSettings)
A = TypeVar("A", bound=Analysis)


class Effect(ABC, Generic[F, S, A]):
    """An effect that can be measured and matched.

    Attributes
    ----------
    name : str
        Name in settings, statistics and records.
    title : str
        Heading on pages.
    feature : type
        Class of its feature.
    settings : type
        Class of its settings, or a union that pydantic can tell apart.
    presets : mapping of str to EffectSettings
        Settings by preset.
    processors : tuple of type
        Classes that `choose` can return.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    feature: ClassVar[type[Feature]]
    settings: ClassVar[Any]
    presets: ClassVar[Mapping[str, EffectSettings]]
    processors: ClassVar[tuple[type[Processor], ...]]

    @classmethod
    def parse_settings(cls, content: Any) -> EffectSettings:
        """Validate settings; raise `pydantic.ValidationError` if a key or a value is wrong."""
        settings: EffectSettings = TypeAdapter(cls.settings).validate_python(content)
        return settings

    @abstractmethod
    def measure(self, audio: Audio, sample_rate: int) -> F | None:
        """Measure the feature of a stem.

        Parameters
        ----------
        audio : ndarray, shape (channels, samples), float32
        sample_rate : int
            In Hz.

        Returns
        -------
        Feature or None
            None if the stem cannot be measured, e.g. because it is silent.
        """

    @abstractmethod
    def analyze(self, audio: Audio, sample_rate: int, *, settings: S, arrays: Arrays | None = None) -> A:
        """Measure the input of `choose`.

        Parameters
        ----------
        audio : ndarray, shape (channels, samples), float32
        sample_rate : int
            In Hz.
        settings : EffectSettings
        arrays : mapping of str to ndarray, optional
            `Analysis.to_arrays` of the same stem and settings: it is not measured again.
        """

    @abstractmethod
    def choose(self, analysis: A, target: F, *, stem: str, settings: S, strength: float = 1.0) -> AppliedEffect:
        """Choose the processor that brings a stem to the target.

        Parameters
        ----------
        analysis : Analysis
            Of `analyze` by the same settings.
        target : Feature
            Average to reach.
        stem : str
            vocals, bass, drums or other.
        settings : EffectSettings
        strength : float
            Share of the way to the target, 0 to 1.

        Returns
        -------
        AppliedEffect
            With a processor, or the reason why there is none.
        """

    def measure_and_analyze(self, audio: Audio, sample_rate: int, *, settings: S) -> tuple[F | None, A]:
        """Measure the feature and the analysis together; an effect that can share work overrides this."""
        return self.measure(audio, sample_rate), self.analyze(audio, sample_rate, settings=settings)

    def smooth(self, feature: F, stem: str) -> F:
        """Reduce a measured feature for averaging: curves are smoothed and sampled at the grid."""
        return feature

    def from_published(self, values: npt.NDArray[np.float64]) -> F:
        """Create an averaged feature from an array of a published feature file."""
        return self.feature.from_array(values)  # type: ignore[return-value]

    def measure_smoothed(self, audio: Audio, sample_rate: int, stem: str) -> F | None:
        """Measure the feature in the form in which it is averaged."""
        feature = self.measure(audio, sample_rate)
        return self.smooth(feature, stem) if feature is not None else None


def match(
    effect: Effect[Any, Any, Any],
    audio: Audio,
    sample_rate: int,
    target: Feature,
    *,
    stem: str,
    settings: EffectSettings | None = None,
    strength: float = 1.0,
    overwrite: bool = False,
    arrays: Arrays | None = None,
) -> tuple[Audio, AppliedEffect]:
    """Analyse a stem, choose a processor and apply it.

    Parameters
    ----------
    effect : Effect
    audio : ndarray, shape (channels, samples), float32
    sample_rate : int
        In Hz.
    target : Feature
        Average to reach.
    stem : str
        vocals, bass, drums or other.
    settings : EffectSettings, optional
        The default preset if not given.
    strength : float
        Share of the way to the target, 0 to 1.
    overwrite : bool
        Allow the result to replace the input, which saves the memory of one stem.
    arrays : mapping of str to ndarray, optional
        Stored analysis of the same stem.

    Returns
    -------
    audio : ndarray, shape (channels, samples), float32
    applied : AppliedEffect
    """
    settings = settings if settings is not None else effect.presets["default"]
    analysis = effect.analyze(audio, sample_rate, settings=settings, arrays=arrays)
    applied = effect.choose(analysis, target, stem=stem, settings=settings, strength=strength)
    del analysis  # frees its arrays before processing
    return applied.process(audio, sample_rate, overwrite=overwrite), applied
