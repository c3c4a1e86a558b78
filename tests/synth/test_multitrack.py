"""Multitrack songs: track lists, recordings, and the engineer's mix."""

import json
from dataclasses import replace

import numpy as np
import pytest

from fxnorm.audio import SAMPLE_RATE
from fxnorm.choices import ENGINEERS
from fxnorm.console import Compressor, Console, Gain, Limiter, Reverb
from fxnorm.console.render import render
from fxnorm.corpus import scan
from fxnorm.corpus.stems import STEMS
from fxnorm.errors import InputError
from fxnorm.synth import MultitrackEngineer, MultitrackSong, make_multitrack, priors, song_name
from fxnorm.synth.drums import POSITIONS, draw_kit, render_pieces
from fxnorm.synth.engineer import loudness_db
from fxnorm.synth.engineers import FAMILIES
from fxnorm.synth.groove import Hit
from fxnorm.synth.microphones import KIT_PLACES, record_close, record_distant
from fxnorm.synth.multitrack_recording import DRUM_PARTS, NOMINAL_PEAK_DB, RECORDING_GAIN_DB
from fxnorm.synth.role_priors import ROLE_PRIORS
from fxnorm.synth.score import draw_score
from fxnorm.synth.seeding import SeedTree
from fxnorm.synth.track_list import MAX_TRACKS, list_tracks

SECONDS = 6.0
INDICES = (0, 3, 5)  # 5 is an instrumental


@pytest.fixture(scope="module")
def songs() -> list[MultitrackSong]:
    return [make_multitrack(0, index, seconds=SECONDS) for index in INDICES]


def level_db(audio: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(audio.astype(np.float64) ** 2) + 1e-24))


def lag_ms(late: np.ndarray, early: np.ndarray) -> float:
    """Return the lag of the largest correlation."""
    size = 2 ** int(np.ceil(np.log2(2 * early.size)))
    correlation = np.fft.irfft(np.fft.rfft(late, size) * np.fft.rfft(early, size).conj())
    lag = int(np.abs(correlation).argmax())
    return 1000.0 * (lag if lag < size // 2 else lag - size) / SAMPLE_RATE


def test_a_session_has_6_to_16_tracks_and_every_role_is_recognised_by_its_file_name(tmp_path):
    seen, parts = set(), set()
    for index in range(120):
        seeds = SeedTree(seed=9, index=index)
        tracks = list_tracks(seeds, draw_score(seeds, 12.0))
        assert 6 <= len(tracks) <= MAX_TRACKS
        folder = tmp_path / f"{index}"
        folder.mkdir()
        for track in tracks:
            (folder / f"{track.name}.flac").touch()
        (song,) = scan(folder)
        assert {path.stem: (track.role, track.stem) for track in song.tracks for path in track.files} == {
            track.name: (track.role, track.stem) for track in tracks
        }
        assert not song.left_out
        seen |= {track.role for track in tracks}
        parts |= {track.part for track in tracks}
    assert seen == set(ROLE_PRIORS)
    assert {"kick out", "snare bottom", "bass amp", "room", "vocal double", "backing"} <= parts


def test_recordings_have_drawn_gains_noise_and_one_length(songs):
    gains_db = []
    for song in songs:
        for name, audio in song.dry.items():
            settings = song.tracks[name]
            assert audio.shape == (settings["channels"], round(SECONDS * SAMPLE_RATE))
            assert audio.dtype == np.float32
            assert np.isfinite(audio).all()
            peak_db = 20 * np.log10(np.abs(audio).max() + 1e-12)
            gains_db.append(settings["recording_gain_db"])
            if audio.any():
                assert peak_db < NOMINAL_PEAK_DB + settings["recording_gain_db"] + 0.1
                # Hiss, and in close microphones the kit, fill what would be digital silence.
                assert np.mean(audio == 0.0) < 0.05
            if audio.any() and settings["part"] != "overheads":
                assert peak_db > NOMINAL_PEAK_DB + settings["recording_gain_db"] - 0.1
    assert RECORDING_GAIN_DB[0] <= min(gains_db) < -4.0
    assert 4.0 < max(gains_db) <= RECORDING_GAIN_DB[1]


@pytest.fixture(scope="module")
def strokes() -> dict[str, np.ndarray]:
    """A stroke of every drum of the kit, alone in time."""
    kit = draw_kit(SeedTree(0, 0))
    hits = tuple(Hit(0.1, drum, 1.0) for drum in KIT_PLACES)
    return render_pieces(hits, kit, SAMPLE_RATE, np.random.default_rng(0))


def test_a_close_microphone_hears_its_own_drum_first_and_the_others_softly(strokes):
    for seed in range(5):
        for name, own in (("kick in", "kick"), ("snare top", "snare"), ("low tom", "low tom")):
            heard = {
                drum: record_close(np.random.default_rng(seed), name, {drum: stroke}, SAMPLE_RATE)[0]
                for drum, stroke in strokes.items()
            }
            assert lag_ms(heard[own], strokes[own]) < 0.5
            for drum, bleed in heard.items():
                if drum not in (own, "rim"):
                    bleed_db = level_db(bleed) - level_db(strokes[drum])
                    assert -50.0 < bleed_db < -12.0
                    assert 0.8 < lag_ms(bleed, strokes[drum]) < 4.0


def test_overheads_hear_every_drum_a_few_milliseconds_late_and_on_its_side(strokes):
    for seed in range(5):
        for drum, stroke in strokes.items():
            pair = record_distant(np.random.default_rng(seed), "overheads", {drum: stroke}, SAMPLE_RATE)
            for channel in pair:
                assert 1.5 < lag_ms(channel, stroke) < 8.0
            if abs(POSITIONS[drum]) > 0.2:
                assert np.sign(level_db(pair[1]) - level_db(pair[0])) == np.sign(POSITIONS[drum])


def test_a_room_microphone_is_later_than_the_overheads_and_rings_on(strokes):
    room = record_distant(np.random.default_rng(1), "room", {"snare": strokes["snare"]}, SAMPLE_RATE)
    overheads = record_distant(np.random.default_rng(1), "overheads", {"snare": strokes["snare"]}, SAMPLE_RATE)
    onsets = [int(np.argmax(np.abs(audio) > 0.02 * np.abs(audio).max())) for audio in (room[0], overheads[0])]
    assert 2.0 < 1000.0 * (onsets[0] - onsets[1]) / SAMPLE_RATE < 15.0
    late = slice(round(0.6 * SAMPLE_RATE), None)
    decay_db = [level_db(audio[:, late]) - level_db(audio) for audio in (room, overheads)]
    assert decay_db[0] > decay_db[1] + 3.0


def test_the_recorded_delays_are_those_of_the_microphones(songs):
    for song in songs:
        by_part: dict[str, list[str]] = {}
        for name, settings in song.tracks.items():
            by_part.setdefault(settings["part"], []).append(name)
            assert (settings["delay_ms"] > 0.0) == (settings["part"] in (*DRUM_PARTS, "bass amp"))
        near, far = by_part["kick in"][0], by_part.get("kick out", [None])[0]
        if far and song.dry[near].any():
            expected_ms = song.tracks[far]["delay_ms"] - song.tracks[near]["delay_ms"]
            assert lag_ms(song.dry[far][0], song.dry[near][0]) == pytest.approx(expected_ms, abs=0.15)
    assert any(settings["part"] == "kick out" for song in songs for settings in song.tracks.values())


def test_the_amplifier_of_the_bass_is_late_and_the_doubled_guitar_is_another_take():
    seeds = (SeedTree(0, index) for index in range(40))
    found: set[str] = set()
    for tree in seeds:
        parts = [track.part for track in list_tracks(tree, draw_score(tree, 3.0))]
        wanted = {"bass": "bass amp" in parts, "guitar": parts.count("chords") == 2} | dict.fromkeys(found, False)
        if not any(wanted.values()):
            continue
        song = make_multitrack(0, tree.index, seconds=3.0)
        by_part = {part: [n for n, s in song.tracks.items() if s["part"] == part] for part in parts}
        if wanted.get("bass"):
            di, amp = (song.dry[by_part[part][0]][0] for part in ("bass di", "bass amp"))
            assert 0.3 < lag_ms(amp, di) < 5.0
        if wanted.get("guitar"):
            left, right = (song.dry[name][0] for name in by_part["chords"])
            assert 0.1 < abs(np.corrcoef(left, right)[0, 1]) < 0.98 or lag_ms(left, right) != 0.0
            assert not np.array_equal(left, right)
        found |= {key for key, is_wanted in wanted.items() if is_wanted}
        if found == {"bass", "guitar"}:
            return
    pytest.fail(f"found only {found}")


def test_the_console_renders_the_mixture_bit_for_bit_and_the_stems_add_up(songs):
    for song in songs:
        console = Console.from_dict(json.loads(json.dumps(song.console.to_dict())))
        assert console == song.console
        assert np.array_equal(render(console, song.dry, SAMPLE_RATE).mix, song.mixture)
        assert list(song.wet) == list(STEMS)
        assert level_db(sum(song.wet.values()) - song.mixture) < -120.0
        peaks = [np.abs(audio).max() for audio in (song.mixture, *song.wet.values())]
        assert priors.MIX_PEAK_DB - 0.05 < 20 * np.log10(max(peaks)) <= priors.MIX_PEAK_DB
        assert song.wet["vocals"].any() == (song.score["voice"] is not None)


def test_strips_undo_the_recording_gain_and_have_what_their_role_needs(songs):
    for song in songs:
        for track in song.console.tracks:
            assert (track.role, track.stem) == (song.tracks[track.name]["role"], song.tracks[track.name]["stem"])
            if not song.dry[track.name].any():
                assert not track.processors
                continue
            trim, eq, *others = track.processors
            assert isinstance(trim, Gain)
            trimmed_db = loudness_db(trim.process(song.dry[track.name], SAMPLE_RATE), SAMPLE_RATE)
            assert trim.gain_db == 24.0 or abs(trimmed_db - priors.WORKING_LEVEL_DB) < 0.1
            assert eq.bands[0].kind == "high_pass"
            if track.role in ("bass", "lead_vocal"):
                assert any(isinstance(processor, Compressor) for processor in others)
                assert track.pan == 0.0


def test_stems_have_their_drawn_loudness_before_buses_and_master(songs):
    for song in songs:
        flat = replace(
            song.console,
            tracks=tuple(replace(track, output="master", sends=()) for track in song.console.tracks),
            buses=(),
        )
        tracks = render(flat, song.dry, SAMPLE_RATE).tracks
        levels_db = {}
        for stem in STEMS:
            parts = [tracks[track.name] for track in flat.tracks if track.stem == stem and tracks[track.name].any()]
            if parts:
                levels_db[stem] = loudness_db(sum(parts), SAMPLE_RATE)
        tree = SeedTree(song.seed, song.index)
        drawn = MultitrackEngineer.draw(tree, list_tracks(tree, draw_score(tree, SECONDS))).stem_levels_db
        for stem, measured_db in levels_db.items():
            assert abs((measured_db - levels_db["bass"]) - (drawn[stem] - drawn["bass"])) < 0.1


def test_the_dry_tracks_do_not_depend_on_the_engineer_and_the_mix_does(songs):
    mixes = [songs[0]]
    for family in ENGINEERS[1:]:
        other = make_multitrack(0, INDICES[0], seconds=SECONDS, engineer=family)
        assert other.console.notes["engineer"] == family
        assert other.tracks == songs[0].tracks
        for name, audio in songs[0].dry.items():
            assert np.array_equal(other.dry[name], audio)
        assert np.array_equal(render(other.console, other.dry, SAMPLE_RATE).mix, other.mixture)
        for mix in mixes:
            assert level_db(other.mixture - mix.mixture) > level_db(mix.mixture) - 20.0
        mixes.append(other)


def test_families_have_the_habits_that_they_are_named_for():
    def centroid_hz(audio):
        power = np.abs(np.fft.rfft(audio.mean(axis=0)))
        return float((power * np.fft.rfftfreq(audio.shape[1], 1 / SAMPLE_RATE)).sum() / power.sum())

    def crest_db(audio):
        return 20 * np.log10(np.abs(audio).max()) - level_db(audio)

    balanced, dark, close, loud = (
        [make_multitrack(2, index, seconds=4.0, engineer=family) for index in (0, 1, 2)] for family in ENGINEERS
    )
    brightness = [np.mean([centroid_hz(song.mixture) for song in group]) for group in (dark, balanced, close)]
    assert brightness[0] < min(brightness[1:]) - 300.0
    shelves_db = [
        np.mean([song.console.master.processors[0].bands[-1].gain_db for song in group])
        for group in (dark, balanced, close)
    ]
    assert shelves_db[0] < shelves_db[1] < shelves_db[2]
    assert np.mean([crest_db(song.mixture) for song in loud]) < np.mean([crest_db(s.mixture) for s in balanced]) - 2.0
    vocals_db = [
        np.mean([level_db(song.wet["vocals"]) - level_db(song.mixture) for song in group if song.wet["vocals"].any()])
        for group in (dark, balanced, close)
    ]
    assert vocals_db[0] < vocals_db[1] < vocals_db[2]
    decays = [
        np.mean(
            [p.decay_s for song in group for bus in song.console.buses for p in bus.processors if p.KIND == "reverb"]
        )
        for group in (close, balanced, dark)
    ]
    assert decays[0] < decays[1] < decays[2]
    assert all(isinstance(song.console.master.processors[-1], Limiter) for song in loud)


def test_families_have_numbers_and_names_of_their_own():
    assert tuple(FAMILIES) == ENGINEERS
    assert len({habits.number for habits in FAMILIES.values()}) == len(FAMILIES)


def test_reverb_buses_are_fed_by_sends_and_return_no_dry_signal(songs):
    buses = [bus for song in songs for bus in song.console.buses]
    reverbs = [processor for bus in buses for processor in bus.processors if isinstance(processor, Reverb)]
    assert reverbs
    assert all(reverb.dry == 0.0 for reverb in reverbs)
    sends = [send for song in songs for track in song.console.tracks for send in track.sends]
    assert {send.bus for send in sends} == {"Short Reverb", "Long Reverb"}


def test_a_song_is_made_of_its_seed_and_index_alone(songs):
    again, different = (make_multitrack(seed, 3, seconds=SECONDS) for seed in (0, 1))
    assert again.name == songs[1].name == song_name(0, 3)
    assert (again.score, again.tracks, again.console) == (songs[1].score, songs[1].tracks, songs[1].console)
    assert np.array_equal(again.mixture, songs[1].mixture)
    assert not np.array_equal(again.mixture, different.mixture)


def test_impossible_songs_are_refused():
    with pytest.raises(InputError, match="seed"):
        make_multitrack(-1, 0)
    with pytest.raises(InputError, match="seconds"):
        make_multitrack(0, 0, seconds=0.5)
    with pytest.raises(InputError, match="expected an engineer among balanced, dark, close, loud, got 'drak'"):
        make_multitrack(0, 0, engineer="drak")
