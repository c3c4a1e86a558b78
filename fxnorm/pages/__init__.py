"""Pages: one self-contained HTML file each, with everything in it, for a browser without a network.

Templates lie beside this file. `base.html` has the frame and the style, `parts.html` what several pages use: players,
tables, figures.
"""

import base64
from importlib import resources
from typing import Any

from fxnorm import audio_files
from fxnorm.audio import Audio


def render(template: str, **values: Any) -> str:
    """Fill a template.

    Parameters
    ----------
    template : str
        File name of one that ships with this package: `mix.html`.
    **values
        What it shows. Text is escaped; a picture from `fxnorm.plots` goes in as `svg | safe`.

    Returns
    -------
    str
        A whole HTML page.

    Raises
    ------
    jinja2.UndefinedError
        If the template shows a value that was not given.
    """
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    environment = Environment(
        loader=FunctionLoader(_source),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**values)


def audio_uri(samples: Audio, rate: int) -> str:
    """Audio as the source of a player: a data URI of an MP3, about 21 kB a second.

    Parameters
    ----------
    samples : ndarray, shape (channels, samples), float32
        What leaves full scale is brought back to it, as a whole.
    rate : int
        Sampling rate in Hz.
    """
    return f"data:audio/mpeg;base64,{base64.b64encode(audio_files.encode_mp3(samples, rate)).decode()}"


def _source(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
