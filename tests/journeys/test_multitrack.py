"""A multitrack corpus goes through the commands that know four stems: they see the sums of the groups."""

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from fxnorm import audio_files
from fxnorm.cli import main
from fxnorm.corpus import scan
from fxnorm.corpus.stems import STEMS

SONGS = 5  # the last one is for testing
SECONDS = 4


def run(*words: object) -> int:
    sys.argv = ["fxnorm", *map(str, words)]
    try:
        main()
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


@pytest.fixture
def fxnorm(monkeypatch, capsys):
    """Run a command line in this process: exit code and output."""

    def call(*words: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", sys.argv)
        code = run(*words)
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return code, printed.out

    return call


@pytest.fixture(scope="module")
def songs(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("songs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [])
        words = ("--multitrack", "--engineer", "close", "--songs", SONGS, "--seconds", SECONDS, "-j", 1, "-q")
        assert run("corpus", "synth", out, *words) == 0
    return out


@pytest.fixture(scope="module")
def sums(songs, tmp_path_factory) -> Path:
    """The same dry songs with one file for each stem."""
    out = tmp_path_factory.mktemp("sums")
    for song in scan(songs / "dry"):
        (out / song.id).mkdir(parents=True)
        for stem, audio in song.read_stems().items():
            audio_files.write(out / song.id / f"{stem}.wav", audio, song.sample_rate)
    return out


def test_every_file_is_good_and_the_wet_stems_add_up(fxnorm, songs):
    code, printed = fxnorm("corpus", "check", songs / "dry", "-j", 1, "--json")
    assert code == 0
    reports = json.loads(printed)
    assert len(reports) == SONGS
    for report in reports:
        assert 6 <= len(report["files"]) <= 16
        assert not any(file["error"] or file["silent"] or file["clipped"] for file in report["files"])
    code, printed = fxnorm("corpus", "check", songs / "wet", "-j", 1, "--json")
    assert code == 0
    assert all(report["residual_db"] < -110.0 for report in json.loads(printed))


def test_normalising_the_tracks_is_normalising_their_sums(fxnorm, songs, sums, tmp_path):
    for source, out in ((songs / "dry", tmp_path / "tracks"), (sums, tmp_path / "sums")):
        assert fxnorm("normalize", source, "-o", out, "--split", "test", "-j", 1, "-q")[0] == 0
    paths = sorted((tmp_path / "sums").rglob("*.wav"))
    assert len(paths) == len(scan(sums, split="test")[0].stems)
    for path in paths:
        expected = audio_files.read(path)[0]
        normalized = audio_files.read(tmp_path / "tracks" / path.relative_to(tmp_path / "sums"))[0]
        assert expected.any()
        np.testing.assert_allclose(normalized, expected, atol=1e-5)


def test_the_tracks_are_mixed_as_their_groups(fxnorm, songs, sums, tmp_path):
    (song,) = scan(sums, split="test")
    mixes = []
    for source in (songs / "dry" / song.id, song.folder):
        out = tmp_path / f"{len(mixes)}.wav"
        code, printed = fxnorm("mix", source, "--model", "naive", "-o", out)
        assert code == 0, printed
        mixes.append(audio_files.read(out)[0])
    assert mixes[0].any()
    np.testing.assert_allclose(*mixes, atol=1e-5)


def test_models_mix_the_dry_groups_for_an_evaluation(fxnorm, songs, tmp_path):
    report = tmp_path / "report.html"
    words = ("--dry-stems", songs / "dry", "-m", "sum", "-m", "normalized-sum", "-o", report, "-j", 1, "-q")
    code, printed = fxnorm("evaluate", songs / "wet", *words)
    assert code == 0
    assert "Dry stems, 1 song" in printed
    rows = list(csv.DictReader(report.with_suffix(".csv").open(encoding="utf-8")))
    assert rows
    wet, dry = json.loads(report.with_suffix(".json").read_text(encoding="utf-8"))["comparisons"]
    assert wet["means"]["mrstft"]["sum"]["mean"] < 1e-3
    assert dry["means"]["mrstft"]["sum"]["mean"] > 0.1


def test_the_gap_is_measured_between_wet_stems_and_dry_groups(fxnorm, songs, sums):
    gaps = []
    for dry in (songs / "dry", sums):
        code, printed = fxnorm("domain-gap", songs / "wet", dry, "--split", "test", "-j", 1, "--json", "-q")
        assert code == 0
        gaps.append(json.loads(printed)["default"])
    assert [gap["stem"] for gap in gaps[0]] == [stem for stem in STEMS if stem in scan(sums, split="test")[0].stems]
    for tracks, whole in zip(*gaps, strict=True):
        for measure, distance in whole["before"].items():
            assert tracks["before"][measure] == pytest.approx(distance, rel=1e-3, abs=1e-4)


def test_a_new_console_has_a_strip_for_every_track(fxnorm, songs, tmp_path):
    (song,) = scan(songs / "dry", split="test")
    code, printed = fxnorm("console", "new", song.folder, "-o", tmp_path / "new.json")
    assert code == 0
    truth = json.loads((songs / "wet" / song.id / "song.console.json").read_text(encoding="utf-8"))
    drawn = json.loads((tmp_path / "new.json").read_text(encoding="utf-8"))
    assert f"{len(truth['tracks'])} tracks" in printed
    identity = ("name", "role", "stem", "files")
    assert sorted([track[key] for key in identity] for track in drawn["tracks"]) == sorted(
        [track[key] for key in identity] for track in truth["tracks"]
    )
    assert truth["notes"]["engineer"] == "close"


def test_an_engineer_without_multitracks_is_refused(fxnorm, tmp_path):
    assert fxnorm("corpus", "synth", tmp_path / "x", "--engineer", "dark", "--songs", 1, "-j", 1)[0] == 2
    assert not (tmp_path / "x").exists()
