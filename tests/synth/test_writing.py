"""Writing the synthetic corpus."""

import json
import pickle
from collections import Counter

import numpy as np
import pytest
from click.testing import CliRunner

from fxnorm import audio, audio_files
from fxnorm.cli import cli
from fxnorm.console import Console
from fxnorm.corpus.stems import STEMS
from fxnorm.errors import InputError
from fxnorm.synth import make_song, song_name, split_of, synthesize_corpus, write_indexed_song, write_song

SECONDS = 2.5


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    out = tmp_path_factory.mktemp("corpus")
    calls = []
    folders = synthesize_corpus(out, songs=5, seconds=SECONDS, seed=3, progress=lambda *call: calls.append(call))
    return out, folders, calls


def test_every_file_is_where_it_should_be(corpus):
    out, folders, calls = corpus
    assert [folder.name for folder in folders] == [song_name(3, index) for index in range(5)]
    assert calls == [(index + 1, 5, folder.name) for index, folder in enumerate(folders)]
    for index, folder in enumerate(folders):
        assert folder.parent == out / "wet" / split_of(index)
        assert sorted(path.name for path in folder.iterdir()) == sorted(
            [*(f"{stem}.flac" for stem in STEMS), "mixture.flac", "song.console.json", "song.json"]
        )
        dry_folder = out / "dry" / split_of(index) / folder.name
        assert sorted(path.name for path in dry_folder.iterdir()) == sorted(f"{stem}.flac" for stem in STEMS)


def test_files_hold_the_song_to_24_bits_and_the_mixture_is_the_sum(corpus):
    out, folders, _ = corpus
    song = make_song(3, 1, seconds=SECONDS)
    read = {name: audio_files.read(folders[1] / f"{name}.flac") for name in (*STEMS, "mixture")}
    assert {sample_rate for _, sample_rate in read.values()} == {audio.SAMPLE_RATE}
    for stem in STEMS:
        np.testing.assert_allclose(read[stem][0], song.wet[stem], atol=2**-23)
        dry, _ = audio_files.read(out / "dry" / "train" / folders[1].name / f"{stem}.flac")
        np.testing.assert_allclose(dry, song.dry[stem], atol=2**-23)
    np.testing.assert_allclose(sum(read[stem][0] for stem in STEMS), read["mixture"][0], atol=4 * 2**-23)
    assert audio_files.probe(folders[1] / "mixture.flac").subtype == "PCM_24"


def test_the_records_tell_how_to_make_the_song_again(corpus):
    _, folders, _ = corpus
    record = json.loads((folders[2] / "song.json").read_text(encoding="utf-8"))
    song = make_song(record["seed"], record["index"], seconds=record["samples"] / record["sample_rate"])
    assert (record["name"], record["score"]) == (song.name, song.score)
    console = Console.load(folders[2] / "song.console.json")
    assert console.name == song.name
    assert console.values() == song.console.values()
    assert console.notes == song.console.notes


@pytest.mark.parametrize("index", [0, 4])
def test_the_console_makes_the_wet_stems_of_the_dry_ones_again(corpus, tmp_path, index):
    out, folders, _ = corpus
    wet, dry = folders[index], out / "dry" / split_of(index) / folders[index].name
    command = ["console", "render", wet / "song.console.json", dry, "-o", tmp_path / "mixture.wav", "-q"]
    rendered = CliRunner().invoke(cli, [str(part) for part in (*command, "--tracks", tmp_path / "tracks")])
    assert rendered.exit_code == 0, rendered.output
    pairs = {f"{stem}.flac": tmp_path / "tracks" / f"{stem}.wav" for stem in STEMS}
    for name, path in {**pairs, "mixture.flac": tmp_path / "mixture.wav"}.items():
        expected, rendered_again = audio_files.read(wet / name)[0], audio_files.read(path)[0]
        rms = np.sqrt(np.mean((rendered_again - expected).astype(np.float64) ** 2))
        assert 20 * np.log10(rms + 1e-12) < -100.0
        assert expected.any()


def test_a_song_with_a_foreign_processor_is_written_and_cannot_be_replayed(tmp_path):
    class Inverter:
        def process(self, x):
            return -x

    song = make_song(3, 1, seconds=SECONDS, extra={"bass": [Inverter()]})
    write_song(song, tmp_path / "wet", tmp_path / "dry")
    command = [
        "console",
        "render",
        tmp_path / "wet" / "song.console.json",
        tmp_path / "dry",
        "-o",
        tmp_path / "mix.wav",
    ]
    rendered = CliRunner().invoke(cli, [str(part) for part in command])
    assert isinstance(rendered.exception, InputError)
    assert "Inverter" in str(rendered.exception)
    assert not (tmp_path / "mix.wav").exists()


def test_a_second_run_keeps_what_is_complete_and_makes_what_is_not(corpus):
    out, folders, _ = corpus
    times = [(folder / "mixture.flac").stat().st_mtime_ns for folder in folders]
    (folders[0] / "song.json").unlink()
    (folders[1] / "bass.flac").unlink()
    assert synthesize_corpus(out, songs=5, seconds=SECONDS, seed=3) == folders
    again = [(folder / "mixture.flac").stat().st_mtime_ns for folder in folders]
    assert [before != after for before, after in zip(times, again, strict=True)] == [True, True, False, False, False]
    assert (folders[1] / "bass.flac").is_file()


def test_another_length_is_another_song(tmp_path):
    first = write_indexed_song(tmp_path, 3, 0, 2.0)
    second = write_indexed_song(tmp_path, 3, 0, 2.5)
    assert first == second
    assert audio_files.probe(second / "mixture.flac").samples == round(2.5 * audio.SAMPLE_RATE)


def test_splits_are_fixed_and_in_proportion():
    counts = Counter(split_of(index) for index in range(200))
    assert counts == {"train": 140, "test": 40, "valid": 20}
    assert {split_of(index) for index in range(5)} == {"train", "test"}


def test_the_worker_function_can_be_sent_to_another_process():
    assert pickle.loads(pickle.dumps(write_indexed_song)) is write_indexed_song


def test_two_corpora_are_not_mixed(corpus):
    out, _, _ = corpus
    with pytest.raises(InputError, match="corpus of seed 4"):
        synthesize_corpus(out, songs=1, seconds=SECONDS, seed=4)
    with pytest.raises(InputError, match="at least 1 song"):
        synthesize_corpus(out, songs=0, seconds=SECONDS, seed=3)
