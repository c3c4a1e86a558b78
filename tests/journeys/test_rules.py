"""fxnorm mix --model rules: a folder as musicians have it becomes a mix, a console to edit, and a page."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fxnorm import audio_files
from fxnorm.dsp import loudness
from tests.mixing.rule_songs import band

RATE = 48_000


def fxnorm(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "fxnorm", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """48 kHz and 44.1 kHz, 24 bit, mono and stereo, spaces, a pair, a text file, a rough mix, an MP3, a click."""
    tracks = band(3.0)
    folder = tmp_path_factory.mktemp("songs") / "My Song (final 2)"
    (folder / "Drums").mkdir(parents=True)
    files = {
        "Drums/01 Kick In": tracks["Kick"],
        "Drums/02 Snare Top": tracks["Snare"],
        "Drums/03 OH L": tracks["Overheads"][:1],
        "Drums/04 OH R": tracks["Overheads"][1:],
        "05 Bass DI": tracks["Bass"],
        "06 Lead Vox": tracks["Lead Vox"],
        "07 ElecGtr_L": tracks["Gtr 1"],
        "08 ElecGtr_R": tracks["Gtr 2"],
        "09 Piano": tracks["Piano"],
        "10 Thing": tracks["Trumpet"],
        "Click": tracks["Kick"],
        "My Song rough mix": tracks["Overheads"],
    }
    for name, audio in files.items():
        audio_files.write(folder / f"{name}.wav", audio, RATE, subtype="PCM_24")
    (folder / "11 BGV.mp3").write_bytes(audio_files.encode_mp3(tracks["BGV 1"], 44_100))
    (folder / "05 Bass DI.mp3").write_bytes(audio_files.encode_mp3(tracks["Bass"], 44_100))
    (folder / "notes.txt").write_text("tempo 120, key of A\n")
    (folder / ".DS_Store").write_text("")
    return folder


@pytest.fixture(scope="module")
def mixed(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("mixes") / "mix.wav"
    result = fxnorm("mix", folder, "-o", out, "--model", "rules", "--lufs", "-16")
    assert result.returncode == 0, result.stderr
    assert "-16.0 LUFS" in result.stdout
    assert "mix.console.json" in result.stdout
    assert "10 Thing.wav: the name says no instrument" in result.stderr
    return out


def test_the_mix_and_its_console(mixed: Path) -> None:
    audio, sample_rate = audio_files.read(mixed)
    assert (sample_rate, len(audio)) == (RATE, 2)
    assert loudness.measure(audio, RATE) == pytest.approx(-16.0, abs=0.1)
    record = json.loads(mixed.with_suffix(".json").read_text())
    assert record["console"] == "mix.console.json"
    assert sorted(record["skipped"]) == ["05 Bass DI.mp3", "Click.wav", "My Song rough mix.wav"]
    console = json.loads(mixed.with_suffix(".console.json").read_text())
    roles = {track["name"]: track["role"] for track in console["tracks"]}
    assert roles == {
        "06 Lead Vox": "lead_vocal",
        "11 BGV": "backing_vocals",
        "05 Bass DI": "bass",
        "Drums/01 Kick In": "kick",
        "Drums/02 Snare Top": "snare",
        "Drums/OH": "overheads",
        "09 Piano": "keys",
        "10 Thing": "",
        "ElecGtr": "guitars",
    }
    pair = next(track for track in console["tracks"] if track["name"] == "ElecGtr")
    assert (pair["files"], pair["layout"]) == (["07 ElecGtr_L.wav", "08 ElecGtr_R.wav"], "left_right")


def test_the_console_renders_the_same_samples(mixed: Path, folder: Path, tmp_path: Path) -> None:
    document, again = mixed.with_suffix(".console.json"), tmp_path / "again.wav"
    result = fxnorm("console", "render", document, folder, "-o", again, "--sample-rate", RATE)
    assert result.returncode == 0, result.stderr
    np.testing.assert_array_equal(audio_files.read(again)[0], audio_files.read(mixed)[0])
    shown = fxnorm("console", "show", document)
    assert "send reverb" in shown.stdout


def test_an_edit_is_heard(mixed: Path, folder: Path, tmp_path: Path) -> None:
    content = json.loads(mixed.with_suffix(".console.json").read_text())
    content["tracks"][0]["mute"] = True
    (tmp_path / "edited.json").write_text(json.dumps(content))
    out = tmp_path / "edited.wav"
    result = fxnorm("console", "render", tmp_path / "edited.json", folder, "-o", out, "--sample-rate", RATE)
    assert result.returncode == 0, result.stderr
    assert loudness.measure(audio_files.read(out)[0], RATE) < -16.5


def test_the_page_shows_every_strip(mixed: Path) -> None:
    page = mixed.with_suffix(".html").read_text()
    for word in ("Drums/OH", "ElecGtr", "lead vocal", "role unknown", "reverb", "master", "Threshold", "limiter"):
        assert word in page, word
    assert page.count("<audio") == 1 + 2 * 9
    assert page.count("<svg") >= 5
    sources = re.findall(r'(?:src|href)="([^"#][^"]{0,20})', page)
    assert {source[:15] for source in sources} <= {"data:audio/mpeg"}


def test_what_is_up_to_date_is_left(mixed: Path, folder: Path, tmp_path: Path) -> None:
    songs, out = folder.parent, tmp_path / "mixes"
    first = fxnorm("mix", songs, "-o", out, "--model", "rules", "--no-html", "-q")
    assert "1 songs mixed, 0 up to date" in first.stdout, first.stderr
    second = fxnorm("mix", songs, "-o", out, "--model", "rules", "--no-html", "-q")
    assert "0 songs mixed, 1 up to date" in second.stdout
    (out / f"{folder.name}.console.json").unlink()
    third = fxnorm("mix", songs, "-o", out, "--model", "rules", "--no-html", "-q")
    assert "1 songs mixed, 0 up to date" in third.stdout


def test_files_without_a_folder(folder: Path, tmp_path: Path) -> None:
    files = ("--vocals", folder / "06 Lead Vox.wav", "--drums", folder / "Drums" / "01 Kick In.wav")
    result = fxnorm("mix", *files, "-o", tmp_path / "mix.wav", "--no-html")  # rules are the default
    assert result.returncode == 0, result.stderr
    document = tmp_path / "mix.console.json"
    again = fxnorm("console", "render", document, folder, "-o", tmp_path / "again.wav")
    assert again.returncode == 0, again.stderr
    np.testing.assert_array_equal(
        audio_files.read(tmp_path / "again.wav")[0], audio_files.read(tmp_path / "mix.wav")[0]
    )


def test_options_of_normalising_choose_the_normalised_sum(folder: Path, tmp_path: Path) -> None:
    result = fxnorm("mix", folder, "-o", tmp_path / "mix.wav", "--preset", "default", "--no-html")
    assert result.returncode == 0, result.stderr
    assert "by normalized-sum" in result.stdout


def test_wrong_uses(folder: Path, tmp_path: Path) -> None:
    for options, message in (
        (("--preset", "published"), "takes the tracks as recorded"),
        (("--save-normalized", tmp_path / "stems"), "expected a model that normalises"),
        (("--lufs", "-3"), "expected a loudness of -40 to -5 LUFS"),
    ):
        result = fxnorm("mix", folder, "-o", tmp_path / "mix.wav", "--model", "rules", *options)
        assert result.returncode == 2
        assert message in result.stderr
        assert result.stderr.count("\n") == 1, result.stderr
