"""Run JSFX files: the part of EEL2 that the shipped effects use, translated to Python and compiled.

All numbers are float64. Variables live in one array and memory in another, as REAPER shares them between the sections.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

MEMORY = 1 << 18
TOKEN = re.compile(
    r"\s*(?:(//[^\n]*)|(\d+\.?\d*|\.\d+)|(\$?[A-Za-z_]\w*)|(&&|\|\||==|!=|<=|>=|[-+*/^&<>=!?:;,()\[\]]))"
)
BINARY = ({"||"}, {"&&"}, {"&"}, {"==", "!=", "<", ">", "<=", ">="}, {"+", "-"}, {"*", "/"}, {"^"})
LIBRARY = {
    "abs": "abs",
    "cos": "np.cos",
    "exp": "np.exp",
    "floor": "np.floor",
    "log": "np.log",
    "max": "max",
    "min": "min",
    "sin": "np.sin",
    "sqrt": "np.sqrt",
}
ENVIRONMENT = ("srate", "pdc_delay", "pdc_bot_ch", "pdc_top_ch", "spl0", "spl1")


@dataclass(frozen=True)
class Slider:
    """Declaration of a slider."""

    number: int
    default: float
    low: float
    high: float
    choices: tuple[str, ...]
    label: str


@dataclass(frozen=True)
class Source:
    """Text of an effect, taken apart."""

    header: str
    sliders: tuple[Slider, ...]
    sections: dict[str, str]

    @classmethod
    def read(cls, path: Path) -> "Source":
        """Split a file into header and sections."""
        parts = re.split(r"^@(\w+)[^\n]*\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        pattern = r"^slider(\d+):([^<\n]+)<([^,>]+),([^,>]+),[^>{]+(?:\{([^}]*)\})?>(.*)$"
        sliders = tuple(
            Slider(
                int(number), float(default), float(low), float(high), tuple((choices or "").split(",")), label.strip()
            )
            for number, default, low, high, choices, label in re.findall(pattern, parts[0], flags=re.MULTILINE)
        )
        return cls(parts[0], sliders, dict(zip(parts[1::2], parts[2::2], strict=True)))


class Effect:
    """An effect with its sliders set, as REAPER has it after loading a project."""

    def __init__(self, path: Path, values: dict[int, float], sample_rate: int) -> None:
        self.source = Source.read(path)
        self._program = _program(path)
        self._variables = np.zeros(len(self._program.names))
        self._memory = np.zeros(MEMORY)
        self["srate"] = sample_rate
        for slider in self.source.sliders:
            self[f"slider{slider.number}"] = values.get(slider.number, slider.default)
        for section in ("init", "slider"):
            self._program.call(section, self._variables, self._memory)

    def __getitem__(self, name: str) -> float:
        return float(self._variables[self._program.names.index(name)])

    def __setitem__(self, name: str, value: float) -> None:
        if name in self._program.names:
            self._variables[self._program.names.index(name)] = value

    def process(self, audio: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Process audio, shape (2, samples), as REAPER does, which makes up for `pdc_delay`."""
        delay = int(self["pdc_delay"]) if "pdc_delay" in self._program.names else 0
        padded = np.pad(np.asarray(audio, dtype=np.float64), ((0, 0), (0, delay)))
        out = np.empty_like(padded)
        self._program.call("run", self._variables, self._memory, padded, out)
        return out[:, delay:]


@dataclass
class _Program:
    names: list[str]
    functions: dict[str, Any]

    def call(self, name: str, *arguments: Any) -> None:
        if name in self.functions:
            self.functions[name](*arguments)


_PROGRAMS: dict[Path, _Program] = {}


def _program(path: Path) -> _Program:
    if path not in _PROGRAMS:
        source = Source.read(path)
        writer = _Writer([*ENVIRONMENT, *(f"slider{slider.number}" for slider in source.sliders)])
        for name in ("init", "slider", "sample"):
            writer.section(name, _parse(source.sections.get(name, "")))
        first, second = (writer.names.index(name) for name in ("spl0", "spl1"))
        writer.lines += [
            "@njit",
            "def run(G, M, audio, out):",
            "    for at in range(audio.shape[1]):",
            f"        G[{first}] = audio[0, at]; G[{second}] = audio[1, at]",
            "        sample(G, M)",
            f"        out[0, at] = G[{first}]; out[1, at] = G[{second}]",
        ]
        scope: dict[str, Any] = {"njit": numba.njit, "np": np}
        exec("\n".join(writer.lines), scope)
        _PROGRAMS[path] = _Program(writer.names, {name: scope[name] for name in ("init", "slider", "run")})
    return _PROGRAMS[path]


class _Writer:
    """Write Python for parsed sections."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        self.lines: list[str] = []
        self._functions: set[str] = set()
        self._locals: set[str] = set()

    def section(self, name: str, statements: list[Any]) -> None:
        body = [statement for statement in statements if statement[0] != "function"]
        for _, label, arguments, variables, inner in (s for s in statements if s[0] == "function"):
            self._functions.add(label)
            self._locals = {*arguments, *variables}
            self.lines += ["@njit", f"def f_{label}(G, M{''.join(f', {item}' for item in arguments)}):"]
            self.lines += [f"    {item} = 0.0" for item in variables]
            self._block(inner[:-1], 1)
            last = inner[-1]
            if last[0] in ("=", "while") or last[:2] in (("call", "loop"), ("call", "memset")):
                self._block([last], 1)
                self.lines.append("    return 0.0")
            else:
                self.lines.append(f"    return {self._value(last)}")
        self._locals = set()
        self.lines += ["@njit", f"def {name}(G, M):"]
        self._block(body, 1)

    def _block(self, statements: list[Any], depth: int) -> None:
        if not statements:
            self.lines.append("    " * depth + "pass")
        for statement in statements:
            self._statement(statement, depth)

    def _statement(self, node: Any, depth: int) -> None:
        pad = "    " * depth
        kind = node[0]
        if kind == "=":
            value = self._value(node[2])
            self.lines.append(f"{pad}{self._value(node[1])} = {value}")
        elif kind == "?":
            self.lines.append(f"{pad}if abs({self._value(node[1])}) >= 1e-5:")
            self._block(_statements(node[2]), depth + 1)
            if node[3] is not None:
                self.lines.append(f"{pad}else:")
                self._block(_statements(node[3]), depth + 1)
        elif kind == "call" and node[1] == "loop":
            self.lines.append(f"{pad}for _ in range(int({self._value(node[2][0])})):")
            self._block(node[2][1:], depth + 1)
        elif kind == "while":
            self.lines.append(f"{pad}while abs({self._value(node[1])}) >= 1e-5:")
            self._block(node[2], depth + 1)
        elif kind == "call" and node[1] == "memset":
            start, value, count = map(self._value, node[2])
            self.lines.append(f"{pad}M[int({start}):int({start}) + int({count})] = {value}")
        else:
            self.lines.append(f"{pad}{self._value(node)}")

    def _value(self, node: Any) -> str:
        kind = node[0]
        if kind == "number":
            return repr(float(node[1]))
        if kind == "name":
            return self._variable(node[1])
        if kind == "index":
            return f"M[int({self._value(node[1])} + {self._value(node[2])} + 1e-5)]"
        if kind == "block":
            assert len(node[1]) == 1, "a block of several statements has no value here"
            return self._value(node[1][0])
        if kind == "-" and len(node) == 2:
            return f"(-{self._value(node[1])})"
        if kind == "?":
            condition, first, second = (self._value(item) for item in node[1:])
            return f"({first} if abs({condition}) >= 1e-5 else {second})"
        if kind == "call":
            arguments = ", ".join(self._value(item) for item in node[2])
            if node[1] in self._functions:
                return f"f_{node[1]}(G, M, {arguments})" if arguments else f"f_{node[1]}(G, M)"
            return f"{LIBRARY[node[1]]}({arguments})"
        first, second = self._value(node[1]), self._value(node[2])
        if kind in ("&&", "||"):
            word = "and" if kind == "&&" else "or"
            return f"(1.0 if abs({first}) >= 1e-5 {word} abs({second}) >= 1e-5 else 0.0)"
        if kind in ("==", "!="):
            sign = "<" if kind == "==" else ">="
            return f"(1.0 if abs({first} - {second}) {sign} 1e-5 else 0.0)"
        if kind in ("<", ">", "<=", ">="):
            return f"(1.0 if {first} {kind} {second} else 0.0)"
        if kind == "&":
            return f"float(int({first}) & int({second}))"
        return f"({first} {'**' if kind == '^' else kind} {second})"

    def _variable(self, name: str) -> str:
        if name in self._locals:
            return name
        if name == "$pi":
            return "np.pi"
        if name not in self.names:
            self.names.append(name)
        return f"G[{self.names.index(name)}]"


def _statements(node: Any) -> list[Any]:
    return node[1] if node[0] == "block" else [node]


def _parse(text: str) -> list[Any]:
    tokens = []
    at = 0
    while text[at:].strip():
        match = TOKEN.match(text, at)
        assert match, f"cannot read {text[at : at + 40]!r}"
        at = match.end()
        if not match.group(1):
            tokens.append(match.group(2) or match.group(3) or match.group(4))
    parser = _Parser(tokens)
    return parser.statements(end=None)


class _Parser:
    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._at = 0

    def statements(self, end: str | None) -> list[Any]:
        found = []
        while self._peek() != end:
            if self._peek() == ";":
                self._next()
                continue
            found.append(self._function() if self._peek() == "function" else self._expression())
            assert self._peek() in (";", end), f"expected ; and got {self._tokens[self._at : self._at + 5]}"
        return found

    def _function(self) -> Any:
        self._next()
        name = self._next()
        arguments = self._names()
        variables: list[str] = []
        if self._peek() == "local":
            self._next()
            variables = self._names()
        self._expect("(")
        body = self.statements(end=")")
        self._expect(")")
        return ("function", name, arguments, variables, body)

    def _names(self) -> list[str]:
        self._expect("(")
        found = []
        while self._peek() != ")":
            if (token := self._next()) != ",":
                found.append(token)
        self._next()
        return found

    def _expression(self) -> Any:
        left = self._binary(0)
        if self._peek() == "=":
            self._next()
            return ("=", left, self._expression())
        if self._peek() == "?":
            self._next()
            first = self._expression()
            second = None
            if self._peek() == ":":
                self._next()
                second = self._expression()
            return ("?", left, first, second)
        return left

    def _binary(self, level: int) -> Any:
        if level == len(BINARY):
            return self._unary()
        left = self._binary(level + 1)
        while self._peek() in BINARY[level]:
            operator = self._next()
            left = (operator, left, self._binary(level + 1))
        return left

    def _unary(self) -> Any:
        if self._peek() == "-":
            self._next()
            return ("-", self._unary())
        return self._postfix()

    def _postfix(self) -> Any:
        node = self._primary()
        while self._peek() == "[":
            self._next()
            node = ("index", node, self._expression())
            self._expect("]")
        return node

    def _primary(self) -> Any:
        token = self._next()
        if token == "(":
            inside = self.statements(end=")")
            self._expect(")")
            return ("block", inside)
        if token[0].isdigit() or token[0] == ".":
            return ("number", token)
        if token == "while":
            self._expect("(")
            condition = self._expression()
            self._expect(")")
            self._expect("(")
            body = self.statements(end=")")
            self._expect(")")
            return ("while", condition, body)
        if self._peek() == "(":
            self._next()
            arguments = []
            while self._peek() != ")":
                if self._peek() in (",", ";"):
                    self._next()
                    continue
                arguments.append(self._expression())
            self._next()
            return ("call", token, arguments)
        return ("name", token)

    def _peek(self) -> str | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _next(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1]

    def _expect(self, token: str) -> None:
        got = self._next()
        assert got == token, f"expected {token} and got {got}"
