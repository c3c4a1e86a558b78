"""Keys and behaviour that all recipes share."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt

from fxnorm import files

Probability = Annotated[float, Field(ge=0.0, le=1.0)]
BelowOne = Annotated[float, Field(ge=0.0, lt=1.0)]
Fraction = Annotated[float, Field(gt=0.0, le=1.0)]


class SettingsGroup(BaseModel):
    """Base of recipes and their groups: frozen, and refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class BaseRecipe(SettingsGroup):
    """Keys common to all recipes.

    Attributes
    ----------
    corpus : Path
        Output folder of `fxnorm normalize`.
    seed : int
        Random seed.
    """

    corpus: Path
    seed: NonNegativeInt = 0

    def to_dict(self) -> dict[str, Any]:
        """Return plain values of all keys, including defaults."""
        return self.model_dump(mode="json")

    def write(self, path: Path) -> None:
        """Write all keys to a YAML file."""
        files.write_text(path, to_yaml(self.to_dict()))

    def differences(self, other: "BaseRecipe") -> list[str]:
        """Return the dotted keys whose values differ."""
        values, other_values = dict(_leaves(self.to_dict())), dict(_leaves(other.to_dict()))
        return [key for key in values | other_values if values.get(key) != other_values.get(key)]


def to_yaml(content: Mapping[str, Any]) -> str:
    """Return plain values as YAML, keys in their order."""
    return yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True)


def _leaves(content: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for key, value in content.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value
