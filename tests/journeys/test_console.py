"""fxnorm console: a mix is made, shown, edited in a text editor, and rendered again."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fxnorm import audio_files
from fxnorm.console import Bus, Compressor, Console, Eq, EqBand, Gain, Saturation, Send, TrackStrip
from fxnorm.console.render import render
from tests.signals import noise

SAMPLE_RATE = 44_100


def fxnorm(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "fxnorm", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def tracks(tmp_path: Path) -> Path:
    folder = tmp_path / "tracks"
    (folder / "drums").mkdir(parents=True)
    for seed, name in enumerate(("drums/kick", "drums/snare", "bass", "vocals")):
        audio_files.write(folder / f"{name}.wav", noise(2.0 + seed / 7.0, seed=seed), SAMPLE_RATE)
    return folder


def test_make_show_edit_and_render(tracks: Path, tmp_path: Path) -> None:
    document, mix = tmp_path / "deep" / "song.console.json", tmp_path / "new" / "mix.wav"
    made = fxnorm("console", "new", tracks, "-o", document)
    assert made.returncode == 0, made.stderr
    assert "4 tracks" in made.stdout
    assert fxnorm("console", "render", document, tracks, "-o", mix).returncode == 0
    audio, sample_rate = audio_files.read(mix)
    recordings = [audio_files.read(path)[0] for path in sorted(tracks.rglob("*.wav"))]
    longest = max(recording.shape[1] for recording in recordings)
    expected = np.sum([np.pad(item, ((0, 0), (0, longest - item.shape[1]))) for item in recordings], axis=0)
    assert sample_rate == SAMPLE_RATE
    np.testing.assert_allclose(audio, expected, atol=1e-6)

    content = json.loads(document.read_text())
    kick = next(track for track in content["tracks"] if track["name"] == "drums/kick")
    kick["fader_db"] = -6.0
    kick["processors"] = [{"processor": "eq", "bands": [{"kind": "peak", "frequency_hz": 100.0, "gain_db": 3.0}]}]
    document.write_text(json.dumps(content))
    assert fxnorm("console", "render", document, tracks, "-o", mix).returncode == 0
    assert not np.array_equal(audio_files.read(mix)[0], audio)
    shown = fxnorm("console", "show", document).stdout
    assert "-6.0 dB" in shown
    assert "EQ: peak +3.0 dB at 100 Hz Q 0.71" in shown


def test_files_equal_arrays_with_stems_tracks_and_buses(tracks: Path, tmp_path: Path) -> None:
    console = Console(
        tracks=(
            TrackStrip("drums/kick", (Saturation(6.0, 0.5), Compressor(-20.0, 4.0)), stem="drums"),
            TrackStrip("drums/snare", (Gain(-3.0),), stem="drums", sends=(Send("fx", -6.0),)),
            TrackStrip("bass", (Eq((EqBand("low_shelf", 90.0, 2.0),)),), stem="bass", offset_ms=50.0),
            TrackStrip("vocals", stem="vocals", output="fx"),
        ),
        buses=(Bus("fx", (Saturation(2.0),)),),
    )
    document, out = tmp_path / "c.json", tmp_path / "mix.flac"
    console.save(document)
    folders = {name: tmp_path / "out" / name for name in ("stems", "tracks", "buses")}
    options = [item for name, folder in folders.items() for item in (f"--{name}", folder)]
    result = fxnorm("console", "render", document, tracks, "-o", out, "--subtype", "PCM_24", "--tail", "0.5", *options)
    assert result.returncode == 0, result.stderr
    recordings = {track.name: audio_files.read(tracks / f"{track.name}.wav")[0] for track in console.tracks}
    expected = render(console, recordings, SAMPLE_RATE, tail_s=0.5)
    step = 2.0**-22
    np.testing.assert_allclose(audio_files.read(out)[0], np.clip(expected.mix, -1.0, 1.0), atol=step)
    for name, audio in expected.tracks.items():
        written = audio_files.read(folders["tracks"] / f"{name}.flac")[0]
        np.testing.assert_allclose(written, np.clip(audio, -1.0, 1.0), atol=step)
    drums = expected.tracks["drums/kick"] + expected.tracks["drums/snare"]
    written = audio_files.read(folders["stems"] / "drums.flac")[0]
    np.testing.assert_allclose(written, np.clip(drums, -1.0, 1.0), atol=step)
    written = audio_files.read(folders["buses"] / "fx.flac")[0]
    np.testing.assert_allclose(written, np.clip(expected.buses["fx"], -1.0, 1.0), atol=step)


def test_other_sample_rates_and_summed_files(tmp_path: Path) -> None:
    folder = tmp_path / "tracks"
    folder.mkdir()
    audio_files.write(folder / "in.wav", noise(1.0, seed=1, rate=48_000)[:1], 48_000)
    audio_files.write(folder / "out.wav", noise(1.0, seed=2, rate=48_000), 48_000)
    audio_files.write(folder / "bass.wav", noise(1.0, seed=3), SAMPLE_RATE)
    Console(tracks=(TrackStrip("kick", files=("in.wav", "out.wav")), TrackStrip("bass"))).save(tmp_path / "c.json")
    refused = fxnorm("console", "render", tmp_path / "c.json", folder, "-o", tmp_path / "mix.wav")
    assert refused.returncode == 2
    assert "44100 Hz (bass.wav), 48000 Hz" in refused.stderr
    assert "--sample-rate 48000" in refused.stderr
    accepted = fxnorm(
        "console", "render", tmp_path / "c.json", folder, "-o", tmp_path / "mix.wav", "--sample-rate", 48_000
    )
    assert accepted.returncode == 0, accepted.stderr
    info = audio_files.probe(tmp_path / "mix.wav")
    assert (info.sample_rate, info.samples) == (48_000, 48_000)


def test_wrong_input_is_one_line(tracks: Path, tmp_path: Path) -> None:
    document = tmp_path / "song.console.json"
    assert fxnorm("console", "new", tracks, "-o", document).returncode == 0
    content = json.loads(document.read_text())

    def render_with(folder: Path = tracks, out: Path = tmp_path / "mix.wav", **changes: object) -> tuple[int, str]:
        changed = tmp_path / "changed.json"
        changed.write_text(json.dumps({**content, **changes}))
        result = fxnorm("console", "render", changed, folder, "-o", out)
        return result.returncode, result.stderr

    broken = tmp_path / "broken"
    broken.mkdir()
    spoilt = noise(1.0)
    spoilt[0, 99] = np.nan
    audio_files.write(broken / "bass.wav", spoilt, SAMPLE_RATE)
    alone = [{"name": "bass"}]
    cases = {
        "later version": render_with(version=2),
        "unknown key": render_with(trakcs=[]),
        "no tracks": render_with(tracks=[]),
        "file without track": render_with(tracks=content["tracks"][:3]),
        "track without file": render_with(tracks=[*content["tracks"], {"name": "guitar"}]),
        "named file missing": render_with(tracks=[{**content["tracks"][0], "files": ["bas.wav"]}]),
        "no folder": render_with(folder=tmp_path / "nowhere"),
        "not a number": render_with(folder=broken, tracks=alone),
        "output is a track": render_with(out=tracks / "bass.wav"),
        "output of no format": render_with(out=tmp_path / "mix.txt"),
        "no document": (lambda run: (run.returncode, run.stderr))(fxnorm("console", "show", tmp_path / "none.json")),
        "exists": (lambda run: (run.returncode, run.stderr))(fxnorm("console", "new", tracks, "-o", document)),
    }
    for name, (code, message) in cases.items():
        assert code == 2, f"{name}: {message}"
        assert message.startswith("fxnorm: error: "), f"{name}: {message}"
        assert message.count("\n") == 1, f"{name}: {message}"
    assert not (tmp_path / "mix.wav").exists()
    assert list(tmp_path.glob(".fxnorm-*")) == []


def test_session_of_a_folder(tracks: Path, tmp_path: Path) -> None:
    document, folder = tmp_path / "song.console.json", tmp_path / "deep" / "session"
    assert fxnorm("console", "new", tracks, "-o", document).returncode == 0
    console = Console.load(document).with_track("bass", processors=(Compressor(-20.0, 4.0), Saturation(4.0)))
    console.with_track("vocals", processors=(Eq((EqBand("peak", 2000.0, 3.0),)),), pan=0.3).save(document)
    written = fxnorm("console", "session", document, tracks, "-o", folder)
    assert written.returncode == 0, written.stderr
    lines = [line.split() for line in written.stdout.splitlines()]
    assert "session.dawproject: session reproduces the mix" in written.stdout
    assert float(re.findall(r"session.rpp: session reproduces the mix to (-\d+\.\d) dB", written.stdout)[0]) < -100.0
    assert [line[-3:] for line in lines if line[0] == "bass"] == [
        ["printed:", "compressor,", "saturation"],
        ["live:", "compressor,", "saturation"],
    ]
    assert {path.name for path in folder.iterdir()} == {
        "README.txt",
        "audio",
        "fx",
        "session.dawproject",
        "session.rpp",
        "song.console.json",
    }
    mixes = [tmp_path / "mix.wav", tmp_path / "again.wav"]
    assert fxnorm("console", "render", document, tracks, "-o", mixes[0]).returncode == 0
    assert fxnorm("console", "render", folder / "song.console.json", tracks, "-o", mixes[1]).returncode == 0
    assert mixes[0].read_bytes() == mixes[1].read_bytes()

    again = fxnorm("console", "session", document, tracks, "-o", folder)
    assert again.returncode == 2
    assert "holds other files" in again.stderr
    assert len(again.stderr.splitlines()) == 1
    assert fxnorm("console", "session", document, tracks, "-o", folder, "--force", "--quiet").stdout == ""
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    refused = fxnorm("console", "session", document, tracks, "-o", in_the_way / "session")
    assert refused.returncode == 2
    assert "cannot be written to" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
