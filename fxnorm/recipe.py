"""Recipes: what is trained, on what and how, read from YAML and checked before anything is done.

A recipe file names only what differs from the defaults below. Single keys are changed with `key=value`, where dots
lead into groups: `data.seconds=4`.
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
from fxnorm.errors import InputError

PATHS = ("corpus", "wet", "start_from")

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Fraction = Annotated[float, Field(ge=0.0, lt=1.0)]


class Group(BaseModel):
    """Base of a recipe and its groups: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Network(Group):
    """What is trained.

    Attributes
    ----------
    name, preset : str
        As `fxnorm models` lists them.
    settings : dict
        Single settings in place of the preset's.
    """

    name: str = "tdcn"
    preset: str = "published"
    settings: dict[str, Any] = Field(default_factory=dict)


class Loss(Group):
    """What is made small when mixing is learned.

    Attributes
    ----------
    name : str
        La, Lb or mrstft.
    settings : dict
        Of the loss. La and Lb exclude the network's context at each end.
    gather : bool
        On several devices, compare the whole batch on each, which gives exactly what one device would; otherwise
        every device compares its own share.
    """

    name: str = "La"
    settings: dict[str, Any] = Field(default_factory=dict)
    gather: bool = True


class Data(Group):
    """The pieces that are drawn.

    Attributes
    ----------
    seconds : float
        Length of a piece.
    batch : int
        Pieces of a batch, all devices together.
    batches : int
        Batches of an epoch.
    workers : int
        Processes that read, for each device; what is drawn does not depend on them.
    swap : float
        Probability of left and right changing places, in the stems and in the mix.
    remix : float
        Probability that the stems come from different songs; the mix is then the sum of their wet versions.
    jitter_db : float
        Remixed wet stems change their level by up to this much, up or down.
    drop : float
        Probability that a stem is left out, of the stems and of the mix; one always stays.
    loudest : int
        Of so many pieces drawn the loudest is taken; 1 takes them as they come.
    """

    seconds: PositiveFloat = 10.0
    batch: PositiveInt = 4
    batches: PositiveInt = 1600
    workers: NonNegativeInt = 2
    swap: Share = 0.5
    remix: Share = 0.0
    jitter_db: NonNegativeFloat = 0.0
    drop: Fraction = 0.0
    loudest: PositiveInt = 1


class Optimizer(Group):
    """How the weights move.

    Attributes
    ----------
    name : {"adamw", "amsgrad"}
    rate : float
        Learning rate at factor 1 of the schedule.
    decay : float
        Weight decay.
    clip : float
        Largest norm of the gradient.
    accumulate : int
        Batches that make one step.
    warmup : int
        Steps in which the rate rises from zero.
    average : float
        Decay of the running average of the weights, which is then what is validated and kept; 0 for none.
    """

    name: Literal["adamw", "amsgrad"] = "adamw"
    rate: PositiveFloat = 1e-3
    decay: NonNegativeFloat = 1e-2
    clip: PositiveFloat = 1.0
    accumulate: PositiveInt = 1
    warmup: NonNegativeInt = 500
    average: Fraction = 0.999


class Validation(Group):
    """How progress is judged.

    Attributes
    ----------
    pieces : int
        Always the same, spread over the songs set aside.
    patience : int
        Training ends after so many epochs without a better score; 0 goes through the whole schedule.
    keep : int
        How many of the best epochs are kept as checkpoints.
    """

    pieces: PositiveInt = 48
    patience: NonNegativeInt = 20
    keep: PositiveInt = 3


class Experiment(Group):
    """What all recipes share.

    Attributes
    ----------
    corpus : Path
        Stems that `fxnorm normalize` has made.
    seed : int
        Of everything drawn at random.
    """

    corpus: Path
    seed: NonNegativeInt = 0

    def to_dict(self) -> dict[str, Any]:
        """Plain values of every key, the defaults included."""
        return self.model_dump(mode="json")

    def write(self, path: Path) -> None:
        """Write every key to a YAML file, whole."""
        files.write_text(path, to_yaml(self.to_dict()))

    def differences(self, other: "Experiment") -> list[str]:
        """Dotted keys whose values differ."""
        ours, theirs = dict(_leaves(self.to_dict())), dict(_leaves(other.to_dict()))
        return [key for key in ours | theirs if ours.get(key) != theirs.get(key)]


class Recipe(Experiment):
    """The training of a network.

    Attributes
    ----------
    wet : Path or None
        The stems they were made from; needed to remix and to drop stems.
    task : {"mix", "reconstruct"}
        Learn to mix; or train a network's front end alone, to give back the stems it is given.
    start_from : Path or None
        A run, or a checkpoint, whose weights are the start.
    network, loss, data, optimizer, validation
        The groups above.
    schedule : sequence of (int, float)
        Epochs, and the factor of the learning rate in them, one stage after the other.
    save_every : int
        Batches after which the state is saved within an epoch, besides its end; 0 for never.
    device : {"auto", "cpu", "cuda", "mps"}
    devices, num_nodes, strategy, precision
        As Lightning understands them.
    compile : bool
        Have PyTorch compile the network, which takes minutes at the start, and pays on a GPU.
    """

    wet: Path | None = None
    task: Literal["mix", "reconstruct"] = "mix"
    start_from: Path | None = None
    network: Network = Network()
    loss: Loss = Loss()
    data: Data = Data()
    optimizer: Optimizer = Optimizer()
    schedule: tuple[tuple[PositiveInt, PositiveFloat], ...] = Field(default=((200, 1.0),), min_length=1)
    validation: Validation = Validation()
    save_every: NonNegativeInt = 400
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
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
    def _fitting_together(self) -> Self:
        for key in ("remix", "drop"):
            if getattr(self.data, key) > 0.0 and self.wet is None:
                raise ValueError(f"data.{key}: needs the stems before normalising; add wet=FOLDER")
        if self.data.jitter_db > 0.0 and self.data.remix == 0.0:
            raise ValueError("data.jitter_db: changes the levels of remixed stems alone; add data.remix=0.5")
        shares = self.devices * self.num_nodes
        if self.data.batch % shares:
            raise ValueError(f"data.batch: expected a multiple of the {shares} devices, got {self.data.batch}")
        return self

    @property
    def epochs(self) -> int:
        """Epochs of the whole schedule."""
        return sum(epochs for epochs, _ in self.schedule)

    def rate(self, epoch: int, batch: int) -> float:
        """Learning rate at a batch of an epoch, both counted from 0."""
        steps_per_epoch = -(-self.data.batches // self.optimizer.accumulate)
        step = epoch * steps_per_epoch + batch // self.optimizer.accumulate
        warmth = min(1.0, (step + 1) / (self.optimizer.warmup + 1))
        return self.optimizer.rate * self._factor(epoch) * warmth

    def _factor(self, epoch: int) -> float:
        end = 0
        for epochs, factor in self.schedule:
            end += epochs
            if epoch < end:
                return factor
        return self.schedule[-1][1]


class BoostedRecipe(Experiment):
    """The growing of boosted trees.

    Attributes
    ----------
    model : {"boosted"}
        What tells this recipe from that of a network.
    settings : dict
        Single settings of the model in place of its defaults.
    trees, depth : int
        How many for every gain, and how deep.
    rate : float
        Share of what a tree has learned that counts.
    row_share, feature_share : float
        Share of the slots, and of the features, that each tree sees, drawn at random.
    smallest_leaf : float
        What a leaf needs at least, in songs: their slots together weigh one, however long they are.
    shrinkage : float
        L2 penalty on what leaves say: so many songs that say nothing.
    search : int
        Trials of a search for trees, rate and depth, judged on the songs set aside; 0 takes them as they are above.
    """

    model: Literal["boosted"]
    settings: dict[str, Any] = Field(default_factory=dict)
    trees: PositiveInt = 100
    depth: PositiveInt = 3
    rate: Annotated[float, Field(gt=0.0, le=1.0)] = 0.05
    row_share: Annotated[float, Field(gt=0.0, le=1.0)] = 0.5
    feature_share: Annotated[float, Field(gt=0.0, le=1.0)] = 0.3
    smallest_leaf: NonNegativeFloat = 1.0
    shrinkage: NonNegativeFloat = 1.0
    search: NonNegativeInt = 0


def read(path: Path, changes: Sequence[str] = ()) -> Recipe | BoostedRecipe:
    """Read a recipe.

    Parameters
    ----------
    path : Path
        A YAML file.
    changes : sequence of str
        `key=value`, in place of what the file says; dots lead into groups.

    Returns
    -------
    Recipe or BoostedRecipe
        The second where `model` is boosted.

    Raises
    ------
    InputError
        If the file cannot be read, a key is unknown (the nearest one is named), or a value makes no sense.
    """
    content = _load(Path(path))
    for change in changes:
        key, equals, value = change.partition("=")
        if not equals or not key:
            raise InputError(f"expected key=value, got {change!r}; for example data.seconds=4")
        plain = key in PATHS and value != "null"  # a path is what it says, whatever it would be in YAML
        _put(content, key, value if plain else _parse(value, what=change))
    return check(content, what=str(path))


def read_lists(path: Path, keys: Sequence[str]) -> dict[str, list[str]]:
    """Read lists of texts by key from a YAML file; a single text is a list of one.

    Raises
    ------
    InputError
        If the file cannot be read, a key is none of those expected, or a value is anything but texts.
    """
    content = _load(Path(path), what="lists by key")
    lists: dict[str, list[str]] = {}
    for key, value in content.items():
        if key not in keys:
            raise InputError(f"{path}: unknown key {key!r}; expected some of {', '.join(keys)}")
        lists[key] = value if isinstance(value, list) else [value]
        if strange := [one for one in lists[key] if not isinstance(one, str)]:
            raise InputError(f"{path}: {key}: expected text, got {strange[0]!r}; put quotes around it")
    return lists


def check(content: Mapping[str, Any], *, what: str = "recipe") -> Recipe | BoostedRecipe:
    """Settings from plain values.

    Raises
    ------
    InputError
        If a key is unknown or missing, or a value makes no sense.
    """
    kind = BoostedRecipe if "model" in content else Recipe
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise InputError(f"{what}: {_explain(error.errors()[0], kind)}") from None


def _load(path: Path, *, what: str = "a recipe") -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); name {what} as a YAML file") from error
    except UnicodeDecodeError:
        raise InputError(f"{path}: expected {what} in YAML, got something else") from None
    content = _parse(text, what=str(path))
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise InputError(f"{path}: expected {what}, keys with values in YAML, got something else")
    return content


def to_yaml(content: Mapping[str, Any]) -> str:
    """Plain values as YAML, keys in their order."""
    return yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True)


def _parse(text: str, *, what: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        place = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise InputError(f"{what}: {place}not YAML ({error.problem})") from None
    except yaml.YAMLError:
        raise InputError(f"{what}: not YAML") from None


def _put(content: dict[str, Any], dotted: str, value: Any) -> None:
    *groups, last = dotted.split(".")
    for group in groups:
        inner = content.setdefault(group, {})
        if not isinstance(inner, dict):
            raise InputError(f"{dotted}: {group} is a value, not a group of keys")
        content = inner
    content[last] = value


def _explain(error: ErrorDetails, kind: type[Experiment]) -> str:
    key = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"unknown key {key!r}; {_nearest(key, kind)}"
    if error["type"] == "missing":
        return f"{key}: expected a value, got none; add {key}=..."
    if error["type"] == "value_error":
        return error["msg"].removeprefix("Value error, ")
    message = error["msg"].replace("Input should be", "expected").replace("Value should", "expected to")
    return f"{key}: {message[:1].lower()}{message[1:]}, got {error['input']!r}"


def _nearest(key: str, kind: type[Experiment]) -> str:
    known = list(_keys(kind))
    last = key.rpartition(".")[2]
    by_name = [name for name in known if name.rpartition(".")[2] == last]
    close = by_name or difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"expected one of {', '.join(kind.model_fields)}"


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
