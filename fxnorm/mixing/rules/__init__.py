"""Mix by rules: a console from any number of tracks, with the reason for every decision.

The rules are customary starting values for each role (`table`), applied as far as the measured spectrum and dynamics of
a track call for them; the faders follow from the loudness of instruments in professional mixes (`balance`).
"""

from fxnorm.mixing.rules.console import Draft, write_console
from fxnorm.mixing.rules.mixer import RuleMixer

__all__ = ["Draft", "RuleMixer", "write_console"]
