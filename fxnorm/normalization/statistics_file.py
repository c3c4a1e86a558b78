"""Statistics files: JSON with averages, counts, settings, corpus, and a signature of all that matching depends on."""

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from fxnorm.corpus.stems import STEMS
from fxnorm.errors import StatsError
from fxnorm.normalization.effects import MATCHED_EFFECTS
from fxnorm.normalization.feature import Feature
from fxnorm.normalization.grid import SAMPLE_RATE, grid_frequencies

if TYPE_CHECKING:
    from fxnorm.normalization.statistics import FxStats

FORMAT = "fxnorm-stats"
VERSION = 1


def encode(stats: "FxStats") -> dict[str, Any]:
    """Return plain JSON values, the content of the file."""
    return {
        "format": FORMAT,
        "version": VERSION,
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
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise StatsError(
            f"{label}: expected a statistics file ({FORMAT!r} JSON); make one with 'fxnorm stats compute' or "
            "'fxnorm stats import'"
        )
    if content.get("version") != VERSION:
        raise StatsError(
            f"{label}: expected statistics of version {VERSION}, got {content.get('version')!r}; compute them again"
        )
    sample_rate = content.get("sample_rate_hz", SAMPLE_RATE)  # not in the first files, all of which are at this rate
    if sample_rate != SAMPLE_RATE:
        raise StatsError(
            f"{label}: expected statistics at {SAMPLE_RATE} Hz, got {sample_rate!r} Hz; compute them again with this "
            "version of fxnorm"
        )


def to_text(content: dict[str, Any]) -> str:
    """Return JSON with one line per key."""
    lines = [f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in content.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def from_text(text: str) -> Any:
    """Parse JSON; None if the text is something else."""
    try:
        return json.loads(text)
    except ValueError:
        return None


def _averages(stems: dict[str, dict[str, Any]]) -> dict[str, dict[str, Feature]]:
    averages: dict[str, dict[str, Feature]] = {effect: {} for effect in MATCHED_EFFECTS}
    for stem in STEMS:
        for name, effect in MATCHED_EFFECTS.items():
            if (average := effect.feature.from_dict(stems.get(stem, {}))) is not None:
                averages[name][stem] = average
    return averages
