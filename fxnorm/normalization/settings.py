"""Settings of the chain: which effects act, how far, and how."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import Field, SerializeAsAny, ValidationError, field_validator

from fxnorm.choices import PRESETS
from fxnorm.errors import InputError
from fxnorm.normalization.effect import EffectSettings
from fxnorm.normalization.effects import MATCHED_EFFECTS
from fxnorm.normalization.reverb import STEMS_WITH_REVERB, ReverbSettings


class ChainSettings(EffectSettings):
    """Settings of the chain: everything that decides its result, apart from averages and impulse responses.

    Attributes
    ----------
    effects : tuple of str
        Effects to match, sorted into the order of the chain.
    strength : dict of str to float
        Share of the way to the target by effect, 0 to 1; 1 where not named.
    matching : dict of str to EffectSettings
        Settings of every effect.
    reverb : ReverbSettings or None
        Reverb that is added before the matched effects.
    """

    effects: tuple[str, ...] = Field(default_factory=lambda: tuple(MATCHED_EFFECTS))
    strength: dict[str, float] = Field(default_factory=dict)
    matching: dict[str, SerializeAsAny[EffectSettings]]
    reverb: ReverbSettings | None = None

    @field_validator("effects")
    @classmethod
    def _in_order(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            _require_effect(name)
        return tuple(name for name in MATCHED_EFFECTS if name in names)

    @field_validator("strength")
    @classmethod
    def _shares(cls, strength: dict[str, float]) -> dict[str, float]:
        for name, value in strength.items():
            _require_effect(name)
            if not 0.0 <= value <= 1.0:
                raise ValueError(f"strength of {name}: expected 0 to 1, got {value:g}")
        return strength

    @field_validator("matching", mode="before")
    @classmethod
    def _by_effect(cls, matching: Any) -> Any:
        for name in matching:
            _require_effect(name)
        return {name: effect.parse_settings(matching.get(name)) for name, effect in MATCHED_EFFECTS.items()}

    @classmethod
    def preset(cls, name: str = "default", **changes: object) -> Self:
        """Return the settings of a preset with some fields changed.

        Parameters
        ----------
        name : {"default", "published"}
        **changes
            Fields of these settings, or settings of an effect by its name.

        Raises
        ------
        InputError
            If the preset, a field or a value is unknown.
        """
        try:
            matching: dict[str, object] = {effect.name: effect.presets[name] for effect in MATCHED_EFFECTS.values()}
        except KeyError:
            raise InputError(f"unknown preset {name!r}: expected {' or '.join(PRESETS)}") from None
        matching |= {effect: changes.pop(effect) for effect in MATCHED_EFFECTS if effect in changes}
        try:
            return cls(**({"matching": matching} | changes))
        except ValueError as error:
            raise InputError(first_line(error)) from None

    def changed(self, effect: str, **fields: object) -> Self:
        """Return the settings with some fields of one effect changed."""
        settings = self.matching[effect].model_copy(update=fields)
        return self.model_copy(update={"matching": self.matching | {effect: settings}})

    def strength_of(self, effect: str) -> float:
        """Return the strength of an effect; 0 if it does not act."""
        return self.strength.get(effect, 1.0) if effect in self.effects else 0.0

    @property
    def active(self) -> tuple[str, ...]:
        """Matched effects with a strength over 0, in order."""
        return tuple(effect for effect in self.effects if self.strength_of(effect) > 0.0)

    def effective_settings(self, stem: str) -> dict[str, object]:
        """Return the settings that decide the result of one stem: the active effects, with the values of this stem."""
        effective: dict[str, object] = {}
        if self.reverb is not None and stem in STEMS_WITH_REVERB:
            effective["reverb"] = self.reverb.model_dump(mode="json")
        for effect in self.active:
            values: Mapping[str, Any] = self.matching[effect].model_dump(mode="json")
            effective[effect] = {"strength": self.strength_of(effect)} | {
                key: value[stem] if isinstance(value, dict) else value for key, value in values.items()
            }
        return effective


def first_line(error: ValueError) -> str:
    """Return the message of a settings error as one line."""
    if not isinstance(error, ValidationError):
        return str(error)
    details = error.errors()
    location = ".".join(str(part) for part in details[0]["loc"])
    message = str(details[0]["msg"]).removeprefix("Value error, ")
    return message if details[0]["type"] == "value_error" else f"{location}: {message}"


def _require_effect(name: str) -> None:
    if name not in MATCHED_EFFECTS:
        raise ValueError(f"unknown effect {name!r}: expected some of {', '.join(MATCHED_EFFECTS)}")
