"""Finding, configuring and lazily loading networks."""

import subprocess
import sys

import pytest

from fxnorm import models
from fxnorm.errors import InputError
from fxnorm.models.settings import ModelSettings, choose


class Sizes(ModelSettings):
    width: int = 4
    depth: int = 2


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_importing_the_room_loads_no_torch() -> None:
    code = "import sys, fxnorm.models, fxnorm.models.opening; print(fxnorm.models.NAMES, 'torch' in sys.modules)"
    assert run(code) == "('tdcn', 'waveunet', 'hdemucs') False"


def test_an_unknown_network_is_answered_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r"unknown network 'waveUnet2'.*did you mean 'waveunet'"):
        models.build("waveUnet2")


def test_a_missing_torch_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "fxnorm.models.tdcn", raising=False)
    monkeypatch.delitem(sys.modules, "fxnorm.models.network", raising=False)
    with pytest.raises(InputError, match="tdcn needs torch, which is not installed: pip install torch"):
        models.build("tdcn")


def test_a_change_leaves_the_preset_as_it_is() -> None:
    presets = {"published": Sizes()}
    assert choose("net", presets, "published", {"width": 8}) == Sizes(width=8)
    assert presets["published"] == Sizes()


@pytest.mark.parametrize(
    ("preset", "changes", "message"),
    [
        ("publishd", {}, r"unknown preset 'publishd' of net: .*did you mean 'published'"),
        (
            "published",
            {"widht": 3},
            r"unknown setting 'widht' of net: expected one of width, depth; did you mean 'width'",
        ),
        ("published", {"width": "wide"}, r"^net: width: Input should be a valid integer"),
    ],
)
def test_wrong_settings_are_named(preset: str, changes: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        choose("net", {"published": Sizes()}, preset, changes)


def test_settings_cannot_be_changed_afterwards() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Sizes().width = 3  # type: ignore[misc]
