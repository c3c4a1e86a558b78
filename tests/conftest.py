"""Profiles of hypothesis: `pytest --hypothesis-profile=long tests/test_fuzz.py` tries a hundred times as much."""

import signal

from hypothesis import settings

settings.register_profile("long", max_examples=100 * settings().max_examples)

# A shell that starts the tests with `&` has them ignore Ctrl-C, and the commands that they start would, too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
