"""Frozen settings: dataclasses that validate themselves, list their parameters and read and write JSON."""

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from typing import Any, ClassVar, Self, TypeVar

from fxnorm.console.parameter import KEY, Parameter
from fxnorm.errors import InputError

Choice = str | bool | int
T = TypeVar("T")


@dataclass(frozen=True)
class Settings:
    """Base class of processors and of their sections, such as the bands of an equaliser.

    Fields are declared with `parameter`, as text, integers or flags, as a tuple of texts, or as other settings.

    Attributes
    ----------
    CHOICES : dict of str to tuple
        Allowed values of fields that are no parameters.
    SECTIONS : dict of str to type
        Fields that are tuples of other settings, and their type.
    PARTS : dict of str to type
        Fields that are other settings, and their type.
    """

    CHOICES: ClassVar[dict[str, tuple[Choice, ...]]] = {}
    SECTIONS: ClassVar[dict[str, "type[Settings]"]] = {}
    PARTS: ClassVar[dict[str, "type[Settings]"]] = {}

    def __post_init__(self) -> None:
        for name, own in own_parameters(type(self)).items():
            own.check(name, getattr(self, name))
        for name, allowed in self.CHOICES.items():
            value = getattr(self, name)
            if value not in allowed or type(value) is not type(allowed[0]):
                listed = ", ".join(str(choice) for choice in allowed)
                raise InputError(f"{name}: expected {listed}, got {value!r}; choose one")
        for field in fields(self):
            _check_plain(field.name, field.type, getattr(self, field.name))

    def parameters(self) -> dict[str, Parameter]:
        """Return the continuous parameters that are in use, in a fixed order; sections as "bands.0.gain_db"."""
        return {name: declared for name, declared, _ in self._walk()}

    def values(self) -> list[float]:
        """Return the values of `parameters`, in the same order."""
        return [value for _, _, value in self._walk()]

    def with_values(self, values: Iterable[float]) -> Self:
        """Return the same settings with other values of `parameters`.

        Raises
        ------
        InputError
            If a value is out of range, or their number is not that of `parameters`.
        """
        remaining = iter(values)
        try:
            changed = self._with_next(remaining)
        except StopIteration:
            raise InputError(f"expected {len(self.values())} values, got fewer; pass one per parameter") from None
        if next(remaining, None) is not None:
            raise InputError(f"expected {len(self.values())} values, got more; pass one per parameter")
        return changed

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        content: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in self.SECTIONS:
                value = [section.to_dict() for section in value]
            elif field.name in self.PARTS:
                value = value.to_dict()
            content[field.name] = list(value) if isinstance(value, tuple) else value
        return content

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """Build settings from `to_dict`.

        Raises
        ------
        InputError
            If a key is unknown or missing, or a value is out of range.
        """
        require_keys(content, cls)
        values = dict(content)
        for name, kind in cls.SECTIONS.items():
            if name in values:
                values[name] = tuple(
                    read_item(kind.from_dict, section, f"{name}[{index}]")
                    for index, section in enumerate(require_list(values[name], name))
                )
        for name, kind in cls.PARTS.items():
            if name in values:
                values[name] = read_item(kind.from_dict, values[name], name)
        for field in fields(cls):
            if field.type == tuple[str, ...] and isinstance(values.get(field.name), list):
                values[field.name] = tuple(values[field.name])
        return cls(**values)

    def _walk(self, prefix: str = "") -> Iterator[tuple[str, Parameter, float]]:
        own = own_parameters(type(self))
        for field in fields(self):
            value = getattr(self, field.name)
            if _is_learned(own, field.name, value):
                yield f"{prefix}{field.name}", own[field.name], float(value)
            elif field.name in self.SECTIONS:
                for index, section in enumerate(value):
                    yield from section._walk(f"{prefix}{field.name}.{index}.")
            elif field.name in self.PARTS:
                yield from value._walk(f"{prefix}{field.name}.")

    def _with_next(self, values: Iterator[float]) -> Self:
        own = own_parameters(type(self))
        changes: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if _is_learned(own, field.name, value):
                changes[field.name] = float(next(values))
            elif field.name in self.SECTIONS:
                changes[field.name] = tuple([section._with_next(values) for section in value])
            elif field.name in self.PARTS:
                changes[field.name] = value._with_next(values)
        return replace(self, **changes)


def _is_learned(own: Mapping[str, Parameter], name: str, value: Any) -> bool:
    return name in own and own[name].learned and value != own[name].off


def _check_plain(name: str, kind: Any, value: Any) -> None:
    """Make sure that a text, an integer, a flag or a tuple of texts is one."""
    if kind in (str, bool, int) and type(value) is not kind:
        noun = {str: "a text", bool: "true or false", int: "a whole number"}[kind]
        raise InputError(f"{name}: expected {noun}, got {value!r}; correct it")
    if kind == tuple[str, ...] and not (isinstance(value, tuple) and all(isinstance(item, str) for item in value)):
        raise InputError(f"{name}: expected a list of texts, got {value!r}; correct it")


def own_parameters(kind: type[Settings]) -> dict[str, Parameter]:
    """Return the parameters declared by a class of settings, without those of sections and parts."""
    return {field.name: field.metadata[KEY] for field in fields(kind) if KEY in field.metadata}


def require_keys(content: Any, kind: type, *, extra: Sequence[str] = ()) -> None:
    """Make sure that JSON content is an object whose keys are fields of a dataclass.

    Raises
    ------
    InputError
        If it is not, with the nearest name; or if a field without default is missing.
    """
    if not isinstance(content, Mapping):
        raise InputError(f"expected an object with keys, got {content!r}; write it in braces")
    names = [field.name for field in fields(kind)] + list(extra)
    for key in content:
        if key not in names:
            raise InputError(f"expected {', '.join(names)}, got unknown key {key!r}; {nearest(str(key), names)}")
    for field in fields(kind):
        if field.default is MISSING and field.default_factory is MISSING and field.name not in content:
            raise InputError(f"expected the key {field.name!r}, which is missing; add it")


def nearest(name: str, names: Iterable[str]) -> str:
    """Suggest the most similar of several names."""
    similar = difflib.get_close_matches(name, list(names), n=1, cutoff=0.5)
    return f"did you mean {similar[0]!r}?" if similar else "correct or remove it"


def require_list(content: Any, name: str) -> list[Any]:
    """Make sure that JSON content is a list.

    Raises
    ------
    InputError
        If it is not.
    """
    if not isinstance(content, list):
        raise InputError(f"{name}: expected a list, got {content!r}; write it in square brackets")
    return content


def read_item(read: Callable[[Any], T], content: Any, label: str) -> T:
    """Read a part of a document and put its label before the message of an error."""
    try:
        return read(content)
    except InputError as error:
        raise InputError(f"{label}: {error}") from None
