"""Results as a page: a sentence, tables, pictures, and players that do not say who mixed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fxnorm import __version__, audio, pages, plots
from fxnorm.audio import RATE
from fxnorm.errors import FxnormError
from fxnorm.evaluation.excerpts import Excerpt, cut, listened
from fxnorm.evaluation.metrics import HEADLINE, METRICS
from fxnorm.evaluation.results import Results, Test
from fxnorm.evaluation.scoring import TARGET, Score
from fxnorm.evaluation.statistics import Comparison, Interval, least_p

LEADING = HEADLINE[0]  # by which systems are ranked
ALPHA = 0.05
EXCERPT_S = 15.0


@dataclass(frozen=True)
class Listening:
    """What is cut for the players.

    Attributes
    ----------
    songs : int
        Of each test, the first ones.
    seed : int
        Of the order in which the mixes stand.
    align : bool
        As for scoring.
    """

    songs: int = 3
    seed: int = 0
    align: bool = False


def draw(results: Results, listening: Listening = Listening()) -> str:
    """An HTML page that needs nothing beside it.

    Parameters
    ----------
    results : Results
    listening : Listening
        The files of the songs are read again for the players.
    """
    systems = list(dict.fromkeys(system for test in results.tests for system in test.systems))
    colours = {system: plots.SYSTEM_COLOURS[k % len(plots.SYSTEM_COLOURS)] for k, system in enumerate(systems)}
    return pages.render(
        "evaluation.html",
        version=__version__,
        summary=[summarize(test) for test in results.tests],
        tests=[_test(test, colours, listening) for test in results.tests],
        metrics=[METRICS[name] for name in METRICS],
        about=list(results.about.items()),
        missing=results.missing,
    )


def summarize(test: Test) -> str:
    """One sentence: which system is nearest to the target, by how much, and whether that is more than chance."""
    ranking = test.ranking(LEADING)
    songs = f"{len(test.complete)} song{'s' if len(test.complete) != 1 else ''}"
    if not ranking:
        return f"{test.title}, {songs}: nothing to rank."
    means = test.means(LEADING)
    best, *others = ranking
    text = (
        f"{test.title}, {songs}: {best} comes nearest to the human mix ({METRICS[LEADING].title} {_mean(means[best])})"
    )
    if others:
        text += f", before {others[0]} ({_mean(means[others[0]])})"
    if best != test.reference:
        one = next(one for one in test.comparisons(LEADING) if one.one == best)
        text += f"; {test.reference} is {_signed(-one.difference.mean)} away from it ({_describe_chance(test, one)})"
    return f"{text}."


def headline_table(test: Test) -> list[list[str]]:
    """Means as rows of text: the head, then a system each, ceilings first and then the best."""
    means = {name: test.means(name) for name in HEADLINE}
    return [
        [f"{len(test.complete)} songs", *(METRICS[name].heading for name in HEADLINE)],
        *(
            [_label(test, system), *(_figure(means[name][system], name) for name in HEADLINE)]
            for system in _ordered(test)
        ),
    ]


def _ordered(test: Test) -> list[str]:
    ranked = [*(system for system in test.systems if system in test.ceilings), *test.ranking(LEADING)]
    return ranked + [system for system in test.systems if system not in ranked]


def _label(test: Test, system: str) -> str:
    return f"{system} (ceiling)" if system in test.ceilings else system


def _test(test: Test, colours: Mapping[str, str], listening: Listening) -> dict[str, Any]:
    excerpts, notices = _excerpts(test, listening)
    means = {name: test.means(name) for name in HEADLINE}
    best = {name: test.ranking(name)[:1] for name in HEADLINE}
    return {
        "title": test.title,
        "songs": len(test.complete),
        "ceilings": [system for system in test.systems if system in test.ceilings],
        "headings": [METRICS[name].heading for name in HEADLINE],
        "systems": [
            {
                "label": _label(test, system),
                "cells": [
                    (_figure(means[name][system], name), _range(means[name][system], name), best[name] == [system])
                    for name in HEADLINE
                ],
            }
            for system in _ordered(test)
        ],
        "every": [["", *test.systems], *([METRICS[name].heading, *_means(test, name)] for name in METRICS)],
        "comparisons": _comparisons(test),
        "reference": test.reference,
        "too_few": _too_few(test),
        "songwise": _songwise(test),
        "pictures": _pictures(test, colours),
        "excerpts": excerpts,
        "failures": test.failures,
        "notices": [*_notices(test), *notices],
    }


def _comparisons(test: Test) -> list[list[str]]:
    head = [f"against {test.reference}", f"difference in {METRICS[LEADING].title}", "95 % interval", "p (Holm)"]
    return [
        head,
        *(
            [
                one.one,
                _signed(one.difference.mean),
                f"{_signed(one.difference.low)} to {_signed(one.difference.high)}",
                "–" if one.p is None else f"{one.p:.3f}",
            ]
            for one in test.comparisons(LEADING)
        ),
    ]


def _songwise(test: Test) -> list[dict[str, Any]]:
    return [
        {
            "metric": METRICS[name],
            "rows": [
                ["song", *test.systems],
                *(
                    [song.name, *(_value(found.get(song.name), name) for found in map(test.of, test.systems))]
                    for song in test.songs
                ),
            ],
        }
        for name in HEADLINE
    ]


def _pictures(test: Test, colours: Mapping[str, str]) -> list[tuple[str, str]]:
    target = test.of(TARGET)
    systems = [system for system in test.systems if test.of(system)]
    spectra, widths = {}, {}
    for system in systems:
        scores = test.of(system)
        apart = [np.subtract(score.bands_db, target[song].bands_db) for song, score in scores.items()]
        # a band that one of the two lacks says nothing of balance
        spectra[system] = np.clip(np.mean(apart, axis=0), -30.0, 30.0).tolist()
        widths[system] = _finite(score.measured.get("width_db") for score in scores.values())
    pictures = [("Spectrum against the human mix, mean over the songs", plots.draw_spectra(spectra, colours))]
    widths = {name: values for name, values in widths.items() if values}
    if own := _finite(score.measured.get("width_db") for score in target.values()):
        widths = {"human mix": own} | widths
    if widths:
        pictures.append(
            (
                "Width: a point for each song, a line at the mean",
                plots.draw_points(widths, {"human mix": plots.INK, **colours}, "side against mid, dB"),
            )
        )
    if test.complete:
        song = test.complete[0]
        curves = {"human mix": target[song].short_term_lufs}
        curves |= {system: test.of(system)[song].short_term_lufs for system in systems}
        shown = {name: np.maximum(levels, -60.0).tolist() for name, levels in curves.items() if levels}
        if shown:
            picture = plots.draw_over_time(shown, {"human mix": plots.INK, **colours}, "short-term loudness, LUFS")
            pictures.append((f"Loudness over time: {song}", picture))
    return pictures


def _excerpts(test: Test, listening: Listening) -> tuple[list[dict[str, Any]], list[str]]:
    rng = np.random.default_rng(listening.seed)
    made, notices = [], []
    for song in listened(test)[: listening.songs]:
        order = rng.permutation(len(song.mixes))
        try:
            excerpt = cut(song, EXCERPT_S, align=listening.align)
        except FxnormError as error:
            notices.append(f"{song.name}: no excerpt ({error})")
            continue
        systems = [list(excerpt.mixes)[index] for index in order]
        made.append(
            {
                "song": song.name,
                "place": _place(excerpt),
                "target": pages.audio_uri(excerpt.target, RATE),
                "mixes": [
                    {"label": chr(ord("A") + k), "system": system, "uri": _player(excerpt.mixes[system])}
                    for k, system in enumerate(systems)
                ],
            }
        )
    return made, notices


def _player(mix: audio.Audio) -> str | None:
    return None if audio.is_silent(mix) else pages.audio_uri(mix, RATE)


def _notices(test: Test) -> list[str]:
    return [f"{score.song}, {score.system}: {notice}" for score in test.scores for notice in score.notices]


def _place(excerpt: Excerpt) -> str:
    return f"{EXCERPT_S:.0f} s from {int(excerpt.start_s) // 60}:{int(excerpt.start_s) % 60:02d}"


def _describe_chance(test: Test, one: Comparison) -> str:
    if one.p is None:
        return "no difference"
    if _too_few(test):
        return f"too few songs to tell from chance, {one.difference.songs}"
    return f"p = {one.p:.3f}" if one.p >= 0.001 else "p < 0.001"


def _too_few(test: Test) -> bool:
    comparisons = test.comparisons(LEADING)
    return bool(comparisons) and least_p(comparisons[0].difference.songs, len(comparisons)) > ALPHA


def _mean(interval: Interval | None) -> str:
    return _figure(interval, LEADING)


def _figure(interval: Interval | None, metric: str) -> str:
    return "–" if interval is None else f"{interval.mean:.{METRICS[metric].decimals}f}"


def _range(interval: Interval | None, metric: str) -> str:
    decimals = METRICS[metric].decimals
    return "" if interval is None else f"{interval.low:.{decimals}f} to {interval.high:.{decimals}f}"


def _means(test: Test, metric: str) -> list[str]:
    return [_figure(interval, metric) for interval in test.means(metric).values()]


def _value(score: Score | None, metric: str) -> str:
    value = score.values.get(metric) if score else None
    return "–" if value is None else f"{value:.{METRICS[metric].decimals}f}"


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")


def _finite(values: Any) -> list[float]:
    return [value for value in values if value is not None]
