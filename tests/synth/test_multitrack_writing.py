"""Writing multitrack corpora: layout, replay, determinism, resumption."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from fxnorm import audio, audio_files
from fxnorm.choices import SPLITS
from fxnorm.cli import cli
from fxnorm.console import Console
from fxnorm.corpus import scan
from fxnorm.corpus.stems import STEMS
from fxnorm.errors import InputError
from fxnorm.synth import (
    deal_engineer,
    make_multitrack,
    song_name,
    split_of,
    synthesize_corpus,
    write_indexed_multitrack,
)

SECONDS = 2.5
SONGS = 3


def files(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    out = tmp_path_factory.mktemp("corpus")
    return out, synthesize_corpus(out, songs=SONGS, seconds=SECONDS, seed=3, multitrack=True)


def test_every_file_is_where_it_should_be(corpus):
    out, folders = corpus
    for index, folder in enumerate(folders):
        assert folder == out / "wet" / split_of(index) / song_name(3, index)
        expected = [*(f"{name}.flac" for name in (*STEMS, "mixture")), "song.console.json", "song.json"]
        assert sorted(path.name for path in folder.iterdir()) == sorted(expected)
        song = make_multitrack(3, index, seconds=SECONDS)
        dry = out / "dry" / split_of(index) / folder.name
        assert sorted(path.name for path in dry.iterdir()) == sorted(f"{name}.flac" for name in song.dry)
        for name, recording in song.dry.items():
            np.testing.assert_allclose(audio_files.read(dry / f"{name}.flac")[0], recording, atol=2**-22)


def test_the_corpus_commands_see_the_roles_of_the_record(corpus):
    out, folders = corpus
    songs = {song.name: song for song in scan(out / "dry")}
    for folder in folders:
        record = json.loads((folder / "song.json").read_text(encoding="utf-8"))
        assert record["engineer"] == "balanced"
        tracks = songs[folder.name].tracks
        roles = {path.stem: (track.role, track.stem) for track in tracks for path in track.files}
        assert roles == {name: (track["role"], track["stem"]) for name, track in record["tracks"].items()}


def test_the_console_renders_the_mixture_from_the_files(corpus, tmp_path):
    out, folders = corpus
    for index, wet in enumerate(folders):
        mix = tmp_path / f"{index}.wav"
        dry = out / "dry" / split_of(index) / wet.name
        rendered = CliRunner().invoke(
            cli, ["console", "render", str(wet / "song.console.json"), str(dry), "-o", str(mix)]
        )
        assert rendered.exit_code == 0, rendered.output
        mixture = audio_files.read(wet / "mixture.flac")[0]
        difference = (audio_files.read(mix)[0] - mixture).astype(np.float64)
        assert 20 * np.log10(np.sqrt(np.mean(difference**2)) + 1e-12) < -100.0
        assert mixture.any()
        stems = sum(audio_files.read(wet / f"{stem}.flac")[0] for stem in STEMS)
        np.testing.assert_allclose(stems, mixture, atol=5 * 2**-23)


def test_two_processes_write_the_same_bytes(corpus, tmp_path):
    out, _ = corpus
    synthesize_corpus(tmp_path, songs=SONGS, seconds=SECONDS, seed=3, multitrack=True, jobs=2)
    assert files(tmp_path) == files(out)


def test_a_second_run_keeps_what_is_complete_and_makes_what_is_not(tmp_path):
    folders = synthesize_corpus(tmp_path, songs=3, seconds=2.0, seed=3, multitrack=True)
    whole = files(tmp_path)
    times = [(folder / "mixture.flac").stat().st_mtime_ns for folder in folders]
    (folders[0] / "song.json").unlink()
    next((tmp_path / "dry" / split_of(1) / folders[1].name).glob("*.flac")).unlink()
    assert synthesize_corpus(tmp_path, songs=3, seconds=2.0, seed=3, multitrack=True) == folders
    again = [(folder / "mixture.flac").stat().st_mtime_ns for folder in folders]
    assert [before != after for before, after in zip(times, again, strict=True)] == [True, True, False]
    assert files(tmp_path) == whole


def test_another_engineer_mixes_the_same_dry_tracks(corpus, tmp_path):
    out, _ = corpus
    synthesize_corpus(tmp_path, songs=SONGS, seconds=SECONDS, seed=3, multitrack=True, engineers=["dark"])
    assert files(tmp_path / "dry") == files(out / "dry")
    mine, theirs = files(tmp_path / "wet"), files(out / "wet")
    assert mine.keys() == theirs.keys()
    assert all(mine[name] != theirs[name] for name in mine if name.endswith(("mixture.flac", ".json")))


def test_engineers_are_dealt_by_song_and_a_test_can_be_held_on_an_unseen_one(tmp_path):
    dealt = [deal_engineer(3, index, ("balanced", "loud"), ("dark", "close")) for index in range(100)]
    by_split = {split: {name for i, name in enumerate(dealt) if split_of(i) == split} for split in SPLITS}
    assert by_split == {"train": {"balanced", "loud"}, "valid": {"balanced", "loud"}, "test": {"dark", "close"}}
    assert {deal_engineer(3, index, ()) for index in range(20)} == {"balanced"}
    assert {deal_engineer(3, index, ("loud",)) for index in range(20)} == {"loud"}
    out = tmp_path / "songs"
    folders = synthesize_corpus(
        out, songs=5, seconds=2.0, seed=3, multitrack=True, engineers=["balanced", "loud"], test_engineers=["dark"]
    )
    records = [json.loads((folder / "song.json").read_text(encoding="utf-8")) for folder in folders]
    expected = [deal_engineer(3, index, ("balanced", "loud"), ("dark",)) for index in range(5)]
    assert [record["engineer"] for record in records] == expected
    assert expected[4] == "dark"
    assert [Console.load(folder / "song.console.json").notes["engineer"] for folder in folders] == expected


def test_a_changed_session_leaves_no_track_of_the_earlier_one(tmp_path):
    first = write_indexed_multitrack(tmp_path, 3, 0, 2.0, "balanced")
    dry = tmp_path / "dry" / split_of(0) / first.name
    console = Console.load(first / "song.console.json")
    old = console.tracks[0].files[0]
    (dry / old).rename(dry / "Old Kick.flac")
    content = (first / "song.console.json").read_text(encoding="utf-8")
    (first / "song.console.json").write_text(content.replace(old, "Old Kick.flac"), encoding="utf-8")
    (dry / "mine.txt").write_text("kept")
    second = write_indexed_multitrack(tmp_path, 3, 0, 2.5, "balanced")
    assert second == first
    assert {path.name for path in dry.iterdir()} == {
        "mine.txt", *(track.files[0] for track in Console.load(first / "song.console.json").tracks)
    }  # fmt: skip
    assert audio_files.probe(second / "mixture.flac").samples == round(2.5 * audio.SAMPLE_RATE)


def test_stems_and_multitracks_are_not_mixed(corpus, tmp_path):
    out, _ = corpus
    with pytest.raises(InputError, match="corpus of stems, got one of multitracks"):
        synthesize_corpus(out, songs=1, seconds=SECONDS, seed=3)
    with pytest.raises(InputError, match="corpus of seed 4"):
        synthesize_corpus(out, songs=1, seconds=SECONDS, seed=4, multitrack=True)
    synthesize_corpus(tmp_path, songs=1, seconds=2.0, seed=3)
    with pytest.raises(InputError, match="corpus of multitracks, got one of stems"):
        synthesize_corpus(tmp_path, songs=1, seconds=2.0, seed=3, multitrack=True)
    with pytest.raises(InputError, match="expected multitracks for the engineer 'dark', got stems"):
        synthesize_corpus(tmp_path, songs=1, seconds=2.0, seed=3, engineers=["dark"])
