"""The card as a page: curves to look at, stems before and after to listen to, numbers to take over into a DAW."""

from collections.abc import Mapping
from typing import Any

from fxnorm import audio, pages, plots
from fxnorm.audio import Audio
from fxnorm.corpus import Multitrack
from fxnorm.corpus.stems import STEMS
from fxnorm.mixing.mixer import Mix
from fxnorm.normalization.effect import AppliedEffect
from fxnorm.normalization.effects import MATCHED_EFFECTS, title

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
                "steps": [
                    _step(step, plots.COLOURS[stem])
                    for step in made.prepared.steps.get(stem, ())
                    if _says_something(step)
                ],
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


def _step(step: AppliedEffect, colour: str) -> dict[str, Any]:
    facts = step.processor.facts() if step.processor is not None else []
    responses = step.processor.responses() if step.processor is not None else {}
    picture = plots.draw_gains(responses, colour) if responses else None
    return {"title": title(step), "picture": picture, "facts": facts, "skipped": step.skipped}


def _says_something(step: AppliedEffect) -> bool:
    """Whether an effect was applied, or a person might ask why it was not."""
    return step.skipped is None or (step.effect in MATCHED_EFFECTS and step.skipped != "silent")


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
