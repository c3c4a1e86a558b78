"""Settings: values and documents there and back, and one-line errors."""

import json

import numpy as np
import pytest

from fxnorm.console.processor import PROCESSORS, Processor
from fxnorm.console.processors import Compressor, Eq, EqBand, Gain, Width
from fxnorm.console.settings import own_parameters
from fxnorm.errors import InputError
from tests.console.drawing import KINDS, draw


@pytest.mark.parametrize("kind", KINDS)
def test_values_there_and_back(kind: str) -> None:
    for seed in range(10):
        processor, other = draw(kind, seed), draw(kind, seed + 100)
        assert len(processor.values()) == len(processor.parameters())
        assert processor.with_values(processor.values()) == processor
        if list(other.parameters()) == list(processor.parameters()):
            assert processor.with_values(other.values()).values() == other.values()
        with pytest.raises(InputError, match="got more"):
            processor.with_values([*processor.values(), 0.5])
        if processor.values():
            with pytest.raises(InputError, match="got fewer"):
                processor.with_values(processor.values()[:-1])


@pytest.mark.parametrize("kind", KINDS)
def test_values_change_nothing_but_values(kind: str) -> None:
    processor = draw(kind, 0)
    middle = [item.denormalize(0.5) for item in processor.parameters().values()]
    changed = processor.with_values(middle)
    assert list(changed.parameters()) == list(processor.parameters())
    assert changed.values() == middle


@pytest.mark.parametrize("kind", KINDS)
def test_documents_there_and_back(kind: str) -> None:
    for seed in range(10):
        processor = draw(kind, seed)
        content = json.loads(json.dumps(processor.to_dict()))
        assert content["processor"] == kind
        assert Processor.from_dict(content) == processor
        assert processor.describe()
        assert "\n" not in processor.describe() + processor.title


@pytest.mark.parametrize("kind", KINDS)
def test_positions_and_logits_there_and_back(kind: str) -> None:
    for item in draw(kind, 0).parameters().values():
        for position in (0.0, 1e-3, 0.3, 0.999, 1.0):
            assert item.normalize(item.denormalize(position)) == pytest.approx(position, abs=1e-12)
        for logit in (-10.0, -1.0, 0.0, 3.0):
            assert item.to_logit(item.from_logit(logit)) == pytest.approx(logit, rel=1e-9)
        assert item.low <= item.from_logit(-1e3) <= item.from_logit(1e3) <= item.high
        assert np.isfinite([item.to_logit(item.low), item.to_logit(item.high)]).all()


@pytest.mark.parametrize("kind", KINDS)
def test_unknown_keys_name_the_nearest(kind: str) -> None:
    content = draw(kind, 0).to_dict()
    name = list(content)[-1]
    content[name + "x"] = content.pop(name)
    with pytest.raises(InputError, match=f"{kind}: .*unknown key '{name}x'; did you mean '{name}'"):
        Processor.from_dict(content)
    with pytest.raises(InputError, match=f"did you mean '{kind}'"):
        Processor.from_dict({"processor": kind + "z"})


@pytest.mark.parametrize("kind", KINDS)
def test_out_of_range_is_refused(kind: str) -> None:
    processor = draw(kind, 0)
    for name, item in own_parameters(PROCESSORS[kind]).items():
        for value in (item.low - 1e-3 * (item.high - item.low), item.high + 1.0, float("nan"), True, "1", None):
            if value == item.off:
                continue
            with pytest.raises(InputError, match=rf"^{kind}: {name}: expected .*; ") as raised:
                Processor.from_dict({**processor.to_dict(), name: value})
            assert "\n" not in str(raised.value)


def test_sections_are_named_in_errors() -> None:
    with pytest.raises(InputError, match=r"eq: bands\[1\]: gain_db: expected -12 to 12 dB, got 20"):
        Processor.from_dict(
            {"processor": "eq", "bands": [{"kind": "peak"}, {"kind": "peak", "gain_db": 20.0}]},
        )
    with pytest.raises(InputError, match=r"bands\[0\]: kind: expected high_pass, .*got 'bell'"):
        Processor.from_dict({"processor": "eq", "bands": [{"kind": "bell"}]})
    with pytest.raises(InputError, match="bands: expected a list"):
        Processor.from_dict({"processor": "eq", "bands": 3})
    with pytest.raises(InputError, match="'kind', which is missing"):
        Processor.from_dict({"processor": "eq", "bands": [{}]})


def test_what_is_switched_off_is_no_parameter() -> None:
    assert list(Width(1.2).parameters()) == ["width"]
    assert list(Width(1.2, 120.0).parameters()) == ["width", "mono_below_hz"]
    assert Width(1.2).with_values([0.5]) == Width(0.5)


def test_bands_are_numbered() -> None:
    eq = Eq((EqBand("peak", 200.0, 1.0, 2.0), EqBand("high_shelf", 5000.0, -3.0)))
    assert list(eq.parameters())[2:4] == ["bands.0.q", "bands.1.frequency_hz"]
    assert eq.with_values([300.0, 2.0, 1.0, 6000.0, 0.0, 0.5]).bands[1] == EqBand("high_shelf", 6000.0, 0.0, 0.5)


def test_descriptions_are_those_of_an_engineer() -> None:
    assert Gain(3.0).describe() == "+3.0 dB"
    assert Compressor(-18.0, 4.0, 10.0, 150.0, makeup_db=2.0, wet=0.5).describe() == (
        "-18.0 dB, 4:1, 10/150 ms, knee 6 dB, makeup +2.0 dB, wet 50 %"
    )
    assert Eq((EqBand("peak", 3000.0, 2.0, 1.2), EqBand("high_pass", 80.0))).describe() == (
        "peak +2.0 dB at 3 kHz Q 1.2, HP 80 Hz"
    )
