"""Pictures: of statistics, and for pages."""

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from fxnorm import files
from fxnorm.corpus.stems import STEMS
from fxnorm.dsp.stft import grid_frequencies
from fxnorm.errors import StatsError
from fxnorm.normalization.statistics import FxStats
from fxnorm.units import THIRD_OCTAVES_HZ, amplitude_to_db

COLOURS = {"vocals": "#d1495b", "bass": "#30638e", "drums": "#edae49", "other": "#3c7a57"}
SYSTEM_COLOURS = ("#30638e", "#d1495b", "#3c7a57", "#edae49", "#7b5ea7", "#2a9d9d", "#8c6d46", "#c46fa0")
LINES = ("-", "--", ":", "-.")
SHOWN_HZ = (20.0, 20_000.0)
INK = "#010203"  # drawn in the page's own colour of text, light or dark
TICKS_HZ = (20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000)


def plot_stats(several: Mapping[str, FxStats], path: Path) -> None:
    """Draw the average EQ and similarity curves, and write them as a picture.

    Parameters
    ----------
    several : mapping of str to FxStats
        By the name in the legend; the first is drawn solid, further ones dashed.
    path : Path
        The suffix chooses the format: PNG, SVG, PDF.

    Raises
    ------
    StatsError
        If the picture cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 7.5), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    spectrum, similarity = figure.subplots(2, 1, sharex=True)
    frequencies = grid_frequencies()
    shown = (frequencies >= SHOWN_HZ[0]) & (frequencies <= SHOWN_HZ[1])
    for line, (name, stats) in zip(LINES, several.items(), strict=False):
        for stem in STEMS:
            label = stem if len(several) == 1 else f"{stem}, {name}"
            style = {"color": COLOURS[stem], "linestyle": line, "linewidth": 1.5, "label": label}
            if (eq := stats.target("eq", stem)) is not None:
                spectrum.plot(frequencies[shown], amplitude_to_db(eq)[shown], **style)
            if (panning := stats.target("panning", stem)) is not None:
                similarity.plot(frequencies[shown], np.clip(panning[shown], 0.0, 1.0), **style)
    spectrum.set_title("Average spectrum at -30 LUFS", loc="left", fontsize=11)
    spectrum.set_ylabel("mean magnitude, dB")
    similarity.set_title("Average similarity of the channels (1: the same on both)", loc="left", fontsize=11)
    similarity.set_ylabel("similarity")
    similarity.set_xlabel("frequency, Hz")
    similarity.set_xscale("log")
    similarity.set_xlim(*SHOWN_HZ)
    similarity.set_xticks(TICKS_HZ, [f"{hz // 1000}k" if hz >= 1000 else str(hz) for hz in TICKS_HZ])
    similarity.minorticks_off()
    for axes in (spectrum, similarity):
        axes.grid(True, color="#dddddd", linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
    spectrum.legend(frameon=False, ncols=len(several), fontsize=9)
    try:
        with files.replacing(Path(path)) as temporary:
            figure.savefig(temporary)
    except (OSError, ValueError) as error:
        raise StatsError(f"{path}: cannot be drawn ({error}); use a folder that exists, and .png or .svg") from error


def draw_gains(curves: Mapping[str, Mapping[str, float]], colour: str) -> str:
    """Draw gains over frequency, for a page.

    Parameters
    ----------
    curves : mapping of str to mapping of str to float
        By the name in the legend, which a single curve needs none of: gains in dB by the frequency in Hz as text.
    colour : str
        Of the curves.

    Returns
    -------
    str
        An SVG element that takes its text colour and its width from the page around it.
    """
    with _page_figure() as (axes, drawn):
        for line, (name, gains) in zip(LINES, curves.items(), strict=False):
            frequencies = [float(hz) for hz in gains]
            axes.plot(frequencies, list(gains.values()), line, color=colour, marker="o", markersize=2.5, label=name)
        axes.axhline(0.0, color=INK, linewidth=0.8, alpha=0.5)
        axes.set_ylabel("gain, dB")
        _over_frequency(axes)
        if len(curves) > 1:
            axes.legend(frameon=False, fontsize=8)
    return drawn[0]


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
    with _page_figure(height=2.8) as (axes, drawn):
        for name, levels in curves.items():
            axes.plot(THIRD_OCTAVES_HZ, levels, color=colours[name], linewidth=1.4, label=name)
        axes.axhline(0.0, color=INK, linewidth=0.8, alpha=0.5)
        axes.set_ylabel("relative to the target, dB")
        _over_frequency(axes)
        _legend_above(axes)
    return drawn[0]


def draw_over_time(curves: Mapping[str, Sequence[float]], colours: Mapping[str, str], label: str) -> str:
    """Draw values taken once per second, for a page.

    Parameters
    ----------
    curves : mapping of str to sequence of float
        By name.
    colours : mapping of str to str
        By name.
    label : str
        Of the vertical axis, with its unit.

    Returns
    -------
    str
        SVG element in the text colour and width of the page.
    """
    with _page_figure(height=2.8) as (axes, drawn):
        for name, levels in curves.items():
            axes.plot(range(len(levels)), levels, color=colours[name], linewidth=1.4, label=name)
        axes.set_xlabel("time, s")
        axes.set_ylabel(label)
        _legend_above(axes)
    return drawn[0]


def draw_points(values: Mapping[str, Sequence[float]], colours: Mapping[str, str], label: str) -> str:
    """Draw one row per name, with a point per song and a line at the mean, for a page.

    Parameters
    ----------
    values : mapping of str to sequence of float
        By name.
    colours : mapping of str to str
        By name.
    label : str
        Of the horizontal axis, with its unit.

    Returns
    -------
    str
        SVG element in the text colour and width of the page.
    """
    with _page_figure(height=0.8 + 0.25 * len(values)) as (axes, drawn):
        for row, (name, row_values) in enumerate(values.items()):
            axes.plot(row_values, [row] * len(row_values), "o", color=colours[name], markersize=4, alpha=0.5)
            axes.plot([np.mean(row_values)], [row], "|", color=INK, markersize=14, markeredgewidth=1.5)
        axes.set_yticks(range(len(values)), list(values))
        axes.set_ylim(len(values) - 0.5, -0.5)
        axes.set_xlabel(label)
    return drawn[0]


def _legend_above(axes: Any) -> None:
    """A legend that hides no curve."""
    style = {"fontsize": 7.5, "handlelength": 1.2, "columnspacing": 1.0, "borderaxespad": 0.2}
    axes.legend(frameon=False, ncols=3, loc="lower left", bbox_to_anchor=(0.0, 1.0), **style)


def _over_frequency(axes: Any) -> None:
    axes.locator_params(axis="y", nbins=5, steps=[1, 2, 5, 10])
    axes.set_xscale("log")
    axes.set_xlim(*SHOWN_HZ)
    axes.set_xticks(TICKS_HZ, [f"{hz // 1000}k" if hz >= 1000 else str(hz) for hz in TICKS_HZ])
    axes.minorticks_off()


@contextmanager
def _page_figure(height: float = 1.9) -> Iterator[tuple[Any, list[str]]]:
    """Axes to draw into, and a list that holds the SVG element when the block has ended."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    style: dict[Any, object] = {"svg.fonttype": "none", "svg.hashsalt": "fxnorm", "font.size": 9.0}
    style |= dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), INK)
    drawn: list[str] = []
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(4.0, height), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.subplots()
        axes.grid(True, color=INK, alpha=0.12, linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
        yield axes, drawn
        written = io.StringIO()
        figure.savefig(written, format="svg", transparent=True, metadata={"Date": None})
    svg = written.getvalue().replace(INK, "currentColor")
    svg = svg[svg.index("<svg") :]
    # Several pictures stand in one page: names of parts go, but for the shapes that are used by name.
    svg = re.sub(r' id="[^"]*_\d+"', "", svg)
    drawn.append(re.sub(r' (?:width|height)="[^"]*pt"', "", svg))
