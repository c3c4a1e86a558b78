"""Read a pickled dict of arrays as data: no name is looked up and nothing in the file is run.

The published features are a NumPy file that holds one pickled object. Unpickling can run
arbitrary code, so this file interprets the opcodes itself. It supports only those that build dicts, arrays, lists,
tuples, strings and numbers.
"""

import pickletools
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from fxnorm.errors import StatsError
from fxnorm.normalization.grid import BINS

# Shape of each feature in a published file, by effect.
SHAPES = {"eq": (BINS,), "compression": (2,), "panning": (BINS,), "loudness": (1,)}

_ARRAY_CONSTRUCTORS = {
    "numpy.core.multiarray _reconstruct",
    "numpy._core.multiarray _reconstruct",
}
_SCALAR_CONSTRUCTORS = {
    "numpy.core.multiarray scalar",
    "numpy._core.multiarray scalar",
}
_ALLOWED_NAMES = _ARRAY_CONSTRUCTORS | _SCALAR_CONSTRUCTORS | {"numpy ndarray", "numpy dtype", "_codecs encode"}

_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_ARGUMENTS = {
    "BININT", "BININT1", "BININT2", "LONG1", "INT", "BINFLOAT", "FLOAT",
    "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "UNICODE",
    "BINBYTES", "SHORT_BINBYTES", "BINBYTES8",
}  # fmt: skip
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_IGNORED = {"PROTO", "FRAME"}
_MARK = object()


class _GlobalName(str):
    """Name of a function or class in the file, as text."""


class _Dtype:
    """A dtype: its code, and its byte order once the state is set."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.order = "="

    def to_numpy(self) -> np.dtype[Any]:
        if self.code[:1] not in "fiub":
            raise ValueError(f"arrays of {self.code}")
        return np.dtype(self.order + self.code)


class _Array:
    """An array, whose value is set with its state."""

    def __init__(self) -> None:
        self.value: Any = None

    def build(self, state: tuple[Any, ...]) -> None:
        _version, shape, dtype, fortran, data = state
        if dtype.code == "O8":
            self.value = data[0] if shape == () else data
            return
        array = np.frombuffer(data, dtype=dtype.to_numpy())
        self.value = array.reshape(shape, order="F" if fortran else "C")


def read(path: Path) -> Any:
    """Read a `.npy` file that holds one pickled dict of arrays.

    Parameters
    ----------
    path : Path

    Returns
    -------
    dict
        Of dicts, lists, tuples, strings, numbers and arrays.

    Raises
    ------
    StatsError
        If the file is missing, has another format, or contains anything else.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StatsError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    stream = BytesIO(content)
    try:
        version = np.lib.format.read_magic(stream)
        reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        _shape, _fortran, dtype = reader(stream)
        if not dtype.hasobject:
            raise ValueError(f"an array of {dtype}")
        return _resolve(_walk(stream.read()))
    except Exception as error:  # damage can break the parsing anywhere
        raise StatsError(
            f"{path}: expected a NumPy file with a pickled dict of arrays and nothing else, got {error}"
        ) from error


def _walk(pickle: bytes) -> Any:
    stack: list[Any] = []
    memo: dict[int, Any] = {}

    def pop_to_mark() -> list[Any]:
        start = len(stack) - 1 - stack[::-1].index(_MARK)
        items = stack[start + 1 :]
        del stack[start:]
        return items

    argument: Any
    for opcode, argument, _position in pickletools.genops(pickle):
        name = opcode.name
        if name in _IGNORED:
            continue
        if name == "STOP":
            return stack.pop()
        if name in _ARGUMENTS:
            stack.append(argument)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name == "MARK":
            stack.append(_MARK)
        elif name in {"EMPTY_DICT", "EMPTY_LIST", "EMPTY_TUPLE"}:
            stack.append({"EMPTY_DICT": {}, "EMPTY_LIST": [], "EMPTY_TUPLE": ()}[name])
        elif name in {"BINPUT", "LONG_BINPUT"}:
            memo[int(argument)] = stack[-1]
        elif name == "MEMOIZE":
            memo[len(memo)] = stack[-1]
        elif name in {"BINGET", "LONG_BINGET"}:
            stack.append(memo[int(argument)])
        elif name == "GLOBAL":
            stack.append(_require_known(str(argument)))
        elif name == "STACK_GLOBAL":
            attribute, module = stack.pop(), stack.pop()
            stack.append(_require_known(f"{module} {attribute}"))
        elif name == "TUPLE":
            stack.append(tuple(pop_to_mark()))
        elif name in _TUPLES:
            items = tuple(stack[-_TUPLES[name] :])
            del stack[-_TUPLES[name] :]
            stack.append(items)
        elif name == "REDUCE":
            arguments, function = stack.pop(), stack.pop()
            stack.append(_call(function, arguments))
        elif name == "BUILD":
            state = stack.pop()
            _build(stack[-1], state)
        elif name == "APPEND":
            item = stack.pop()
            _require(stack[-1], list).append(item)
        elif name == "APPENDS":
            extension = pop_to_mark()
            _require(stack[-1], list).extend(extension)
        elif name == "SETITEM":
            value, key = stack.pop(), stack.pop()
            _require(stack[-1], dict)[key] = value
        elif name == "SETITEMS":
            pairs = pop_to_mark()
            _require(stack[-1], dict).update(zip(pairs[::2], pairs[1::2], strict=True))
        else:
            raise ValueError(f"the instruction {name}")
    raise ValueError("a pickle without an end")


def _require_known(name: str) -> _GlobalName:
    if name not in _ALLOWED_NAMES:
        raise ValueError(f"the name {name!r}")
    return _GlobalName(name)


def _require(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise ValueError(f"a {type(value).__name__} where a {kind.__name__} belongs")
    return value


def _call(function: Any, arguments: Any) -> Any:
    if not isinstance(function, _GlobalName):
        raise ValueError("a call of something without a name")
    if function in _ARRAY_CONSTRUCTORS:
        return _Array()
    if function == "numpy dtype":
        return _Dtype(str(arguments[0]))
    if function in _SCALAR_CONSTRUCTORS:
        dtype, data = arguments
        return np.frombuffer(data, dtype=dtype.to_numpy())[0].item()
    if function == "_codecs encode":
        text, encoding = arguments
        if encoding not in ("latin1", "latin-1"):
            raise ValueError(f"text in {encoding}")
        return str(text).encode("latin1")
    raise ValueError(f"a call of {function!r}")


def _build(target: Any, state: Any) -> None:
    if isinstance(target, _Dtype):
        target.order = str(state[1]) if state[1] in "<>=|" else "="
    elif isinstance(target, _Array):
        target.build(state)
    else:
        raise ValueError(f"a state for a {type(target).__name__}")


def _resolve(value: Any) -> Any:
    """Replace arrays under construction by their values."""
    if isinstance(value, _Array):
        return _resolve(value.value)
    if isinstance(value, dict):
        return {key: _resolve(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_resolve(item) for item in value)
    if isinstance(value, _GlobalName | _Dtype):
        raise ValueError(f"{value} as a value")
    return value
