"""Wrong uses of every verb: each ends in one line that says what to do, and writes nothing.

The commands run in a folder with good and bad input, which `world` describes.
"""

import json
import os
import shlex
import shutil
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import soundfile
import yaml

from fxnorm import audio, audio_files, cli, models
from fxnorm.corpus import extraction
from fxnorm.corpus.stems import STEMS
from fxnorm.models.checkpoint import Checkpoint
from fxnorm.normalization.statistics import FxStats
from tests.normalization.test_published_features import Malicious, save
from tests.signals import noise, plucks
from tests.test_mpeg import encode as encode_mp3
from tests.training import corpora


class WrongUse(NamedTuple):
    """A command, its exit code and a phrase of the line on standard error."""

    name: str
    command: str
    code: int
    phrase: str


WRONG_USES = [
    WrongUse(*row)
    for row in (
        # songs and folders
        ("no such folder", "normalize none -o out", 2, "expected a folder of songs"),
        ("a file in the place of a folder", "normalize text.wav -o out", 2, "expected a folder of songs, got a file"),
        ("an empty folder", "normalize empty -o out", 2, "expected a folder of songs"),
        ("audio without stems", "normalize strangers -o out", 2, "mixdown.wav"),
        ("subfolders of unsorted files", "normalize unsorted -o out", 2, "Bounces/take 1.wav"),
        ("subfolders of mixes alone", "normalize mixes_only -o out", 2, "expected songs with files named"),
        ("no song of the split", "normalize songs -o out --split test", 2, "expected songs of the split"),
        ("no folder to check", "corpus check none", 2, "expected a folder of songs"),
        ("no songs to measure", "stats compute empty -o out.json", 2, "expected a folder of songs"),
        ("songs of other names", "domain-gap songs others", 2, "songs of the same names"),
        # archives
        ("an archive of text", "mix text.zip -o out.wav --model sum", 2, "expected a zip archive"),
        ("a truncated archive", "mix cut.zip -o out.wav --model sum", 2, "expected a zip archive"),
        ("no such archive", "mix none.zip -o out.wav --model sum", 2, "No such file"),
        ("an archive that leaves its folder", "mix outside.zip -o out.wav --model sum", 2, "leads out of the folder"),
        ("an archive of mixes", "mix mixes.zip -o out.wav --model sum", 2, "expected a folder of stems"),
        ("an archive without audio", "corpus check lyrics.zip", 2, "found no audio in it"),
        ("a truncated archive to check", "corpus check cut.zip", 2, "expected a zip archive"),
        ("too large an archive", "corpus check large.zip", 2, "unpack it with 'fxnorm corpus extract'"),
        ("no archive to extract", "corpus extract text.wav out", 2, "text.wav"),
        ("a link in an archive", "corpus extract link.zip out", 2, "got a link or device"),
        ("an absolute path in an archive", "corpus extract drive.zip out", 2, "leads out of the folder"),
        ("extraction out of its folder", "corpus extract outside.zip out", 2, "nothing was extracted"),
        # audio files; what is no file is a missing stem, and no failure
        ("an MP3 file of text", "mix --bass mp3/text.mp3 -o out.wav", 2, "expected an audio file"),
        ("a truncated MP3 file", "mix --bass mp3/cut.mp3 -o out.wav", 2, "cut short"),
        ("an MP3 file of tags alone", "mix --bass mp3/tags.mp3 -o out.wav", 2, "expected an audio file"),
        ("a stem of text", "mix --bass text.wav -o out.wav", 2, "text.wav: expected an audio file"),
        ("an empty file", "mix --bass bad/empty.wav -o out.wav", 2, "empty.wav"),
        ("no samples", "mix --bass bad/no_samples.wav -o out.wav", 2, "no_samples.wav"),
        ("three channels", "mix --bass bad/three.wav -o out.wav", 2, "mix it down to stereo first"),
        ("NaN", "mix --bass bad/nan.wav -o out.wav", 2, "nan.wav"),
        ("a truncated WAV file", "mix --bass bad/cut.wav -o out.wav", 2, "cut short"),
        ("a sample rate of 1 Hz", "mix --bass bad/1hz.wav -o out.wav", 2, "expected a sample rate of"),
        ("a bad track in a corpus", "normalize one_bad -o out -j 1", 1, "failed: First bass: "),
        ("a truncated MP3 file in a corpus", "normalize one_mp3 -o out -j 1", 1, "cut short"),
        ("a bad track in statistics", "stats compute one_bad -o out/stats.json -j 1", 1, "First bass"),
        ("a bad song among mixes", "mix one_bad -o out --model sum --no-html", 1, "failed: First"),
        # outputs
        ("no output", "normalize songs", 2, "expected an output folder"),
        ("two outputs", "normalize songs -o out --suffix x", 2, "one of the two"),
        ("over the originals", "normalize songs -o songs", 2, "would overwrite the original"),
        ("an output in a file", "normalize songs -o text.wav/out", 2, "cannot be written to"),
        ("a name that is too long", f"normalize songs -o {'x' * 300}", 2, "File name too long"),
        ("a picture in a file", "stats plot musdb18 -o text.wav/plot.png", 2, "cannot be written to"),
        ("a picture of no kind", "stats plot musdb18 -o plot.txt", 2, "cannot be drawn"),
        ("a mix without a name", "mix songs/One", 2, "Missing option"),
        ("a mix in a file", "mix --bass songs/One/bass.wav -o mine.wav/mix.wav", 2, "cannot be written"),
        ("a mix of another format", "mix --bass songs/One/bass.wav -o out.txt", 2, "expected the format wav or flac"),
        ("a mix without a format", "mix --bass songs/One/bass.wav -o out", 2, "expected the format wav or flac"),
        ("a mix over a stem", "mix songs/One -o songs/One/bass.wav --model sum", 2, "is one of the stems"),
        (
            "stems written over",
            "mix songs/One -o out.wav --model sum --save-normalized songs",
            2,
            "is one of the stems",
        ),
        ("a mix over a foreign file", "mix songs/One -o mine.wav --model sum", 2, "was not made by fxnorm"),
        ("a file for two mixes", "mix songs/One songs/Two -o out.wav", 2, "expected a folder for 2 mixes"),
        ("a report of another format", "evaluate wet -m sum -o r.txt", 2, "ending in .html"),
        ("a report in a file", "evaluate wet -m sum -o text.wav/r.html", 2, "cannot be written to"),
        # options
        ("an unknown verb", "normalise songs", 2, "No such command"),
        ("an unknown option", "normalize songs --loud", 2, "No such option"),
        ("an unknown effect", "normalize songs -o out --effects eq,chorus", 2, "unknown effect 'chorus'"),
        ("an unknown preset", "normalize songs -o out --preset best", 2, "'best'"),
        ("too much strength", "normalize songs -o out --strength 2", 2, "expected 0 to 1, got 2"),
        ("strength in words", "normalize songs -o out --strength eq=much", 2, "got 'eq=much'"),
        ("an unknown subtype", "normalize songs -o out --subtype PCM_9", 2, "expected a subtype of wav"),
        ("a subtype of another format", "mix songs/One -o out.flac --subtype FLOAT", 2, "expected a subtype of flac"),
        ("a level above full scale", "mix songs/One -o out.wav --lufs 3", 2, "expected a loudness"),
        (
            "no impulse responses",
            "normalize songs -o out --reverb --impulse-responses empty",
            2,
            "expected a folder of impulse responses",
        ),
        # statistics
        ("no such statistics", "normalize songs -o out --stats none.json", 2, "cannot be read"),
        ("other JSON than statistics", "normalize songs -o out --stats text.wav", 2, "expected a statistics file"),
        ("statistics of 48 kHz", "normalize songs -o out --stats rate48.json", 2, "expected statistics at 44100 Hz"),
        ("statistics of 48 kHz to merge", "stats merge musdb18 rate48.json -o out.json", 2, "got 48000 Hz"),
        ("statistics of 48 kHz to compare", "stats compare rate48.json musdb18", 2, "got 48000 Hz"),
        ("statistics of 48 kHz to mix with", "mix songs/One -o out.wav --stats rate48.json", 2, "got 48000 Hz"),
        ("a malicious pickle", "stats import bad.npy -o out", 2, "and nothing else"),
        # mixing
        ("no stems", "mix -o out.wav", 2, "expected at least one of the stems"),
        ("nothing to mix", "mix empty -o out.wav", 2, "expected a folder of stems"),
        ("no such song", "mix none -o out.wav", 2, "found nothing"),
        ("a stem in the place of a song", "mix songs/One/bass.wav -o out.wav", 2, "use --vocals"),
        ("no such stem", "mix --bass none.wav -o out.wav", 2, "cannot be opened"),
        ("a song and a stem", "mix songs/One --bass songs/One/bass.wav -o out.wav", 2, "got both"),
        ("an unknown stem in a map", "mix songs/One -o out.wav --stem-map map.yaml", 2, "unknown key 'drum'"),
        ("a map for files", "mix --bass songs/One/bass.wav -o out.wav --stem-map map.yaml", 2, "name a folder"),
        ("an unknown model", "mix songs/One -o out.wav --model tdcn", 2, "unknown model 'tdcn'"),
        ("no model", "mix songs/One -o out.wav --model empty", 2, "cannot be read"),
        (
            "statistics for a plain sum",
            "mix songs/One -o out.wav --model sum --stats musdb18",
            2,
            "leaves the stems as they are",
        ),
        (
            "other statistics than the model's",
            "mix songs/One -o out.wav --model runs/tiny -d cpu --stats synthetic",
            2,
            "expected its own statistics",
        ),
        (
            "other settings than the model's",
            "mix songs/One -o out.wav --model runs/tiny -d cpu --preset published",
            2,
            "expected its own settings",
        ),
        ("a model with statistics of 48 kHz", "mix songs/One -o out.wav --model runs/rate48 -d cpu", 2, "48000 Hz"),
        # training
        ("no recipe", "train", 2, "expected one recipe"),
        ("two recipes", "train recipe.yaml recipe.yaml", 2, "expected one recipe"),
        ("no such recipe", "train none.yaml", 2, "cannot be read"),
        ("an unknown key", "train recipe.yaml data.segment=4", 2, "did you mean 'data.segment_s'?"),
        ("a batch of nothing", "train recipe.yaml data.batch_size=0 -o run", 2, "expected greater than 0"),
        ("no corpus to train on", "train recipe.yaml corpus=none -o run", 2, "expected a folder of songs"),
        ("a corpus of 48 kHz that is not normalised", "train recipe.yaml corpus=songs48 -o run", 2, "chain.json"),
        ("a corpus with statistics of 48 kHz", "train recipe.yaml corpus=chain48 -o run", 2, "got 48000 Hz"),
        ("no run to resume", "train --resume none", 2, "cannot be read"),
        ("a recipe beside a run", "train recipe.yaml --resume runs", 2, "expected nothing but KEY=VALUE"),
        ("an unknown device", "train recipe.yaml -d tpu", 2, "'tpu'"),
        ("an unknown strategy", "train recipe.yaml strategy=sideways -o run", 2, "strategy"),
        ("no checkpoint", "models none", 2, "name the folder of a checkpoint"),
        # consoles
        ("no such console", "console show none.json", 2, "cannot be read"),
        ("another document", "console show rate48.json", 2, "expected a console"),
        ("a later console", "console show consoles/later.json", 2, "expected a console of version 1, got 2"),
        ("an unknown processor", "console show consoles/processor.json", 2, "did you mean 'compressor'?"),
        ("a fader out of range", "console show consoles/range.json", 2, "fader_db: expected -60 to 24 dB, got 99"),
        ("a misspelled key", "console show consoles/key.json", 2, "did you mean 'fader_db'?"),
        ("a console of two songs", "console new songs -o out.json", 2, "expected the tracks of one song"),
        ("a console of nothing", "console new empty -o out.json", 2, "expected a folder of stems"),
        ("a console that is there", "console new songs/One -o consoles/One.json", 2, "add --force"),
        ("a track without file", "console render consoles/more.json songs/One -o o.wav", 2, "the track 'guitar'"),
        ("a file without track", "console render consoles/fewer.json songs/One -o o.wav", 2, "a track of the console"),
        ("no folder of tracks", "console render consoles/One.json none -o o.wav", 2, "the folder of the tracks"),
        ("tracks of two rates", "console render consoles/two.json rates -o o.wav", 2, "--sample-rate 48000"),
        ("a track of NaN", "console render consoles/nan.json nan -o o.wav", 2, "expected finite samples"),
        (
            "a mix over a track",
            "console render consoles/One.json songs/One -o songs/One/bass.wav",
            2,
            "expected another file",
        ),
        ("a mix of no format", "console render consoles/One.json songs/One -o mix.txt", 2, "expected a name that ends"),
        # mastering
        ("no mix to master", "master none.wav -o o.wav", 2, "none.wav"),
        ("a mix of text", "master text.wav -o o.wav", 2, "expected an audio file"),
        ("a mix with NaN", "master bad/nan.wav -o o.wav", 2, "NaN"),
        ("a ceiling over full scale", "master mine.wav -o o.wav --ceiling 1", 2, "ceiling"),
        ("a loudness over full scale", "master mine.wav -o o.wav --lufs 3", 2, "expected a loudness"),
        # styles
        ("an unknown style", "style show none", 2, "expected rock_punk, rnb_ballad, country_pop"),
        ("no song to measure a style of", "style measure none.wav -o my.yaml", 2, "cannot be opened"),
        ("a master of an unknown style", "master songs/One/bass.wav -o o.wav --style none", 2, "got 'none'"),
        # evaluation
        ("nothing to evaluate", "evaluate wet -o r.html", 2, "expected at least one model or folder of mixes"),
        ("an unknown model to evaluate", "evaluate wet -m nothing -o r.html", 2, "unknown model 'nothing'"),
        ("a model twice", "evaluate wet -m sum -m sum -o r.html", 2, "a second model called 'sum'"),
        ("a model and mixes of one name", "evaluate wet -m sum --mixes sum=wet -o r.html", 2, "a model and mixes"),
        ("targets of targets", "evaluate wet -m sum --targets wet -o r.html", 2, "leave targets out"),
        ("a model without songs", "evaluate -m sum -o r.html", 2, "expected a folder of songs to mix"),
        ("mixes without targets", "evaluate --mixes a=wet -o r.html", 2, "mixes and targets"),
        ("mixes without a name", "evaluate --mixes wet --targets wet -o r.html", 2, "expected NAME=DIR"),
        ("songs without mixtures", "evaluate dry -m sum -o r.html", 2, "expected songs with a mixture"),
        ("no dry stems", "evaluate wet --dry-stems empty -m sum -o r.html", 2, "expected a folder of songs"),
        (
            "an unknown reference",
            "evaluate wet -m sum --reference none -o r.html",
            2,
            "expected one of sum, got 'none'",
        ),
        ("no such corpus", "evaluate none -m sum -o r.html", 2, "expected a folder"),
    )
]


def write_song(folder: Path, *, seed: int = 0, rate: int = audio.SAMPLE_RATE) -> None:
    folder.mkdir(parents=True)
    for number, stem in enumerate(STEMS):
        audio_files.write(folder / f"{stem}.wav", 0.4 * plucks(1.2, seed=10 * seed + number), rate, subtype="PCM_16")


def pack(path: Path, *names: str, size: int = 1) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, bytes(size))


def at_48_khz(path: Path, *keys: str) -> None:
    """Change the sample rate of the statistics in a file."""
    content = json.loads(path.read_text())
    stats = content
    for key in keys:
        stats = stats[key]
    stats["sample_rate_hz"] = 48_000
    path.write_text(json.dumps(content))


def write_archives(root: Path) -> None:
    (root / "text.zip").write_text("this is text")
    pack(root / "whole.zip", "kick.wav", "bass.wav", size=500)
    (root / "cut.zip").write_bytes((root / "whole.zip").read_bytes()[:-100])
    (root / "whole.zip").rename(root / "large.zip")
    pack(root / "outside.zip", "train/a/vocals.wav", "../outside.wav")
    pack(root / "drive.zip", "train/a/vocals.wav", "C:\\outside.wav")
    pack(root / "mixes.zip", "mixdown.wav")
    pack(root / "lyrics.zip", "lyrics.txt")
    with zipfile.ZipFile(root / "link.zip", "w") as archive:
        link = zipfile.ZipInfo("train/a/vocals.wav")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")


def write_bad_audio(root: Path) -> None:
    (root / "text.wav").write_text("this is text")
    (root / "mine.wav").write_bytes(b"mine")
    (root / "mp3").mkdir()
    frames = encode_mp3(root / "mp3" / "cut.mp3")
    (root / "mp3" / "cut.mp3").write_bytes(b"".join(frames[: len(frames) // 2]))
    (root / "mp3" / "text.mp3").write_text("this is text")
    (root / "mp3" / "tags.mp3").write_bytes(b"ID3\x03\0\0\0\0\x07\x68" + bytes(1_000) + b"TAG" + bytes(125))
    bad = root / "bad"
    bad.mkdir()
    (bad / "empty.wav").write_bytes(b"")
    whole = (root / "songs" / "One" / "bass.wav").read_bytes()
    (bad / "cut.wav").write_bytes(whole[: len(whole) // 2])
    (bad / "1hz.wav").write_bytes(whole[:24] + b"\1\0\0\0" + whole[28:])
    soundfile.write(bad / "no_samples.wav", np.zeros((0, 2)), audio.SAMPLE_RATE)
    soundfile.write(bad / "three.wav", np.zeros((1000, 3)), audio.SAMPLE_RATE)
    samples = noise(0.5)
    samples[0, 100] = np.nan
    soundfile.write(bad / "nan.wav", samples.T, audio.SAMPLE_RATE, subtype="FLOAT")


def write_consoles(root: Path) -> None:
    folder = root / "consoles"
    folder.mkdir()

    def write(name: str, *tracks: dict[str, object], version: int = 1) -> None:
        content = {"format": "fxnorm-console", "version": version, "tracks": tracks}
        (folder / f"{name}.json").write_text(json.dumps(content))

    stems = [{"name": stem} for stem in STEMS]
    write("One", *stems)
    write("later", *stems, version=2)
    write("processor", {"name": "bass", "processors": [{"processor": "compresor"}]})
    write("range", {"name": "bass", "fader_db": 99.0})
    write("key", {"name": "bass", "fadr_db": 9.0})
    write("more", *stems, {"name": "guitar"})
    write("fewer", *stems[1:])
    write("two", {"name": "one"}, {"name": "two"})
    write("nan", {"name": "nan"})
    for name, rate in (("one", audio.SAMPLE_RATE), ("two", 48_000)):
        (root / "rates").mkdir(exist_ok=True)
        audio_files.write(root / "rates" / f"{name}.wav", noise(0.1), rate)
    (root / "nan").mkdir()
    shutil.copy(root / "bad" / "nan.wav", root / "nan")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write good and bad songs, corpora, statistics, models and archives."""
    root = tmp_path_factory.mktemp("world")
    write_song(root / "songs" / "One", seed=1)
    write_song(root / "songs" / "Two", seed=2)
    write_song(root / "others" / "Another", seed=3)
    write_song(root / "songs48" / "Song", seed=4, rate=48_000)
    (root / "empty").mkdir()
    for name in ("strangers/song/mixdown.wav", "unsorted/song/Bounces/take 1.wav", "mixes_only/song/Mixes/final.wav"):
        (root / name).parent.mkdir(parents=True)
        audio_files.write(root / name, noise(0.1), audio.SAMPLE_RATE)
    write_archives(root)
    write_bad_audio(root)
    write_consoles(root)
    for name, bad in (("one_bad", "text.wav"), ("one_mp3", "mp3/cut.mp3")):
        for song in ("First", "Second"):
            shutil.copytree(root / "songs" / "One", root / name / song)
        (root / name / "First" / "bass.wav").unlink()
        shutil.copy(root / bad, root / name / "First" / f"bass{Path(bad).suffix}")
    for kind in ("wet", "dry"):
        shutil.copytree(root / "songs", root / kind / "test")
    for song in ("One", "Two"):
        audio_files.write(root / "wet" / "test" / song / "mixture.wav", plucks(1.2, seed=9), audio.SAMPLE_RATE)
    save(root / "bad.npy", {"eq": Malicious(os.system, f"touch {root / 'ran'}")})
    FxStats.shipped("musdb18").save(root / "rate48.json")
    at_48_khz(root / "rate48.json")
    (root / "map.yaml").write_text("drum: kick.wav\n")
    for name in ("tiny", "rate48"):
        network = models.build("tdcn", "small", **corpora.TINY, excitation=8)
        Checkpoint(network, corpora.CHAIN).save(root / "runs" / name / "checkpoint")
    at_48_khz(root / "runs" / "rate48" / "checkpoint" / "metadata.json", "chain", "stats")
    corpora.write_corpus(root / "training")
    shutil.copytree(root / "training" / "normalized", root / "chain48")
    at_48_khz(root / "chain48" / "chain.json", "stats")
    (root / "recipe.yaml").write_text(yaml.safe_dump(corpora.content(root / "training", schedule=[[1, 1.0]])))
    return root


@pytest.fixture
def call(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[[str], tuple[int, str, str]]]:
    """Run a command line in `world`: exit code, output, error output."""
    monkeypatch.chdir(world)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(extraction, "MAX_TEMPORARY_BYTES", 900)

    def run(command: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["fxnorm", *shlex.split(command)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    yield run
    shutil.rmtree(world / "out", ignore_errors=True)  # of the songs that are not bad
    assert list(tmp_path.glob("fxnorm*")) == []


def contents(folder: Path) -> dict[Path, bytes | None]:
    """Every file with its content, and every folder."""
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@pytest.mark.parametrize("use", WRONG_USES, ids=[use.name for use in WRONG_USES])
def test_a_wrong_use_is_one_line_and_writes_nothing(
    world: Path, call: Callable[[str], tuple[int, str, str]], use: WrongUse
) -> None:
    before = contents(world)
    code, printed, complaint = call(use.command)
    assert code == use.code
    assert complaint.count("\n") == 1, complaint
    assert complaint.startswith("fxnorm: error: " if use.code == 2 else "fxnorm: failed: ")
    assert use.phrase in complaint
    after = contents(world)
    new_paths = {path for path in after if path not in before}
    assert before.items() <= after.items()
    if use.code == 2:
        assert printed == ""
        assert new_paths == set()
    else:
        assert any(path.is_file() for path in new_paths)  # the rest is finished
        assert not [path for path in new_paths if "First" in path.parts and path.stem == "bass"]
        assert not [path for path in new_paths if path.name.startswith(".")]


def test_the_table_is_complete() -> None:
    """Every verb is used wrongly, no row is repeated, and the documentation states their number."""
    assert len(WRONG_USES) >= 45
    page = Path(__file__).parents[2] / "docs" / "reliability.md"
    assert f"a table of {len(WRONG_USES)} wrong uses" in page.read_text(encoding="utf-8")
    assert len({use.name for use in WRONG_USES}) == len({use.command for use in WRONG_USES}) == len(WRONG_USES)
    verbs = {verb for group in cli.VERBS.values() for verb in group} - {"demo"}
    assert {use.command.split()[0] for use in WRONG_USES} - {"normalise"} == verbs
