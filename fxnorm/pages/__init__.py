"""Self-contained HTML pages, rendered from the templates beside this file.

`base.html` defines layout and style, `parts.html` the elements that several pages share: players, tables, figures.
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
        File name of a template of this package, such as `mix.html`.
    **values
        Values of the template. Text is escaped; insert a plot of `fxnorm.plots` with `svg | safe`.

    Returns
    -------
    str
        Complete HTML page.

    Raises
    ------
    jinja2.UndefinedError
        If a value of the template is missing.
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


def audio_uri(samples: Audio, sample_rate: int) -> str:
    """Encode audio as a data URI of an MP3 for an HTML player, about 21 kB per second.

    Parameters
    ----------
    samples : ndarray, shape (channels, samples), float32
        Scaled down as a whole if it exceeds full scale.
    sample_rate : int
        In Hz.
    """
    return f"data:audio/mpeg;base64,{base64.b64encode(audio_files.encode_mp3(samples, sample_rate)).decode()}"


def _source(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
