"""HTML page of a mix: curves, players of the stems before and after normalisation, and parameters for a DAW."""

from collections.abc import Mapping
from typing import Any

from fxnorm import audio, pages, plots
from fxnorm.audio import Audio
from fxnorm.corpus.stems import STEMS
from fxnorm.models.base import MixResult

EXCERPT_S = 20.0

Facts = list[tuple[str, str | None]]


def draw(record: Mapping[str, Any], result: MixResult, recorded: Mapping[str, Audio]) -> str:
    """Draw a self-contained HTML page.

    Parameters
    ----------
    record : dict
        As `report.compose` gives it.
    result : MixResult
        As it is written.
    recorded : mapping of str to ndarray, shape (1 or 2, samples)
        The stems before preparation, at the sample rate of the mix.
    """
    mix, sample_rate = result.audio, result.sample_rate
    excerpt = audio.loudest(mix, sample_rate, EXCERPT_S)
    whole = mix.shape[1] <= excerpt.stop - excerpt.start
    return pages.render(
        "mix.html",
        record=record,
        mix=_player(mix[:, excerpt], sample_rate),
        excerpt="" if whole else f"{EXCERPT_S:.0f} s from {_clock(excerpt.start / sample_rate)}",
        facts=_facts(record),
        stems=[
            _stem(stem, record["stems"][stem], result, recorded[stem], excerpt) for stem in STEMS if stem in recorded
        ],
    )


def _stem(stem: str, record: Mapping[str, Any], result: MixResult, recorded: Audio, excerpt: slice) -> dict[str, Any]:
    prepared = result.prepared
    after = _convert(excerpt, result.sample_rate, prepared.sample_rate)
    colour = plots.COLOURS[stem]
    return {
        "name": stem,
        "colour": colour,
        "files": ", ".join(file["file"] for file in record["files"]),
        "before": _player(recorded[:, excerpt], result.sample_rate),
        "after": _player(prepared.audio[STEMS.index(stem)][:, after], prepared.sample_rate)
        if record["effects"]
        else None,
        "effects": [_step(step, colour) for step in record["effects"] if _says_something(step)],
    }


def _facts(record: Mapping[str, Any]) -> Facts:
    output = record["output"]
    loudness = output["loudness_lufs"]
    return [
        ("Model", record["model"]["name"]),
        ("Length", _clock(output["seconds"])),
        ("Sample rate", f"{output['sample_rate']:,} Hz"),
        ("Loudness", None if loudness is None else f"{_sign(loudness, plus=False)} LUFS"),
        ("Peak", f"{_sign(output['peak_db'], plus=False)} dBFS"),
        ("Gain for loudness", _db(output.get("gain_db"))),
        ("Turned down", _db(output.get("scaled_db"))),
    ]


def _step(step: Mapping[str, Any], colour: str) -> dict[str, Any]:
    title, describe = _EFFECTS[step["effect"]]
    parameters = step.get("parameters", {})
    picture, facts = describe(parameters, colour) if parameters else (None, [])
    return {"title": title, "picture": picture, "facts": facts, "skipped": step.get("skipped")}


def _says_something(step: Mapping[str, Any]) -> bool:
    """Whether a step did anything, or a person might ask why it did not."""
    return "skipped" not in step or (step["effect"] not in ("room", "reverb") and step["skipped"] != "silent")


def _eq(parameters: Mapping[str, Any], colour: str) -> tuple[str, Facts]:
    gains = parameters["gain_db_at_hz"]
    names = ("left", "right") if max(map(len, gains.values())) == 2 else ("gain",)
    curves = {name: {hz: values[side] for hz, values in gains.items()} for side, name in enumerate(names)}
    return plots.draw_gains(curves, colour), []


def _compression(parameters: Mapping[str, Any], colour: str) -> tuple[None, Facts]:
    sides = {"": parameters} if "input_gain_db" in parameters else parameters
    facts: Facts = []
    for side, own in sides.items():
        mark = f", {side}" if side else ""
        facts.append((f"Input gain{mark}", _db(own["input_gain_db"])))
        if "ratio" in own:
            facts += [
                (f"Threshold{mark}", f"{_sign(own['threshold_db'], plus=False)} dBFS"),
                (f"Ratio{mark}", f"{own['ratio']:g}:1"),
                (f"Attack{mark}", f"{own['attack_ms']:g} ms"),
                (f"Release{mark}", f"{own['release_ms']:g} ms"),
            ]
    return None, facts


def _panning(parameters: Mapping[str, Any], colour: str) -> tuple[str | None, Facts]:
    if parameters["method"] == "repan":
        return None, [("Panned to", parameters["side"]), ("Share of that side", f"{100.0 * parameters['pan']:.0f} %")]
    return plots.draw_gains({"side": parameters["side_gain_db_at_hz"]}, colour), []


def _loudness(parameters: Mapping[str, Any], colour: str) -> tuple[None, Facts]:
    limited = parameters.get("limited_db")
    return None, [("Gain", _db(parameters["gain_db"])), ("Less, to stay within full scale", _db(limited or None))]


def _reverb(parameters: Mapping[str, Any], colour: str) -> tuple[None, Facts]:
    return None, [(name.replace("_", " ").capitalize(), f"{value:g}") for name, value in parameters.items()]


_EFFECTS = {
    "room": ("Room", _reverb),
    "reverb": ("Reverb", _reverb),
    "eq": ("EQ", _eq),
    "compression": ("Compressor", _compression),
    "panning": ("Width: gain of the side signal", _panning),
    "loudness": ("Gain", _loudness),
}


def _player(samples: Audio, sample_rate: int) -> str | None:
    return None if audio.is_silent(samples) else pages.audio_uri(samples, sample_rate)


def _convert(span: slice, sample_rate: int, target_rate: int) -> slice:
    """The same span at another sample rate."""
    return slice(span.start * target_rate // sample_rate, span.stop * target_rate // sample_rate)


def _db(value: float | None) -> str | None:
    return None if value is None else f"{_sign(value)} dB"


def _sign(value: float, *, plus: bool = True) -> str:
    return f"{value:{'+' if plus else ''}.1f}".replace("-", "−")


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
