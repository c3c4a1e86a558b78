"""Random and neutral settings of every registered processor, and signals that are hard on them."""

import dataclasses
from typing import Any

import numpy as np

from fxnorm.console import processors
from fxnorm.console.processor import PROCESSORS, Processor, Samples, spread
from fxnorm.console.settings import Settings, own_parameters
from fxnorm.errors import InputError

assert processors.Gain.KIND in PROCESSORS
KINDS = sorted(PROCESSORS)
RATES = (22_050, 44_100, 48_000, 96_000)
TRIES = 100
# Processors whose gradient leaves something out, and what; add a line only with the reason in their docstring.
CONSTANT = {"limiter": "takes its reduction as constant"}
# Processors without settings that change nothing whatever passes.
NEVER_NEUTRAL = {"limiter": "limits what is above its ceiling", "reverb": "adds a room"}


def draw(kind: str, seed: int, **fixed: Any) -> Processor:
    """Draw a processor of a kind whose settings are valid together."""
    rng = np.random.default_rng(seed)
    for _ in range(TRIES):
        try:
            return draw_settings(PROCESSORS[kind], rng, **fixed)
        except InputError:
            continue
    raise AssertionError(f"no valid settings of {kind} in {TRIES} draws")


def draw_settings(kind: type[Settings], rng: np.random.Generator, **fixed: Any) -> Any:
    """Draw parameters over nearly the whole range, choices, and three to six sections; the rest stays as it is."""
    own = own_parameters(kind)
    values: dict[str, Any] = {}
    for field in dataclasses.fields(kind):
        if field.name in own:
            value = own[field.name].denormalize(rng.uniform(0.01, 0.99))
            values[field.name] = round(value) if field.type is int else value
        elif field.name in kind.CHOICES:
            choices = kind.CHOICES[field.name]
            values[field.name] = choices[rng.integers(len(choices))]
        elif field.name in kind.SECTIONS:
            values[field.name] = tuple(draw_settings(kind.SECTIONS[field.name], rng) for _ in range(rng.integers(3, 7)))
        elif field.name in kind.PARTS:
            values[field.name] = draw_settings(kind.PARTS[field.name], rng)
    return kind(**{**values, **fixed})


def neutrals(kind: str) -> list[Processor]:
    """Return the settings of a kind that ought to change nothing: the defaults, and all wet shares at zero."""
    found = [PROCESSORS[kind]()]
    if "wet" in own_parameters(PROCESSORS[kind]):
        found.append(draw(kind, 0, wet=0.0))
    return [each for each in found if each.is_neutral]


def fit(processor: Processor, audio: Samples) -> Samples:
    """Give a processor the channels that it needs."""
    return spread(audio) if processor.NEEDS_STEREO else audio


def signals(samples: int, seed: int = 0) -> dict[str, Samples]:
    """Stereo signals in float64: noise, silence, a click, a full-scale square, a decaying tail."""
    rng = np.random.default_rng(seed)
    time = np.arange(samples)
    noise = 0.2 * rng.standard_normal((2, samples))
    click = np.zeros((2, samples))
    click[:, samples // 5] = 1.0, -0.6
    square = np.where(time // 97 % 2, 1.0, -1.0) * np.array([[1.0], [0.9]])
    tail = noise * np.exp(-time * (60.0 / samples))
    return {"noise": noise, "silence": np.zeros((2, samples)), "click": click, "square": square, "tail": tail}


def subnormal(content: Any) -> int:
    """Count the numbers, anywhere inside a stream, that are neither zero nor of full precision."""
    if isinstance(content, float | np.ndarray | np.floating):
        array = np.asarray(content)
        if array.dtype.kind != "f":
            return 0
        return int(np.count_nonzero((array != 0.0) & (np.abs(array) < np.finfo(array.dtype).tiny)))
    if isinstance(content, dict):
        return sum(subnormal(each) for each in content.values())
    if isinstance(content, list | tuple):
        return sum(subnormal(each) for each in content)
    return subnormal(vars(content)) if hasattr(content, "__dict__") and not isinstance(content, type) else 0
