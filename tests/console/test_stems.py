"""A mix is divided into stems that add up to it, each hearing only its own share of shared buses."""

from dataclasses import replace

import numpy as np
import pytest

from fxnorm.console import (
    Bus,
    Compressor,
    Console,
    Eq,
    EqBand,
    Limiter,
    Master,
    Reverb,
    Saturation,
    Send,
    TrackStrip,
    Width,
)
from fxnorm.console.render import render
from fxnorm.console.stems import divide
from fxnorm.errors import InputError
from tests.signals import noise

SAMPLE_RATE = 44_100
EQ = Eq((EqBand("low_shelf", 90.0, 2.0),))
ROOM = Bus("room", (EQ, Reverb(level_db=0.0, dry=0.0, decay_s=0.4)), fader_db=-3.0, pan=0.2)
GROUP = Bus("drum bus", (Saturation(6.0), Compressor(-20.0, 4.0)), fader_db=1.0)


@pytest.fixture(scope="module")
def dry() -> dict[str, np.ndarray]:
    return {name: 0.3 * noise(1.5, seed=seed) for seed, name in enumerate(("kick", "snare", "vocals"))}


def console(*master, buses=(GROUP, ROOM)) -> Console:
    return Console(
        tracks=(
            TrackStrip("kick", stem="drums", output="drum bus"),
            TrackStrip("snare", (Width(1.4),), stem="drums", output="drum bus", sends=(Send("room", -6.0),)),
            TrackStrip("vocals", (EQ,), stem="vocals", fader_db=2.0, pan=-0.3, sends=(Send("room", -9.0),)),
        ),
        buses=buses,
        master=Master(master, fader_db=-4.0),
    )


def level_db(audio: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(audio.astype(np.float64) ** 2) + 1e-30))


@pytest.mark.parametrize(
    "master", [(), (EQ, Compressor(-24.0, 3.0)), (Compressor(-18.0, 2.0, wet=0.5), Limiter(6.0, -1.0))]
)
def test_the_stems_add_up_to_the_mix(dry, master):
    mix = render(console(*master), dry, SAMPLE_RATE)
    stems = divide(console(*master), mix, SAMPLE_RATE)
    assert list(stems) == ["drums", "vocals"]
    assert level_db(sum(stems.values()) - mix.mix) < level_db(mix.mix) - 120.0
    assert min(map(level_db, stems.values())) > -40.0


def test_without_gain_changes_on_the_master_a_stem_is_the_mix_of_its_tracks_alone(dry):
    alone = {**dry, "kick": np.zeros_like(dry["kick"]), "snare": np.zeros_like(dry["snare"])}
    stems = divide(console(EQ), render(console(EQ), dry, SAMPLE_RATE), SAMPLE_RATE)
    expected = render(console(EQ), alone, SAMPLE_RATE).mix
    assert level_db(stems["vocals"] - expected) < level_db(expected) - 120.0


def test_the_compressor_of_the_master_turns_one_stem_down_with_the_other(dry):
    hard = console(Compressor(-40.0, 10.0))
    stems = divide(hard, render(hard, dry, SAMPLE_RATE), SAMPLE_RATE)
    quiet = {**dry, "kick": 0.1 * dry["kick"], "snare": 0.1 * dry["snare"]}
    softer = divide(hard, render(hard, quiet, SAMPLE_RATE), SAMPLE_RATE)
    assert level_db(softer["vocals"]) > level_db(stems["vocals"]) + 2.0


def test_a_muted_shared_bus_returns_nothing(dry):
    muted = console(buses=(GROUP, replace(ROOM, mute=True)))
    mix = render(muted, dry, SAMPLE_RATE)
    stems = divide(muted, mix, SAMPLE_RATE)
    assert level_db(sum(stems.values()) - mix.mix) < level_db(mix.mix) - 120.0
    np.testing.assert_allclose(stems["vocals"], mix.tracks["vocals"] * np.float32(10 ** (-4.0 / 20)), rtol=1e-5)


def test_what_cannot_be_divided_is_refused(dry):
    mix = render(console(), dry, SAMPLE_RATE)
    with pytest.raises(InputError, match="divided among vocals, drums, got saturation"):
        divide(console(Saturation(3.0)), mix, SAMPLE_RATE)
    with pytest.raises(InputError, match="got compressor"):
        divide(console(Compressor(-20.0, 2.0, key="kick")), mix, SAMPLE_RATE)
    early = console().with_track("vocals", sends=(Send("room", -9.0, pre_fader=True),))
    with pytest.raises(InputError, match="vocals: expected sends after the fader"):
        divide(early, mix, SAMPLE_RATE)
