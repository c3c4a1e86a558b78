"""Recipes: the settings of a training run, read from YAML and validated before the run begins.

A recipe file lists only the keys that differ from the defaults below. `key=value` changes a single key; dots separate a
group from its key: `data.segment_s=4`.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails

from fxnorm import files
from fxnorm.choices import Device
from fxnorm.errors import InputError

PATHS = ("corpus", "wet", "init_from")

Probability = Annotated[float, Field(ge=0.0, le=1.0)]
BelowOne = Annotated[float, Field(ge=0.0, lt=1.0)]
Fraction = Annotated[float, Field(gt=0.0, le=1.0)]


class SettingsGroup(BaseModel):
    """Base of recipes and their groups: frozen, and refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class NetworkSettings(SettingsGroup):
    """Network to train.

    Attributes
    ----------
    name, preset : str
        As listed by `fxnorm models`.
    settings : dict
        Settings that differ from the preset.
    """

    name: str = "tdcn"
    preset: str = "published"
    settings: dict[str, Any] = Field(default_factory=dict)


class LossSettings(SettingsGroup):
    """Training loss of the task `mix`.

    Attributes
    ----------
    name : {"La", "Lb", "mrstft"}
    settings : dict
        Settings of the loss. La and Lb exclude the network's context at each end.
    gather : bool
        With several devices, compute the loss of the whole batch on each, which gives the result of a single device.
        Otherwise each device computes the loss of its share.
    """

    name: str = "La"
    settings: dict[str, Any] = Field(default_factory=dict)
    gather: bool = True


class DataSettings(SettingsGroup):
    """Training examples and their augmentation.

    Attributes
    ----------
    segment_s : float
        Length of an example in seconds.
    batch_size : int
        Examples per batch, over all devices.
    batches_per_epoch : int
    workers : int
        Loader processes per device. The examples do not depend on their number.
    channel_swap : float
        Probability of swapping left and right, in the stems and in the mix.
    remix : float
        Probability of taking each stem from a different song. The target is then the sum of the wet stems.
    jitter_db : float
        Largest random gain of a remixed wet stem, up or down, in dB.
    stem_dropout : float
        Probability of dropping a stem from the input and from the target. One stem is always kept.
    loudest_of : int
        Draw this many examples and take the one with the loudest mix.
    """

    segment_s: PositiveFloat = 10.0
    batch_size: PositiveInt = 4
    batches_per_epoch: PositiveInt = 1600
    workers: NonNegativeInt = 2
    channel_swap: Probability = 0.5
    remix: Probability = 0.0
    jitter_db: NonNegativeFloat = 0.0
    stem_dropout: BelowOne = 0.0
    loudest_of: PositiveInt = 1


class OptimizerSettings(SettingsGroup):
    """Optimizer and learning rate.

    Attributes
    ----------
    name : {"adamw", "amsgrad"}
    lr : float
        Learning rate at factor 1 of the schedule.
    weight_decay : float
    max_grad_norm : float
        Norm to which larger gradients are clipped.
    accumulate_grad_batches : int
        Batches per optimizer step.
    warmup : int
        Optimizer steps over which the learning rate rises linearly from zero.
    ema_decay : float
        Decay of the exponential moving average of the weights, which is validated and exported; 0 disables it.
    """

    name: Literal["adamw", "amsgrad"] = "adamw"
    lr: PositiveFloat = 1e-3
    weight_decay: NonNegativeFloat = 1e-2
    max_grad_norm: PositiveFloat = 1.0
    accumulate_grad_batches: PositiveInt = 1
    warmup: NonNegativeInt = 500
    ema_decay: BelowOne = 0.999


class ValidationSettings(SettingsGroup):
    """Validation and the choice of checkpoints.

    Attributes
    ----------
    segments : int
        Number of segments, fixed and evenly spaced over the validation songs.
    patience : int
        Epochs without a better score after which training stops; 0 disables early stopping.
    keep : int
        Number of best epochs to keep as checkpoints.
    """

    segments: PositiveInt = 48
    patience: NonNegativeInt = 20
    keep: PositiveInt = 3


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


class Recipe(BaseRecipe):
    """Training of a network.

    Attributes
    ----------
    wet : Path or None
        Corpus of the same stems before normalisation; required by `data.remix` and `data.stem_dropout`.
    task : {"mix", "reconstruct"}
        Map stems to a mix, or pretrain the front end of the network as an autoencoder.
    init_from : Path or None
        Run or checkpoint that provides the initial weights.
    network : NetworkSettings
    loss : LossSettings
    data : DataSettings
    optimizer : OptimizerSettings
    schedule : sequence of (int, float)
        Stages: number of epochs, and factor of the learning rate.
    validation : ValidationSettings
    save_every : int
        Batches between saved states within an epoch; 0 saves at the end of epochs only.
    device : {"auto", "cpu", "cuda", "mps"}
    devices, num_nodes, strategy, precision
        Arguments of Lightning's `Trainer`.
    compile : bool
        Compile the network with `torch.compile`: takes minutes at the start, and speeds up training on a GPU.
    """

    wet: Path | None = None
    task: Literal["mix", "reconstruct"] = "mix"
    init_from: Path | None = None
    network: NetworkSettings = NetworkSettings()
    loss: LossSettings = LossSettings()
    data: DataSettings = DataSettings()
    optimizer: OptimizerSettings = OptimizerSettings()
    schedule: tuple[tuple[PositiveInt, PositiveFloat], ...] = Field(default=((200, 1.0),), min_length=1)
    validation: ValidationSettings = ValidationSettings()
    save_every: NonNegativeInt = 400
    device: Device = "auto"
    devices: PositiveInt = 1
    num_nodes: PositiveInt = 1
    strategy: str = "auto"
    precision: Literal["32", "bf16-mixed", "16-mixed"] = "32"
    compile: bool = False

    @field_validator("precision", mode="before")
    @classmethod
    def _as_text(cls, precision: object) -> object:
        return str(precision) if isinstance(precision, int) else precision

    @model_validator(mode="after")
    def _check_combinations(self) -> Self:
        for key in ("remix", "stem_dropout"):
            if getattr(self.data, key) > 0.0 and self.wet is None:
                raise ValueError(f"data.{key}: needs the stems before normalising; add wet=FOLDER")
        if self.data.jitter_db > 0.0 and self.data.remix == 0.0:
            raise ValueError("data.jitter_db: applies to remixed stems only; add data.remix=0.5")
        world_size = self.devices * self.num_nodes
        if self.data.batch_size % world_size:
            raise ValueError(
                f"data.batch_size: expected a multiple of the {world_size} devices, got {self.data.batch_size}"
            )
        return self

    @property
    def epochs(self) -> int:
        """Number of epochs of the whole schedule."""
        return sum(epochs for epochs, _ in self.schedule)

    def lr_at(self, epoch: int, batch: int) -> float:
        """Return the learning rate at a batch of an epoch, both counted from 0."""
        steps_per_epoch = -(-self.data.batches_per_epoch // self.optimizer.accumulate_grad_batches)
        step = epoch * steps_per_epoch + batch // self.optimizer.accumulate_grad_batches
        warmup_factor = min(1.0, (step + 1) / (self.optimizer.warmup + 1))
        return self.optimizer.lr * self._schedule_factor(epoch) * warmup_factor

    def _schedule_factor(self, epoch: int) -> float:
        end = 0
        for epochs, factor in self.schedule:
            end += epochs
            if epoch < end:
                return factor
        return self.schedule[-1][1]


class BoostedRecipe(BaseRecipe):
    """Training of gradient-boosted trees. Keys of the trees have the names of XGBoost's parameters.

    Attributes
    ----------
    model : {"boosted"}
        Identifies a recipe of boosted trees.
    settings : dict
        Settings of the model that differ from its defaults.
    n_estimators : int
        Boosting rounds.
    max_depth : int
    learning_rate : float
    subsample, colsample_bytree : float
        Fraction of the frames, and of the features, drawn for each tree.
    min_child_weight : float
        Smallest weight of a leaf, in songs: the frames of a song sum to 1.
    reg_lambda : float
        L2 penalty on leaf values, in songs.
    search : int
        Trials of a hyperparameter search over `n_estimators`, `max_depth` and `learning_rate`, scored on the validation
        songs; 0 trains with the values above.
    """

    model: Literal["boosted"]
    settings: dict[str, Any] = Field(default_factory=dict)
    n_estimators: PositiveInt = 100
    max_depth: PositiveInt = 3
    learning_rate: Fraction = 0.05
    subsample: Fraction = 0.5
    colsample_bytree: Fraction = 0.3
    min_child_weight: NonNegativeFloat = 1.0
    reg_lambda: NonNegativeFloat = 1.0
    search: NonNegativeInt = 0


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
    content = _load(Path(path))
    for change in changes:
        key, equals, value = change.partition("=")
        if not equals or not key:
            raise InputError(f"expected key=value, got {change!r}; for example data.segment_s=4")
        is_path = key in PATHS and value != "null"  # YAML would read some paths as numbers or mappings
        _put(content, key, value if is_path else _parse(value, label=change))
    return check(content, label=str(path))


def read_lists(path: Path, keys: Sequence[str]) -> dict[str, list[str]]:
    """Read lists of strings by key from a YAML file; a single string is a list of one.

    Raises
    ------
    InputError
        If the file cannot be read, a key is unknown, or a value is not a string or a list of strings.
    """
    content = _load(Path(path), noun="lists by key")
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


def _load(path: Path, *, noun: str = "a recipe") -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); name {noun} as a YAML file") from error
    except UnicodeDecodeError:
        raise InputError(f"{path}: expected {noun} in YAML, got something else") from None
    content = _parse(text, label=str(path))
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise InputError(f"{path}: expected {noun}, keys with values in YAML, got something else")
    return content


def to_yaml(content: Mapping[str, Any]) -> str:
    """Return plain values as YAML, keys in their order."""
    return yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True)


def _parse(text: str, *, label: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        position = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise InputError(f"{label}: {position}not YAML ({error.problem})") from None
    except yaml.YAMLError:
        raise InputError(f"{label}: not YAML") from None


def _put(content: dict[str, Any], dotted: str, value: Any) -> None:
    *groups, last = dotted.split(".")
    for name in groups:
        group = content.setdefault(name, {})
        if not isinstance(group, dict):
            raise InputError(f"{dotted}: {name} is a value, not a group of keys")
        content = group
    content[last] = value


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
    known = [name.rpartition(".") for name in _keys(recipe_type)]
    group, _, last = key.rpartition(".")
    siblings = [name for prefix, _, name in known if prefix == group]
    same_name = [prefix + dot + name for prefix, dot, name in known if name == last]
    similar = [f"{group}.{name}".lstrip(".") for name in difflib.get_close_matches(last, siblings, n=1, cutoff=0.5)]
    keys = f"{group} has the keys {', '.join(siblings)}" if group and siblings else ""
    if close := same_name or similar:
        return f"did you mean {close[0]!r}?" + (f" {keys}" if keys else "")
    return keys or f"expected one of {', '.join(recipe_type.model_fields)}"


def _keys(group: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in group.model_fields.items():
        yield prefix + name
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _keys(field.annotation, f"{prefix}{name}.")


def _leaves(content: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for key, value in content.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value
