"""A demonstration on a synthetic corpus: measure stems, normalise them, and compare wet with dry."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fxnorm import corpus
from fxnorm.corpus import Multitrack
from fxnorm.evaluation.domain_gap import DomainGap, measure_domain_gap
from fxnorm.normalization.corpus_normalization import NormalizationResult, normalize_corpus
from fxnorm.normalization.corpus_statistics import compute_stats
from fxnorm.normalization.output_layout import OutputLayout
from fxnorm.normalization.plan import NormalizationPlan
from fxnorm.normalization.settings import ChainSettings
from fxnorm.normalization.statistics import FxStats
from fxnorm.parallel import Failure, Progress, silent_progress
from fxnorm.plots import plot_stats
from fxnorm.synth.corpus import synthesize_corpus


@dataclass(frozen=True)
class Demo:
    """The steps of the demonstration, in the order of the methods; each keeps the finished work of an earlier run.

    Parameters
    ----------
    out : Path
        Folder for everything.
    songs : int
        Number of songs.
    seconds : float
        Length of each song.
    seed : int
    jobs : int
        Worker processes.

    Examples
    --------
    >>> demo = Demo(Path("demo"))
    >>> tracks = demo.synthesize()
    >>> stats, failures = demo.measure(tracks)
    >>> result = demo.normalize(tracks)
    >>> gap = demo.compare(tracks)
    """

    out: Path
    songs: int = 6
    seconds: float = 20.0
    seed: int = 0
    jobs: int = 1

    @property
    def wet(self) -> Path:
        """Folder of the songs with effects."""
        return self.out / "wet"

    @property
    def dry(self) -> Path:
        """Folder of the same performances without effects."""
        return self.out / "dry"

    @property
    def stats_file(self) -> Path:
        """Average features of the wet stems."""
        return self.out / "stats.json"

    @property
    def picture(self) -> Path:
        """Plot of these features and of those of MUSDB18."""
        return self.out / "stats.png"

    @property
    def normalized(self) -> Path:
        """Folder of the normalised stems."""
        return self.out / "normalized"

    def synthesize(self, *, progress: Progress = silent_progress) -> list[Multitrack]:
        """Synthesise the songs and return the wet ones.

        Raises
        ------
        InputError
            If the folder holds songs of another seed.
        """
        folders = synthesize_corpus(
            self.out, songs=self.songs, seconds=self.seconds, seed=self.seed, jobs=self.jobs, progress=progress
        )
        names = {folder.name for folder in folders}  # the folder may hold further songs of an earlier run
        return [track for track in corpus.scan(self.wet) if track.name in names]

    def measure(
        self, tracks: Sequence[Multitrack], *, progress: Progress = silent_progress
    ) -> tuple[FxStats, tuple[Failure, ...]]:
        """Measure the average features of the stems, save them, and plot them beside those of MUSDB18.

        Returns
        -------
        stats : FxStats
        failures : tuple of Failure
        """
        title = f"{self.songs} synthetic songs"
        stats, failures = compute_stats(tracks, title=title, jobs=self.jobs, progress=progress)
        stats.save(self.stats_file)
        plot_stats({"synthetic": stats, "MUSDB18": FxStats.shipped()}, self.picture)
        return stats, failures

    def normalize(self, tracks: Sequence[Multitrack], *, progress: Progress = silent_progress) -> NormalizationResult:
        """Normalise every stem to the averages of MUSDB18.

        Returns
        -------
        NormalizationResult
        """
        plan = NormalizationPlan(FxStats.shipped(), ChainSettings.preset(), OutputLayout(self.normalized))
        return normalize_corpus(tracks, plan, jobs=self.jobs, progress=progress)

    def compare(
        self,
        tracks: Sequence[Multitrack],
        *,
        progress: Callable[[str, int, int, str], None] = lambda stage, completed, total, item: None,
    ) -> DomainGap:
        """Measure the distances between wet and dry stems before and after normalisation, for each preset.

        Returns
        -------
        DomainGap
        """
        return measure_domain_gap(tracks, corpus.scan(self.dry), jobs=self.jobs, progress=progress)
