"""Names that users choose from on the command line, in recipes and in Python.

This file imports nothing heavy, so that the command line can show its help at once.
"""

from typing import Literal, get_args

Device = Literal["auto", "cpu", "cuda", "mps"]
DEVICES: tuple[str, ...] = get_args(Device)

PRESETS = ("published", "default")  # of the settings of the effects
SPLITS = ("train", "valid", "test")
CLIP_MODES = ("rescale", "clamp", "none")  # scale a mix over full scale down, hard-clip it, or leave it

# libsndfile subtypes by output format; the first is the default of the format.
SUBTYPES = {"wav": ("FLOAT", "PCM_24", "PCM_16", "PCM_32", "DOUBLE"), "flac": ("PCM_24", "PCM_16")}

ENGINEERS = ("balanced", "dark", "close", "loud")  # families of engineers who mix synthetic multitracks
