"""Rule mixes: laws of balance, position, equaliser and compressor, and songs of every kind."""

import json
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from fxnorm import open_model
from fxnorm.audio import Audio
from fxnorm.console import Compressor, Console, Decorrelation, Eq, Gain, Master, TrackStrip
from fxnorm.console.render import render
from fxnorm.dsp import loudness
from fxnorm.dsp.true_peak import true_peak_db
from fxnorm.errors import InputError
from fxnorm.mixing.rules import RuleMixer, write_console
from fxnorm.mixing.rules.balance import targets_lu
from fxnorm.mixing.rules.equalisation import choose_eq
from fxnorm.mixing.rules.measurement import measure
from fxnorm.mixing.rules.panning import choose_positions
from fxnorm.mixing.rules.table import MEASURED_LU, RULES
from fxnorm.models.base import MixResult
from tests.mixing.rule_songs import RATE, band, hits, phrases, shaped
from tests.signals import noise, sine


def block_loudness(audio: Audio) -> float:
    """Loudness over blocks of 280 ms with 10 dB before the gates, from the definition."""
    windows = loudness.short_term(audio, RATE, seconds=0.28, hop_s=0.07) + 10.0
    loud = windows[windows > -70.0]
    gate = 10.0 * np.log10(np.mean(10.0 ** (loud / 10.0))) - 10.0
    return float(10.0 * np.log10(np.mean(10.0 ** (loud[loud > gate] / 10.0)))) - 10.0


def premaster(console: Console, tracks: Mapping[str, Audio]):
    """Outputs of all tracks and the signal at the input of the master."""
    return render(replace(console, master=Master()), tracks, RATE)


@pytest.fixture(scope="module")
def song() -> dict[str, Audio]:
    return band()


@pytest.fixture(scope="module")
def mixed(song: dict[str, Audio]) -> MixResult:
    return RuleMixer().mix(song, RATE)


def test_groups_have_the_loudness_of_professional_mixes(mixed: MixResult, song: dict[str, Audio]) -> None:
    rendering = premaster(mixed.console, song)
    mix = block_loudness(rendering.mix)
    own = {name: block_loudness(output) - mix for name, output in rendering.tracks.items()}
    assert own["Lead Vox"] == pytest.approx(-2.7, abs=0.5)
    for name, group in {"Bass": "bass", "Kick": "kick", "Snare": "snare", "Overheads": "drums"}.items():
        target, deviation = MEASURED_LU[group]
        assert own[name] == pytest.approx(target, abs=deviation), name


def test_reported_loudness_is_the_rendered_one(mixed: MixResult, song: dict[str, Audio]) -> None:
    draft = write_console(song, RATE)
    dry = render(replace(draft.console, buses=(), tracks=tuple(replace(t, sends=()) for t in draft.console.tracks)),
                 song, RATE)  # fmt: skip
    mix = block_loudness(dry.mix)
    assert mix == pytest.approx(-20.0, abs=0.1)
    for name, role in {"Lead Vox": "lead_vocal", "Bass": "bass", "Trumpet": "brass", "Snare": "snare"}.items():
        assert block_loudness(dry.tracks[name]) - mix == pytest.approx(draft.loudness_lu[role][0], abs=0.1)
    voices = [block_loudness(dry.tracks[name]) for name in ("BGV 1", "BGV 2")]
    assert voices[0] == pytest.approx(voices[1], abs=0.1)  # equally loud within a role
    both = block_loudness(dry.tracks["BGV 1"] + dry.tracks["BGV 2"])
    assert both - mix == pytest.approx(draft.loudness_lu["backing_vocals"][0], abs=0.1)


def test_the_master_has_the_wished_loudness_under_the_ceiling(mixed: MixResult, song: dict[str, Audio]) -> None:
    assert loudness.measure(mixed.audio, RATE) == pytest.approx(-14.0, abs=0.1)
    assert true_peak_db(mixed.audio) <= -1.0 + 0.01
    quieter = open_model("rules", loudness_lufs=-20.0).mix(song, RATE)
    assert loudness.measure(quieter.audio, RATE) == pytest.approx(-20.0, abs=0.1)


def test_the_console_renders_the_mix_to_the_sample(mixed: MixResult, song: dict[str, Audio]) -> None:
    console = Console.from_dict(json.loads(json.dumps(mixed.console.to_dict())))
    np.testing.assert_array_equal(console.render(song, RATE), mixed.audio)


def test_mono_tracks_stand_in_symmetric_pairs(mixed: MixResult) -> None:
    pan = {track.name: track.pan for track in mixed.console.tracks}
    for left, right in (("Gtr 1", "Gtr 2"), ("BGV 1", "BGV 2")):
        assert pan[left] == -pan[right] < 0.0
    assert sum(pan[name] for name in pan if name not in ("Overheads", "Piano")) == pytest.approx(0.0)
    assert {pan[name] for name in ("Kick", "Bass", "Lead Vox", "Snare")} == {0.0}


def test_an_uneven_stereo_track_is_balanced(mixed: MixResult, song: dict[str, Audio]) -> None:
    output = premaster(mixed.console, song).tracks["Overheads"]
    left, right = (10.0 * np.log10(np.mean(channel**2)) for channel in output)
    assert left == pytest.approx(right, abs=0.2)


def measured(role: str, audio: Audio):
    return role, measure(audio, RATE)


def test_low_content_is_near_the_middle() -> None:
    low, middle, high = (
        shaped(2.0, 0.0, seed=1, low_hz=centre / 1.5, high_hz=centre * 1.5) for centre in (70.0, 200.0, 2000.0)
    )
    width = {
        name: choose_positions({"a": measured("guitars", audio), "b": measured("guitars", audio)})["b"].pan
        for name, audio in (("low", low), ("middle", middle), ("high", high))
    }
    assert width["low"] == 0.0 < width["middle"] < width["high"] == RULES["guitars"].width


def test_positions_are_spread_evenly_and_symmetrically() -> None:
    audio = shaped(2.0, -2.0, seed=1, low_hz=300.0)
    positions = choose_positions({f"BGV {number}": measured("backing_vocals", audio) for number in range(6)})
    pans = sorted(position.pan for position in positions.values())
    np.testing.assert_allclose(pans, -np.array(pans[::-1]))
    widest = RULES["backing_vocals"].width
    np.testing.assert_allclose(pans[3:], widest * np.array([1, 2, 3]) / 3.0, atol=0.01)


def test_leftovers_of_two_roles_stand_opposite() -> None:
    audio = shaped(2.0, -2.0, seed=1, low_hz=300.0)
    positions = choose_positions({"Gtr": measured("guitars", audio), "Organ": measured("keys", audio)})
    assert positions["Gtr"].pan == -positions["Organ"].pan != 0.0
    alone = choose_positions({"Gtr": measured("guitars", audio)})["Gtr"]
    assert (alone.pan, alone.is_alone) == (0.0, True)


def bands_of(role: str, audio: Audio) -> list:
    return list(choose_eq(measure(audio, RATE), RULES[role])[0].bands)


def test_a_bright_guitar_gets_no_boost_and_a_dull_one_does() -> None:
    rule = RULES["guitars"]
    bright = bands_of("guitars", shaped(4.0, rule.tilt_db + 4.0, seed=1))
    dull = bands_of("guitars", shaped(4.0, rule.tilt_db - 4.0, seed=1))
    assert not [item for item in bright if item.frequency_hz > 1800.0 and item.gain_db > 0.0]
    assert [item for item in bright if item.frequency_hz > 1800.0 and item.gain_db < 0.0]
    boost = next(item for item in dull if 1800.0 < item.frequency_hz < 4000.0)
    assert boost.gain_db == pytest.approx(3.5, abs=0.1)
    assert not [item for item in dull if item.frequency_hz > 4000.0]  # nothing to cut


def test_gains_stay_within_the_table() -> None:
    for role, rule in RULES.items():
        most = max(abs(item.most_db) for item in rule.bands)
        for slope in (-8.0, 0.0, 8.0):
            gains = [item.gain_db for item in bands_of(role, shaped(2.0, slope, seed=3)) if not item.is_pass]
            assert all(abs(gain) <= most for gain in gains), role


def test_a_high_pass_stands_only_where_there_is_something_to_remove() -> None:
    clean = shaped(3.0, -2.5, seed=1, low_hz=150.0)
    rumble = clean + 0.05 * sine(30.0, 3.0)[:1]
    assert not [item for item in bands_of("lead_vocal", clean) if item.is_pass]
    assert [item.frequency_hz for item in bands_of("lead_vocal", rumble) if item.is_pass] == [80.0]


def compressor_of(name: str, audio: Audio) -> Compressor | None:
    strip = write_console({name: audio}, RATE).console.track(name)
    return next((item for item in strip.processors if isinstance(item, Compressor)), None)


def test_even_tracks_are_not_compressed_and_uneven_ones_are() -> None:
    even = shaped(6.0, -2.5, seed=1, low_hz=120.0)
    uneven = phrases(even, period_s=2.0, share=0.5, quiet_db=-12.0)
    assert compressor_of("Lead Vox", even) is None
    compressor = compressor_of("Lead Vox", uneven)
    assert compressor is not None
    assert compressor.ratio == RULES["lead_vocal"].compressor.ratio
    assert compressor.threshold_db >= RULES["lead_vocal"].compressor.threshold_db
    sharp, dense = (
        hits(6.0, period_s=0.5, decay_s=decay, low_hz=40.0, high_hz=4000.0, seed=2) for decay in (0.02, 5.0)
    )
    assert compressor_of("Kick", dense) is None
    assert compressor_of("Kick", sharp) is not None


def test_low_drums_and_bass_get_no_reverb(mixed: MixResult) -> None:
    sends = {track.name: [send.bus for send in track.sends] for track in mixed.console.tracks}
    assert sends["Kick"] == sends["Bass"] == []
    assert sends["Lead Vox"] == sends["Piano"] == ["reverb"]
    (bus,) = mixed.console.buses
    assert bus.processors[0].dry == 0.0


def test_every_decision_has_its_reason(mixed: MixResult) -> None:
    reasons = mixed.console.notes["reasons"]
    for strip in mixed.console.tracks:
        kinds = {processor.KIND for processor in strip.processors}
        assert kinds | {"fader", "pan", "sends", "role"} <= reasons[strip.name].keys(), strip.name
        assert all(line for lines in reasons[strip.name].values() for line in lines)
    assert {processor.KIND for processor in mixed.console.master.processors} - {"gain"} <= reasons["master"].keys()


def test_the_order_of_the_tracks_is_irrelevant(mixed: MixResult, song: dict[str, Audio]) -> None:
    other = RuleMixer().mix(dict(reversed(song.items())), RATE)
    assert {track.name: track for track in other.console.tracks} == {
        track.name: track for track in mixed.console.tracks
    }
    np.testing.assert_allclose(other.audio, mixed.audio, atol=1e-5)


def test_the_level_of_the_recordings_is_irrelevant(mixed: MixResult, song: dict[str, Audio]) -> None:
    rng = np.random.default_rng(0)
    changed = {name: audio * np.float32(10.0 ** (rng.choice([-12.0, 12.0]) / 20.0)) for name, audio in song.items()}
    other = RuleMixer().mix(changed, RATE)
    difference = other.audio - mixed.audio
    assert np.sqrt(np.mean(difference**2) / np.mean(mixed.audio**2)) < 10.0 ** (0.1 / 20.0) - 1.0
    for track in mixed.console.tracks:
        again = other.console.track(track.name)
        assert again.pan == track.pan
        assert again.fader_db == pytest.approx(track.fader_db, abs=0.11)


def test_the_same_song_and_seed_give_the_same_mix(mixed: MixResult, song: dict[str, Audio]) -> None:
    again = RuleMixer().mix(song, RATE)
    assert again.console == mixed.console
    np.testing.assert_array_equal(again.audio, mixed.audio)
    assert RuleMixer(seed=1).mix(song, RATE).console.buses != mixed.console.buses


def test_targets_are_shares_of_the_whole() -> None:
    everything = targets_lu(RULES)
    assert sum(10.0 ** (level / 10.0) for level in everything.values()) == pytest.approx(1.0)
    stems = targets_lu(["lead_vocal", "bass", "kit", "other"])
    assert stems["lead_vocal"] == pytest.approx(-2.7)
    assert stems["bass"] == pytest.approx(-9.5)
    assert stems["kit"] == pytest.approx(10.0 * np.log10(10**-1.32 + 10**-1.68 + 10**-1.27))
    assert targets_lu(["kick"]) == {"kick": 0.0}


SONGS = {
    "one track": ["Gtr 1"],
    "one voice": ["Lead Vox"],
    "drums only": ["Kick", "Snare", "Overheads"],
    "two tracks": ["Bass", "Lead Vox"],
    "no vocals": ["Kick", "Bass", "Gtr 1", "Gtr 2"],
}


@pytest.mark.parametrize("names", SONGS.values(), ids=SONGS.keys())
def test_songs_of_few_tracks(names: list[str], song: dict[str, Audio]) -> None:
    tracks = {name: song[name] for name in names}
    result = RuleMixer().mix(tracks, RATE)
    assert result.audio.shape == (2, max(audio.shape[1] for audio in tracks.values()))
    assert loudness.measure(result.audio, RATE) == pytest.approx(-14.0, abs=0.1) or result.notices
    assert true_peak_db(result.audio) <= -1.0 + 0.01


def test_a_mono_track_alone_in_the_middle_becomes_wide(song: dict[str, Audio]) -> None:
    strip = write_console({name: song[name] for name in ("Lead Vox", "Gtr 1")}, RATE).console.track("Gtr 1")
    assert any(isinstance(processor, Decorrelation) for processor in strip.processors)
    assert strip.pan == 0.0


def test_two_lead_vocals_share_the_place_of_one(song: dict[str, Audio]) -> None:
    rest = shaped(6.0, -2.5, seed=77, low_hz=120.0)
    tracks = {"Lead Vox": song["Lead Vox"], "Lead Vox 2": rest} | {
        name: song[name] for name in ("Bass", "Kick", "Gtr 1", "Gtr 2")
    }
    console = write_console(tracks, RATE).console
    rendering = premaster(console, tracks)
    voices = rendering.tracks["Lead Vox"] + rendering.tracks["Lead Vox 2"]
    assert block_loudness(voices) - block_loudness(rendering.mix) == pytest.approx(-2.7, abs=0.6)
    assert console.track("Lead Vox 2").pan == 0.0


def test_thirty_tracks() -> None:
    tracks = {
        f"{role} {number}": shaped(2.0, -3.0, seed=10 * number + index, low_hz=100.0 + 20.0 * number)
        for number in range(5)
        for index, role in enumerate(("Gtr", "BGV", "Synth", "Violin", "Perc", "Lead Vox"))
    }
    result = RuleMixer().mix(tracks, RATE)
    assert len(result.console.tracks) == 30
    assert sum(track.pan for track in result.console.tracks) == pytest.approx(0.0, abs=1e-9)
    assert loudness.measure(result.audio, RATE) == pytest.approx(-14.0, abs=0.1)


def test_silent_tracks_are_left_alone(song: dict[str, Audio]) -> None:
    silence = np.zeros((1, RATE), dtype=np.float32)
    whole = {name: song[name] for name in ("Kick", "Lead Vox")}
    result = RuleMixer().mix({"Dead mic": silence, **whole}, RATE)
    assert result.console.track("Dead mic") == TrackStrip("Dead mic", stem="other")
    assert any("Dead mic is silent" in notice for notice in result.notices)
    without = RuleMixer().mix(whole, RATE)
    np.testing.assert_allclose(result.audio, without.audio, atol=1e-6)


def test_silence_and_what_is_too_short_to_measure() -> None:
    silent = RuleMixer().mix({"Kick": np.zeros((1, RATE)), "Bass": np.zeros((2, RATE))}, RATE)
    assert not silent.audio.any()
    click = RuleMixer().mix({"Kick": 0.5 * noise(0.05)[:1]}, RATE)
    assert click.audio.shape[1] == round(0.05 * RATE)
    assert np.isfinite(click.audio).all()
    assert true_peak_db(click.audio) <= -1.0 + 0.01


def test_a_recording_far_from_the_working_level(song: dict[str, Audio]) -> None:
    faint = {"Gtr 1": 0.004 * song["Gtr 1"] / np.abs(song["Gtr 1"]).max()}  # 38 dB under, just not silent
    console = write_console(faint, RATE).console
    gains = [processor for processor in console.track("Gtr 1").processors if isinstance(processor, Gain)]
    assert len(gains) == 2
    assert block_loudness(premaster(console, faint).mix) == pytest.approx(-20.0, abs=1.0)


def test_roles_come_from_the_song_or_from_the_names(song: dict[str, Audio]) -> None:
    tracks = {"a": song["Kick"], "b": song["Lead Vox"], "xyz": song["Gtr 1"]}
    strips = (TrackStrip("a", role="kick"), TrackStrip("b", role="lead_vocal"), TrackStrip("xyz"))
    console = write_console(tracks, RATE, song=Console("Song", strips)).console
    assert console.name == "Song"
    assert console.track("a").sends == ()
    assert "treated as other" in console.notes["reasons"]["xyz"]["role"][0]
    with pytest.raises(InputError, match="expected recordings of"):
        write_console({**tracks, "more": song["Bass"]}, RATE, song=Console("Song", strips))


def test_a_track_called_reverb_leaves_its_name_to_no_bus(song: dict[str, Audio]) -> None:
    console = write_console({"reverb": song["Gtr 1"], "Lead Vox": song["Lead Vox"]}, RATE).console
    assert [bus.name for bus in console.buses] == ["reverb 2"]


def test_wrong_input() -> None:
    with pytest.raises(InputError, match="at least one track"):
        RuleMixer().mix({}, RATE)
    with pytest.raises(InputError, match="above 0 Hz"):
        RuleMixer().mix({"Kick": noise(1.0)}, 0)
    with pytest.raises(InputError, match="takes the tracks as recorded"):
        from fxnorm.normalization.settings import ChainSettings

        open_model("rules", settings=ChainSettings.preset())


@pytest.mark.parametrize("rate", [8000, 48_000, 96_000])
def test_other_sample_rates(rate: int) -> None:
    tracks = {"Kick": noise(1.0, seed=1, rate=rate)[:1], "Lead Vox": noise(1.0, seed=2, rate=rate)}
    result = RuleMixer().mix(tracks, rate)
    assert result.audio.shape == (2, rate)
    assert loudness.measure(result.audio, rate) == pytest.approx(-14.0, abs=0.1)
    assert any(isinstance(item, Eq) for track in result.console.tracks for item in track.processors)
