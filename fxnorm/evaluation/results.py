"""Scores put together: tests, means with intervals, comparisons, files."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from fxnorm import __version__, files
from fxnorm.documents import DocumentType
from fxnorm.evaluation.metrics import METRICS
from fxnorm.evaluation.scoring import Score
from fxnorm.evaluation.songs import Song
from fxnorm.evaluation.statistics import Comparison, Interval, compare_with, mean_interval
from fxnorm.parallel import Failure

DOCUMENT = DocumentType("fxnorm-evaluation", 1, noun="an evaluation", remedy="evaluate again", indent=1)
NORMALIZED_SUM = "normalized-sum"


@dataclass(frozen=True)
class Test:
    """Systems on the same songs.

    Attributes
    ----------
    title : str
        What was mixed: wet stems, dry stems.
    songs : tuple of Song
    scores : tuple of Score
    failures : tuple of Failure
    ceilings : tuple of str
        Systems that are given the answer, and can only be a bound: the sum of the wet stems is the mix itself.
    against : str
        The system that the others are compared with; if empty, the sum of the normalised stems or else the first that
        is no ceiling.
    """

    title: str
    songs: tuple[Song, ...]
    scores: tuple[Score, ...]
    failures: tuple[Failure, ...] = ()
    ceilings: tuple[str, ...] = ()
    against: str = ""

    @cached_property
    def systems(self) -> tuple[str, ...]:
        """Names of what mixed, in the order they were named."""
        return tuple(dict.fromkeys(system for song in self.songs for system in song.mixes))

    @cached_property
    def complete(self) -> tuple[str, ...]:
        """Songs that every system has: all means are over these, or they could not be compared."""
        scored = {(score.song, score.system) for score in self.scores}
        names = (song.name for song in self.songs)
        return tuple(name for name in names if all((name, system) in scored for system in self.systems))

    def of(self, system: str) -> dict[str, Score]:
        """A system's scores, or the target's, by song."""
        return {score.song: score for score in self.scores if score.system == system}

    def values(self, metric: str) -> dict[str, list[float]]:
        """A metric by system, over the complete songs of which every system has a value."""
        found = {system: self.of(system) for system in self.systems}
        rows = [[found[system][song].values.get(metric) for system in self.systems] for song in self.complete]
        whole = [[value for value in row if value is not None] for row in rows if None not in row]
        columns = zip(*whole, strict=True) if whole else ([] for _ in self.systems)
        return {system: list(column) for system, column in zip(self.systems, columns, strict=True)}

    def means(self, metric: str) -> dict[str, Interval | None]:
        """Mean and interval of a metric by system."""
        return {system: mean_interval(values) for system, values in self.values(metric).items()}

    @property
    def contestants(self) -> tuple[str, ...]:
        """Systems that are no ceilings."""
        return tuple(system for system in self.systems if system not in self.ceilings)

    @property
    def reference(self) -> str | None:
        """The system that the others are compared with; None if there is none to compare."""
        for name in (self.against, NORMALIZED_SUM, *self.contestants):
            if name in self.contestants:
                return name
        return None

    def comparisons(self, metric: str) -> list[Comparison]:
        """Every system but the ceilings with the reference, in a metric."""
        values = self.values(metric)
        return compare_with(self.reference, {name: values[name] for name in self.contestants}) if self.reference else []

    def ranking(self, metric: str) -> list[str]:
        """Systems from the best mean to the worst; ceilings and what has no value are left out."""
        means = {name: mean for name, mean in self.means(metric).items() if mean and name not in self.ceilings}
        return sorted(means, key=lambda name: means[name].mean, reverse=not METRICS[metric].lower_is_better)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "title": self.title,
            "ceilings": list(self.ceilings),
            "reference": self.reference,
            "songs": {
                song.name: {"target": str(song.target), "mixes": {name: str(path) for name, path in song.mixes.items()}}
                for song in self.songs
            },
            "complete": list(self.complete),
            "means": {metric: {k: v and asdict(v) for k, v in self.means(metric).items()} for metric in METRICS},
            "comparisons": {metric: [asdict(one) for one in self.comparisons(metric)] for metric in METRICS},
            "scores": [asdict(score) for score in self.scores],
            "failures": [vars(failure) for failure in self.failures],
        }


@dataclass(frozen=True)
class Results:
    """All that an evaluation found.

    Attributes
    ----------
    tests : tuple of Test
    about : dict
        Models, signatures and settings, as text: what a reader needs to do it again.
    missing : tuple of str
        Songs that some system or target lacks, in words.
    """

    tests: tuple[Test, ...]
    about: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        content = {
            "fxnorm": __version__,
            "about": dict(self.about),
            "missing": list(self.missing),
            "metrics": {name: asdict(metric) for name, metric in METRICS.items()},
            "tests": [test.to_dict() for test in self.tests],
        }
        return DOCUMENT.wrap(content)

    def to_csv(self) -> str:
        """One row for each test, song and system."""
        out = io.StringIO()
        measured = list(dict.fromkeys(name for test in self.tests for score in test.scores for name in score.measured))
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["test", "song", "system", *METRICS, *measured, "lag", "notices"])
        for test in self.tests:
            for score in test.scores:
                figures = [score.values.get(name) for name in METRICS] + [score.measured.get(name) for name in measured]
                writer.writerow(
                    [
                        test.title,
                        score.song,
                        score.system,
                        *("" if value is None else f"{value:.6g}" for value in figures),
                        score.lag,
                        "; ".join(score.notices),
                    ]
                )
        return out.getvalue()


def save(results: Results, page: str, out: Path) -> tuple[Path, ...]:
    """Write the page, and JSON and CSV of the same name beside it."""
    texts: Sequence[tuple[str, str]] = (
        (".json", DOCUMENT.to_text(results.to_dict())),
        (".csv", results.to_csv()),
        (out.suffix, page),
    )
    for suffix, text in texts:
        files.write_text(out.with_suffix(suffix), text)
    return tuple(out.with_suffix(suffix) for suffix, _ in texts)
