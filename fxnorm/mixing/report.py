"""The card of a mix: what was done to every stem, as JSON, so that a person can do the same in a DAW."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fxnorm import __version__, audio
from fxnorm.audio import Audio
from fxnorm.corpus import Multitrack
from fxnorm.corpus.stems import STEMS
from fxnorm.documents import DocumentType
from fxnorm.dsp import loudness
from fxnorm.mixing.mixer import Mix, Mixer
from fxnorm.mixing.output_level import Finish
from fxnorm.normalization.effect import AppliedEffect
from fxnorm.units import amplitude_to_db

# Its version is part of every mix's signature: raise it when the same stems give another mix.
DOCUMENT = DocumentType("fxnorm-mix", 1, noun="the card of a mix", remedy="mix the song again", indent=2)


def compose(song: Multitrack, mixer: Mixer, made: Mix, finished: dict[str, Any], finish: Finish) -> dict[str, Any]:
    """Plain JSON values: the song, the model, the stems and their steps, the mix, and what deserves notice.

    Parameters
    ----------
    song : Multitrack
    mixer : Mixer
    made : Mix
        As it is written.
    finished : dict
        What `finish` did.
    finish : Finish
    """
    chain, mix = mixer.chain, made.audio
    content = {
        "fxnorm": __version__,
        "signature": None,
        "song": song.id,
        "model": {"name": mixer.name, "identity": mixer.identity, "is_network": not mixer.is_baseline},
        "chain": {
            "title": chain.stats.title,
            "signature": chain.signature,
            "effects": list(chain.settings.active),
            "rate_hz": made.prepared.rate,
        }
        if chain is not None
        else None,
        "stems": {stem: _stem(song, stem, made) for stem in STEMS},
        "skipped": [song.label(path) for path in _left_out(song)],
        "output": {
            "rate_hz": made.rate,
            "samples": mix.shape[1],
            "seconds": round(mix.shape[1] / made.rate, 3),
            "loudness_lufs": _loudness(mix, made.rate),
            "peak_db": _peak_db(mix),
            **{key: value for key, value in finished.items() if key != "notice"},
        },
        "notices": [*_about_stems(song, made.prepared.steps), *_about_output(mix, finished, finish)],
    }
    return DOCUMENT.wrap(content)


def _stem(song: Multitrack, stem: str, made: Mix) -> dict[str, Any]:
    if stem not in song.stems:
        return {"missing": True}
    infos = {path: song.infos[path] for path in song.stems[stem]}
    prepared = made.prepared.audio[STEMS.index(stem)]
    return {
        "files": [
            {"file": song.label(path), "rate_hz": info.rate, "channels": info.channels, "samples": info.samples}
            for path, info in infos.items()
        ],
        "prepared": {"loudness_lufs": _loudness(prepared, made.prepared.rate), "peak_db": _peak_db(prepared)},
        "steps": [step.to_dict() for step in made.prepared.steps.get(stem, ())],
    }


def _about_stems(song: Multitrack, steps: Mapping[str, Sequence[AppliedEffect]]) -> list[str]:
    notices = [f"no {stem}: silence in its place" for stem in song.missing]
    notices += song.notices
    if song.mixture is not None:
        notices.append(f"{song.label(song.mixture)}: no stem, left out")
    if len(song.sample_rates) > 1:
        others = " and ".join(f"{rate:,}" for rate in song.sample_rates[1:])
        notices.append(f"stems of {others} Hz were brought to {song.sample_rate:,} Hz")
    silent = [stem for stem, own in steps.items() if own and all(step.skipped == "silent" for step in own)]
    return notices + [f"{stem} is silent (peak under {audio.SILENCE_DB:g} dBFS): left as it is" for stem in silent]


def _left_out(song: Multitrack) -> tuple[Path, ...]:
    """Audio of the song's folder that is not mixed."""
    return song.left_out if song.mixture is None else (*song.left_out, song.mixture)


def _about_output(mix: Audio, finished: dict[str, Any], finish: Finish) -> list[str]:
    notices = [finished["notice"]] if "notice" in finished else []
    if "scaled_db" in finished:
        notices.append(f"the mix left full scale and was turned down by {-finished['scaled_db']:.2f} dB")
    if "clamped_samples" in finished:
        notices.append(f"the mix left full scale: {finished['clamped_samples']:,} samples were cut off")
    if finish.clip_mode == "none" and (over_db := _peak_db(mix)) > 0.0:
        notices.append(f"the mix leaves full scale by {over_db:.2f} dB, as asked for")
    return notices


def _loudness(samples: Audio, rate: int) -> float | None:
    level = loudness.measure(samples, rate)
    return None if level is None else round(level, 2)


def _peak_db(samples: np.ndarray) -> float:
    return round(float(amplitude_to_db(audio.peak(samples))), 2)
