"""Average features of a data set of stems: the targets that stems are brought to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np

from fxnorm import documents
from fxnorm.audio import SAMPLE_RATE
from fxnorm.corpus.stems import STEMS
from fxnorm.errors import StatsError
from fxnorm.normalization import published_features, statistics_file
from fxnorm.normalization.distances import distance
from fxnorm.normalization.effects import MATCHED_EFFECTS
from fxnorm.normalization.feature import Feature
from fxnorm.normalization.running_mean import RunningMean
from fxnorm.normalization.statistics_file import DOCUMENT

SHIPPED = ("musdb18", "synthetic")

MeasuredOn = Literal["progressive", "raw"]


@dataclass(frozen=True)
class FxStats:
    """Average features of the stems of a corpus.

    Attributes
    ----------
    title, source : str
        What was measured, and the origin of the figures.
    measured_on : {"progressive", "raw"}
        Whether each feature was measured after the effects before it had been normalised, or on the untouched stem.
    averages : dict
        Features by effect, then by stem; curves at the 1,025 grid frequencies. A stem without a measurement is absent.
    counts : dict
        Number of stems by effect, then by stem. Empty if the source does not say.
    settings : dict or None
        Settings of the chain that normalised in between; None if there was none, or the source does not say.
    corpus : dict
        What is known of the songs.
    sample_rate_hz : int
        Sample rate of the stems, which the frequency grid depends on.
    """

    title: str
    source: str
    measured_on: MeasuredOn
    averages: Mapping[str, Mapping[str, Feature]]
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    settings: Mapping[str, Any] | None = None
    corpus: Mapping[str, Any] = field(default_factory=dict)
    sample_rate_hz: int = SAMPLE_RATE

    def __post_init__(self) -> None:
        # Round the averages as a file does, so that fresh and loaded statistics give the same results.
        rounded = {
            effect: {stem: average.from_dict(average.to_dict()) for stem, average in stems.items()}
            for effect, stems in self.averages.items()
        }
        object.__setattr__(self, "averages", rounded)

    @property
    def signature(self) -> str:
        """Hash of everything that matching depends on: the averages and how they were measured."""
        # Without the sample rate: statistics of another one are refused.
        content = {"measured_on": self.measured_on, "settings": self.settings, "stems": self.stems_to_dict()}
        return documents.signature(content)

    def target(self, effect: str, stem: str) -> Any:
        """Return the average that an effect brings a stem to; None if no stem was measured."""
        return self.averages.get(effect, {}).get(stem)

    def targets(self, stem: str) -> dict[str, Feature | None]:
        """Return the averages of a stem by effect."""
        return {effect: self.target(effect, stem) for effect in MATCHED_EFFECTS}

    def distance(self, other: "FxStats") -> dict[str, dict[str, float]]:
        """Return the distances between two averages by stem and name (`distances.measures`)."""
        return {stem: distance(self.targets(stem), other.targets(stem)) for stem in STEMS}

    def stems_to_dict(self) -> dict[str, dict[str, Any]]:
        """Return the averages as plain JSON values by stem."""
        stems: dict[str, dict[str, Any]] = {}
        for stem in STEMS:
            averages = [average for average in self.targets(stem).values() if average is not None]
            stems[stem] = {key: value for average in averages for key, value in average.to_dict().items()}
        return stems

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values, the content of the file."""
        return statistics_file.encode(self)

    @classmethod
    def from_dict(cls, content: Any, label: str = "statistics") -> Self:
        """Create statistics from `to_dict`.

        Parameters
        ----------
        content : dict
        label : str
            Name of the statistics in errors.

        Raises
        ------
        StatsError
            If the content is something else, of another version or sample rate, incomplete, or not finite.
        """
        statistics_file.require_format(content, label)
        try:
            stats = cls(**statistics_file.decode(content))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise StatsError(
                f"{label}: incomplete or damaged ({type(error).__name__}: {error}); compute it again"
            ) from error
        stats._require_finite(label)
        DOCUMENT.check_signature(content, stats.signature, label)
        return stats

    def save(self, path: Path) -> None:
        """Write the file atomically.

        Raises
        ------
        StatsError
            If it cannot be written.
        """
        documents.write_text(Path(path), documents.to_lines(self.to_dict()), StatsError)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a statistics file.

        Raises
        ------
        StatsError
            If it is missing, of another format, version or sample rate, incomplete, or not finite.
        """
        return cls.from_dict(DOCUMENT.read(path), str(path))

    @classmethod
    def shipped(cls, name: str = "musdb18") -> Self:
        """Load statistics that come with fxnorm: `musdb18`, the published averages, or `synthetic`.

        Raises
        ------
        StatsError
            If there are none of that name.
        """
        if name not in SHIPPED:
            raise StatsError(
                f"expected shipped statistics ({', '.join(SHIPPED)}), got {name!r}; load a file by its path"
            )
        resource = resources.files("fxnorm.shipped") / f"{name}.json"
        label = f"shipped statistics {name!r}"
        return cls.from_dict(DOCUMENT.parse(resource.read_text(encoding="utf-8"), label), label)

    @classmethod
    def merge(cls, statistics: Iterable[Self]) -> Self:
        """Average the statistics of several corpora, weighted by the number of stems in each.

        Raises
        ------
        StatsError
            If they were measured differently, or one does not say how many stems counted.
        """
        inputs = list(statistics)
        if not inputs:
            raise StatsError("expected statistics to merge, got none")
        first = inputs[0]
        means = RunningMean()
        for stats in inputs:
            stats._require_mergeable(first)
            for effect, stems in stats.averages.items():
                for stem, average in stems.items():
                    means.add(effect, stem, average, weight=stats.counts[effect][stem])
        return replace(
            first,
            title=" + ".join(stats.title for stats in inputs),
            source=" + ".join(dict.fromkeys(stats.source for stats in inputs)),
            averages=means.means(),
            counts=means.counts(),
            corpus={"merged": [dict(stats.corpus) for stats in inputs]},
        )

    @classmethod
    def from_published(cls, path: Path) -> Self:
        """Read a published feature file (a pickled dict of arrays) as data; nothing in it is run.

        Raises
        ------
        StatsError
            If it holds anything but a dict of arrays, or the arrays are not the features.
        """
        content = published_features.read(Path(path))
        averages: dict[str, dict[str, Feature]] = {}
        try:
            for effect, shape in published_features.SHAPES.items():
                averages[effect] = {}
                for stem, values in content[effect].items():
                    array = np.asarray(values, dtype=np.float64)
                    if stem not in STEMS or array.shape != shape:
                        raise ValueError(f"{effect} of {stem!r} with shape {array.shape}")
                    averages[effect][stem] = MATCHED_EFFECTS[effect].from_published(array)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise StatsError(
                f"{path}: expected the features eq, compression, panning and loudness of the four stems, got {error}"
            ) from error
        source = f"imported from {Path(path).name}"
        stats = cls(title=Path(path).stem, source=source, measured_on="progressive", averages=averages)
        stats._require_finite(str(path))
        return stats

    def _require_finite(self, label: str) -> None:
        for effect, stems in self.averages.items():
            for stem, average in stems.items():
                if not average.is_finite():
                    raise StatsError(f"{label}: {effect} of {stem} is not finite; compute it again")

    def _require_mergeable(self, first: "FxStats") -> None:
        if (self.measured_on, self.settings) != (first.measured_on, first.settings):
            raise StatsError(
                f"expected statistics measured alike, got {first.title!r} and {self.title!r}; "
                "compute them with the same options"
            )
        for effect, stems in self.averages.items():
            if not all(self.counts.get(effect, {}).get(stem, 0) > 0 for stem in stems):
                raise StatsError(
                    f"{self.title!r} does not say how many stems counted, so it has no weight; leave it out"
                )
