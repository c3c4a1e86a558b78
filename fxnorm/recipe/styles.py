"""Styles: loudness, brightness and width of a finished mix, read from YAML."""

import difflib
import math
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, ValidationError, model_validator

from fxnorm import files
from fxnorm.errors import InputError
from fxnorm.recipe.base import Probability, SettingsGroup, to_yaml
from fxnorm.recipe.reading import load, parse

SHARE_SUM_TOLERANCE = 0.02
SUFFIXES = (".yaml", ".yml")


class FrequencyBalance(SettingsGroup):
    """Shares of energy below 250 Hz, from there to 4 kHz, and above; they add up to 1."""

    low: Probability
    mid: Probability
    high: Probability

    @model_validator(mode="after")
    def _check_sum(self) -> Self:
        if abs(self.low + self.mid + self.high - 1.0) > SHARE_SUM_TOLERANCE:
            raise ValueError(
                f"frequency_balance: expected shares that add up to 1, got {self.low + self.mid + self.high:g}; "
                "correct one"
            )
        return self


class Style(SettingsGroup):
    """Targets of a finished mix.

    Attributes
    ----------
    loudness_lufs : float
        Integrated loudness.
    centroid_hz : float
        Spectral centroid; see `fxnorm.dsp.mix_features.centroid_hz`.
    mid_share : float
        E_M / (E_M + E_S): 1 for mono, 0.5 for uncorrelated channels.
    frequency_balance : FrequencyBalance or None
    ceiling_db : float
        True-peak ceiling in dBTP.
    description : str
    """

    loudness_lufs: Annotated[float, Field(ge=-40.0, le=-5.0)]
    centroid_hz: Annotated[float, Field(ge=100.0, le=12_000.0)]
    mid_share: Annotated[float, Field(ge=0.0, le=1.0)]
    frequency_balance: FrequencyBalance | None = None
    ceiling_db: Annotated[float, Field(ge=-12.0, le=0.0)] = -1.0
    description: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values of the keys that are set."""
        content = self.model_dump(mode="json", exclude_none=True)
        description = content.pop("description")
        return {**({"description": description} if description else {}), **content}


def shipped_styles() -> dict[str, Style]:
    """Return the styles that come with fxnorm, by name."""
    text = (resources.files("fxnorm.recipe") / "styles.yaml").read_text(encoding="utf-8")
    return _read(parse(text, label="shipped styles"), "shipped styles")


def read_styles(path: Path) -> dict[str, Style]:
    """Read styles from a YAML file of keys by name.

    Raises
    ------
    InputError
        If the file cannot be read, holds no style, a key is unknown (the error names the nearest one), or a value is
        invalid.
    """
    return _read(load(Path(path), noun="styles"), str(path))


def write_styles(path: Path, styles: Mapping[str, Style]) -> None:
    """Write styles to a YAML file."""
    files.write_text(path, to_yaml({name: style.to_dict() for name, style in styles.items()}))


def find_style(text: str) -> tuple[str, Style]:
    """Find a style by name, in a file, or as a blend.

    Parameters
    ----------
    text : str
        Name of a shipped style; a YAML file with one style, or "my.yaml#name"; or several of these with weights, such
        as "rock_punk:0.6,rnb_ballad:0.4".

    Returns
    -------
    name : str
    style : Style

    Raises
    ------
    InputError
        If there is none, with the nearest name, or a weight is no number above 0.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if len(parts) < 2 and not _weighted(text)[1]:
        return _find_one(text.strip())
    names, styles, weights = [], [], []
    for part in parts:
        label, weight_text = _weighted(part)
        try:
            weight = float(weight_text or 1.0)
        except ValueError:
            weight = math.nan
        if not 0.0 < weight < math.inf:
            raise InputError(f"{part}: expected a weight above 0, got {weight_text!r}; write {label}:0.5, for example")
        name, style = _find_one(label)
        names.append(name)
        styles.append(style)
        weights.append(weight)
    total = sum(weights)
    shares = [weight / total for weight in weights]
    name = ", ".join(f"{name} {100.0 * share:.0f} %" for name, share in zip(names, shares, strict=True))
    return name, blend(styles, shares)


def blend(styles: Sequence[Style], shares: Sequence[float]) -> Style:
    """Average styles: the centroid on a logarithmic scale, everything else on a linear one.

    A frequency balance is kept where all styles have one.
    """

    def mean(values: Sequence[float]) -> float:
        return sum(share * value for share, value in zip(shares, values, strict=True)) / sum(shares)

    balances = [style.frequency_balance for style in styles]
    balance = None
    if all(balances):
        low, mid, high = (mean([getattr(balance, name) for balance in balances]) for name in ("low", "mid", "high"))
        balance = FrequencyBalance(low=low, mid=mid, high=high)
    return Style(
        loudness_lufs=mean([style.loudness_lufs for style in styles]),
        centroid_hz=math.exp(mean([math.log(style.centroid_hz) for style in styles])),
        mid_share=mean([style.mid_share for style in styles]),
        frequency_balance=balance,
        ceiling_db=mean([style.ceiling_db for style in styles]),
    )


def _weighted(part: str) -> tuple[str, str]:
    """Divide "name:0.5" into name and weight; a colon within a path stays."""
    label, colon, weight = part.rpartition(":")
    if not colon or "/" in weight or "\\" in weight or Path(weight).suffix in SUFFIXES:
        return part, ""
    return label.strip(), weight.strip()


def _find_one(text: str) -> tuple[str, Style]:
    path, _, name = text.partition("#")
    if Path(path).suffix.lower() in SUFFIXES:
        styles = read_styles(Path(path))
        if not name and len(styles) > 1:
            raise InputError(f"{path}: expected one style, got {', '.join(styles)}; write {path}#{next(iter(styles))}")
        name = name or next(iter(styles))
        return name, _by_name(styles, name, label=path)
    return text, _by_name(shipped_styles(), text, label="style")


def _by_name(styles: Mapping[str, Style], name: str, *, label: str) -> Style:
    if name not in styles:
        similar = difflib.get_close_matches(name, list(styles), n=1, cutoff=0.5)
        advice = f"did you mean {similar[0]!r}?" if similar else "choose one, or name a YAML file"
        raise InputError(f"{label}: expected {', '.join(styles)}, got {name!r}; {advice}")
    return styles[name]


def _read(content: Any, label: str) -> dict[str, Style]:
    if not content:
        raise InputError(f"{label}: expected styles by name, got none; add one")
    return {name: _check(values, f"{label}: {name}") for name, values in content.items()}


def _check(values: Any, label: str) -> Style:
    if not isinstance(values, dict):
        raise InputError(f"{label}: expected keys such as loudness_lufs, got {values!r}; indent them under the name")
    try:
        return Style.model_validate(values)
    except ValidationError as error:
        first = min(
            error.errors(), key=lambda each: each["type"] != "extra_forbidden"
        )  # a misspelt key is missing, too
        key = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            names = list(FrequencyBalance.model_fields if "." in key else Style.model_fields)
            similar = difflib.get_close_matches(key.rpartition(".")[2], names, n=1, cutoff=0.5)
            advice = f"did you mean {similar[0]!r}?" if similar else f"expected {', '.join(names)}"
            raise InputError(f"{label}: unknown key {key!r}; {advice}") from None
        if first["type"] == "missing":
            raise InputError(f"{label}: {key}: expected a value, got none; add it") from None
        if first["type"] == "value_error":
            raise InputError(f"{label}: {first['msg'].removeprefix('Value error, ')}") from None
        message = first["msg"].replace("Input should be", "expected")
        raise InputError(f"{label}: {key}: {message}, got {first['input']!r}") from None
