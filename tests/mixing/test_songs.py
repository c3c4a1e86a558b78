"""Songs on disk."""

import numpy as np
import pytest

from fxnorm import audio, audio_files
from fxnorm.errors import AudioError, InputError
from fxnorm.mixing import Song, find_songs
from tests.signals import noise


def write(path, samples, rate=audio.RATE, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    audio_files.write(path, samples, rate, **options)
    return path


def test_files_of_a_stem_are_added(tmp_path):
    kick = write(tmp_path / "kick.wav", noise(0.5, seed=1))
    snare = write(tmp_path / "snare.wav", noise(0.3, seed=2)[:1])
    song = Song.of_files("song", {"drums": [kick, snare], "bass": []})
    expected = noise(0.5, seed=1)
    expected[:, : round(0.3 * audio.RATE)] += noise(0.3, seed=2)[:1]
    assert list(song) == ["drums"]
    assert np.array_equal(song["drums"], expected)
    assert song.missing == ("vocals", "bass", "other")
    assert (song.rate, song.samples) == (audio.RATE, expected.shape[1])


def test_the_highest_rate_is_the_songs(tmp_path):
    low = write(tmp_path / "bass.wav", noise(1.0, rate=22_050), 22_050, subtype="PCM_16")
    high = write(tmp_path / "vox.flac", noise(0.5, rate=48_000), 48_000, subtype="PCM_24")
    song = Song.of_files("song", {"bass": [low], "vocals": [high]})
    assert (song.rate, song.rates, song.samples) == (48_000, (48_000, 22_050), 48_000)
    assert song["bass"].shape == (2, 48_000)


def test_folders_of_songs_are_found(tmp_path):
    for name in ("One", "train/Two", "train/.hidden", "notes"):
        write(tmp_path / name / "kick.wav", noise(0.1))
    (tmp_path / "notes" / "kick.wav").rename(tmp_path / "notes" / "mixdown.wav")
    write(tmp_path / "One" / "mixture.wav", noise(0.1))
    songs = find_songs([tmp_path])
    assert [song.name for song in songs] == ["One", "train/Two"]
    assert [path.name for path in songs[0].skipped] == ["mixture.wav"]
    assert [song.name for song in find_songs([tmp_path / "One", tmp_path / "train"])] == ["One", "Two"]
    with pytest.raises(InputError, match="second song called 'One'"):
        find_songs([tmp_path, tmp_path / "One"])


def test_a_map_fits_somewhere_or_is_refused(tmp_path):
    for name in ("One", "Two"):
        write(tmp_path / name / f"{name} thing.wav", noise(0.1))
    songs = find_songs([tmp_path], {"bass": ["one*.wav"]})
    assert [list(song) for song in songs] == [["bass"], ["other"]]
    with pytest.raises(InputError, match=r"'three\.wav' fits none"):
        find_songs([tmp_path], {"bass": ["three.wav"]})


def test_wrong_folders_and_files_are_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="found nothing"):
        find_songs([tmp_path / "none"])
    with pytest.raises(InputError, match="found none"):
        find_songs([tmp_path / "empty"])
    kick = write(tmp_path / "kick.wav", noise(0.1))
    with pytest.raises(InputError, match="found a file"):
        find_songs([kick])
    with pytest.raises(InputError, match="named twice"):
        Song.of_files("song", {"drums": [kick], "bass": [kick]})
    with pytest.raises(InputError, match="at least one"):
        Song.of_files("song", {"drums": []})
    with pytest.raises(AudioError, match="cannot be opened"):
        _ = Song.of_files("song", {"drums": [tmp_path / "gone.wav"]}).rate
