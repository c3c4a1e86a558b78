"""Record of a mix as JSON: the effects applied to every stem, so that they can be repeated in a DAW."""

from pathlib import Path
from typing import Any

import numpy as np

from fxnorm import __version__, audio
from fxnorm.audio import Audio
from fxnorm.corpus import Multitrack
from fxnorm.corpus.stems import STEMS
from fxnorm.documents import DocumentType
from fxnorm.dsp import loudness
from fxnorm.models.base import MixModel, MixResult
from fxnorm.units import amplitude_to_db

# Its version is part of every signature: raise it when the same stems give another mix.
DOCUMENT = DocumentType("fxnorm-mix", 1, noun="the record of a mix", remedy="mix the song again", indent=2)


def compose(song: Multitrack, model: MixModel, result: MixResult) -> dict[str, Any]:
    """Compose the record of a mix.

    Parameters
    ----------
    song : Multitrack
    model : MixModel
    result : MixResult
        As it is written.

    Returns
    -------
    dict
        JSON values: song, model, stems with their effects, output and notices.
    """
    chain, mix = model.chain, result.audio
    notices = [*_notices(song, result), *result.notices]
    content = {
        "fxnorm": __version__,
        "signature": None,
        "song": song.id,
        "model": {"name": model.name, "identity": model.identity, "description": model.description},
        "chain": {
            "title": chain.stats.title,
            "signature": chain.signature,
            "effects": list(chain.settings.active),
            "sample_rate_hz": result.prepared.sample_rate,
        }
        if chain is not None and result.prepared is not None
        else None,
        "stems": {stem: _stem(song, stem, result) for stem in STEMS},
        "console": None,
        "skipped": [song.label(path) for path in _left_out(song)],
        "output": {
            "sample_rate_hz": result.sample_rate,
            "samples": mix.shape[1],
            "seconds": round(mix.shape[1] / result.sample_rate, 3),
            "loudness_lufs": _loudness(mix, result.sample_rate),
            "peak_db": _peak_db(mix),
            **result.level,
        },
        "notices": notices,
    }
    return DOCUMENT.wrap(content)


def _stem(song: Multitrack, stem: str, result: MixResult) -> dict[str, Any]:
    if stem not in song.stems:
        return {"missing": True}
    content: dict[str, Any] = {
        "files": [
            {
                "file": song.label(path),
                "sample_rate_hz": info.sample_rate,
                "channels": info.channels,
                "samples": info.samples,
            }
            for path, info in ((path, song.infos[path]) for path in song.stems[stem])
        ],
    }
    if (prepared := result.prepared) is None:
        return content
    audio = prepared.audio[STEMS.index(stem)]
    return content | {
        "prepared": {"loudness_lufs": _loudness(audio, prepared.sample_rate), "peak_db": _peak_db(audio)},
        "effects": [effect.to_dict() for effect in prepared.effects.get(stem, ())],
    }


def _notices(song: Multitrack, result: MixResult) -> list[str]:
    notices = [f"no {stem}: silence in its place" for stem in song.missing] if result.prepared is not None else []
    notices += song.notices
    if song.mixture is not None:
        notices.append(f"{song.label(song.mixture)}: no stem, left out")
    if len(song.sample_rates) > 1:
        lower = " and ".join(f"{rate:,}" for rate in song.sample_rates[1:])
        notices.append(f"stems of {lower} Hz were brought to {song.sample_rate:,} Hz")
    applied = result.prepared.effects.items() if result.prepared is not None else ()
    silent = [stem for stem, effects in applied if effects and all(effect.skipped == "silent" for effect in effects)]
    return notices + [f"{stem} is silent (peak under {audio.SILENCE_DB:g} dBFS): left as it is" for stem in silent]


def _left_out(song: Multitrack) -> tuple[Path, ...]:
    """Return the audio files in the song's folder that are not mixed."""
    return song.left_out if song.mixture is None else (*song.left_out, song.mixture)


def _loudness(samples: Audio, sample_rate: int) -> float | None:
    level = loudness.measure(samples, sample_rate)
    return None if level is None else round(level, 2)


def _peak_db(samples: np.ndarray) -> float:
    return round(float(amplitude_to_db(audio.peak(samples))), 2)
