"""Pictures of statistics."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from fxnorm import files
from fxnorm.effects.spectra import grid_frequencies
from fxnorm.errors import StatsError
from fxnorm.stats import FxStats
from fxnorm.stems import STEMS
from fxnorm.units import amplitude_to_db

COLOURS = {"vocals": "#d1495b", "bass": "#30638e", "drums": "#edae49", "other": "#3c7a57"}
LINES = ("-", "--", ":", "-.")
SHOWN_HZ = (20.0, 20_000.0)
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
