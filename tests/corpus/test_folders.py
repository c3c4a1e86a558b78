"""Songs with subfolders: which folders count as songs, and which files are read."""

from collections.abc import Callable
from pathlib import Path

import pytest

from fxnorm import audio, audio_files, corpus
from fxnorm.errors import InputError

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Create empty files, since scanning opens none."""

    def create(*names: str) -> Path:
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()
        return tmp_path

    return create


def found(root: Path) -> dict[str, dict[str, list[str]]]:
    """Names of tracks by song and stem."""
    return {
        song.id: {
            stem: [track.name for track in song.tracks if track.stem == stem]
            for stem in {track.stem for track in song.tracks}
        }
        for song in corpus.scan(root)
    }


def test_a_folder_of_groups_is_a_song(write: Write) -> None:
    root = write(
        "A/Drums/kick.wav", "A/Drums/Close/snare.wav", "A/Lead Vox/1.wav", "A/Mixes/final.wav", "A/notes/x.txt"
    )
    assert found(root) == {"A": {"drums": ["Drums/Close/snare", "Drums/kick"], "vocals": ["Lead Vox/1"]}}
    (song,) = corpus.scan(root / "A")
    assert (song.id, song.folder) == ("A", root / "A")
    assert song.skipped == (root / "A" / "Mixes" / "final.wav",)


def test_a_group_may_hold_a_file_of_its_own_name(write: Write) -> None:
    root = write("A/Drums/drums.wav", "A/Vocals/vocals.wav", "A/Bass/bass.wav")
    assert found(root) == {"A": {"drums": ["Drums/drums"], "vocals": ["Vocals/vocals"], "bass": ["Bass/bass"]}}


def test_recordings_beside_groups_belong_to_the_song(write: Write) -> None:
    root = write("A/bass.wav", "A/Drums/kick.wav", "A/Misc/thing.wav", "A/Misc/lead vox.wav")
    assert found(root) == {
        "A": {"bass": ["bass"], "drums": ["Drums/kick"], "vocals": ["Misc/lead vox"], "other": ["Misc/thing"]}
    }
    assert corpus.scan(root)[0].unrecognized == (root / "A" / "Misc" / "thing.wav",)


def test_songs_are_told_from_groups(write: Write) -> None:
    root = write("Drums/vocals.wav", "Drums/bass.wav", "Vocals/kick.wav")  # a song called Drums
    assert found(root) == {"Drums": {"vocals": ["vocals"], "bass": ["bass"]}, "Vocals": {"drums": ["kick"]}}
    assert found(write("x/Drums/kick.wav", "x/Title/kick.wav") / "x") == {
        "Drums": {"drums": ["kick"]},
        "Title": {"drums": ["kick"]},
    }


def test_stray_audio_does_not_make_a_corpus_a_song(write: Write, caplog: pytest.LogCaptureFixture) -> None:
    root = write("vocals sample.wav", "A/vocals.wav", "B/kick.wav", "C/Drums/kick.wav")
    assert list(found(root)) == ["A", "B", "C"]
    assert "vocals sample.wav: passed over" in caplog.text
    root = write("s/preview.wav", "s/Title/kick.wav", "t/kick.wav", "t/train/A/vocals.wav")
    assert list(found(root / "s")) == ["Title"]
    assert list(found(root / "t")) == ["train/A"]


def test_songs_inside_a_song_are_left_out(write: Write) -> None:
    root = write("A/bass.wav", "A/earlier/bass.wav", "A/earlier/old/drums.wav")
    (song,) = corpus.scan(root)
    assert [track.name for track in song.tracks] == ["bass"]
    assert song.unused == (root / "A/earlier/bass.wav", root / "A/earlier/old/drums.wav")


def test_songs_are_found_at_every_depth_and_keep_their_split(write: Write) -> None:
    root = write("artist/album/A/vocals.wav", "wet/test/B/vocals.wav", "wet/train/Leaf - Summerghost/bass.wav")
    assert [(song.id, song.split) for song in corpus.scan(root)] == [
        ("artist/album/A", None),
        ("wet/train/Leaf - Summerghost", "valid"),
        ("wet/test/B", "test"),
    ]


def test_hidden_folders_and_those_of_macos_are_ignored(write: Write) -> None:
    root = write("A/Drums/kick.wav", "A/.old/kick.wav", "A/__MACOSX/Drums/snare.wav", "A/Drums/._kick.wav")
    assert found(root) == {"A": {"drums": ["Drums/kick"]}}
    assert corpus.scan(root)[0].left_out == ()


def test_links_to_folders_above_are_not_followed(write: Write) -> None:
    root = write("songs/A/vocals.wav", "songs/B/Drums/kick.wav")
    (root / "songs" / "loop").symlink_to(root / "songs")
    (root / "songs" / "B" / "Drums" / "again").symlink_to(root / "songs" / "B" / "Drums")
    assert list(found(root / "songs")) == ["A", "B"]


def test_results_beside_recordings_are_not_read_again(write: Write) -> None:
    root = write("A/kick.wav", "A/snare.wav", "A/drums_dry.wav", "A/drums_dry.json", "A/Vox/1.wav")
    assert found(root) == {"A": {"drums": ["kick", "snare"], "vocals": ["Vox/1"]}}
    (song,) = corpus.scan(root, suffix="dry")
    assert dict(song.stems) == {"drums": (root / "A" / "drums_dry.wav",)}


def test_only_mixes_are_no_song(write: Write) -> None:
    root = write("A/Mixes/one.wav", "A/click.wav")
    with pytest.raises(InputError, match="found audio of other names"):
        corpus.scan(root)
    with pytest.raises(InputError, match="expected a folder of stems"):
        corpus.scan_folders([root])


def test_a_check_says_what_is_guessed_and_left_out(tmp_path: Path) -> None:
    for name in ("kick", "thing", "click", "Vox/bass.vox", "bass", "Bass DI"):
        path = tmp_path / "A" / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        audio_files.write(path, audio.as_audio([[0.1] * 500]), audio.SAMPLE_RATE)
    (song,) = corpus.scan(tmp_path)
    report = corpus.inspect(song)
    assert [(file.file, file.stem) for file in report.files] == [
        ("Vox/bass.vox.wav", "vocals"),
        ("bass.wav", "bass"),
        ("kick.wav", "drums"),
        ("thing.wav", "other"),
    ]
    assert report.problems == [
        "taken as other, the name says no instrument: thing.wav",
        "unused, not the name of a stem: Bass DI.wav, click.wav",
        "no mixture",
    ]
