"""Average features of a data set of stems: what every stem is pushed to.

A statistics file is JSON: the averages at the 1,025 frequencies that matching reads, how many stems counted, the
settings and the corpus they were measured with, and a signature of all that matching depends on.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from fxnorm import documents
from fxnorm.corpus.stems import STEMS
from fxnorm.dsp.stft import BINS, GRID_POINTS, GRID_STEP, grid_frequencies
from fxnorm.errors import StatsError
from fxnorm.normalization import compression, panning, published_features
from fxnorm.normalization.distances import distance
from fxnorm.normalization.effects import MEASURED
from fxnorm.units import amplitude_to_db, db_to_amplitude

DOCUMENT = documents.DocumentType(
    "fxnorm-stats",
    1,
    noun="a statistics file",
    remedy="make one with 'fxnorm stats compute' or 'fxnorm stats import'",
    error=StatsError,
)
SHIPPED = ("musdb18", "synthetic")
UNITS = {
    "frequency_hz": "Hz",
    "eq": "dB of the mean STFT magnitude (65,536 points, hop 16,384, sqrt periodic Hann, unscaled, stem at -30 LUFS)",
    "compression": "mean and deviation in dB of onset peaks above their 75th percentile, stem at a peak of -10 dBFS",
    "panning": "mean channel similarity, 0 to 1, over the 32 bins from the frequency upwards",
    "loudness": "LUFS",
}

MeasuredOn = Literal["progressive", "raw"]
Feature = Any  # an effect's feature: a float, `compression.Peaks` or a curve


@dataclass(frozen=True)
class FxStats:
    """Average features of the stems of a corpus.

    Attributes
    ----------
    title, source : str
        What was measured, and where the figures come from.
    measured_on : {"progressive", "raw"}
        Whether each feature was measured after the effects before it had been normalised, or on the untouched stem.
    averages : dict
        By effect, then by stem: eq magnitudes and panning similarities of shape (1025,), `compression.Peaks`, LUFS. A
        stem that never counted is absent.
    counts : dict
        By effect, then by stem: how many stems counted. Empty where the source does not say.
    settings : dict or None
        Of the chain that normalised in between, None where the source does not say.
    corpus : dict
        What is known of the songs.
    """

    title: str
    source: str
    measured_on: MeasuredOn
    averages: Mapping[str, Mapping[str, Feature]]
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    settings: Mapping[str, Any] | None = None
    corpus: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "averages", _rounded(self.averages))

    @property
    def signature(self) -> str:
        """Hash of everything that matching depends on: the averages and how they were measured."""
        content = {"measured_on": self.measured_on, "settings": self.settings, "stems": self._stems_to_dict()}
        return documents.signature(content)

    def target(self, effect: str, stem: str) -> Feature | None:
        """The average that an effect pushes a stem to; None if no stem counted."""
        return self.averages.get(effect, {}).get(stem)

    def targets(self, stem: str) -> dict[str, Feature | None]:
        """All averages of a stem, by effect."""
        return {effect: self.target(effect, stem) for effect in MEASURED}

    def distance(self, other: "FxStats") -> dict[str, dict[str, float]]:
        """How far apart two averages are, by stem and measure (`effects.distances.MEASURES`)."""
        sets = [
            {stem: {effect: stats.target(effect, stem) for effect in MEASURED} for stem in STEMS}
            for stats in (self, other)
        ]
        return {stem: distance(sets[0][stem], sets[1][stem]) for stem in STEMS}

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; what the file holds."""
        content = {
            "title": self.title,
            "source": self.source,
            "signature": self.signature,
            "measured_on": self.measured_on,
            "settings": self.settings,
            "corpus": dict(self.corpus),
            "units": UNITS,
            "frequency_hz": np.round(grid_frequencies(), 3).tolist(),
            "stems": self._stems_to_dict(),
            "counts": {effect: dict(counts) for effect, counts in self.counts.items()},
        }
        return DOCUMENT.wrap(content)

    def save(self, path: Path) -> None:
        """Write the file whole.

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
            If it is missing, of another format or version, incomplete, or not finite.
        """
        return cls.from_dict(DOCUMENT.read(path), str(path))

    @classmethod
    def shipped(cls, name: str = "musdb18") -> Self:
        """Statistics that come with fxnorm: `musdb18`, the published averages, or `synthetic`.

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
    def merge(cls, parts: Iterable[Self]) -> Self:
        """Averages over several corpora, weighted by how many stems counted in each.

        Raises
        ------
        StatsError
            If they were measured differently, or a part does not say how many stems counted.
        """
        several = list(parts)
        if not several:
            raise StatsError("expected statistics to merge, got none")
        first = several[0]
        for part in several:
            if (part.measured_on, part.settings) != (first.measured_on, first.settings):
                raise StatsError(
                    f"expected statistics measured alike, got {first.title!r} and {part.title!r}; "
                    "compute them with the same options"
                )
            if not all(
                part.counts.get(effect, {}).get(stem, 0) > 0
                for effect in part.averages
                for stem in part.averages[effect]
            ):
                raise StatsError(
                    f"{part.title!r} does not say how many stems counted, so it has no weight; leave it out"
                )
        sums = Sums()
        for part in several:
            for effect, stems in part.averages.items():
                for stem, average in stems.items():
                    sums.add(effect, stem, average, weight=part.counts[effect][stem])
        return replace(
            first,
            title=" + ".join(part.title for part in several),
            source=" + ".join(dict.fromkeys(part.source for part in several)),
            averages=sums.means(),
            counts=sums.counts(),
            corpus={"merged": [dict(part.corpus) for part in several]},
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
        curves = {"eq": lambda curve: curve[::GRID_STEP], "panning": panning.to_grid}
        averages: dict[str, dict[str, Feature]] = {effect: {} for effect in MEASURED}
        try:
            for effect in MEASURED:
                for stem, values in content[effect].items():
                    array = np.asarray(values, dtype=np.float64)
                    expected = {"eq": (BINS,), "panning": (BINS,), "compression": (2,), "loudness": (1,)}[effect]
                    if stem not in STEMS or array.shape != expected:
                        raise ValueError(f"{effect} of {stem!r} with shape {array.shape}")
                    if effect in curves:
                        averages[effect][stem] = curves[effect](array)
                    elif effect == "compression":
                        averages[effect][stem] = compression.Peaks(*array.tolist())
                    else:
                        averages[effect][stem] = float(array[0])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise StatsError(
                f"{path}: expected the features eq, compression, panning and loudness of the four stems, got {error}"
            ) from error
        stats = cls(
            title=Path(path).stem,
            source=f"imported from {Path(path).name}",
            measured_on="progressive",
            averages=averages,
        )
        stats._require_finite(str(path))
        return stats

    @classmethod
    def from_dict(cls, content: Any, what: str = "statistics") -> Self:
        """Statistics from what `to_dict` gave, or a file holds.

        Parameters
        ----------
        content : dict
        what : str
            What an error calls them.

        Raises
        ------
        StatsError
            If the content is something else, of another version, incomplete, or not finite.
        """
        DOCUMENT.check(content, what)
        try:
            averages: dict[str, dict[str, Feature]] = {effect: {} for effect in MEASURED}
            for stem in STEMS:
                fields = content["stems"].get(stem, {})
                if "eq_db" in fields:
                    averages["eq"][stem] = db_to_amplitude(_curve(fields["eq_db"]))
                if "compression" in fields:
                    averages["compression"][stem] = compression.Peaks(**fields["compression"])
                if "panning" in fields:
                    averages["panning"][stem] = _curve(fields["panning"])
                if "loudness_lufs" in fields:
                    averages["loudness"][stem] = float(fields["loudness_lufs"])
            stats = cls(
                title=content["title"],
                source=content["source"],
                measured_on=content["measured_on"],
                averages=averages,
                counts={effect: {s: int(n) for s, n in counts.items()} for effect, counts in content["counts"].items()},
                settings=content["settings"],
                corpus=content["corpus"],
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise StatsError(
                f"{what}: incomplete or damaged ({type(error).__name__}: {error}); compute it again"
            ) from error
        stats._require_finite(what)
        DOCUMENT.check_signature(content, stats.signature, what)
        return stats

    def _require_finite(self, what: str) -> None:
        for effect, stems in self.averages.items():
            for stem, average in stems.items():
                values = [average.peak_db, average.spread_db] if effect == "compression" else average
                if not np.all(np.isfinite(values)):
                    raise StatsError(f"{what}: {effect} of {stem} is not finite; compute it again")

    def _stems_to_dict(self) -> dict[str, dict[str, Any]]:
        out: dict[str, dict[str, Any]] = {}
        for stem in STEMS:
            fields: dict[str, Any] = {}
            if (eq := self.target("eq", stem)) is not None:
                fields["eq_db"] = np.round(amplitude_to_db(eq), 4).tolist()
            if (similarity := self.target("panning", stem)) is not None:
                fields["panning"] = np.round(similarity, 6).tolist()
            if (peaks := self.target("compression", stem)) is not None:
                fields["compression"] = peaks.to_dict()
            if (lufs := self.target("loudness", stem)) is not None:
                fields["loudness_lufs"] = round(lufs, 4)
            out[stem] = fields
        return out


class Sums:
    """Running sums of features, from which the averages are made; what does not count is never added."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, str], npt.NDArray[np.float64]] = {}
        self._counts: dict[tuple[str, str], int] = {}

    def add(self, effect: str, stem: str, feature: Feature | None, *, weight: int = 1) -> None:
        """Add the feature of one stem; None (a silent stem) is left out."""
        if feature is None:
            return
        values = np.array(
            [feature.peak_db, feature.spread_db] if effect == "compression" else feature, dtype=np.float64
        )
        key = (effect, stem)
        self._sums[key] = self._sums.get(key, 0.0) + weight * values
        self._counts[key] = self._counts.get(key, 0) + weight

    def means(self) -> dict[str, dict[str, Feature]]:
        """Arithmetic means, in the form the features have."""
        out: dict[str, dict[str, Feature]] = {effect: {} for effect in MEASURED}
        for (effect, stem), total in self._sums.items():
            mean = total / self._counts[effect, stem]
            if effect == "compression":
                out[effect][stem] = compression.Peaks(float(mean[0]), float(mean[1]))
            else:
                out[effect][stem] = mean if mean.ndim else float(mean)
        return out

    def counts(self) -> dict[str, dict[str, int]]:
        """How many stems were added, by effect and stem."""
        out: dict[str, dict[str, int]] = {effect: {} for effect in MEASURED}
        for (effect, stem), count in self._counts.items():
            out[effect][stem] = count
        return out


def _curve(values: Any) -> npt.NDArray[np.float64]:
    curve = np.asarray(values, dtype=np.float64)
    if curve.shape != (GRID_POINTS,):
        raise ValueError(f"a curve of {curve.shape} points instead of {GRID_POINTS}")
    return curve


def _rounded(averages: Mapping[str, Mapping[str, Feature]]) -> dict[str, dict[str, Feature]]:
    """The averages as a file gives them back, so that fresh and loaded statistics do the same."""
    return {
        "eq": {stem: db_to_amplitude(np.round(amplitude_to_db(v), 4)) for stem, v in averages.get("eq", {}).items()},
        "compression": {stem: compression.Peaks(**v.to_dict()) for stem, v in averages.get("compression", {}).items()},
        "panning": {stem: np.round(v, 6) for stem, v in averages.get("panning", {}).items()},
        "loudness": {stem: round(v, 4) for stem, v in averages.get("loudness", {}).items()},
    }
