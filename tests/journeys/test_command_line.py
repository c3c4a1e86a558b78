"""Whole workflows on the command line: exit codes, output and files."""

import json
import sys
import zipfile

import numpy as np
import pytest

from fxnorm import audio, audio_files
from fxnorm.cli import main
from fxnorm.corpus.stems import STEMS
from tests.signals import noise, plucks


@pytest.fixture
def fxnorm(monkeypatch, capsys):
    """Run a command line in this process: exit code, output, error output."""

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["fxnorm", *map(str, words)])
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return code, printed.out, printed.err

    return call


def write_song(folder, *, seed=0):
    folder.mkdir(parents=True)
    for number, stem in enumerate(STEMS):
        audio_files.write(
            folder / f"{stem}.wav", 0.4 * plucks(1.2, seed=10 * seed + number), audio.SAMPLE_RATE, subtype="PCM_16"
        )


@pytest.fixture
def songs(tmp_path):
    root = tmp_path / "songs"
    write_song(root / "First Song", seed=1)
    write_song(root / "-o \"second\" 'sóng' 曲", seed=2)
    return root


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_from_a_synthetic_corpus_to_normalised_stems(fxnorm, tmp_path):
    corpus, stats, out = tmp_path / "corpus", tmp_path / "stats.json", tmp_path / "out"
    code, printed, _ = fxnorm("corpus", "synth", corpus, "--songs", 2, "--seconds", 4, "-j", 1)
    assert (code, "2 songs" in printed) == (0, True)
    code, printed, _ = fxnorm("corpus", "check", corpus / "wet", "-j", 1)
    assert (code, "2 songs, 0 with errors" in printed) == (0, True)
    assert fxnorm("stats", "compute", corpus / "wet", "-o", stats, "-j", 1)[0] == 0
    code, printed, _ = fxnorm("stats", "show", stats)
    assert (code, "| vocals" in printed) == (0, True)
    assert json.loads(fxnorm("stats", "show", stats, "--json")[1])["format"] == "fxnorm-stats"
    assert fxnorm("stats", "plot", stats, "musdb18", "-o", tmp_path / "plot.png")[0] == 0
    assert (tmp_path / "plot.png").read_bytes()[:4] == b"\x89PNG"
    code, printed, _ = fxnorm("stats", "compare", stats, "musdb18")
    assert (code, printed.count("| vocals")) == (0, 3)
    assert json.loads(fxnorm("stats", "compare", stats, stats, "--json")[1])["bass"]["loudness"] == 0.0
    assert fxnorm("stats", "merge", stats, stats, "-o", tmp_path / "merged.json")[0] == 0
    assert fxnorm("normalize", corpus / "wet", "-o", out, "--stats", stats, "-j", 1)[0] == 0
    code, printed, _ = fxnorm("normalize", corpus / "wet", "-o", out, "--stats", stats, "-j", 1)
    assert "0 normalised, 8 up to date, 0 failed" in printed
    code, printed, _ = fxnorm("domain-gap", corpus / "wet", corpus / "dry", "--stats", f"default={stats}", "-j", 1)
    assert (code, "| default, all" in printed, "| published, bass" in printed) == (0, True, True)


def test_the_demo_shows_all_of_it_and_can_be_run_again(fxnorm, tmp_path):
    words = ("demo", "-o", tmp_path / "demo", "--songs", 2, "--seconds", 4, "-j", 2)
    code, printed, _ = fxnorm(*words)
    assert code == 0
    assert "8 normalised, 0 up to date" in printed
    assert "| default, all" in printed
    assert {"stats.json", "stats.png"} <= set(files(tmp_path / "demo"))
    code, again, _ = fxnorm(*words)
    assert "0 normalised, 8 up to date" in again
    assert again.splitlines()[-1] == printed.splitlines()[-1]


def test_strength_effects_layout_and_json(fxnorm, songs):
    code, printed, _ = fxnorm(
        "normalize", songs, "--suffix", "dry", "--effects", "loudness,eq", "--strength", 0.5, "--strength", "eq=1",
        "--format", "flac", "--json", "-j", 1,
    )  # fmt: skip
    assert (code, json.loads(printed)) == (0, {"normalized": 8, "up_to_date": 0, "failures": []})
    card = json.loads((songs / "First Song" / "bass_dry.json").read_text())
    assert card["strength"] == {"eq": 1.0, "loudness": 0.5}
    assert (songs / "First Song" / "bass_dry.flac").is_file()


def test_an_archive_is_unpacked_and_one_that_leaves_its_folder_is_not(fxnorm, songs, tmp_path):
    good, bad = tmp_path / "good.zip", tmp_path / "bad.zip"
    with zipfile.ZipFile(good, "w") as archive:
        for path in songs.rglob("*.wav"):
            archive.write(path, f"train/{path.parent.name}/{path.name}")
    with zipfile.ZipFile(bad, "w") as archive:
        archive.writestr("train/a/vocals.wav", b"x")
        archive.writestr("../outside.wav", b"x")
    assert fxnorm("corpus", "extract", good, tmp_path / "unpacked")[0] == 0
    assert len(files(tmp_path / "unpacked")) == 8
    code, _, complaint = fxnorm("corpus", "extract", bad, tmp_path / "unpacked2")
    assert (code, complaint.count("\n")) == (2, 1)
    assert not (tmp_path / "unpacked2").exists() or not files(tmp_path / "unpacked2")
    assert not (tmp_path / "outside.wav").exists()


def damaged(kind, path):
    whole = path.read_bytes()
    if kind == "text":
        path.write_text("this is text")
    elif kind == "cut short":
        path.write_bytes(whole[: len(whole) // 2])
    elif kind == "empty file":
        path.write_bytes(b"")
    elif kind == "rate 0":
        path.write_bytes(whole[:24] + bytes(4) + whole[28:])
    elif kind == "no samples":
        import soundfile

        soundfile.write(path, np.zeros((0, 2)), audio.SAMPLE_RATE)
    elif kind == "three channels":
        import soundfile

        soundfile.write(path, np.zeros((1000, 3)), audio.SAMPLE_RATE)
    elif kind in ("NaN", "infinity"):
        samples = noise(0.5)
        samples[0, 100] = np.nan if kind == "NaN" else np.inf
        import soundfile

        soundfile.write(path, samples.T, audio.SAMPLE_RATE, subtype="FLOAT")
    elif kind == "a folder":
        path.unlink()
        path.mkdir()
    elif kind == "unreadable":
        path.unlink()
        path.symlink_to(path.parent / "gone.wav")


# a folder or a dangling link counts as a missing stem, which is no failure
NAMED = ["text", "cut short", "empty file", "rate 0", "no samples", "three channels", "NaN", "infinity"]


@pytest.mark.parametrize("kind", NAMED)
def test_a_bad_file_is_named_and_the_rest_is_done(fxnorm, songs, tmp_path, kind):
    damaged(kind, songs / "First Song" / "bass.wav")
    out = tmp_path / "out"
    code, printed, complaint = fxnorm("normalize", songs, "-o", out, "-j", 1)
    assert code == 1
    assert "7 normalised, 0 up to date, 1 failed" in printed
    assert complaint.startswith("fxnorm: failed: First Song bass: ")
    assert complaint.count("\n") == 1
    assert not (out / "First Song" / "bass.wav").exists()
    code, printed, complaint = fxnorm("stats", "compute", songs, "-o", tmp_path / "stats.json", "-j", 1)
    assert (code, "First Song bass" in complaint) == (1, True)
    assert (tmp_path / "stats.json").exists()
    code, printed, complaint = fxnorm("corpus", "check", songs, "-j", 1)
    assert (code, "1 with errors" in printed, complaint) == (1, True, "")


@pytest.mark.parametrize("kind", ["a folder", "unreadable"])
def test_what_is_no_file_is_a_missing_stem(fxnorm, songs, tmp_path, kind):
    damaged(kind, songs / "First Song" / "bass.wav")
    code, printed, _ = fxnorm("normalize", songs, "-o", tmp_path / "out", "-j", 1)
    assert (code, "7 normalised" in printed) == (0, True)


def test_help_says_what_there_is(fxnorm):
    code, printed, _ = fxnorm("--help")
    assert code == 0
    for verb in ("demo", "corpus", "stats", "normalize", "domain-gap", "train", "models"):
        assert verb in printed
    assert fxnorm("--version")[1].startswith("fxnorm")
