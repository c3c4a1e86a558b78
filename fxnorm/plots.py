"""Plots of statistics as files, and SVG plots for HTML pages."""

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from fxnorm import files
from fxnorm.corpus.stems import STEMS
from fxnorm.errors import StatsError
from fxnorm.normalization.effects import MATCHED_EFFECTS
from fxnorm.normalization.grid import grid_frequencies
from fxnorm.normalization.processor import Response
from fxnorm.normalization.statistics import FxStats
from fxnorm.units import THIRD_OCTAVES_HZ

COLOURS = {"vocals": "#d1495b", "bass": "#30638e", "drums": "#edae49", "other": "#3c7a57"}
SYSTEM_COLOURS = ("#30638e", "#d1495b", "#3c7a57", "#edae49", "#7b5ea7", "#2a9d9d", "#8c6d46", "#c46fa0")
LINES = ("-", "--", ":", "-.")
SHOWN_HZ = (20.0, 20_000.0)
INK = "#010203"  # replaced by the text colour of the page, light or dark
TICKS_HZ = (20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000)


def plot_stats(stats_by_name: Mapping[str, FxStats], path: Path) -> None:
    """Plot the average EQ and similarity curves to a file.

    Parameters
    ----------
    stats_by_name : mapping of str to FxStats
        Statistics by their name in the legend; the first is drawn solid, the others dashed.
    path : Path
        Output file; the suffix selects the format (PNG, SVG, PDF).

    Raises
    ------
    StatsError
        If the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    features = {name: effect.feature for name, effect in MATCHED_EFFECTS.items()}
    curves = {name: style for name, feature in features.items() if (style := feature.plot_style) is not None}
    figure = Figure(figsize=(9.0, 3.75 * len(curves)), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    panels = np.atleast_1d(figure.subplots(len(curves), 1, sharex=True))
    for axes, (effect, style) in zip(panels, curves.items(), strict=True):
        _draw_averages(axes, effect, stats_by_name)
        axes.set_title(style.title, loc="left", fontsize=11)
        axes.set_ylabel(style.label)
        axes.grid(True, color="#dddddd", linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
    panels[-1].set_xlabel("frequency, Hz")
    _scale_frequency(panels[-1])
    panels[0].legend(frameon=False, ncols=len(stats_by_name), fontsize=9)
    try:
        with files.replacing(Path(path)) as temporary:
            figure.savefig(temporary)
    except (OSError, ValueError) as error:
        raise StatsError(f"{path}: cannot be drawn ({error}); use a folder that exists, and .png or .svg") from error


def _draw_averages(axes: Any, effect: str, stats_by_name: Mapping[str, FxStats]) -> None:
    """Draw one curve for each stem and statistics."""
    frequencies = grid_frequencies()
    visible = (frequencies >= SHOWN_HZ[0]) & (frequencies <= SHOWN_HZ[1])
    for line, (name, stats) in zip(LINES, stats_by_name.items(), strict=False):
        for stem in STEMS:
            if (average := stats.target(effect, stem)) is not None:
                label = stem if len(stats_by_name) == 1 else f"{stem}, {name}"
                style = {"color": COLOURS[stem], "linestyle": line, "linewidth": 1.5, "label": label}
                axes.plot(frequencies[visible], average.plot_values()[visible], **style)


def draw_gains(responses: Mapping[str, Response], colour: str) -> str:
    """Draw frequency responses, for a page.

    Parameters
    ----------
    responses : mapping of str to (ndarray, ndarray)
        Frequencies in Hz and gains in dB by name; a single response gets no legend.
    colour : str
        Colour of the curves.

    Returns
    -------
    str
        SVG element that inherits text colour and width from the page.
    """
    with _page_figure() as (axes, elements):
        for line, (name, (frequencies, gains_db)) in zip(LINES, responses.items(), strict=False):
            axes.plot(frequencies, gains_db, line, color=colour, linewidth=1.4, label=name)
        axes.axhline(0.0, color=INK, linewidth=0.8, alpha=0.5)
        axes.set_ylabel("gain, dB")
        _over_frequency(axes)
        if len(responses) > 1:
            axes.legend(frameon=False, fontsize=8)
    return elements[0]


def draw_spectra(curves: Mapping[str, Sequence[float]], colours: Mapping[str, str]) -> str:
    """Draw third-octave levels relative to a target, for a page.

    Parameters
    ----------
    curves : mapping of str to sequence of float
        By name: dB relative to the target at each of `THIRD_OCTAVES_HZ`.
    colours : mapping of str to str
        By name.

    Returns
    -------
    str
        SVG element in the text colour and width of the page.
    """
    with _page_figure(height=2.8) as (axes, elements):
        _draw_curves(axes, THIRD_OCTAVES_HZ, curves, colours)
        axes.axhline(0.0, color=INK, linewidth=0.8, alpha=0.5)
        axes.set_ylabel("relative to the target, dB")
        _over_frequency(axes)
    return elements[0]


def draw_over_time(curves: Mapping[str, Sequence[float]], colours: Mapping[str, str], label: str) -> str:
    """Draw values taken once per second, for a page.

    Parameters
    ----------
    curves : mapping of str to sequence of float
        By name.
    colours : mapping of str to str
        By name.
    label : str
        Label of the vertical axis, with its unit.

    Returns
    -------
    str
        SVG element in the text colour and width of the page.
    """
    with _page_figure(height=2.8) as (axes, elements):
        seconds = np.arange(max(map(len, curves.values()), default=0))
        _draw_curves(axes, seconds, curves, colours)
        axes.set_xlabel("time, s")
        axes.set_ylabel(label)
    return elements[0]


def draw_points(values: Mapping[str, Sequence[float]], colours: Mapping[str, str], label: str) -> str:
    """Draw one row per name, with a point per song and a line at the mean, for a page.

    Parameters
    ----------
    values : mapping of str to sequence of float
        By name.
    colours : mapping of str to str
        By name.
    label : str
        Label of the horizontal axis, with its unit.

    Returns
    -------
    str
        SVG element in the text colour and width of the page.
    """
    with _page_figure(height=0.8 + 0.25 * len(values)) as (axes, elements):
        for row, (name, row_values) in enumerate(values.items()):
            axes.plot(row_values, [row] * len(row_values), "o", color=colours[name], markersize=4, alpha=0.5)
            axes.plot([np.mean(row_values)], [row], "|", color=INK, markersize=14, markeredgewidth=1.5)
        axes.set_yticks(range(len(values)), list(values))
        axes.set_ylim(len(values) - 0.5, -0.5)
        axes.set_xlabel(label)
    return elements[0]


def _draw_curves(axes: Any, x: np.ndarray, curves: Mapping[str, Sequence[float]], colours: Mapping[str, str]) -> None:
    """Draw curves over the first values of `x`, with a legend above the axes."""
    for name, values in curves.items():
        axes.plot(x[: len(values)], values, color=colours[name], linewidth=1.4, label=name)
    style = {"fontsize": 7.5, "handlelength": 1.2, "columnspacing": 1.0, "borderaxespad": 0.2}
    axes.legend(frameon=False, ncols=3, loc="lower left", bbox_to_anchor=(0.0, 1.0), **style)


def _over_frequency(axes: Any) -> None:
    axes.locator_params(axis="y", nbins=5, steps=[1, 2, 5, 10])
    _scale_frequency(axes)


def _scale_frequency(axes: Any) -> None:
    axes.set_xscale("log")
    axes.set_xlim(*SHOWN_HZ)
    axes.set_xticks(TICKS_HZ, [f"{hz // 1000}k" if hz >= 1000 else str(hz) for hz in TICKS_HZ])
    axes.minorticks_off()


@contextmanager
def _page_figure(height: float = 1.9) -> Iterator[tuple[Any, list[str]]]:
    """Yield axes, and a list that holds the SVG element after the block."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    style: dict[Any, object] = {"svg.fonttype": "none", "svg.hashsalt": "fxnorm", "font.size": 9.0}
    style |= dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), INK)
    elements: list[str] = []
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(4.0, height), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.subplots()
        axes.grid(True, color=INK, alpha=0.12, linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
        yield axes, elements
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    svg = buffer.getvalue().replace(INK, "currentColor")
    svg = svg[svg.index("<svg") :]
    # Several pictures stand in one page: names of parts go, but for the shapes that are used by name.
    svg = re.sub(r' id="[^"]*_\d+"', "", svg)
    elements.append(re.sub(r' (?:width|height)="[^"]*pt"', "", svg))
