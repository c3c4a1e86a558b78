"""The same songs for every verb: subfolders, archives, and outputs in new folders."""

import json
import sys
import zipfile

import pytest
import soundfile

from fxnorm import audio, audio_files, cli
from fxnorm.corpus import extraction
from tests.signals import plucks

RECORDINGS = {
    "Drums/kick.wav": "drums",
    "Drums/Close/snare.wav": "drums",
    "Lead Vox/take 1.wav": "vocals",
    "bass di.wav": "bass",
    "thing.wav": "other",
}
LEFT_OUT = ["Mixes/final.wav", "click.wav"]


@pytest.fixture
def fxnorm(monkeypatch, capsys):
    """Run a command line in this process: exit code, output, error output."""

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["fxnorm", *map(str, words)])
        try:
            cli.main()
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return code, printed.out, printed.err

    return call


@pytest.fixture
def song(tmp_path):
    """A song with recordings in subfolders."""
    for seed, name in enumerate([*RECORDINGS, *LEFT_OUT, ".old/kick.wav", "__MACOSX/kick.wav"]):
        path = tmp_path / "songs" / "My Song" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        audio_files.write(path, 0.2 * plucks(1.0, seed=seed), audio.SAMPLE_RATE, subtype="PCM_16")
    return tmp_path / "songs" / "My Song"


def pack(path, folder, top=""):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*.wav")):
            archive.write(file, f"{top}{file.relative_to(folder)}")
    return path


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def taken_by_mix(card):
    return {file["file"]: stem for stem, entry in card["stems"].items() for file in entry.get("files", ())}


def test_every_verb_takes_the_same_files(fxnorm, song, tmp_path):
    code, printed, _ = fxnorm("corpus", "check", song.parent, "--json", "-j", 1)
    (report,) = json.loads(printed)
    assert code == 0
    assert {file["file"]: file["stem"] for file in report["files"]} == RECORDINGS
    assert (report["unrecognized"], report["unknown"]) == (["thing.wav"], LEFT_OUT)
    code, printed, _ = fxnorm("mix", song, "-o", tmp_path / "mix.wav", "--model", "sum", "--no-html", "--json")
    card = json.loads(printed)
    assert (code, taken_by_mix(card), card["skipped"]) == (0, RECORDINGS, LEFT_OUT)
    assert fxnorm("normalize", song.parent, "-o", tmp_path / "out", "--effects", "loudness", "-j", 1)[0] == 0
    cards = {stem: json.loads((tmp_path / f"out/My Song/{stem}.json").read_text()) for stem in RECORDINGS.values()}
    assert {file: stem for stem, card in cards.items() for file in card["source"]["files"]} == RECORDINGS
    code, printed, _ = fxnorm("stats", "compute", song.parent, "-o", tmp_path / "stats.json", "-j", 1)
    assert (code, "1 songs measured" in printed) == (0, True)
    assert json.loads((tmp_path / "stats.json").read_text())["counts"]["eq"] == dict.fromkeys(cards, 1)


def test_results_beside_recordings_do_not_change_the_next_run(fxnorm, song):
    words = ("normalize", song.parent, "--suffix", "dry", "--effects", "loudness", "-j", 1, "--json")
    assert json.loads(fxnorm(*words)[1])["normalized"] == 4
    assert (song / "drums_dry.wav").is_file()
    assert json.loads(fxnorm(*words)[1])["up_to_date"] == 4


@pytest.mark.parametrize(("top", "name"), [("", "packed"), ("My Song/", "My Song")])
def test_an_archive_is_mixed_and_checked(fxnorm, song, tmp_path, monkeypatch, top, name):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    archive = pack(tmp_path / "packed.zip", song, top)
    words = ("mix", archive, "-o", tmp_path / "mix.wav", "--model", "sum", "--no-html")
    code, printed, _ = fxnorm(*words, "--json")
    card = json.loads(printed)
    assert (code, taken_by_mix(card), card["song"]) == (0, RECORDINGS, name)
    (report,) = json.loads(fxnorm("corpus", "check", archive, "--json", "-j", 1)[1])
    assert report["track"] == name
    assert {file["file"]: file["stem"] for file in report["files"]} == RECORDINGS
    assert list(temporary.iterdir()) == []


def test_an_archive_of_songs_is_not_mixed_twice(fxnorm, song, tmp_path):
    archive = pack(tmp_path / "packed.zip", song.parent)
    words = ("mix", archive, "-o", tmp_path / "out", "--model", "sum", "--no-html", "--json")
    assert json.loads(fxnorm(*words)[1])["mixed"] == [str(tmp_path / "out" / "My Song.wav")]
    assert json.loads(fxnorm(*words)[1])["mixed"] == []


def evil(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("kick.wav", b"x")
        archive.writestr("../outside.wav", b"x")


def text_only(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("lyrics.txt", b"x")


def mixes_only(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mixdown.wav", b"x")


def huge(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("kick.wav", bytes(2_000))


@pytest.mark.parametrize("verb", [("mix", "-o", "mix.wav", "--model", "sum"), ("corpus", "check")])
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.write_text("no archive"), "expected a zip archive"),
        (lambda path: path.write_bytes(path.read_bytes()[:-300]), "expected a zip archive"),
        (lambda path: path.unlink(), "No such file"),
        (evil, "a path that leads out of the folder"),
        (text_only, "found no audio in it"),
        (mixes_only, "expected"),
        (huge, "unpack it with 'fxnorm corpus extract'"),
    ],
)
def test_a_bad_archive_is_one_line_and_writes_nothing(fxnorm, song, tmp_path, monkeypatch, verb, damage, message):
    archive = pack(tmp_path / "packed.zip", song)
    damage(archive)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(extraction, "MAX_TEMPORARY_BYTES", 1_000)
    before = files(tmp_path)
    code, printed, complaint = fxnorm(*verb, archive)
    assert (code, printed) == (2, "")
    assert complaint.startswith("fxnorm: error: ")
    assert complaint.count("\n") == 1
    assert message in complaint
    assert files(tmp_path) == before


def test_a_folder_called_like_an_archive_is_a_folder(fxnorm, song):
    folder = song.rename(song.with_name("song.zip"))
    code, printed, _ = fxnorm("corpus", "check", folder, "-j", 1)
    assert (code, "1 songs, 0 with errors" in printed) == (0, True)


def test_outputs_in_new_folders_are_made(fxnorm, song, tmp_path):
    new = tmp_path / "new" / "deep"
    assert fxnorm("mix", song, "-o", new / "1" / "mix.wav", "--model", "sum", "--no-html")[0] == 0
    assert soundfile.info(new / "1" / "mix.wav").samplerate == audio.SAMPLE_RATE
    assert fxnorm("stats", "compute", song, "-o", new / "2" / "stats.json", "-j", 1)[0] == 0
    assert fxnorm("stats", "plot", new / "2" / "stats.json", "-o", new / "3" / "stats.png")[0] == 0
    merged = new / "4" / "merged.json"
    assert fxnorm("stats", "merge", new / "2" / "stats.json", new / "2" / "stats.json", "-o", merged)[0] == 0
    words = ("--mixes", f"a={new / '1'}", "--targets", new / "1", "-o", new / "5" / "report.html", "-j", 1)
    assert fxnorm("evaluate", *words)[0] == 0
    assert fxnorm("normalize", song, "-o", new / "6", "--effects", "loudness", "-j", 1)[0] == 0
    assert {path.split("/")[0] for path in files(new)} == set("123456")


def test_nothing_is_made_for_songs_that_are_not_there(fxnorm, tmp_path):
    for words in (("stats", "compute", tmp_path / "none"), ("mix", tmp_path / "none"), ("stats", "plot", "none.json")):
        assert fxnorm(*words, "-o", tmp_path / "new" / "x.wav")[0] == 2
    assert list(tmp_path.iterdir()) == []
