"""Profiles of hypothesis: `pytest --hypothesis-profile=long tests/test_fuzz.py` tries a hundred times as much."""

from hypothesis import settings

settings.register_profile("long", max_examples=100 * settings().max_examples)
