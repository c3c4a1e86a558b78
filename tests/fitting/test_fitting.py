"""Fits recover what is known; what is rendered in advance changes nothing."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from fxnorm.audio import SAMPLE_RATE  # noqa: E402
from fxnorm.console import (  # noqa: E402
    Bus,
    Compressor,
    Console,
    Eq,
    EqBand,
    Gain,
    Master,
    Send,
    TrackStrip,
    Width,
)
from fxnorm.dsp import audio_features, loudness, ltas, mix_features  # noqa: E402
from fxnorm.errors import InputError  # noqa: E402
from fxnorm.fitting import FitSettings, Objective, Target, choose_excerpts, fit, freeze, objectives, select  # noqa: E402
from tests.signals import noise, plucks  # noqa: E402


def music(seconds: float = 8.0) -> np.ndarray:
    return plucks(seconds, seed=1) + noise(seconds, level=0.01)


def mixes(audio: np.ndarray) -> objectives.Mix:
    return objectives.Mix(torch.from_numpy(audio)[None], SAMPLE_RATE)


def test_measures_equal_their_definitions() -> None:
    audio = music()
    mix = mixes(audio)
    features = mix_features.measure(audio, SAMPLE_RATE)
    assert float(objectives.loudness(mix)) == pytest.approx(features.loudness_lufs, abs=0.01)
    assert float(objectives.centroid(mix)) == pytest.approx(features.centroid_hz, rel=0.01)
    assert float(objectives.mid_share(mix)) == pytest.approx(features.mid_share, abs=1e-4)
    balance = objectives.frequency_balance(mix).tolist()
    assert balance == pytest.approx(features.frequency_balance, abs=1e-3)
    heard = (levels := ltas.third_octave_levels(audio, SAMPLE_RATE)) > -60.0
    assert np.abs(objectives.spectrum(mix).numpy() - levels)[heard].max() < 0.2


def test_audio_features_equal_those_of_the_metric() -> None:
    audio = music()
    found = audio_features.measure(audio, SAMPLE_RATE)
    aim_lufs = found.lufs - 6.0
    wanted = found.at_gain(10.0 ** (-6.0 / 20.0))
    for name, measure in objectives.af_measures(aim_lufs).items():
        # frames of the Bark spectrum overlap less, and have no mirrored ends
        tolerance = {"bark": 0.2}.get(name, 2e-3)
        np.testing.assert_allclose(measure(mixes(audio)).numpy(), wanted[name].reshape(-1), atol=tolerance, rtol=2e-3)


@pytest.mark.parametrize("measure", [objectives.centroid, objectives.mid_share, objectives.peak_to_loudness])
def test_gradients_of_measures_agree_with_finite_differences(measure) -> None:
    audio = torch.from_numpy(music(1.0)).double()[None]
    direction = torch.randn(audio.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * audio
    scale = torch.zeros((), dtype=torch.float64, requires_grad=True)
    measure(objectives.Mix(audio + scale * direction, SAMPLE_RATE)).sum().backward()
    step = 1e-5
    with torch.no_grad():
        above, below = (measure(objectives.Mix(audio + s * direction, SAMPLE_RATE)).sum() for s in (step, -step))
    assert float(scale.grad) == pytest.approx(float((above - below) / (2.0 * step)), rel=1e-3)


def test_targets_count_what_they_say() -> None:
    target = Target("x", objectives.centroid, torch.tensor([1000.0]), 100.0, dead_band=0.5, weight=2.0)
    assert float(target.loss(torch.tensor([1050.0]))) == 0.0
    assert float(target.loss(torch.tensor([850.0]))) == pytest.approx(2.0)
    at_most = replace(target, at_most=True)
    assert float(at_most.loss(torch.tensor([0.0]))) == 0.0
    assert float(at_most.loss(torch.tensor([1250.0]))) == pytest.approx(8.0)


def known() -> Console:
    eq = Eq((EqBand("low_shelf", 120.0, 4.0), EqBand("peak", 1000.0, -5.0, 1.0), EqBand("high_shelf", 6000.0, 3.0)))
    return Console(tracks=(TrackStrip("a", (eq,), -4.0), TrackStrip("b", (), 3.0, 0.4)), master=Master((Width(1.4),)))


def test_a_fit_recovers_a_known_console() -> None:
    truth = known()
    tracks = {"a": music(3.0), "b": noise(3.0, level=0.02)}
    excerpts = choose_excerpts(tracks, SAMPLE_RATE)
    cut = excerpts.cut(tracks)
    target = torch.from_numpy(truth.render(tracks, SAMPLE_RATE))[None]
    flat = Eq(tuple(replace(band, gain_db=0.0) for band in truth.tracks[0].processors[0].bands))
    start = replace(
        Console.neutral(["a", "b"]),
        tracks=(TrackStrip("a", (flat,)), TrackStrip("b", pan=0.01)),
        master=Master((Width(1.01),)),
    )

    def loss(mix):
        return 1e3 * (mix - target).square().mean()

    free = ["*.gain_db", "*.fader_db", "tracks.1.pan", "*.width"]
    settings = FitSettings(steps=100, lr=0.15, prior=0.0, patience=100)
    result = fit(start, cut, SAMPLE_RATE, loss, free=free, settings=settings)
    wanted = dict(zip(truth.parameters(), truth.values(), strict=True))
    fader = result.values["tracks.0.fader_db"] + result.values["master.fader_db"]  # only their sum is known
    assert fader == pytest.approx(-4.0, abs=0.3)
    for name in ("tracks.0.processors.0.bands.1.gain_db", "tracks.1.pan", "master.processors.0.width"):
        assert result.values[name] == pytest.approx(wanted[name], abs=0.2)
    assert result.losses[-1] < 1e-3 * result.losses[0]
    assert result.console.track("b").pan == result.values["tracks.1.pan"]


def test_a_fit_is_repeatable_stops_and_holds_to_its_start() -> None:
    tracks = {"mix": torch.from_numpy(music(1.0))[None]}
    console = Console(tracks=(TrackStrip("mix"),), master=Master((Gain(), Compressor())))

    def loss(mix):
        return (mix.square().mean() - 1.0).square()

    def run(**settings):
        return fit(console, tracks, SAMPLE_RATE, loss, free=["*.gain_db"], settings=FitSettings(**settings))

    first = run(steps=8)
    assert first.values == run(steps=8).values
    assert first.stopped == "steps"
    assert len(first.losses) == 8
    assert run(steps=8, time_limit_s=0.0).stopped == "time"
    assert run(steps=8, target_loss=1e3).stopped == "target"
    held = run(steps=30, prior=1e3, patience=5)
    assert held.stopped == "patience"
    assert abs(held.values["master.processors.0.gain_db"]) < 0.5 < first.values["master.processors.0.gain_db"]


def test_a_parameter_at_its_end_is_told() -> None:
    tracks = {"mix": torch.from_numpy(music(1.0))[None]}
    console = Console(tracks=(TrackStrip("mix"),), master=Master((Width(),)))
    settings = FitSettings(steps=60, lr=0.3, prior=0.0)
    wide = fit(console, tracks, SAMPLE_RATE, lambda mix: -(mix[:, 0] - mix[:, 1]).square().sum(), free=["*.width"],
               settings=settings)  # fmt: skip
    assert wide.at_bounds == ("master.processors.0.width",)
    with pytest.raises(InputError, match=r"got 'master\.processors\.0\.wide'; did you mean"):
        select(console, ["master.processors.0.wide"])


def desk() -> Console:
    strip = (Compressor(-25.0, 3.0), Eq((EqBand("peak", 900.0, 4.0),)))
    return Console(
        tracks=(
            TrackStrip("a", strip, -3.0, 0.3, output="group", sends=(Send("fx", -9.0),)),
            TrackStrip("b", strip[1:], output="group"),
            TrackStrip("c", (Width(1.5), *strip), offset_ms=20.0, sends=(Send("fx", -3.0, True),)),
        ),
        buses=(Bus("group", (Eq((EqBand("high_shelf", 5000.0, 3.0),)),), -2.0), Bus("fx", (Compressor(-30.0, 4.0),))),
        master=Master((Compressor(-12.0, 2.0), Width(1.2))),
    )


@pytest.mark.parametrize("free", [["master.*"], ["master.*", "buses.0.*"], ["tracks.*.bands.*"], ["*"]])
def test_what_is_rendered_in_advance_changes_nothing(free: list[str]) -> None:
    console, tracks = desk(), {"a": noise(0.5, seed=1), "b": noise(0.4, seed=2)[:1], "c": noise(0.5, seed=3)}
    names = select(console, free)
    frozen = freeze(console, tracks, SAMPLE_RATE, names)
    # with other values of what is free, too
    own = dict(zip(console.parameters(), console.values(), strict=True))
    values = {name: own[name] * 0.9 for name in names if name.endswith(("gain_db", "width", "threshold_db"))}
    for each in (console, frozen.console):
        assert not set(values) - set(each.parameters())

    def mix(each: Console, audio: dict) -> np.ndarray:
        changed = each.with_values([
            values.get(name, value) for name, value in zip(each.parameters(), each.values(), strict=True)
        ])  # fmt: skip
        return changed.render(audio, SAMPLE_RATE)

    wanted, found = mix(console, tracks), mix(frozen.console, frozen.tracks)
    assert np.abs(wanted - found).max() < 1e-6
    if free == ["master.*"]:
        assert list(frozen.tracks) == ["mix"]


def test_excerpts_lie_where_tracks_are_heard() -> None:
    second = SAMPLE_RATE
    tracks = {"a": np.zeros((2, 60 * second), np.float32), "b": np.zeros((1, 60 * second), np.float32)}
    tracks["a"][:, 10 * second : 25 * second] = noise(15.0)
    tracks["b"][:, 50 * second : 54 * second] = noise(4.0)[:1]
    chosen = choose_excerpts(tracks, SAMPLE_RATE, count=6, seconds=3.0, lead_s=0.6)
    assert chosen.lead == round(0.6 * second)
    cut = chosen.cut(tracks)
    assert cut["a"].shape == (len(chosen.starts), 2, chosen.samples)
    heard = [
        any(bool(track[index, :, chosen.lead :].any()) for track in cut.values()) for index in range(len(chosen.starts))
    ]
    assert all(heard)
    assert cut["b"].any()
    assert chosen == choose_excerpts(tracks, SAMPLE_RATE, count=6, seconds=3.0, lead_s=0.6)
    with pytest.raises(InputError, match="got silence"):
        choose_excerpts({"a": np.zeros((2, second), np.float32)}, SAMPLE_RATE)


@pytest.mark.parametrize("seconds", [0.2, 2.0, 3.3, 3.6, 7.0])
def test_short_songs_have_an_excerpt(seconds: float) -> None:
    tracks = {"a": noise(seconds)}
    chosen = choose_excerpts(tracks, SAMPLE_RATE)
    assert chosen.starts
    assert chosen.lead < chosen.samples <= tracks["a"].shape[1]
    assert all(0 <= start <= tracks["a"].shape[1] - chosen.samples for start in chosen.starts)


def test_excerpts_are_corrected_to_the_whole() -> None:
    audio = music(12.0)
    targets = [Target("centroid_hz", objectives.centroid, torch.tensor([1000.0]), 100.0)]
    objective = Objective(targets, SAMPLE_RATE)
    whole = objectives.measure_whole(audio, SAMPLE_RATE, targets)
    excerpt = torch.from_numpy(audio[:, : 2 * SAMPLE_RATE])[None]
    assert abs(float(objective.measure(excerpt)["centroid_hz"] - whole["centroid_hz"])) > 1.0
    objective.calibrate(excerpt, whole)
    assert float(objective.measure(excerpt)["centroid_hz"]) == pytest.approx(float(whole["centroid_hz"]), abs=0.1)


def test_references_that_cannot_be_heard_are_refused() -> None:
    with pytest.raises(InputError, match=r"song\.wav: expected at least 5 s of music, got 2.0 s"):
        objectives.require_loud(music(2.0), SAMPLE_RATE, label="song.wav", seconds=5.0)
    with pytest.raises(InputError, match="got silence"):
        objectives.require_loud(np.zeros((2, 6 * SAMPLE_RATE), np.float32), SAMPLE_RATE, label="x", seconds=5.0)
    audio = music(6.0)
    wanted = loudness.measure(audio, SAMPLE_RATE)
    assert objectives.require_loud(audio, SAMPLE_RATE, label="x", seconds=5.0) == wanted
