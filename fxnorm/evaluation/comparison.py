"""Comparison of systems on the same songs: means, rankings and paired tests."""

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from fxnorm.evaluation.metrics import LEADING, METRICS
from fxnorm.evaluation.scoring import MixScore
from fxnorm.evaluation.songs import EvaluationSong
from fxnorm.evaluation.statistics import Interval, PairedTest, compare_with, mean_interval
from fxnorm.parallel import Failure

NORMALIZED_SUM = "normalized-sum"


@dataclass(frozen=True)
class Comparison:
    """Scores of several systems on the same songs.

    Attributes
    ----------
    title : str
        Material that was mixed: wet stems, dry stems, finished mixes.
    songs : tuple of EvaluationSong
    scores : tuple of MixScore
    failures : tuple of Failure
    oracles : tuple of str
        Systems that know the target and only bound the scores: the sum of the wet stems is the target itself.
    baselines : tuple of str
        Trivial systems. The best of them in the leading metric is the reference; choosing it by its scores makes the
        tests of the other systems harder, not easier.
    requested_reference : str
        System to compare the others with instead.
    """

    title: str
    songs: tuple[EvaluationSong, ...]
    scores: tuple[MixScore, ...]
    failures: tuple[Failure, ...] = ()
    oracles: tuple[str, ...] = ()
    baselines: tuple[str, ...] = ()
    requested_reference: str = ""

    @cached_property
    def all_systems(self) -> tuple[str, ...]:
        """Names of all systems, oracles included, in the order given."""
        return tuple(dict.fromkeys(system for song in self.songs for system in song.mixes))

    @property
    def systems(self) -> tuple[str, ...]:
        """Names of the systems without the oracles."""
        return tuple(system for system in self.all_systems if system not in self.oracles)

    @cached_property
    def complete_songs(self) -> tuple[str, ...]:
        """Names of the songs that every system has; all means are over these, so that they can be compared."""
        scored = {(score.song, score.system) for score in self.scores}
        names = (song.name for song in self.songs)
        return tuple(name for name in names if all((name, system) in scored for system in self.all_systems))

    def scores_of(self, system: str) -> dict[str, MixScore]:
        """Return the scores of a system, or of the target, by song."""
        return {score.song: score for score in self.scores if score.system == system}

    def values(self, metric: str) -> dict[str, list[float]]:
        """Return the values of a metric by system, over the complete songs for which every system has one."""
        scores = {system: self.scores_of(system) for system in self.all_systems}
        rows = [
            [scores[system][song].values.get(metric) for system in self.all_systems] for song in self.complete_songs
        ]
        defined = [[value for value in row if value is not None] for row in rows if None not in row]
        columns = zip(*defined, strict=True) if defined else ([] for _ in self.all_systems)
        return {system: list(column) for system, column in zip(self.all_systems, columns, strict=True)}

    def means(self, metric: str) -> dict[str, Interval | None]:
        """Return the mean and confidence interval of a metric by system."""
        return {system: mean_interval(values) for system, values in self.values(metric).items()}

    def ranking(self, metric: str) -> list[str]:
        """Rank the systems by mean, best first, without oracles and systems without a value."""
        means = {name: mean for name, mean in self.means(metric).items() if mean and name in self.systems}
        return sorted(means, key=lambda name: means[name].mean, reverse=not METRICS[metric].lower_is_better)

    @cached_property
    def reference(self) -> str | None:
        """System that the others are compared with; None without systems.

        The requested one, else the best baseline in the leading metric, else the sum of normalised stems, else the
        first system.
        """
        baselines = [name for name in self.ranking(LEADING) if name in self.baselines]
        candidates = (self.requested_reference, *baselines, NORMALIZED_SUM, *self.systems)
        return next((name for name in candidates if name in self.systems), None)

    def paired_tests(self, metric: str) -> list[PairedTest]:
        """Compare every system but the oracles with the reference."""
        values = self.values(metric)
        return compare_with(self.reference, {name: values[name] for name in self.systems}) if self.reference else []

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "title": self.title,
            "oracles": list(self.oracles),
            "baselines": list(self.baselines),
            "reference": self.reference,
            "songs": {
                song.name: {"target": str(song.target), "mixes": {name: str(path) for name, path in song.mixes.items()}}
                for song in self.songs
            },
            "complete_songs": list(self.complete_songs),
            "means": {
                metric: {system: mean and asdict(mean) for system, mean in self.means(metric).items()}
                for metric in METRICS
            },
            "paired_tests": {metric: [asdict(test) for test in self.paired_tests(metric)] for metric in METRICS},
            "scores": [asdict(score) for score in self.scores],
            "failures": [asdict(failure) for failure in self.failures],
        }
