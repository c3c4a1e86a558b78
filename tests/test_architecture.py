"""Import rules: lower floors only, libraries by room, and nothing heavy at start."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import fxnorm

PACKAGE = Path(fxnorm.__file__).parent

# A room may import from floors below its own, and from itself.
FLOORS = (
    {"choices", "errors", "locks", "units"},
    {"kernels", "files", "malloc", "mpeg"},
    {"documents"},
    {"audio", "parallel"},
    {"audio_files"},
    {"dsp", "corpus", "recipe", "pages"},
    {"losses", "console"},
    {"normalization", "synth"},
    {"plots", "models"},
    {"fitting", "sessions"},
    {"mixing", "training"},
    {"evaluation"},
    {"demo"},
    {"cli"},
    {"__main__"},
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}

# Libraries that only some rooms may import.
LIBRARIES = {
    "numba": {"kernels"},
    "soundfile": {"audio_files"},
    "soxr": {"audio"},
    "click": {"cli"},
    "tqdm": {"cli"},
    "matplotlib": {"plots"},
    "jinja2": {"pages"},
    "yaml": {"recipe"},
    "torch": {"models", "losses", "training", "console", "fitting", "mixing"},
    "pytorch_lightning": {"training"},
    "tensorboard": {"training"},
    "auraloss": {"losses"},
    "demucs": {"models"},
    "safetensors": {"models"},
    "xgboost": {"models"},
    "optuna": {"training"},
    "dask": {"parallel"},
    "distributed": {"parallel"},
}
# Imported only where it is used.
HEAVY = ("torch", "librosa", "scipy.signal", "numba", "matplotlib", "pytorch_lightning", "xgboost", "distributed")

FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imports(path: Path) -> set[str]:
    """Return all modules that a file imports, also within functions."""
    modules = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            modules |= {f"{node.module}.{alias.name}" for alias in node.names}
    return modules


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_downwards(path: Path) -> None:
    room = room_of(path)
    assert room in FLOOR, f"{room} has no floor yet"
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "fxnorm" and len(parts) > 1 and parts[1] in FLOOR and parts[1] != room:
            assert FLOOR[parts[1]] < FLOOR[room], f"{room} may not import {name}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_libraries_stay_in_their_rooms(path: Path) -> None:
    for name in imports(path):
        allowed = LIBRARIES.get(name.split(".")[0])
        assert allowed is None or room_of(path) in allowed, f"{room_of(path)} may not import {name}"


@pytest.mark.parametrize("path", sorted((PACKAGE / "console").rglob("*.py")), ids=lambda path: path.stem)
def test_the_console_knows_torch_only_where_it_says_so(path: Path) -> None:
    uses_torch = any(name.split(".")[0] == "torch" or "console.torch" in name for name in imports(path))
    assert uses_torch == path.stem.startswith("torch")


def test_processors_load_no_torch() -> None:
    code = "import sys, fxnorm.console.processors; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_nothing_is_unpickled_printed_or_asserted(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert "pickle" not in imports(path)
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Assert)], "assert is not for input"
    calls = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert not calls & {"eval", "exec"}
    assert "print" not in calls


@pytest.mark.parametrize(
    "module",
    ["fxnorm", "fxnorm.cli", "fxnorm.cli.normalize", "fxnorm.cli.train", "fxnorm.cli.mix", "fxnorm.cli.models"],
)
def test_importing_loads_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert process.stdout.split() == []


def test_a_worker_starts_without_what_it_does_not_need() -> None:
    code = """
import sys, numpy, fxnorm, fxnorm.normalization.corpus_normalization
noise = numpy.random.default_rng(0).standard_normal((2, 44_100)).astype("float32")
fxnorm.Normalizer(fxnorm.FxStats.shipped())(noise, 44_100, "other")
print(*{"torch", "scipy.signal", "scipy.stats"} & sys.modules.keys())
"""
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert process.stdout.split() == []
