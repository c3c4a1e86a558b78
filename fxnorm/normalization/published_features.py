"""Reads a pickled dict of arrays as data: no name is looked up and nothing in the file is run.

The published features are a NumPy file that holds one pickled object. Unpickling runs whatever the file asks for, so
the opcodes are walked here instead, and only those are known of which a dict of arrays, lists, tuples, strings and
numbers is made.
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

_ARRAY_MAKERS = {
    "numpy.core.multiarray _reconstruct",
    "numpy._core.multiarray _reconstruct",
}
_SCALAR_MAKERS = {
    "numpy.core.multiarray scalar",
    "numpy._core.multiarray scalar",
}
_NAMES = _ARRAY_MAKERS | _SCALAR_MAKERS | {"numpy ndarray", "numpy dtype", "_codecs encode"}

_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_ARGUMENTS = {
    "BININT", "BININT1", "BININT2", "LONG1", "INT", "BINFLOAT", "FLOAT",
    "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "UNICODE",
    "BINBYTES", "SHORT_BINBYTES", "BINBYTES8",
}  # fmt: skip
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_IGNORED = {"PROTO", "FRAME"}
_MARK = object()


class _Name(str):
    """A name the file mentions, kept as text."""


class _Dtype:
    """A dtype in the making: its code and, once the state has come, its byte order."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.order = "="

    def finished(self) -> np.dtype[Any]:
        if self.code[:1] not in "fiub":
            raise ValueError(f"arrays of {self.code}")
        return np.dtype(self.order + self.code)


class _Array:
    """An array in the making, and a value once its state has come."""

    def __init__(self) -> None:
        self.value: Any = None

    def build(self, state: tuple[Any, ...]) -> None:
        _version, shape, dtype, fortran, data = state
        if dtype.code == "O8":
            self.value = data[0] if shape == () else data
            return
        array = np.frombuffer(data, dtype=dtype.finished())
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
        If the file is missing, is no such file, or asks for anything else to be made.
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
        return _finished(_walk(stream.read()))
    except Exception as error:  # a damaged file can break the parsing anywhere, and always means the same
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
            stack.append(_known(str(argument)))
        elif name == "STACK_GLOBAL":
            attribute, module = stack.pop(), stack.pop()
            stack.append(_known(f"{module} {attribute}"))
        elif name == "TUPLE":
            stack.append(tuple(pop_to_mark()))
        elif name in _TUPLES:
            items = tuple(stack[-_TUPLES[name] :])
            del stack[-_TUPLES[name] :]
            stack.append(items)
        elif name == "REDUCE":
            arguments, maker = stack.pop(), stack.pop()
            stack.append(_made(maker, arguments))
        elif name == "BUILD":
            state = stack.pop()
            _build(stack[-1], state)
        elif name == "APPEND":
            item = stack.pop()
            _require(stack[-1], list).append(item)
        elif name == "APPENDS":
            items_ = pop_to_mark()
            _require(stack[-1], list).extend(items_)
        elif name == "SETITEM":
            value, key = stack.pop(), stack.pop()
            _require(stack[-1], dict)[key] = value
        elif name == "SETITEMS":
            pairs = pop_to_mark()
            _require(stack[-1], dict).update(zip(pairs[::2], pairs[1::2], strict=True))
        else:
            raise ValueError(f"the instruction {name}")
    raise ValueError("a pickle without an end")


def _known(name: str) -> _Name:
    if name not in _NAMES:
        raise ValueError(f"the name {name!r}")
    return _Name(name)


def _require(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise ValueError(f"a {type(value).__name__} where a {kind.__name__} belongs")
    return value


def _made(maker: Any, arguments: Any) -> Any:
    if not isinstance(maker, _Name):
        raise ValueError("a call of something that is no name")
    if maker in _ARRAY_MAKERS:
        return _Array()
    if maker == "numpy dtype":
        return _Dtype(str(arguments[0]))
    if maker in _SCALAR_MAKERS:
        dtype, data = arguments
        return np.frombuffer(data, dtype=dtype.finished())[0].item()
    if maker == "_codecs encode":
        text, encoding = arguments
        if encoding not in ("latin1", "latin-1"):
            raise ValueError(f"text in {encoding}")
        return str(text).encode("latin1")
    raise ValueError(f"a call of {maker!r}")


def _build(target: Any, state: Any) -> None:
    if isinstance(target, _Dtype):
        target.order = str(state[1]) if state[1] in "<>=|" else "="
    elif isinstance(target, _Array):
        target.build(state)
    else:
        raise ValueError(f"a state for a {type(target).__name__}")


def _finished(value: Any) -> Any:
    """Replace what was in the making by what it became."""
    if isinstance(value, _Array):
        return _finished(value.value)
    if isinstance(value, dict):
        return {key: _finished(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_finished(item) for item in value)
    if isinstance(value, _Name | _Dtype):
        raise ValueError(f"{value} as a value")
    return value
