"""Errors that fxnorm raises. A message is one line: expected ..., got ...; do ..."""


class FxnormError(Exception):
    """Base class of all errors of fxnorm."""


class InputError(FxnormError, ValueError):
    """Invalid argument, option or setting; nothing was done."""


class AudioError(FxnormError):
    """Unusable audio file or array."""


class StatsError(FxnormError):
    """Unusable statistics file."""


class RunError(FxnormError):
    """Run that cannot continue for reasons outside its input, such as a full disk; finished work is kept."""
