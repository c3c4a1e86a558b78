"""The renderer: routing by law, and pieces that equal the whole."""

import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fxnorm.audio import Audio
from fxnorm.console import (
    Bus,
    Compressor,
    Console,
    Eq,
    EqBand,
    Gain,
    Master,
    Saturation,
    Send,
    TrackStrip,
    Width,
)  # fmt: skip
from fxnorm.console.render import Renderer, render
from fxnorm.errors import AudioError, InputError

RATE = 44_100
SAMPLES = 30_000


def noise(seed: int, channels: int = 2, samples: int = SAMPLES) -> Audio:
    return (0.2 * np.random.default_rng(seed).standard_normal((channels, samples))).astype(np.float32)


def busy() -> Console:
    """Every way for a signal to go, with processors that hold samples back on some of them only."""
    strip = (Gain(-2.0), Eq((EqBand("peak", 900.0, 4.0),)), Compressor(-25.0, 4.0, key="c"))
    return Console(
        tracks=(
            TrackStrip("a", (*strip, Saturation(6.0, 0.7)), fader_db=-3.0, pan=0.4, sends=(Send("room", -9.0),)),
            TrackStrip("b", (Saturation(3.0, 1.0, 4), *strip), output="group", sends=(Send("room", -3.0, True),)),
            TrackStrip("c", (Width(1.5, 90.0),), pan=-1.0, output="group"),
            TrackStrip("d", offset_ms=100.0),
        ),
        buses=(
            Bus("group", (Compressor(-20.0, 2.0, key="a"),), fader_db=1.0, sends=(Send("room", -20.0),)),
            Bus("room", (Saturation(12.0, 0.5),)),
            Bus("unused"),
        ),
        master=Master((Compressor(-15.0, 2.0), Saturation(1.0, 0.5)), fader_db=-1.0),
    )


def recordings() -> dict[str, Audio]:
    return {"a": noise(1), "b": noise(2, 1), "c": noise(3, 2, 17_000), "d": noise(4, 1, 20_000)}


def test_a_neutral_console_adds_the_tracks_up_bit_for_bit() -> None:
    tracks = {"a": noise(1), "b": noise(2), "c": noise(3)}
    mix = Console.neutral(tracks).render(tracks, RATE)
    np.testing.assert_array_equal(mix, tracks["a"] + tracks["b"] + tracks["c"])


def test_a_mono_track_is_panned_at_constant_power() -> None:
    audio = noise(1, 1)
    for pan, left, right in ((-1.0, 1.0, 0.0), (0.0, np.sqrt(0.5), np.sqrt(0.5)), (1.0, 0.0, 1.0)):
        mix = Console(tracks=(TrackStrip("a", pan=pan),)).render({"a": audio}, RATE)
        np.testing.assert_allclose(mix, np.concatenate((left * audio, right * audio)), atol=1e-7)


def test_a_width_in_the_strip_of_a_mono_track_does_not_change_its_level() -> None:
    audio = noise(1, 1)
    plain = Console(tracks=(TrackStrip("a", pan=0.3),)).render({"a": audio}, RATE)
    wide = Console(tracks=(TrackStrip("a", (Width(2.0),), pan=0.3),)).render({"a": audio}, RATE)
    np.testing.assert_allclose(wide, plain, atol=1e-7)


def test_faders_sends_and_mutes() -> None:
    audio = noise(1)
    post, pre = Send("fx", -6.0), Send("fx", -6.0, pre_fader=True)
    gain = 10.0 ** (-6.0 / 20.0)
    for send, expected in ((post, 0.5 * gain), (pre, gain)):
        strip = TrackStrip("a", fader_db=20.0 * np.log10(0.5), sends=(send,))
        rendering = render(Console(tracks=(strip,), buses=(Bus("fx"),)), {"a": audio}, RATE)
        np.testing.assert_allclose(rendering.tracks["a"], 0.5 * audio, atol=1e-6)
        np.testing.assert_allclose(rendering.buses["fx"], expected * audio, atol=1e-6)
        np.testing.assert_allclose(rendering.mix, (0.5 + expected) * audio, atol=1e-6)
    muted = TrackStrip("a", mute=True, sends=(pre,))
    assert not render(Console(tracks=(muted,), buses=(Bus("fx"),)), {"a": audio}, RATE).mix.any()


def test_a_bus_that_nothing_feeds_is_silent() -> None:
    rendering = render(busy(), recordings(), RATE)
    assert rendering.buses["unused"].shape == rendering.mix.shape
    assert not rendering.buses["unused"].any()


def test_outputs_stay_aligned_with_processors_that_hold_samples_back() -> None:
    """A wet share of next to nothing holds samples back and changes next to nothing."""
    audio = noise(1)
    late = (Saturation(0.0, 1e-9),)
    console = Console(
        tracks=(TrackStrip("a", late, output="bus"), TrackStrip("b", sends=(Send("bus"),))),
        buses=(Bus("bus", late),),
        master=Master(late),
    )
    rendering = render(console, {"a": audio, "b": audio}, RATE)
    np.testing.assert_allclose(rendering.buses["bus"], 2.0 * audio, atol=1e-6)
    np.testing.assert_allclose(rendering.mix, 3.0 * audio, atol=1e-6)


def test_a_side_chain_reaches_the_compressor_at_its_time() -> None:
    """A key that comes too early or too late would reduce the tone elsewhere."""
    tone = np.full((1, SAMPLES), 0.25, dtype=np.float32)
    key = np.zeros((1, SAMPLES), dtype=np.float32)
    key[:, 10_000:] = 1.0
    ducked = Compressor(-20.0, 20.0, attack_ms=0.1, knee_db=0.0, key="key")
    console = Console(
        tracks=(TrackStrip("tone", (Saturation(0.0, 1e-9, 4), ducked)), TrackStrip("key", mute=True)),
    )
    mix = console.render({"tone": tone, "key": key}, RATE)[0]
    np.testing.assert_allclose(mix[:10_000], 0.25 * np.sqrt(0.5), atol=1e-6)
    assert mix[10_050] < 0.05


def test_an_offset_delays_a_track() -> None:
    console = Console(tracks=(TrackStrip("a", offset_ms=10.0), TrackStrip("b")))
    audio = noise(1)
    mix = console.render({"a": audio, "b": np.zeros((1, 5), np.float32)}, RATE)
    assert mix.shape == (2, SAMPLES + 441)
    assert not mix[:, :441].any()
    np.testing.assert_array_equal(mix[:, 441:], audio)


def test_the_tail_is_as_long_as_asked() -> None:
    assert Console.neutral(["a"]).render({"a": noise(1)}, RATE, tail_s=0.5).shape == (2, SAMPLES + RATE // 2)


def test_threads_change_nothing() -> None:
    one, two = (render(busy(), recordings(), RATE, jobs=jobs) for jobs in (1, 2))
    np.testing.assert_array_equal(one.mix, two.mix)


@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(0, SAMPLES), max_size=12), rate=st.sampled_from((22_050, 44_100, 48_000, 96_000)))
def test_pieces_equal_the_whole_bit_for_bit(cuts: list[int], rate: int) -> None:
    tracks = {name: np.zeros((len(audio), SAMPLES), np.float32) for name, audio in recordings().items()}
    for name, audio in recordings().items():
        tracks[name][:, : audio.shape[1]] = audio
    console = busy().with_track("d", offset_ms=0.0)
    whole = render(console, tracks, rate)
    renderer = Renderer(console, rate, {name: len(audio) for name, audio in tracks.items()})
    edges = [0, *sorted(cuts), SAMPLES]
    parts = [
        renderer.push({name: audio[:, start:stop] for name, audio in tracks.items()})
        for start, stop in itertools.pairwise(edges)
    ]
    parts.append(renderer.finish())
    np.testing.assert_array_equal(np.concatenate([part.mix for part in parts], axis=1), whole.mix)
    for name in tracks:
        joined = np.concatenate([part.tracks[name] for part in parts], axis=1)
        np.testing.assert_array_equal(joined, whole.tracks[name])
    for name in ("group", "room"):
        joined = np.concatenate([part.buses[name] for part in parts], axis=1)
        np.testing.assert_array_equal(joined, whole.buses[name])


def test_wrong_recordings_are_refused() -> None:
    console = Console.neutral(["kick", "snare"])
    audio = noise(1)
    with pytest.raises(InputError, match="snare: expected a recording"):
        console.render({"kick": audio}, RATE)
    with pytest.raises(InputError, match="'snar'; did you mean 'snare'"):
        console.render({"kick": audio, "snare": audio, "snar": audio}, RATE)
    broken = audio.copy()
    broken[0, 5] = np.nan
    with pytest.raises(AudioError, match="kick: expected finite samples"):
        console.render({"kick": broken, "snare": audio}, RATE)
    with pytest.raises(AudioError, match="snare: expected 1 or 2 channels"):
        console.render({"kick": audio, "snare": np.zeros((5, 9), np.float32)}, RATE)
    renderer = Renderer(console, RATE, {"kick": 2, "snare": 2})
    with pytest.raises(InputError, match="one length"):
        renderer.push({"kick": audio, "snare": audio[:, :5]})
    with pytest.raises(InputError, match="one for every track"):
        renderer.push({"kick": audio})


def test_an_edited_file_renders_as_the_edit_says() -> None:
    tracks = {"a": noise(1), "b": noise(2)}
    content = json.loads(json.dumps(Console.neutral(tracks).to_dict()))
    content["tracks"][1]["mute"] = True
    np.testing.assert_array_equal(Console.from_dict(content).render(tracks, RATE), tracks["a"])
