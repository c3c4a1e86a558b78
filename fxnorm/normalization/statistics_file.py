"""Statistics files: JSON with averages, counts, settings, corpus, and a signature of all that matching depends on."""

from typing import TYPE_CHECKING, Any

import numpy as np

from fxnorm.audio import SAMPLE_RATE
from fxnorm.corpus.stems import STEMS
from fxnorm.documents import DocumentType
from fxnorm.errors import StatsError
from fxnorm.normalization.effects import MATCHED_EFFECTS
from fxnorm.normalization.feature import Feature
from fxnorm.normalization.grid import grid_frequencies

if TYPE_CHECKING:
    from fxnorm.normalization.statistics import FxStats

DOCUMENT = DocumentType(
    "fxnorm-stats",
    1,
    noun="a statistics file",
    remedy="make one with 'fxnorm stats compute' or 'fxnorm stats import'",
    error=StatsError,
)


def encode(stats: "FxStats") -> dict[str, Any]:
    """Return plain JSON values, the content of the file."""
    content = {
        "title": stats.title,
        "source": stats.source,
        "signature": stats.signature,
        "measured_on": stats.measured_on,
        "sample_rate_hz": stats.sample_rate_hz,
        "settings": stats.settings,
        "corpus": dict(stats.corpus),
        "units": {"frequency_hz": "Hz"} | {name: effect.feature.unit for name, effect in MATCHED_EFFECTS.items()},
        "frequency_hz": np.round(grid_frequencies(), 3).tolist(),
        "stems": stats.stems_to_dict(),
        "counts": {effect: dict(counts) for effect, counts in stats.counts.items()},
    }
    return DOCUMENT.wrap(content)


def decode(content: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of `FxStats`; raise `KeyError`, `TypeError`, `ValueError` or `AttributeError` for damage."""
    return {
        "title": content["title"],
        "source": content["source"],
        "measured_on": content["measured_on"],
        "averages": _averages(content["stems"]),
        "counts": {effect: {s: int(n) for s, n in counts.items()} for effect, counts in content["counts"].items()},
        "settings": content["settings"],
        "corpus": content["corpus"],
        "sample_rate_hz": content.get("sample_rate_hz", SAMPLE_RATE),
    }


def require_format(content: Any, label: str) -> None:
    """Raise `StatsError` unless the content is of this format and version, and of the sample rate of the grid."""
    DOCUMENT.check(content, label)
    sample_rate = content.get("sample_rate_hz", SAMPLE_RATE)  # not in the first files, all of which are at this rate
    if sample_rate != SAMPLE_RATE:
        raise StatsError(
            f"{label}: expected statistics at {SAMPLE_RATE} Hz, got {sample_rate!r} Hz; compute them again with this "
            "version of fxnorm"
        )


def _averages(stems: dict[str, dict[str, Any]]) -> dict[str, dict[str, Feature]]:
    averages: dict[str, dict[str, Feature]] = {effect: {} for effect in MATCHED_EFFECTS}
    for stem in STEMS:
        for name, effect in MATCHED_EFFECTS.items():
            if (average := effect.feature.from_dict(stems.get(stem, {}))) is not None:
                averages[name][stem] = average
    return averages
