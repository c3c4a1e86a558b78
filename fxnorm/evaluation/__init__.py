"""Scores of audio against audio."""
