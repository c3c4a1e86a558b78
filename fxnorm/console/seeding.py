"""Random generators of settings that hold a seed."""

import numpy as np


def seeded_generator(*words: int) -> np.random.Generator:
    """Return a generator seeded by integers; names the bit generator, so NumPy's default cannot change a sound."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(words)))
