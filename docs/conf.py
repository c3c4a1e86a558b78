"""Sphinx configuration: MyST pages, numpydoc docstrings, command-line reference generated from click."""

import os
import re
import sys
from pathlib import Path

from sphinx.application import Sphinx

os.environ["NUMBA_DISABLE_JIT"] = "1"  # kernels stay plain functions, whose docstrings autodoc can read
sys.path.insert(0, str(Path(__file__).parent / "_ext"))

import fxnorm

project = "fxnorm"
author = "the fxnorm authors"
copyright = author
version = release = fxnorm.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "sphinx_copybutton",
    "click_reference",
    "package_tables",
]
exclude_patterns = ["_build"]
templates_path = ["_templates"]
nitpicky = True
nitpick_ignore_regex = [
    ("py:(class|obj)", r"(?s).*"),  # no inventory of other projects is fetched, so their types have no target
]
default_role = "py:obj"
suppress_warnings = ["autosummary.import_cycle"]

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

autosummary_generate = True
autodoc_default_options = {"members": True, "exclude-members": "model_config"}
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # numpydoc's sections name the types, with shapes and units
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

html_theme = "furo"
html_title = f"fxnorm {release}"
html_static_path = ["_static"]
html_css_files = ["fxnorm.css"]
html_show_sphinx = False
html_copy_source = False
copybutton_prompt_text = "$ "


def escape_bars(app: Sphinx, kind: str, name: str, subject: object, options: object, lines: list[str]) -> None:
    """Keep the bars of magnitudes, |x|, from being read as substitutions."""
    lines[:] = [re.sub(r"(`[^`]*`)|(?<!\\)\|", lambda match: match[1] or r"\|", line) for line in lines]


def setup(app: Sphinx) -> None:
    """Connect the docstring filter."""
    app.connect("autodoc-process-docstring", escape_bars, priority=400)
