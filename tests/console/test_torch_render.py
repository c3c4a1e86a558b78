"""A console rendered on tensors: equal to the renderer, with true gradients."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from fxnorm.console import (  # noqa: E402
    Bus,
    Compressor,
    Console,
    Eq,
    EqBand,
    Gain,
    Limiter,
    Master,
    Reverb,
    Saturation,
    Send,
    TrackStrip,
    Width,
    torch_render,
)
from fxnorm.console.render import render  # noqa: E402
from fxnorm.errors import InputError  # noqa: E402
from tests.console.test_render import RATE, SAMPLES, busy, noise  # noqa: E402


def recordings(samples: int = SAMPLES) -> dict[str, np.ndarray]:
    return {
        name: noise(seed, channels, samples)
        for seed, (name, channels) in enumerate(zip("abcd", (2, 1, 2, 1), strict=True))
    }


def busier() -> Console:
    """The busy console with a room and a limiter, and without offsets, which tensors have behind them."""
    console = busy().with_track("d", offset_ms=0.0)
    room = Bus("room", (Reverb(-6.0, dry=0.0, decay_s=0.2),))
    buses = tuple(room if bus.name == "room" else bus for bus in console.buses)
    master = Master((*console.master.processors, Width(1.3, 90.0), Limiter(4.0)), fader_db=-1.0)
    return Console(console.name, console.tracks, buses, master)


def tensors(tracks: dict[str, np.ndarray]) -> dict:
    return {name: torch.from_numpy(track)[None] for name, track in tracks.items()}


def error_db(found: np.ndarray, expected: np.ndarray) -> float:
    return float(20.0 * np.log10(np.linalg.norm(found - expected) / np.linalg.norm(expected) + 1e-30))


@pytest.mark.parametrize("by_values", [False, True])
def test_a_busy_console_sounds_as_rendered(by_values: bool) -> None:
    console, tracks = busier(), recordings()
    rendering = render(console, tracks, RATE)
    values = zip(console.parameters(), console.values(), strict=True)
    given = {name: torch.tensor(value, dtype=torch.float64) for name, value in values} if by_values else None
    found = torch_render.render(console, tensors(tracks), RATE, values=given)
    assert error_db(found.mix[0].numpy(), rendering.mix) < -120.0
    for name in tracks:
        assert error_db(found.tracks[name][0].numpy(), rendering.tracks[name]) < -120.0
    for name in ("group", "room"):
        assert error_db(found.buses[name][0].numpy(), rendering.buses[name]) < -120.0
    assert not found.buses["unused"].any()


def test_a_batch_is_rendered_excerpt_by_excerpt() -> None:
    console, first, second = (
        busier(),
        recordings(9000),
        {name: -0.5 * track for name, track in recordings(9000).items()},
    )
    batch = {name: torch.from_numpy(np.stack((first[name], second[name]))) for name in first}
    together = torch_render.render(console, batch, RATE).mix
    for index, tracks in enumerate((first, second)):
        alone = torch_render.render(console, tensors(tracks), RATE).mix[0]
        np.testing.assert_array_equal(together[index].numpy(), alone.numpy())


def test_muted_strips_are_silent() -> None:
    console, tracks = busier().with_track("a", mute=True), recordings(6000)
    found = torch_render.render(console, tensors(tracks), RATE)
    assert not found.tracks["a"].any()
    assert error_db(found.mix[0].numpy(), console.render(tracks, RATE)) < -120.0


def small() -> Console:
    return Console(
        tracks=(
            TrackStrip("a", (Compressor(-20.0, 3.0, 1.0, 20.0, key="b"),), -3.0, 0.3, sends=(Send("fx", -6.0),)),
            TrackStrip("b", (Eq((EqBand("peak", 3000.0, 4.0),)), Gain(2.0)), output="group"),
        ),
        buses=(Bus("group", (Saturation(6.0, 0.5),), -1.0, pan=-0.2), Bus("fx", (Eq((EqBand("low_pass", 5000.0),)),))),
        master=Master((Width(1.2),), 1.0),
    )


def test_gradients_agree_with_finite_differences() -> None:
    console = small()
    generator = torch.Generator().manual_seed(0)
    a, b = (0.3 * torch.randn(1, channels, 60, dtype=torch.float64, generator=generator) for channels in (2, 1))
    names = list(console.parameters())
    values = torch.tensor(console.values(), dtype=torch.float64)

    def law(values, a, b):
        given = dict(zip(names, values, strict=True))
        rendering = torch_render.render(console, {"a": a, "b": b}, RATE, values=given)
        return rendering.mix, rendering.buses["fx"]

    # a bound is left by no step: 0 < wet < 1, pans inside
    inside = values.clone()
    for index, item in enumerate(console.parameters().values()):
        margin = 1e-3 * (item.high - item.low)
        inside[index] = inside[index].clamp(item.low + margin, item.high - margin)
    inputs = [tensor.requires_grad_() for tensor in (inside, a, b)]
    assert torch.autograd.gradcheck(law, inputs, eps=1e-6, atol=1e-5, rtol=1e-3)


def test_wrong_input_is_refused() -> None:
    console, tracks = small(), {"a": torch.zeros(1, 2, 50), "b": torch.zeros(1, 1, 50)}
    with pytest.raises(InputError, match=r"got 'tracks.0.fader'; did you mean 'tracks.0.fader_db'"):
        torch_render.render(console, tracks, RATE, values={"tracks.0.fader": torch.tensor(0.0)})
    with pytest.raises(InputError, match="expected a recording"):
        torch_render.render(console, {"a": tracks["a"]}, RATE)
    with pytest.raises(InputError, match="all of one length"):
        torch_render.render(console, {**tracks, "b": torch.zeros(1, 1, 40)}, RATE)
    with pytest.raises(InputError, match="all of one length"):
        torch_render.render(console, {**tracks, "b": torch.zeros(1, 50)}, RATE)
