"""What can go wrong, each kind with one readable line.

A message says what was expected, what came, and what to do.
"""


class FxnormError(Exception):
    """Base of every error that fxnorm raises on purpose."""


class InputError(FxnormError, ValueError):
    """An argument, option or setting is wrong: nothing was done."""


class AudioError(FxnormError):
    """An audio file or array cannot be used."""


class StatsError(FxnormError):
    """A statistics file cannot be used."""


class RunError(FxnormError):
    """A run cannot go on, through no fault of what it was given; what is finished is kept."""
