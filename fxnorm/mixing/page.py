"""The card as a page: curves to look at, stems before and after to listen to, numbers to take over into a DAW."""

from collections.abc import Mapping
from typing import Any

from fxnorm import audio, pages, plots
from fxnorm.audio import Audio
from fxnorm.corpus import Multitrack
from fxnorm.corpus.stems import STEMS
from fxnorm.mixing.mixer import Mix

EXCERPT_S = 20.0

Facts = list[tuple[str, str | None]]


def draw(card: Mapping[str, Any], song: Multitrack, made: Mix) -> str:
    """An HTML page that needs nothing beside it.

    Parameters
    ----------
    card : dict
        As `cards.compose` made it.
    song : Multitrack
        Its stems before are read again where the excerpt lies.
    made : Mix
        As it is written.
    """
    mix = made.audio
    excerpt = audio.loudest(mix, made.rate, EXCERPT_S)
    start_s = excerpt.start / made.rate
    whole = mix.shape[1] <= excerpt.stop - excerpt.start
    stems = []
    for stem in STEMS:
        own = card["stems"][stem]
        if "missing" in own:
            continue
        before = song.read_excerpt(stem, excerpt)
        after = _same_place(made.prepared.audio[STEMS.index(stem)], excerpt, made.rate, made.prepared.rate)
        stems.append(
            {
                "name": stem,
                "colour": plots.COLOURS[stem],
                "files": ", ".join(file["file"] for file in own["files"]),
                "before": _player(before, made.rate),
                "after": _player(after, made.prepared.rate) if own["steps"] else None,
                "steps": [_step(step, plots.COLOURS[stem]) for step in own["steps"] if _says_something(step)],
            }
        )
    return pages.render(
        "mix.html",
        card=card,
        mix=_player(mix[:, excerpt], made.rate),
        excerpt="" if whole else f"{EXCERPT_S:.0f} s from {_clock(start_s)}",
        facts=_facts(card),
        stems=stems,
    )


def _facts(card: Mapping[str, Any]) -> Facts:
    output = card["output"]
    loudness = output["loudness_lufs"]
    return [
        ("Model", card["model"]["name"]),
        ("Length", _clock(output["seconds"])),
        ("Rate", f"{output['rate_hz']:,} Hz"),
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


def _player(samples: Audio, rate: int) -> str | None:
    return None if audio.is_silent(samples) else pages.audio_uri(samples, rate)


def _same_place(stem: Audio, excerpt: slice, rate: int, own_rate: int) -> Audio:
    return stem[:, excerpt.start * own_rate // rate : excerpt.stop * own_rate // rate]


def _db(value: float | None) -> str | None:
    return None if value is None else f"{_sign(value)} dB"


def _sign(value: float, *, plus: bool = True) -> str:
    return f"{value:{'+' if plus else ''}.1f}".replace("-", "−")


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
