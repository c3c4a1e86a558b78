"""What a step of the chain did to a stem, the lines of its card; and what it remembers of the stem."""

from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

# What an effect has found out about one stem, by its own names. An effect that is handed an empty one fills it in, and
# handed it again for the same stem by the same settings does not look for those things twice.
Memo = dict[str, npt.NDArray[Any]]


class EffectSettings(BaseModel):
    """Base of every effect's settings: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True)
class Step:
    """One effect on one stem: the parameters chosen, the feature before and after, or why nothing was done.

    Attributes
    ----------
    effect : str
        Name of the effect.
    parameters : dict
        What was applied, in the units that the keys name; plain JSON values.
    before, after : dict
        The feature on either side of the step, as far as the step knows it.
    skipped : str or None
        Why the effect did not act.
    """

    effect: str
    parameters: dict[str, Any] = field(default_factory=dict)
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    skipped: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, without what is empty."""
        fields = {"parameters": self.parameters, "before": self.before, "after": self.after, "skipped": self.skipped}
        return {"effect": self.effect} | {key: value for key, value in fields.items() if value}
