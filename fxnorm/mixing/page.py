"""HTML page of a mix: curves, players of the stems before and after normalisation, and parameters for a DAW."""

from collections.abc import Mapping
from typing import Any

from fxnorm import audio, pages, plots
from fxnorm.audio import Audio
from fxnorm.corpus.stems import STEMS
from fxnorm.mixing import desk
from fxnorm.models.base import MixResult, ModelInput
from fxnorm.normalization.effect import AppliedEffect
from fxnorm.normalization.effects import MATCHED_EFFECTS, title

EXCERPT_S = 20.0
MASTER_GAIN_DB = 6.0  # of the players of single tracks, which a mix is louder than

Facts = list[tuple[str, str | None]]


def draw(record: Mapping[str, Any], result: MixResult, recordings: Mapping[str, Audio]) -> str:
    """Draw a self-contained HTML page.

    Parameters
    ----------
    record : dict
        As `report.compose` gives it.
    result : MixResult
        As it is written.
    recordings : mapping of str to ndarray, shape (1 or 2, samples)
        The stems or tracks before preparation, at the sample rate of the mix.
    """
    facts = _facts(record)
    mix, sample_rate = result.audio, result.sample_rate
    excerpt = audio.loudest(mix, sample_rate, EXCERPT_S)
    is_whole = mix.shape[1] <= excerpt.stop - excerpt.start
    stems, strips = [], []
    if result.console is not None:
        files = {track.name: ", ".join(track.files) for track in result.console.tracks}
        strips = desk.strips(result.console, result, recordings, files, MASTER_GAIN_DB)
    elif (prepared := result.prepared) is not None:
        stems = [
            _stem(stem, record["stems"][stem], result, prepared, recordings[stem], excerpt)
            for stem in STEMS
            if stem in recordings
        ]
    return pages.render(
        "mix.html",
        record=record,
        mix=_player(mix[:, excerpt], sample_rate),
        excerpt="" if is_whole else f"{EXCERPT_S:.0f} s from {_clock(excerpt.start / sample_rate)}",
        facts=facts,
        stems=stems,
        strips=strips,
    )


def _stem(
    stem: str,
    record: Mapping[str, Any],
    result: MixResult,
    prepared: ModelInput,
    recording: Audio,
    excerpt: slice,
) -> dict[str, Any]:
    effects = prepared.effects.get(stem, ())
    prepared_excerpt = _convert(excerpt, result.sample_rate, prepared.sample_rate)
    colour = plots.COLOURS[stem]
    return {
        "name": stem,
        "colour": colour,
        "files": ", ".join(file["file"] for file in record["files"]),
        "before": _player(recording[:, excerpt], result.sample_rate),
        "after": _player(prepared.audio[STEMS.index(stem)][:, prepared_excerpt], prepared.sample_rate)
        if effects
        else None,
        "effects": [_effect(effect, colour) for effect in effects if _is_worth_showing(effect)],
    }


def _facts(record: Mapping[str, Any]) -> Facts:
    output = record["output"]
    loudness = output["loudness_lufs"]
    return [
        ("Model", record["model"]["name"]),
        ("Length", _clock(output["seconds"])),
        ("Sample rate", f"{output['sample_rate_hz']:,} Hz"),
        ("Loudness", None if loudness is None else f"{_sign(loudness, plus=False)} LUFS"),
        ("Peak", f"{_sign(output['peak_db'], plus=False)} dBFS"),
        ("Gain for loudness", _db(output.get("gain_db"))),
        ("Turned down", _db(output.get("scaled_db"))),
        ("True peak", f"{_sign(output['true_peak_dbtp'], plus=False)} dBTP" if "true_peak_dbtp" in output else None),
        ("Limiting", _db(-output["limited_db"] if "limited_db" in output else None)),
    ]


def _effect(effect: AppliedEffect, colour: str) -> dict[str, Any]:
    processor = effect.processor
    facts = processor.facts() if processor is not None else []
    responses = processor.responses() if processor is not None else {}
    picture = plots.draw_gains(responses, colour) if responses else None
    return {"title": title(effect), "picture": picture, "facts": facts, "skipped": effect.skipped}


def _is_worth_showing(effect: AppliedEffect) -> bool:
    """Whether an effect was applied, or was skipped for a reason other than silence."""
    return effect.skipped is None or (effect.effect in MATCHED_EFFECTS and effect.skipped != "silent")


def _player(samples: Audio, sample_rate: int) -> str | None:
    return None if audio.is_silent(samples) else pages.audio_uri(samples, sample_rate)


def _convert(span: slice, sample_rate: int, target_rate: int) -> slice:
    """Convert a span to another sample rate."""
    return slice(span.start * target_rate // sample_rate, span.stop * target_rate // sample_rate)


def _db(value: float | None) -> str | None:
    return None if value is None else f"{_sign(value)} dB"


def _sign(value: float, *, plus: bool = True) -> str:
    return f"{value:{'+' if plus else ''}.1f}".replace("-", "−")


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
