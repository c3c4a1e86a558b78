"""Tests of DAW sessions."""
