"""Files of the left and the right channel: recognised by name, read as one stereo track."""

from pathlib import Path

import numpy as np
import pytest

from fxnorm import audio_files
from fxnorm.console import Console
from fxnorm.corpus import Multitrack, Track, scan
from fxnorm.corpus.pairs import find_pairs
from fxnorm.corpus.sorting import sort_files
from fxnorm.errors import InputError
from fxnorm.mixing.console_files import ConsoleFiles
from tests.signals import noise

RATE = 44_100


@pytest.mark.parametrize(
    ("left", "right", "name"),
    [
        ("OH L", "OH R", "OH"),
        ("ElecGtr_L", "ElecGtr_R", "ElecGtr"),
        ("OHL", "OHR", "OH"),
        ("OverheadsLeft", "OverheadsRight", "Overheads"),
        ("Left Guitar", "Right Guitar", "Guitar"),
        ("Drums/room-l", "Drums/room-r", "Drums/room"),
        ("Gtr L DI", "Gtr R DI", "Gtr DI"),
        ("07 OH L", "08 OH R", "OH"),
        ("Keys (L)", "Keys (R)", "Keys"),
        ("L", "R", "L+R"),
    ],
)
def test_names_of_a_pair(left: str, right: str, name: str) -> None:
    assert find_pairs([right, "Kick", left, "Vocal"]) == {(left, right): name}


@pytest.mark.parametrize(
    "names",
    [
        ("OH L", "Gtr R"),
        ("Vocal", "Bass"),
        ("OH L", "Room/OH R"),
        ("OH L", "OH Right"),
        ("01 OH L", "02 OH R", "03 OH L"),  # which one is it?
        ("L to R", "R to L"),
    ],
)
def test_names_of_no_pair(names: tuple[str, ...]) -> None:
    assert find_pairs(names) == {}


def test_numbers_in_names_tell_pairs_apart() -> None:
    names = ["Tom 1 L", "Tom 1 R", "Tom 2 L", "Tom 2 R"]
    assert find_pairs(names) == {("Tom 1 L", "Tom 1 R"): "Tom 1", ("Tom 2 L", "Tom 2 R"): "Tom 2"}


def test_a_pair_beside_its_own_name() -> None:
    assert find_pairs(["OH", "OH L", "OH R"]) == {("OH L", "OH R"): "OH L+R"}


def test_pairs_of_one_role_only() -> None:
    song = Path("song")
    files = [song / "Thing L.wav", song / "Thing R.wav"]
    assert [len(track.files) for track in sort_files(song, files).tracks] == [2]
    apart = sort_files(song, files, overrides={"strings": ["Thing L.wav"]}).tracks
    assert [(track.role, len(track.files)) for track in apart] == [("strings", 1), (None, 1)]


def test_maps_name_roles() -> None:
    song = Path("song")
    overrides = {"backing_vocals": ["a.wav"], "kick": ["b.wav"], "drums": ["c.wav"], "bass": ["d.wav"]}
    tracks = sort_files(song, [song / f"{name}.wav" for name in "abcd"], overrides=overrides).tracks
    assert {track.name: (track.stem, track.role) for track in tracks} == {
        "a": ("vocals", "backing_vocals"),
        "b": ("drums", "kick"),
        "c": ("drums", "kit"),
        "d": ("bass", "bass"),
    }


@pytest.fixture
def song(tmp_path: Path) -> Multitrack:
    """Overheads as a pair of mono files of different length, a stereo pair whose channels differ, and a kick."""
    folder = tmp_path / "song"
    folder.mkdir()
    audio_files.write(folder / "OH L.wav", noise(1.0, seed=1)[:1], RATE)
    audio_files.write(folder / "OH R.wav", noise(0.7, seed=2)[:1], RATE)
    audio_files.write(folder / "Gtr L.wav", noise(1.0, seed=3), RATE)
    audio_files.write(folder / "Gtr R.wav", noise(1.0, seed=4), RATE)
    audio_files.write(folder / "Kick.wav", noise(0.5, seed=5)[:1], RATE)
    return scan(folder)[0]


def test_a_pair_is_read_as_left_and_right(song: Multitrack) -> None:
    left, right = noise(1.0, seed=1)[0], noise(0.7, seed=2)[0]
    kick = np.pad(noise(0.5, seed=5)[0], (0, RATE // 2))
    drums = song.read_stem("drums")
    np.testing.assert_allclose(drums[0], left + kick, atol=1e-6)
    np.testing.assert_allclose(drums[1], np.pad(right, (0, len(left) - len(right))) + kick, atol=1e-6)
    span = slice(1000, 40_000)
    np.testing.assert_allclose(song.read_excerpt("drums", span), drums[:, span], atol=1e-6)
    guitars = song.read_stem("other")
    np.testing.assert_array_equal(guitars, [noise(1.0, seed=3)[0], noise(1.0, seed=4)[1]])


def test_consoles_keep_pairs(song: Multitrack, tmp_path: Path) -> None:
    console = Console.neutral(song)
    console.save(tmp_path / "song.console.json")
    loaded = Console.load(tmp_path / "song.console.json")
    assert loaded == console
    assert (loaded.track("OH").files, loaded.track("OH").layout) == (("OH L.wav", "OH R.wav"), "left_right")
    source = ConsoleFiles.find(loaded, song.folder)
    read = {track.strip.name: np.concatenate(list(track.read(RATE)), axis=1) for track in source.tracks}
    np.testing.assert_array_equal(read["OH"], _whole(song, "OH"))
    np.testing.assert_array_equal(read["Gtr"], _whole(song, "Gtr"))
    mix = np.concatenate([part.mix for part in source.render()], axis=1)
    mono = np.sqrt(0.5) * read["Kick"]
    np.testing.assert_allclose(
        mix[:, : mono.shape[1]], (read["OH"] + read["Gtr"])[:, : mono.shape[1]] + mono, atol=1e-6
    )


def _whole(song: Multitrack, name: str) -> np.ndarray:
    track = next(track for track in song.tracks if track.name == name)
    left, right = (audio_files.read(path)[0] for path in track.files)
    return np.stack((left[0], np.pad(right[-1], (0, left.shape[1] - right.shape[1]))))


def test_files_of_stems_are_paired_too(song: Multitrack) -> None:
    files = [song.folder / name for name in ("OH R.wav", "Kick.wav", "OH L.wav")]
    tracks = Multitrack.from_files("song", {"drums": files}).tracks
    assert [(track.name, len(track.files)) for track in tracks] == [("Kick", 1), ("OH", 2)]


def test_names_of_files_from_several_folders_differ(tmp_path: Path) -> None:
    files = [tmp_path / folder / "take.wav" for folder in ("a", "b")]
    names = [track.name for track in Multitrack.from_files("song", {"other": files}).tracks]
    assert names == ["take", "take 2"]


def test_a_pair_has_two_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="two as left and right"):
        Track("OH", "drums", (tmp_path / "a.wav",), layout="left_right")
    with pytest.raises(InputError, match="expected two files"):
        Console.from_dict(
            {"format": "fxnorm-console", "version": 1, "tracks": [{"name": "OH", "layout": "left_right"}]}
        )


def test_what_is_left_out_is_no_missing_track(song: Multitrack, tmp_path: Path) -> None:
    audio_files.write(song.folder / "Thing.wav", noise(1.0), RATE)
    console = Console.neutral(song)
    with pytest.raises(InputError, match="expected a track of the console"):
        ConsoleFiles.find(console, song.folder)
    document = {**console.to_dict(), "left_out": ["Thing.wav"]}
    assert len(ConsoleFiles.find(Console.from_dict(document), song.folder).tracks) == 3
