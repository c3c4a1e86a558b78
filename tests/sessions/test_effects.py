"""JSFX files: run by an interpreter, they null with the processors; their sliders are the processors' parameters."""

import numpy as np
import pytest

from fxnorm.console import Compressor, Eq, EqBand, Gain, Limiter, Pan, Processor, Saturation, Width
from fxnorm.console.processors.eq import KINDS
from fxnorm.console.settings import own_parameters
from fxnorm.sessions import jsfx
from tests.sessions.jsfx import Effect, Source
from tests.sessions.scenes import FX, bursts, residual_db

EDGE = 64  # samples at the end, where a recording stops and a project goes on

PROCESSORS: tuple[Processor, ...] = (
    Gain(-3.7),
    Pan(0.3),
    Compressor(-24.0, 4.0, 3.0, 90.0, 8.0, 3.0, 0.8, "mean"),
    Compressor(-30.0, 20.0, 0.1, 10.0, 0.0, 12.0),
    Saturation(12.0, 0.7, 1),
    Saturation(12.0, 0.7, 2),
    Saturation(18.0, 1.0, 4),
    Width(1.6, 150.0),
    Width(0.4),
    Limiter(9.0, -1.0, 5.0, 100.0),
    Limiter(14.0, -3.0, 1.3, 30.0),
    Limiter(24.0, -1.0, 10.0, 1000.0),
)


@pytest.mark.parametrize("sample_rate", [44_100, 48_000])
@pytest.mark.parametrize("processor", PROCESSORS, ids=lambda processor: processor.describe())
def test_effects_null_with_processors(processor: Processor, sample_rate: int) -> None:
    audio = bursts(1.0, seed=3)
    declared = jsfx.BY_KIND[type(processor)]
    effect = Effect(FX / declared.file, dict(enumerate(declared.sliders(processor), 1)), sample_rate)
    expected = processor.process(audio, sample_rate)
    assert residual_db(expected[:, :-EDGE], effect.process(audio)[:, :-EDGE]) < -120.0
    assert residual_db(audio[:, :-EDGE], expected[:, :-EDGE]) > -40.0, "it does something"


@pytest.mark.parametrize("kind", KINDS)
def test_bands_null_with_the_equaliser(kind: str) -> None:
    audio = bursts(1.0, seed=4)
    band = EqBand(kind, 900.0, -7.0, 2.2)
    declared = jsfx.BY_KIND[EqBand]
    effect = Effect(FX / declared.file, dict(enumerate(declared.sliders(band), 1)), 44_100)
    assert residual_db(Eq((band,)).process(audio, 44_100), effect.process(audio)) < -120.0


@pytest.mark.parametrize("processor", [Pan(-0.4), Width(1.5, 200.0)], ids=lambda processor: processor.KIND)
def test_a_mono_recording_is_spread(processor: Processor) -> None:
    audio = bursts(0.5, seed=5)[:1]
    declared = jsfx.BY_KIND[type(processor)]
    effect = Effect(FX / declared.file, dict(enumerate(declared.sliders(processor, is_mono=True), 1)), 44_100)
    played = effect.process(np.broadcast_to(audio, (2, audio.shape[1])))
    assert residual_db(processor.process(audio, 44_100), played) < -120.0


@pytest.mark.parametrize("declared", jsfx.EFFECTS, ids=lambda declared: declared.file)
def test_sliders_are_the_parameters(declared: jsfx.Effect) -> None:
    source = Source.read(FX / declared.file)
    assert source.header.startswith(f"desc:fxnorm {declared.file.removesuffix('.jsfx')}\n")
    assert "MIT" in source.header
    parameters = own_parameters(declared.kind)
    assert [slider.number for slider in source.sliders] == list(range(1, len(declared.fields) + 1))
    for slider, (name, choices) in zip(source.sliders, declared.fields, strict=True):
        if choices:
            assert (slider.low, slider.high, len(slider.choices)) == (0.0, len(choices) - 1.0, len(choices))
            assert name in (jsfx.MONO, "kind") or slider.choices == tuple(str(choice) for choice in choices)
            continue
        parameter = parameters[name]
        low = parameter.low if parameter.off is None else parameter.off
        assert (slider.low, slider.high, slider.default) == (low, parameter.high, parameter.default), name
    assert {name for name, choices in declared.fields if not choices} == parameters.keys()


def test_settings_return_from_sliders() -> None:
    for processor in PROCESSORS:
        declared = jsfx.BY_KIND[type(processor)]
        assert declared.settings(declared.sliders(processor)) == processor


def test_all_files_ship() -> None:
    assert jsfx.read_files().keys() == {path.name for path in FX.iterdir()}
