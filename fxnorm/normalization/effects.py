"""The five effects and their order. One file per effect holds everything there is to know of it.

Every measured effect has the same names: `Settings` and `PRESETS`, `measure(audio, rate)` -> feature, `average(curve,
stem)` where the feature is a curve, and `match(audio, rate, target, stem=, settings=, strength=)` -> (audio, Step).
What `measure` finds out for `match`, and `match` for itself at another time, goes by way of a `Memo`.
A further effect is one more file and its place in `MODULES`.
"""

from types import ModuleType

from fxnorm.normalization import compression, eq, loudness, panning, reverb
from fxnorm.normalization.applied_effect import EffectSettings, Memo, Step

MODULES: dict[str, ModuleType] = {
    "reverb": reverb,
    "eq": eq,
    "compression": compression,
    "panning": panning,
    "loudness": loudness,
}
EFFECTS = tuple(MODULES)
MEASURED = tuple(name for name, module in MODULES.items() if hasattr(module, "measure"))

__all__ = [
    "EFFECTS",
    "MEASURED",
    "MODULES",
    "EffectSettings",
    "Memo",
    "Step",
    "compression",
    "eq",
    "loudness",
    "panning",
    "reverb",
]
