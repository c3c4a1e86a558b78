"""Songs on disk, and reading them."""

import pickle
from pathlib import PurePosixPath

import numpy as np
import pytest

from fxnorm import audio, audio_files
from fxnorm.corpus import Multitrack, Track, scan_folders
from fxnorm.errors import AudioError, InputError
from tests.signals import noise


def write(path, samples, rate=audio.SAMPLE_RATE, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    audio_files.write(path, samples, rate, **options)
    return path


def test_files_of_a_stem_are_added(tmp_path):
    kick = write(tmp_path / "kick.wav", noise(0.5, seed=1))
    snare = write(tmp_path / "snare.wav", noise(0.3, seed=2)[:1])
    song = Multitrack.from_files("song", {"drums": [kick, snare], "bass": []})
    expected = noise(0.5, seed=1)
    expected[:, : round(0.3 * audio.SAMPLE_RATE)] += noise(0.3, seed=2)[:1]
    assert list(song.stems) == ["drums"]
    assert np.array_equal(song.read_stem("drums"), expected)
    assert song.missing == ("vocals", "bass", "other")
    assert (song.sample_rate, song.samples) == (audio.SAMPLE_RATE, expected.shape[1])


def test_the_highest_rate_is_the_songs(tmp_path):
    low = write(tmp_path / "bass.wav", noise(1.0, rate=22_050), 22_050, subtype="PCM_16")
    high = write(tmp_path / "vox.flac", noise(0.5, rate=48_000), 48_000, subtype="PCM_24")
    song = Multitrack.from_files("song", {"bass": [low], "vocals": [high]})
    assert (song.sample_rate, song.sample_rates, song.samples) == (48_000, (48_000, 22_050), 48_000)
    assert song.read_stem("bass").shape == (2, 48_000)


def test_folders_of_songs_are_found(tmp_path):
    for name in ("One", "train/Two", "train/.hidden", "notes"):
        write(tmp_path / name / "kick.wav", noise(0.1))
    (tmp_path / "notes" / "kick.wav").rename(tmp_path / "notes" / "mixdown.wav")
    write(tmp_path / "One" / "mixture.wav", noise(0.1))
    songs = scan_folders([tmp_path])
    assert [song.id for song in songs] == ["One", "train/Two"]
    assert songs[0].mixture == tmp_path / "One" / "mixture.wav"
    assert [song.id for song in scan_folders([tmp_path / "One", tmp_path / "train"])] == ["One", "Two"]
    with pytest.raises(InputError, match="second song called 'One'"):
        scan_folders([tmp_path, tmp_path / "One"])


def test_a_map_fits_somewhere_or_is_refused(tmp_path):
    for name in ("One", "Two"):
        write(tmp_path / name / f"{name} thing.wav", noise(0.1))
    songs = scan_folders([tmp_path], {"bass": ["one*.wav"]})
    assert [list(song.stems) for song in songs] == [["bass"], ["other"]]
    with pytest.raises(InputError, match=r"'three\.wav' fits none"):
        scan_folders([tmp_path], {"bass": ["three.wav"]})


def test_wrong_folders_and_files_are_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="found nothing"):
        scan_folders([tmp_path / "none"])
    with pytest.raises(InputError, match="found none"):
        scan_folders([tmp_path / "empty"])
    kick = write(tmp_path / "kick.wav", noise(0.1))
    with pytest.raises(InputError, match="found a file"):
        scan_folders([kick])
    with pytest.raises(InputError, match="named twice"):
        Multitrack.from_files("song", {"drums": [kick], "bass": [kick]})
    with pytest.raises(InputError, match="at least one"):
        Multitrack.from_files("song", {"drums": []})
    with pytest.raises(AudioError, match="cannot be opened"):
        _ = Multitrack.from_files("song", {"drums": [tmp_path / "gone.wav"]}).sample_rate


# Reading


def test_an_excerpt_is_a_part_of_the_stem(tmp_path):
    kick = write(tmp_path / "kick.wav", noise(0.5, seed=1))
    snare = write(tmp_path / "snare.wav", noise(0.3, seed=2))
    song = Multitrack.from_files("song", {"drums": [kick, snare]})
    whole = song.read_stem("drums")
    assert np.array_equal(song.read_excerpt("drums", slice(5_000, 20_000)), whole[:, 5_000:20_000])
    past = song.read_excerpt("drums", slice(whole.shape[1] - 10, whole.shape[1] + 10))
    assert np.array_equal(past, np.pad(whole[:, -10:], ((0, 0), (0, 10))))


def test_a_track_begins_at_its_offset(tmp_path):
    low = write(tmp_path / "low.wav", noise(0.2, rate=22_050), 22_050)
    high = write(tmp_path / "high.wav", noise(0.1))
    tracks = (Track("low", "bass", (low,), offset=1_000), Track("high", "bass", (high,), offset=50))
    song = Multitrack(PurePosixPath("song"), tmp_path, tracks)
    assert song.samples == 2 * (1_000 + round(0.2 * 22_050))
    stem = song.read_stem("bass")
    assert stem.shape == (2, song.samples)
    assert not stem[:, :50].any()
    assert np.array_equal(stem[:, 50:2_000], audio_files.read(high)[0][:, :1_950])
    for start in (0, 30, 60):
        assert np.array_equal(song.read_excerpt("bass", slice(start, start + 100)), stem[:, start : start + 100])


def test_a_stem_alone_has_the_rate_of_its_own_files(tmp_path):
    bass = write(tmp_path / "bass.wav", noise(0.2, rate=22_050), 22_050)
    vocals = write(tmp_path / "vocals.wav", noise(0.2))
    song = Multitrack.from_files("song", {"bass": [bass], "vocals": [vocals]})
    vocals.write_text("not audio")
    samples, rate = song.read_native("bass")
    assert rate == 22_050
    assert np.array_equal(samples, audio_files.read(bass)[0])


def test_stems_are_read_when_they_are_asked_for(tmp_path, monkeypatch):
    files = {stem: [write(tmp_path / f"{stem}.wav", noise(0.1))] for stem in ("bass", "drums")}
    stems = Multitrack.from_files("song", files).read_stems()
    opened = []
    read = audio_files.read
    monkeypatch.setattr(audio_files, "read", lambda path: (opened.append(path), read(path))[1])
    assert (list(stems), len(stems), "vocals" in stems, opened) == (["bass", "drums"], 2, False, [])
    assert stems["bass"].shape == noise(0.1).shape
    assert set(opened) == set(files["bass"])
    with pytest.raises(KeyError):
        stems["vocals"]


def test_a_multitrack_can_be_hashed_and_sent_to_workers(tmp_path):
    song = Multitrack.from_files("train/song", {"bass": [tmp_path / "bass.wav"]})
    assert {pickle.loads(pickle.dumps(song)), song} == {song}
    assert (song.name, song.id) == ("song", "train/song")
    with pytest.raises(InputError, match="unknown stem 'drum'"):
        Track("kick", "drum", ())
