"""Profiles of hypothesis: `pytest --hypothesis-profile=long tests/test_fuzz.py` runs 100 times as many examples."""

import signal

from hypothesis import settings

settings.register_profile("long", max_examples=100 * settings().max_examples)

# Tests started with `&` by a shell inherit an ignored SIGINT, and would pass it on to the commands they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
