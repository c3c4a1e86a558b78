"""The console document: JSON and back, and one line for everything that can be wrong with it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from fxnorm import audio_files
from fxnorm.console import (
    Bus,
    Compressor,
    Console,
    Eq,
    EqBand,
    Gain,
    Master,
    Pan,
    Saturation,
    Send,
    TrackStrip,
    Width,
)  # fmt: skip
from fxnorm.console.processor import PROCESSORS, Processor
from fxnorm.corpus import scan
from fxnorm.corpus.stems import STEMS
from fxnorm.errors import InputError
from tests.signals import noise


def example() -> Console:
    kick = TrackStrip(
        "kick",
        (Gain(-3.0), Eq((EqBand("high_pass", 30.0), EqBand("peak", 100.0, 3.0, 1.2))), Compressor(-20.0, 4.0)),
        fader_db=-6.0,
        stem="drums",
        role="kick",
        files=("drums/kick.wav",),
        sends=(Send("room", -20.0),),
    )
    bass = TrackStrip("bass", (Compressor(-24.0, 3.0, key="kick"), Saturation(6.0, 0.4)), pan=-0.1, output="low end")
    buses = (Bus("low end", (Width(0.5, 120.0),)), Bus("room", (Pan(0.2),), fader_db=-3.0))
    return Console("song", (kick, bass), buses, Master((Compressor(-10.0, 1.5),), -1.0), {"by": "hand"})


def test_a_saved_console_is_the_same_when_loaded(tmp_path: Path) -> None:
    path = tmp_path / "song.console.json"
    example().save(path)
    assert Console.load(path) == example()


def test_the_file_is_readable(tmp_path: Path) -> None:
    path = tmp_path / "song.console.json"
    example().save(path)
    lines = path.read_text().splitlines()
    assert '    {"processor": "gain", "gain_db": -3.0},' in lines
    assert max(map(len, lines)) <= 120


def test_every_number_carries_its_unit() -> None:
    units = {"dB": "_db", "Hz": "_hz", "ms": "_ms", "s": "_s"}
    for kind in (*PROCESSORS.values(), TrackStrip, Bus, Send, Master, EqBand):
        for name, parameter in _declared(kind):
            assert name.endswith(units.get(parameter.unit, name)), f"{kind.__name__}.{name}"


def _declared(kind):
    from fxnorm.console.settings import own_parameters

    yield from own_parameters(kind).items()
    for section in kind.SECTIONS.values():
        if section is not Processor:
            yield from _declared(section)


def test_values_of_the_whole_console_can_be_exchanged() -> None:
    console = example()
    names = list(console.parameters())
    assert names[0] == "tracks.0.processors.0.gain_db"
    assert "buses.1.processors.0.pan" in names
    assert "master.fader_db" in names
    values = console.values()
    assert console.with_values(values) == console
    values[names.index("tracks.0.fader_db")] = -12.0
    assert console.with_values(values).track("kick").fader_db == -12.0
    for wrong in (values[:-1], [*values, 0.0]):
        with pytest.raises(InputError, match=f"expected {len(values)} values"):
            console.with_values(wrong)


def test_values_switched_off_are_no_parameters() -> None:
    assert list(Width(0.5).parameters()) == ["width"]
    assert list(Width(0.5, 120.0).parameters()) == ["width", "mono_below_hz"]
    assert Width(0.5).with_values([0.7]) == Width(0.7)


def test_neutral_from_a_song_on_disk(tmp_path: Path) -> None:
    (tmp_path / "song").mkdir()
    for stem in STEMS:
        audio_files.write(tmp_path / "song" / f"{stem}.wav", noise(0.1), 44_100)
    (song,) = scan(tmp_path)
    console = Console.neutral(song)
    assert console.name == "song"
    assert {(track.name, track.stem, track.files) for track in console.tracks} == {
        (stem, stem, (f"{stem}.wav",)) for stem in STEMS
    }
    assert Console.from_dict(json.loads(json.dumps(console.to_dict()))) == console


WRONG = {
    "unknown processor": (("tracks", 0, "processors", 0, "processor"), "compresor", "did you mean 'compressor'"),
    "unknown key": (("tracks", 0, "pann"), 0.1, "did you mean 'pan'"),
    "unknown key of a processor": (("tracks", 0, "processors", 2, "treshold_db"), -3.0, "'threshold_db'"),
    "value out of range": (("tracks", 0, "fader_db"), 30.0, "fader_db: expected -60 to 24 dB"),
    "value that is no number": (("tracks", 0, "fader_db"), "-3 dB", "fader_db: expected a number"),
    "band out of range": (("tracks", 0, "processors", 1, "bands", 1, "gain_db"), 40.0, "-12 to 12 dB, got 40"),
    "kind of band": (("tracks", 0, "processors", 1, "bands", 1, "kind"), "bell", "expected high_pass"),
    "flag that is a number": (("tracks", 0, "mute"), 1, "expected true or false"),
    "unknown output": (("tracks", 1, "output"), "low and", "did you mean 'low end'"),
    "unknown bus": (("tracks", 0, "sends", 0, "bus"), "master", "kick"),
    "bus that feeds itself": (("buses", 0, "output"), "low end", "reorder the buses"),
    "side-chain without track": (("tracks", 1, "processors", 0, "key"), "kik", "did you mean 'kick'"),
    "name twice": (("tracks", 1, "name"), "kick", "'kick' twice"),
    "reserved name": (("tracks", 1, "name"), "master", "rename it"),
    "unknown stem": (("tracks", 0, "stem"), "percussion", "expected , vocals, bass, drums, other"),
    "later version": (("version",), 2, "expected a console of version 1, got 2"),
    "other format": (("format",), "fxnorm-chain", "expected a console"),
    "list that is an object": (("tracks",), {}, "tracks: expected a list"),
    "files that are one text": (("tracks", 0, "files"), "kick.wav", "files: expected a list of texts"),
    "offset out of range": (("tracks", 0, "offset_ms"), -1.0, "offset_ms"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_in_one_line(name: str, tmp_path: Path) -> None:
    path, value, expected = WRONG[name]
    content = json.loads(json.dumps(example().to_dict()))
    target = content
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = value
    file = tmp_path / "song.console.json"
    file.write_text(json.dumps(content))
    with pytest.raises(InputError) as error:
        Console.load(file)
    message = str(error.value)
    assert expected in message
    assert "\n" not in message
    assert str(file) in message


def test_a_missing_name_and_a_file_that_is_no_json(tmp_path: Path) -> None:
    content = example().to_dict()
    del content["tracks"][0]["name"]
    with pytest.raises(InputError, match="'name', which is missing"):
        Console.from_dict(content)
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(InputError, match="expected a console"):
        Console.load(tmp_path / "broken.json")
    with pytest.raises(InputError, match="cannot be read"):
        Console.load(tmp_path / "missing.json")


def test_tracks_are_found_and_changed_by_name() -> None:
    console = example().with_track("kick", fader_db=-9.0)
    assert console.track("kick") == replace(example().track("kick"), fader_db=-9.0)
    assert console.track("bass") == example().track("bass")
    with pytest.raises(InputError, match="did you mean 'kick'"):
        console.track("kik")


def test_descriptions_are_what_an_engineer_would_write() -> None:
    assert [processor.describe() for processor in example().track("kick").processors] == [
        "-3.0 dB",
        "HP 30 Hz, peak +3.0 dB at 100 Hz Q 1.2",
        "-20.0 dB, 4:1, 10/150 ms, knee 6 dB",
    ]
    assert Pan(-0.3).describe() == "L30"
