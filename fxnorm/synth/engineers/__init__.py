"""Families of mixing engineers, one per file; a new file is imported here and named in `fxnorm.choices.ENGINEERS`."""

from fxnorm.synth.engineers.balanced import BALANCED
from fxnorm.synth.engineers.close import CLOSE
from fxnorm.synth.engineers.dark import DARK
from fxnorm.synth.engineers.habits import Habits, MixStyle
from fxnorm.synth.engineers.loud import LOUD

FAMILIES: dict[str, Habits] = {"balanced": BALANCED, "dark": DARK, "close": CLOSE, "loud": LOUD}

__all__ = ["FAMILIES", "Habits", "MixStyle"]
