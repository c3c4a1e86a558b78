"""Recipes: the settings of a training run, read from YAML and validated before the run begins.

A recipe file lists only the keys that differ from the defaults below. `key=value` changes a single key; dots separate a
group from its key: `data.segment_s=4`.
"""

from fxnorm.recipe.base import BaseRecipe, SettingsGroup, to_yaml
from fxnorm.recipe.boosted import BoostedRecipe
from fxnorm.recipe.groups import DataSettings, LossSettings, NetworkSettings, OptimizerSettings, ValidationSettings
from fxnorm.recipe.network import Recipe
from fxnorm.recipe.reading import PATHS, check, read, read_lists

__all__ = [
    "PATHS",
    "BaseRecipe",
    "BoostedRecipe",
    "DataSettings",
    "LossSettings",
    "NetworkSettings",
    "OptimizerSettings",
    "Recipe",
    "SettingsGroup",
    "ValidationSettings",
    "check",
    "read",
    "read_lists",
    "to_yaml",
]
