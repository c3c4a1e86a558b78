"""Report of an evaluation as one HTML page: summary, tables, figures, and blind audio examples."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fxnorm import __version__, audio, pages, plots
from fxnorm.audio import SAMPLE_RATE
from fxnorm.errors import FxnormError
from fxnorm.evaluation import summary
from fxnorm.evaluation.comparison import Comparison
from fxnorm.evaluation.excerpts import Excerpt, cut_excerpt, songs_to_hear
from fxnorm.evaluation.metrics import LEADING, METRICS, headline
from fxnorm.evaluation.scoring import TARGET
from fxnorm.evaluation.songs import EvaluationSong

if TYPE_CHECKING:
    from fxnorm.evaluation.results import Results

EXCERPT_S = 15.0
HUMAN_MIX = "human mix"
BAND_LIMIT_DB = 30.0  # bands that one of the two mixes lacks would stretch the axis
SILENCE_LUFS = -60.0


def render(results: "Results", *, audio_examples: int = 3) -> str:
    """Render a self-contained HTML page.

    Parameters
    ----------
    results : Results
        The files of the songs are read again for the audio players.
    audio_examples : int
        Songs of each comparison with players.

    Returns
    -------
    str
    """
    systems = list(dict.fromkeys(system for item in results.comparisons for system in item.all_systems))
    colours = {system: plots.SYSTEM_COLOURS[k % len(plots.SYSTEM_COLOURS)] for k, system in enumerate(systems)}
    return pages.render(
        "evaluation.html",
        version=__version__,
        summary=[summary.summarize(comparison) for comparison in results.comparisons],
        comparisons=[_section(item, results, colours, audio_examples) for item in results.comparisons],
        metrics=list(METRICS.values()),
        about=list(results.about.items()),
        missing=results.missing,
    )


def _section(
    comparison: Comparison, results: "Results", colours: Mapping[str, str], audio_examples: int
) -> dict[str, Any]:
    songs = songs_to_hear(comparison)[:audio_examples]
    examples, notices = _audio_examples(songs, seed=results.seed, align=results.align)
    return {
        "title": comparison.title,
        "songs": len(comparison.complete_songs),
        "oracles": [system for system in comparison.all_systems if system in comparison.oracles],
        "headings": [METRICS[name].heading for name in headline()],
        "systems": _headline_rows(comparison),
        "all_metrics": [
            ["", *comparison.all_systems],
            *([METRICS[name].heading, *_means(comparison, name)] for name in METRICS),
        ],
        "paired_tests": _paired_tests(comparison),
        "reference": comparison.reference,
        "too_few_songs": summary.has_too_few_songs(comparison),
        "song_tables": [_song_table(comparison, name) for name in headline()],
        "figures": _figures(comparison, colours),
        "audio_examples": examples,
        "failures": comparison.failures,
        "notices": [
            *(f"{score.song}, {score.system}: {notice}" for score in comparison.scores for notice in score.notices),
            *notices,
        ],
    }


def _headline_rows(comparison: Comparison) -> list[dict[str, Any]]:
    means = {name: comparison.means(name) for name in headline()}
    best = {name: comparison.ranking(name)[:1] for name in means}
    return [
        {
            "label": summary.label(comparison, system),
            "cells": [
                (
                    summary.format_mean(values[system], name),
                    summary.format_range(values[system], name),
                    best[name] == [system],
                )
                for name, values in means.items()
            ],
        }
        for system in summary.order_systems(comparison)
    ]


def _paired_tests(comparison: Comparison) -> list[list[str]]:
    head = ["system", f"difference in {METRICS[LEADING].title}", "95 % interval", "p (Holm)"]
    rows = [
        [
            test.system,
            summary.format_signed(test.difference.mean),
            f"{summary.format_signed(test.difference.low)} to {summary.format_signed(test.difference.high)}",
            "–" if test.p is None else f"{test.p:.3f}",
        ]
        for test in comparison.paired_tests(LEADING)
    ]
    return [head, *rows]


def _song_table(comparison: Comparison, metric: str) -> dict[str, Any]:
    scores = [comparison.scores_of(system) for system in comparison.all_systems]
    rows = [
        [song.name, *(summary.format_score(of_system.get(song.name), metric) for of_system in scores)]
        for song in comparison.songs
    ]
    return {"metric": METRICS[metric], "rows": [["song", *comparison.all_systems], *rows]}


def _means(comparison: Comparison, metric: str) -> list[str]:
    return [summary.format_mean(interval, metric) for interval in comparison.means(metric).values()]


def _figures(comparison: Comparison, colours: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return captions and SVG elements; figures without data are left out."""
    systems = [system for system in comparison.all_systems if comparison.scores_of(system)]
    colours = {HUMAN_MIX: plots.INK, **colours}
    figures = [("Spectrum relative to the human mix, mean over the songs", _draw_spectra(comparison, systems, colours))]
    if widths := _widths(comparison, systems):
        caption = "Width: one point per song, a line at the mean"
        figures.append((caption, plots.draw_points(widths, colours, "side / mid, dB")))
    if levels := _short_term_lufs(comparison, systems):
        caption = f"Loudness over time: {comparison.complete_songs[0]}"
        figures.append((caption, plots.draw_over_time(levels, colours, "short-term loudness, LUFS")))
    return figures


def _draw_spectra(comparison: Comparison, systems: Sequence[str], colours: Mapping[str, str]) -> str:
    target = comparison.scores_of(TARGET)
    spectra = {}
    for system in systems:
        scores = comparison.scores_of(system)
        differences = [np.subtract(score.bands_db, target[song].bands_db) for song, score in scores.items()]
        spectra[system] = np.clip(np.mean(differences, axis=0), -BAND_LIMIT_DB, BAND_LIMIT_DB).tolist()
    return plots.draw_spectra(spectra, colours)


def _widths(comparison: Comparison, systems: Sequence[str]) -> dict[str, list[float]]:
    names = {HUMAN_MIX: TARGET, **{system: system for system in systems}}
    widths = {
        label: _defined(score.levels.get("width_db") for score in comparison.scores_of(name).values())
        for label, name in names.items()
    }
    return {label: values for label, values in widths.items() if values}


def _short_term_lufs(comparison: Comparison, systems: Sequence[str]) -> dict[str, list[float]]:
    """Return the curves of the first complete song."""
    if not comparison.complete_songs:
        return {}
    song = comparison.complete_songs[0]
    names = {HUMAN_MIX: TARGET, **{system: system for system in systems}}
    curves = {label: comparison.scores_of(name)[song].short_term_lufs for label, name in names.items()}
    return {label: np.maximum(curve, SILENCE_LUFS).tolist() for label, curve in curves.items() if curve}


def _audio_examples(
    songs: Sequence[EvaluationSong], *, seed: int, align: bool
) -> tuple[list[dict[str, Any]], list[str]]:
    """Return players in random order, and notices of the songs without an excerpt."""
    rng = np.random.default_rng(seed)
    examples, notices = [], []
    for song in songs:
        order = rng.permutation(len(song.mixes))
        try:
            excerpt = cut_excerpt(song, EXCERPT_S, align=align)
        except FxnormError as error:
            notices.append(f"{song.name}: no audio example ({error})")
            continue
        systems = [list(excerpt.mixes)[index] for index in order]
        examples.append(
            {
                "song": song.name,
                "span": _span(excerpt),
                "target": pages.audio_uri(excerpt.target, SAMPLE_RATE),
                "mixes": [
                    {"label": chr(ord("A") + k), "system": system, "uri": _player(excerpt.mixes[system])}
                    for k, system in enumerate(systems)
                ],
            }
        )
    return examples, notices


def _player(mix: audio.Audio) -> str | None:
    return None if audio.is_silent(mix) else pages.audio_uri(mix, SAMPLE_RATE)


def _span(excerpt: Excerpt) -> str:
    return f"{EXCERPT_S:.0f} s from {int(excerpt.start_s) // 60}:{int(excerpt.start_s) % 60:02d}"


def _defined(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]
