"""Compiled loops and nothing else: arrays and scalars in, an output argument written, no checks, no raising."""
