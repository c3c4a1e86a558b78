"""Results of an evaluation, and the files they are saved to."""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from fxnorm import __version__, files
from fxnorm.documents import DocumentType
from fxnorm.errors import InputError
from fxnorm.evaluation import report, webmushra
from fxnorm.evaluation.comparison import Comparison
from fxnorm.evaluation.metrics import METRICS
from fxnorm.parallel import Failure

DOCUMENT = DocumentType("fxnorm-evaluation", 1, noun="an evaluation", remedy="evaluate again", indent=1)
PAGE_SUFFIXES = (".html", ".htm")


@dataclass(frozen=True)
class Results:
    """Results of an evaluation.

    Attributes
    ----------
    comparisons : tuple of Comparison
    about : dict
        Models, signatures and settings as text: all that is needed to repeat the evaluation.
    missing : tuple of str
        Songs without a target or without a mix, one line each.
    mixing_failures : tuple of Failure
        Songs that a system could not mix.
    align : bool
        Mixes were shifted to their targets.
    seed : int
    """

    comparisons: tuple[Comparison, ...]
    about: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    mixing_failures: tuple[Failure, ...] = ()
    align: bool = False
    seed: int = 0

    @property
    def failures(self) -> tuple[Failure, ...]:
        """All mixes that could not be made or scored."""
        return (*self.mixing_failures, *(failure for item in self.comparisons for failure in item.failures))

    def save(self, out: str | Path, *, audio_examples: int = 3) -> tuple[Path, ...]:
        """Write a report, and JSON and CSV of the same name beside it.

        Parameters
        ----------
        out : str or Path
            File name ending in .html.
        audio_examples : int
            Songs with audio players in the report.

        Returns
        -------
        tuple of Path
            The files.

        Raises
        ------
        InputError
            If the name does not end in .html, or the folder cannot be written to.
        """
        out = Path(out)
        require_report_path(out)
        texts = {
            out.with_suffix(".json"): DOCUMENT.to_text(self.to_dict()),
            out.with_suffix(".csv"): self.to_csv(),
            out: self.to_html(audio_examples=audio_examples),
        }
        for path, text in texts.items():
            files.write_text(path, text)
        return tuple(texts)

    def export_webmushra(self, folder: str | Path) -> tuple[Path, tuple[Failure, ...]]:
        """Write a webMUSHRA listening test into a new folder; see `webmushra.export`."""
        return webmushra.export(self.comparisons, Path(folder), align=self.align)

    def to_html(self, *, audio_examples: int = 3) -> str:
        """Render a self-contained HTML page; reads the mixes again for its audio players."""
        return report.render(self, audio_examples=audio_examples)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        content = {
            "fxnorm": __version__,
            "about": dict(self.about),
            "missing": list(self.missing),
            "metrics": {name: asdict(metric) for name, metric in METRICS.items()},
            "comparisons": [comparison.to_dict() for comparison in self.comparisons],
        }
        return DOCUMENT.wrap(content)

    def to_csv(self) -> str:
        """Return one row per comparison, song and system."""
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerows(self._rows())
        return out.getvalue()

    def _rows(self) -> Iterator[list[object]]:
        scores = [(comparison.title, score) for comparison in self.comparisons for score in comparison.scores]
        levels = list(dict.fromkeys(name for _title, score in scores for name in score.levels))
        yield ["comparison", "song", "system", *METRICS, *levels, "lag", "notices"]
        for title, score in scores:
            figures = [score.values.get(name) for name in METRICS] + [score.levels.get(name) for name in levels]
            cells = ("" if value is None else f"{value:.6g}" for value in figures)
            yield [title, score.song, score.system, *cells, score.lag, "; ".join(score.notices)]


def require_report_path(out: Path) -> None:
    """Check that a report can be written, and create its folder.

    Raises
    ------
    InputError
        If the name does not end in .html, or the folder cannot be written to.
    """
    if out.suffix.lower() not in PAGE_SUFFIXES:
        raise InputError(f"{out}: expected the name of a report, ending in .html; the JSON and CSV take the same name")
    files.make_folder(out.resolve().parent)
