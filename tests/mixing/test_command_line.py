"""fxnorm mix, from files to a mix, a record and a page."""

import json
import os
import re
import shutil

import numpy as np
import pytest
import soundfile

from fxnorm import audio, audio_files
from fxnorm.corpus.stems import STEMS
from fxnorm.dsp import loudness
from fxnorm.models.stem_model import StemModel
from tests.mixing.conftest import stems
from tests.signals import noise

NORMALIZED = ("--model", "normalized-sum")


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_stems_become_a_mix_with_a_report_and_a_page(fxnorm, song, tmp_path):
    out = tmp_path / "mix.wav"
    words = [word for stem in ("vocals", "bass", "drums") for word in (f"--{stem}", song / f"{stem}.wav")]
    code, printed, complaint = fxnorm(
        "mix", *words, "--drums", song / "other.wav", "-o", out, "--lufs", -20, *NORMALIZED
    )
    assert code == 0
    assert "-20.0 LUFS" in printed
    assert "no other: silence in its place" in complaint
    mix, rate = audio_files.read(out)
    assert mix.shape == stems()["bass"].shape
    assert loudness.measure(mix, rate) == pytest.approx(-20.0, abs=0.01)
    record = json.loads((tmp_path / "mix.json").read_text())
    assert [file["file"] for file in record["stems"]["drums"]["files"]] == ["drums.wav", "other.wav"]
    assert record["stems"]["other"] == {"missing": True}
    assert [step["effect"] for step in record["stems"]["bass"]["effects"]] == [
        "eq",
        "compression",
        "panning",
        "loudness",
    ]
    assert record["output"]["bytes"] == out.stat().st_size


def test_the_page_needs_nothing_beside_it(fxnorm, song, tmp_path):
    fxnorm("mix", song, "-o", tmp_path / "<b> & mix.wav", *NORMALIZED)
    page = (tmp_path / "<b> & mix.html").read_text()
    assert page.count("<audio") == 9
    assert len(re.findall(r'src="data:audio/mpeg;base64,[\w+/=]{1000,}"', page)) == 9
    assert page.count("<svg") >= 4
    sources = re.findall(r'(?:src|href)="([^"#][^"]{0,20})', page)
    assert {source[:15] for source in sources} <= {"data:audio/mpeg"}
    assert "@import" not in page
    for word in ("Compressor", "EQ", "A Song", "normalized-sum", "prefers-color-scheme"):
        assert word in page
    identities = re.findall(r'<(?:path|clipPath|g)[^>]* id="([^"]+)"', page)
    used = set(re.findall(r"(?:url\(#|xlink:href=\"#)([^)\"]+)", page))
    assert used <= set(identities)


def test_a_folder_prints_what_its_files_are_and_takes_a_map(fxnorm, song, tmp_path):
    (song / "drums.wav").rename(song / "01_KickIn.wav")
    (song / "other.wav").rename(song / "Thing.wav")
    (song / "bass.wav").rename(song / "Lead Gtr.wav")
    shutil.copy(song / "vocals.wav", song / "mixture.wav")
    code, printed, complaint = fxnorm("mix", song, "-o", tmp_path / "mix.flac", "--model", "sum", "--no-html")
    assert code == 0
    assert "  drums     01_KickIn.wav\n" in printed
    assert "  other     Lead Gtr.wav, Thing.wav (a guess)\n" in printed
    assert "  left out  mixture.wav\n" in printed
    assert "Thing.wav: the name says no instrument" in complaint
    assert soundfile.info(tmp_path / "mix.flac").subtype == "PCM_24"
    (tmp_path / "map.yaml").write_text("bass: [lead*]\nskip: Thing.wav\n")
    words = ("mix", song, "-o", tmp_path / "mix.flac", "--model", "sum", "--stem-map", tmp_path / "map.yaml", "--json")
    code, printed, _ = fxnorm(*words, "--no-html")
    record = json.loads(printed)
    assert code == 0
    assert record["stems"]["bass"]["files"][0]["file"] == "Lead Gtr.wav"
    assert sorted(record["skipped"]) == ["Thing.wav", "mixture.wav"]
    assert files(tmp_path / "A Song") == ["01_KickIn.wav", "Lead Gtr.wav", "Thing.wav", "mixture.wav", "vocals.wav"]


def test_a_checkpoint_mixes(fxnorm, song, checkpoint, tmp_path):
    out = tmp_path / "mix.wav"
    words = ("mix", song, "-o", out, "--model", checkpoint, "-d", "cpu", "--room", "--subtype", "pcm_16")
    code, printed, _ = fxnorm(*words, "--save-normalized", tmp_path / "normalized")
    assert (code, "by tiny" in printed) == (0, True)
    assert soundfile.info(out).subtype == "PCM_16"
    assert files(tmp_path / "normalized") == [f"A Song/{stem}.wav" for stem in sorted(STEMS)]
    record = json.loads((tmp_path / "mix.json").read_text())
    assert [step["effect"] for step in record["stems"]["vocals"]["effects"]] == ["room", "eq", "loudness"]
    assert "The mix is made by a network" in " ".join((tmp_path / "mix.html").read_text().split())


def test_songs_are_resumed_and_a_bad_one_stops_no_other(fxnorm, song, tmp_path):
    root, out = tmp_path / "songs", tmp_path / "out"
    for name in ("One", "Two", "Bad"):
        shutil.copytree(song, root / name)
    (root / "Bad" / "bass.wav").write_text("this is text")
    words = ("mix", root, "-o", out, "--model", "sum", "--format", "flac")
    code, printed, complaint = fxnorm(*words)
    assert code == 1
    assert "2 songs mixed, 0 up to date, 1 failed" in printed
    assert complaint.startswith("fxnorm: failed: Bad")
    assert complaint.count("\n") == 1
    assert files(out) == [f"{name}.{kind}" for name in ("One", "Two") for kind in ("flac", "html", "json")]
    shutil.copy(song / "bass.wav", root / "Bad" / "bass.wav")
    os.utime(root / "One" / "bass.wav", (0, 0))
    code, printed, _ = fxnorm(*words, "--json")
    assert (code, [len(json.loads(printed)[key]) for key in ("mixed", "up_to_date", "failures")]) == (0, [2, 1, 0])
    assert "0 songs mixed, 3 up to date, 0 failed" in fxnorm(*words)[1]
    assert "3 songs mixed, 0 up to date, 0 failed" in fxnorm(*words, "--lufs", -20)[1]


def test_stems_that_change_during_a_mix_are_mixed_again(fxnorm, song, tmp_path, monkeypatch):
    mix = StemModel.mix

    def mix_and_change(model, tracks, sample_rate, **options):
        result = mix(model, tracks, sample_rate, **options)
        os.utime(song / "bass.wav", (0, 0))
        return result

    words = ("mix", song, "-o", tmp_path / "out", "--model", "sum", "--no-html", "-q")
    with monkeypatch.context() as patched:
        patched.setattr(StemModel, "mix", mix_and_change)
        assert "1 songs mixed, 0 up to date" in fxnorm(*words)[1]
    assert "1 songs mixed, 0 up to date" in fxnorm(*words)[1]
    assert "0 songs mixed, 1 up to date" in fxnorm(*words)[1]


def test_stems_of_different_rates_are_mixed_at_the_highest(fxnorm, song, tmp_path):
    audio_files.write(song / "bass.wav", noise(1.0, rate=48_000), 48_000)
    audio_files.write(song / "vocals.wav", noise(0.5, rate=8_000)[:1], 8_000)
    code, _, complaint = fxnorm("mix", song, "-o", tmp_path / "mix.wav", "--model", "sum")
    assert code == 0
    assert "stems of 44,100 and 8,000 Hz were brought to 48,000 Hz" in complaint
    assert audio_files.probe(tmp_path / "mix.wav").sample_rate == 48_000


def test_silence_is_mixed_to_silence(fxnorm, tmp_path):
    audio_files.write(tmp_path / "drums.wav", np.zeros((1, 4000), dtype=np.float32), audio.SAMPLE_RATE)
    code, printed, complaint = fxnorm("mix", "--drums", tmp_path / "drums.wav", "-o", tmp_path / "mix.wav")
    assert code == 0
    assert "silent, peak" in printed
    assert "drums is silent" in complaint
    assert not audio_files.read(tmp_path / "mix.wav")[0].any()


def test_a_gpu_that_is_not_there_is_refused(fxnorm, song, checkpoint, tmp_path):
    torch = pytest.importorskip("torch", reason="needs PyTorch")
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    code, _, complaint = fxnorm("mix", song, "-o", tmp_path / "mix.wav", "--model", checkpoint, "-d", "cuda")
    assert (code, "expected an NVIDIA GPU, found none" in complaint) == (2, True)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="needs a user who may not write everywhere")
def test_a_folder_that_cannot_be_written_is_refused(fxnorm, song, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    code, _, complaint = fxnorm("mix", song, "-o", tmp_path / "locked" / "mix.wav", "--model", "sum")
    assert (code, "cannot be written" in complaint) == (2, True)
