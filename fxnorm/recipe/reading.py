"""Read recipes from YAML and validate them."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from fxnorm.errors import InputError
from fxnorm.recipe.base import BaseRecipe
from fxnorm.recipe.boosted import BoostedRecipe
from fxnorm.recipe.network import Recipe

PATHS = ("corpus", "wet", "init_from")


def read(path: Path, changes: Sequence[str] = ()) -> Recipe | BoostedRecipe:
    """Read a recipe.

    Parameters
    ----------
    path : Path
        YAML file.
    changes : sequence of str
        `key=value` pairs that override the file; dots separate a group from its key.

    Returns
    -------
    Recipe or BoostedRecipe
        The latter if the file has the key `model`.

    Raises
    ------
    InputError
        If the file cannot be read, a key is unknown (the error names the nearest one), or a value is invalid.

    Examples
    --------
    >>> recipe.read(Path("recipes/demo.yaml"), ["data.segment_s=4", "schedule=[[8, 1]]"])  # doctest: +SKIP
    """
    content = load(Path(path))
    for change in changes:
        key, equals, value = change.partition("=")
        if not equals or not key:
            raise InputError(f"expected key=value, got {change!r}; for example data.segment_s=4")
        is_path = key in PATHS and value != "null"  # YAML would read some paths as numbers or mappings
        _set(content, key, value if is_path else parse(value, label=change))
    return check(content, label=str(path))


def read_lists(path: Path, keys: Sequence[str]) -> dict[str, list[str]]:
    """Read lists of strings by key from a YAML file; a single string is a list of one.

    Raises
    ------
    InputError
        If the file cannot be read, a key is unknown, or a value is not a string or a list of strings.
    """
    content = load(Path(path), noun="lists by key")
    lists: dict[str, list[str]] = {}
    for key, value in content.items():
        if key not in keys:
            raise InputError(f"{path}: unknown key {key!r}; expected some of {', '.join(keys)}")
        lists[key] = value if isinstance(value, list) else [value]
        if invalid := [item for item in lists[key] if not isinstance(item, str)]:
            raise InputError(f"{path}: {key}: expected text, got {invalid[0]!r}; put quotes around it")
    return lists


def check(content: Mapping[str, Any], *, label: str = "recipe") -> Recipe | BoostedRecipe:
    """Validate plain values; `label` names them in errors.

    Raises
    ------
    InputError
        If a key is unknown or missing, or a value is invalid.
    """
    recipe_type = BoostedRecipe if "model" in content else Recipe
    try:
        return recipe_type.model_validate(content)
    except ValidationError as error:
        raise InputError(f"{label}: {_explain(error.errors()[0], recipe_type)}") from None


def load(path: Path, *, noun: str = "a recipe") -> dict[str, Any]:
    """Read keys with values from a YAML file; `noun` names them in errors.

    Raises
    ------
    InputError
        If the file cannot be read, is not YAML, or holds something else.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); name {noun} as a YAML file") from error
    except UnicodeDecodeError:
        raise InputError(f"{path}: expected {noun} in YAML, got something else") from None
    content = parse(text, label=str(path))
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise InputError(f"{path}: expected {noun}, keys with values in YAML, got something else")
    return content


def parse(text: str, *, label: str) -> Any:
    """Read YAML; `label` names it in errors.

    Raises
    ------
    InputError
        If it is not YAML.
    """
    try:
        return yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        position = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise InputError(f"{label}: {position}not YAML ({error.problem})") from None
    except yaml.YAMLError:
        raise InputError(f"{label}: not YAML") from None


def _set(content: dict[str, Any], dotted: str, value: Any) -> None:
    *groups, key = dotted.split(".")
    for name in groups:
        group = content.setdefault(name, {})
        if not isinstance(group, dict):
            raise InputError(f"{dotted}: {name} is a value, not a group of keys")
        content = group
    content[key] = value


def _explain(error: ErrorDetails, recipe_type: type[BaseRecipe]) -> str:
    key = ".".join(str(name) for name in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"unknown key {key!r}; {_nearest(key, recipe_type)}"
    if error["type"] == "missing":
        return f"{key}: expected a value, got none; add {key}=..."
    if error["type"] == "value_error":
        return error["msg"].removeprefix("Value error, ")
    message = error["msg"].replace("Input should be", "expected").replace("Value should", "expected to")
    return f"{key}: {message[:1].lower()}{message[1:]}, got {error['input']!r}"


def _nearest(key: str, recipe_type: type[BaseRecipe]) -> str:
    valid_keys = [valid_key.rpartition(".") for valid_key in _keys(recipe_type)]
    group, _, leaf = key.rpartition(".")
    siblings = [name for prefix, _, name in valid_keys if prefix == group]
    same_name = [prefix + dot + name for prefix, dot, name in valid_keys if name == leaf]
    similar = [f"{group}.{name}".lstrip(".") for name in difflib.get_close_matches(leaf, siblings, n=1, cutoff=0.5)]
    keys = f"{group} has the keys {', '.join(siblings)}" if group and siblings else ""
    if close := same_name or similar:
        return f"did you mean {close[0]!r}?" + (f" {keys}" if keys else "")
    return keys or f"expected one of {', '.join(recipe_type.model_fields)}"


def _keys(group: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in group.model_fields.items():
        yield prefix + name
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _keys(field.annotation, f"{prefix}{name}.")
