"""Sessions: they play like the console, read back as it is, and follow the published schema."""

import struct
import zipfile
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import numpy as np
import pytest

from fxnorm import audio_files
from fxnorm.console import Bus, Console, Decorrelation, Gain, Master, Multiband, Reverb, Saturation, Send, TrackStrip
from fxnorm.console.render import render as render_console
from fxnorm.errors import InputError
from fxnorm.sessions import Recordings, read_dawproject, read_rpp, write_session
from fxnorm.sessions.writing import WrittenSession
from tests.sessions.reaper_twin import play
from tests.sessions.scenes import SAMPLE_RATE, bursts, desk, recordings, residual_db, studio

READERS = {"session.dawproject": read_dawproject, "session.rpp": read_rpp}

# Order of the children in Project.xsd of bitwig/dawproject 1.0: the sequences of the types and of those they extend.
DEVICE = ("Parameters", "Enabled", "State")
ORDER: dict[str, tuple[str, ...]] = {
    "Project": ("Application", "Transport", "Structure", "Arrangement", "Scenes"),
    "Application": (),
    "Transport": ("Tempo", "TimeSignature"),
    "Track": ("Channel", "Track"),
    "Channel": ("Devices", "Mute", "Pan", "Sends", "Volume"),
    "Sends": ("Send",),
    "Send": ("Enable", "Pan", "Volume"),
    "Equalizer": (*DEVICE, "Band", "InputGain", "OutputGain"),
    "Band": ("Freq", "Gain", "Q", "Enabled"),
    "Compressor": (*DEVICE, "Attack", "AutoMakeup", "InputGain", "OutputGain", "Ratio", "Release", "Threshold"),
    "Limiter": (*DEVICE, "Attack", "InputGain", "OutputGain", "Release", "Threshold"),
    "Arrangement": ("Lanes", "Markers", "TempoAutomation", "TimeSignatureAutomation"),
    "Clips": ("Clip",),
    "Clip": ("Audio",),
    "Audio": ("File",),
    "File": (),
}
CHOICES: dict[str, tuple[str, ...]] = {  # children in any order
    "Structure": ("Track", "Channel"),
    "Devices": ("Equalizer", "Compressor", "Limiter"),
    "Parameters": ("RealParameter", "BoolParameter"),
    "Lanes": ("Lanes", "Clips"),
}
REFERENCEABLE = {"name", "color", "comment", "id"}
ATTRIBUTES: dict[str, tuple[set[str], set[str]]] = {  # required, allowed
    "Project": ({"version"}, set()),
    "Application": ({"name", "version"}, set()),
    "TimeSignature": ({"denominator", "numerator"}, REFERENCEABLE),
    "Structure": (set(), set()),
    "Transport": (set(), set()),
    "Devices": (set(), set()),
    "Sends": (set(), set()),
    "Parameters": (set(), set()),
    "Track": (set(), REFERENCEABLE | {"contentType", "loaded"}),
    "Channel": (set(), REFERENCEABLE | {"audioChannels", "destination", "role", "solo"}),
    "Send": (set(), REFERENCEABLE | {"destination", "type"}),
    "Band": ({"type"}, {"order"}),
    "Arrangement": (set(), REFERENCEABLE),
    "Lanes": (set(), REFERENCEABLE | {"timeUnit", "track"}),
    "Clips": (set(), REFERENCEABLE | {"timeUnit", "track"}),
    "Clip": ({"time"}, {"name", "duration", "contentTimeUnit", "playStart"}),
    "Audio": ({"channels", "sampleRate", "duration"}, REFERENCEABLE | {"algorithm", "timeUnit", "track"}),
    "File": ({"path"}, {"external"}),
}
DEVICE_ATTRIBUTES = ({"deviceName", "deviceRole"}, REFERENCEABLE | {"deviceID", "deviceVendor", "loaded"})
REAL = ({"unit"}, REFERENCEABLE | {"max", "min", "value", "parameterID"})
BOOL = (set[str](), REFERENCEABLE | {"value", "parameterID"})
VALUES = {
    "unit": {"linear", "normalized", "percent", "decibel", "hertz", "semitones", "seconds", "beats", "bpm"},
    "role": {"regular", "master", "effect", "submix", "vca"},
    "timeUnit": {"beats", "seconds"},
    "contentTimeUnit": {"beats", "seconds"},
    "deviceRole": {"instrument", "noteFX", "audioFX", "analyzer"},
    "contentType": {"audio", "automation", "notes", "video", "markers", "tracks"},
}
BAND_TYPES = {"highPass", "lowPass", "bandPass", "highShelf", "lowShelf", "bell", "notch"}
FLAGS = {"Enabled", "Enable", "Mute", "AutoMakeup", "BoolParameter"}


def check(element: Element) -> None:
    """Check order, attributes and enumerations of an element and of all within."""
    tags = [child.tag for child in element]
    if element.tag in CHOICES:
        assert set(tags) <= set(CHOICES[element.tag]), element.tag
    elif element.tag in ORDER:
        places = [ORDER[element.tag].index(tag) for tag in tags]
        assert places == sorted(places), f"{element.tag}: {tags}"
    else:
        assert not tags, element.tag
    if element.tag in ("Equalizer", "Compressor", "Limiter"):
        required, allowed = DEVICE_ATTRIBUTES
    else:
        required, allowed = ATTRIBUTES.get(element.tag) or (BOOL if element.tag in FLAGS else REAL)
    keys = element.attrib.keys()
    assert required <= keys <= required | allowed, f"{element.tag}: {sorted(keys)}"
    for key, value in element.attrib.items():
        assert value in VALUES.get(key, {value}), f"{element.tag}: {key} {value}"
        assert key in ("name", "comment", "path") or value.strip()
    if element.tag == "Band":
        assert element.attrib["type"] in BAND_TYPES
    for key in keys & {"value", "min", "max", "duration", "time"}:
        assert (
            element.attrib[key] in ("true", "false")
            if element.tag in FLAGS
            else np.isfinite(float(element.attrib[key]))
        )
    for child in element:
        check(child)


def write(console: Console, folder: Path, seconds: float = 1.5, **options: float) -> WrittenSession:
    return write_session(Recordings.of(console, recordings(console, seconds), SAMPLE_RATE), folder, **options)


@pytest.fixture(scope="module")
def desk_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("desk") / "session"
    write(desk(), folder)
    return folder


@pytest.fixture(scope="module")
def studio_session(tmp_path_factory: pytest.TempPathFactory) -> WrittenSession:
    return write(studio(), tmp_path_factory.mktemp("studio") / "session", tail_s=0.5)


@pytest.mark.parametrize("name", READERS)
def test_sixteen_tracks_return(desk_folder: Path, name: str) -> None:
    console, read = desk(), READERS[name](desk_folder / name).console
    assert read.name == console.name
    assert [track.name for track in read.tracks] == [track.name for track in console.tracks]
    assert [bus.name for bus in read.buses] == [bus.name for bus in console.buses]
    for expected, strip in zip((*console.tracks, *console.buses), (*read.tracks, *read.buses), strict=True):
        assert (strip.mute, strip.output) == (expected.mute, expected.output)
        assert [processor.KIND for processor in strip.processors] == [p.KIND for p in expected.processors]
        assert [(send.bus, send.pre_fader) for send in strip.sends] == [
            (send.bus, send.pre_fader) for send in expected.sends
        ]
        np.testing.assert_allclose(strip.values(), expected.values(), atol=1e-5, err_msg=strip.name)
    np.testing.assert_allclose(read.master.values(), console.master.values(), atol=1e-5)


def test_the_project_follows_the_schema(desk_folder: Path, studio_session: WrittenSession) -> None:
    for folder in (desk_folder, studio_session.folder):
        with zipfile.ZipFile(folder / "session.dawproject") as archive:
            root = ElementTree.fromstring(archive.read("project.xml"))
            metadata = ElementTree.fromstring(archive.read("metadata.xml"))
        check(root)
        assert [child.tag for child in metadata] == ["Title", "Comment"], "in the order of MetaData.xsd"
        identifiers = [element.attrib["id"] for element in root.iter() if "id" in element.attrib]
        assert len(set(identifiers)) == len(identifiers)
        for element in root.iter():
            assert {element.get("destination"), element.get("track")} - {None} <= set(identifiers)


def test_units_of_the_dawproject(desk_folder: Path) -> None:
    with zipfile.ZipFile(desk_folder / "session.dawproject") as archive:
        root = ElementTree.fromstring(archive.read("project.xml"))
    strip = desk().tracks[0]
    channel = root.find("Structure/Track/Channel")
    assert channel is not None
    eq, compressor = strip.processors

    def value(path: str) -> tuple[str | None, float]:
        found = channel.find(path)
        assert found is not None
        return found.get("unit"), float(found.attrib["value"])

    assert value("Volume") == ("linear", pytest.approx(10.0 ** (strip.fader_db / 20.0)))
    assert value("Pan") == ("normalized", pytest.approx(0.5 + 0.5 * strip.pan))
    assert value("Devices/Equalizer/Band[@type='bell']/Freq") == ("hertz", eq.bands[2].frequency_hz)
    assert value("Devices/Equalizer/Band[@type='bell']/Gain") == ("decibel", eq.bands[2].gain_db)
    assert value("Devices/Equalizer/Band[@type='bell']/Q") == ("linear", eq.bands[2].q)
    assert value("Devices/Compressor/Attack") == ("seconds", pytest.approx(compressor.attack_ms / 1000.0))
    assert value("Devices/Compressor/Ratio") == ("percent", pytest.approx(100.0 - 100.0 / compressor.ratio))
    assert value("Devices/Compressor/Threshold") == ("decibel", compressor.threshold_db)


def test_local_headers_state_crc_and_sizes(desk_folder: Path) -> None:
    path = desk_folder / "session.dawproject"
    data = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.namelist()[:2] == ["project.xml", "metadata.xml"]
        assert len(archive.namelist()) == 2 + 16
        for entry in archive.infolist():
            flags, crc, packed, size = struct.unpack_from("<H6xIII", data, entry.header_offset + 6)
            assert not flags & 8, "sizes do not follow the data"
            assert (crc, packed, size) == (entry.CRC, entry.compress_size, entry.file_size)


def test_a_session_is_the_same_whenever_it_is_written(desk_folder: Path, tmp_path: Path) -> None:
    write(desk(), tmp_path / "again")
    for name in READERS:
        assert (tmp_path / "again" / name).read_bytes() == (desk_folder / name).read_bytes()


def test_reaper_plays_the_mix(studio_session: WrittenSession) -> None:
    """The project, played by formulas of its own and by running its effects, nulls with the console."""
    console = studio()
    expected = render_console(console, recordings(console), SAMPLE_RATE, tail_s=0.5)
    played = play(studio_session.folder / "session.rpp", expected.mix.shape[1])
    edge = slice(0, -1000)  # where the recording ends, a project goes on
    for name, output in expected.tracks.items():
        assert residual_db(output[:, edge], played.tracks[name][:, edge]) < -100.0, name
    for name, output in expected.buses.items():
        assert residual_db(output[:, edge], played.tracks[name][:, edge]) < -100.0, name
    assert residual_db(expected.mix[:, edge], played.mix[:, edge]) < -100.0


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("pan", [-1.0, -0.35, 0.0, 0.8, 1.0])
def test_gain_and_pan_null(tmp_path: Path, channels: int, pan: float) -> None:
    console = Console(tracks=(TrackStrip("a", fader_db=-4.3, pan=pan),))
    audio = {"a": bursts(0.5, seed=1, channels=channels)}
    written = write_session(Recordings.of(console, audio, SAMPLE_RATE), tmp_path)
    expected = render_console(console, audio, SAMPLE_RATE)
    assert residual_db(expected.mix, play(tmp_path / "session.rpp", expected.mix.shape[1]).mix) < -100.0
    assert all(item.residual_db < -100.0 for item in written.formats)


def test_what_is_live_printed_and_missing(studio_session: WrittenSession) -> None:
    daw, reaper = studio_session.formats
    kinds = {
        name: tuple([p.KIND for p in part] for part in (strip.live, strip.printed, strip.missing))
        for name in ("kick", "bass: L/R", "gtr", "mono", "vox", "band", "verb")
        for strip in [daw.plan.strip(name)]
    }
    assert kinds == {
        "kick": (["eq", "compressor"], [], []),
        "bass: L/R": ([], ["eq", "compressor"], []),  # a dry share
        "gtr": (["eq"], ["eq", "saturation"], []),
        "mono": ([], ["eq", "width", "compressor", "gain"], []),  # a fader above 6 dB
        "vox": (["eq"], ["compressor"], []),  # a side-chain
        "band": (["compressor"], [], ["saturation"]),
        "verb": (["eq"], ["reverb"], []),
    }
    assert [strip.name for strip in reaper.plan.strips if strip.printed] == ["vox", "verb"]
    assert not [strip.name for strip in reaper.plan.strips if strip.missing]
    assert reaper.residual_db < -100.0
    assert -60.0 < daw.residual_db < -10.0, "the saturation of the bus is missing, and that is said"
    assert daw.strips_db["band"] > -60.0
    assert all(level_db < -100.0 for name, level_db in daw.strips_db.items() if name != "band")
    assert any("band: has no devices for saturation" in notice for notice in studio_session.notices)
    assert any("vox, verb" in notice for notice in studio_session.notices)
    notes = Console.load(studio_session.folder / "song.console.json").notes["session"]
    assert notes["session.dawproject"]["gtr"] == {"live": ["EQ"], "printed": ["EQ", "saturation"]}


def test_processors_without_devices_are_printed(tmp_path: Path) -> None:
    loud = Multiband(bands=tuple(replace(band, makeup_db=3.0) for band in Multiband().bands))
    processors = (loud, Reverb(), Decorrelation(0.5), Gain(3.0))
    console = Console(tracks=tuple(TrackStrip(processor.KIND, (processor,)) for processor in processors))
    written = write(console, tmp_path, seconds=0.5)
    assert all(item.residual_db < -100.0 for item in written.formats)
    assert [len(strip.printed) for strip in written.formats[0].plan.strips] == [1, 1, 1, 1, 0]
    assert [len(strip.printed) for strip in written.formats[1].plan.strips] == [1, 1, 1, 0, 0]


def test_dry_tracks_are_the_recordings(studio_session: WrittenSession) -> None:
    names = sorted(path.name for path in (studio_session.folder / "audio").iterdir())
    assert names[:3] == ["01 kick.wav", "02 bass_ L_R printed.wav", "02 bass_ L_R.wav"]
    audio, sample_rate = audio_files.read(studio_session.folder / "audio" / "02 bass_ L_R.wav")
    assert sample_rate == SAMPLE_RATE
    np.testing.assert_array_equal(audio, recordings(studio())["bass: L/R"])
    assert len((studio_session.folder / "README.txt").read_text(encoding="utf-8").splitlines()) == 10
    assert {path.suffix for path in (studio_session.folder / "fx").iterdir()} == {".jsfx"}


def test_offsets_are_part_of_the_audio(tmp_path: Path) -> None:
    console = Console(tracks=(TrackStrip("a", offset_ms=250.0), TrackStrip("b")))
    written = write(console, tmp_path, seconds=0.5)
    assert all(item.residual_db < -100.0 for item in written.formats)
    assert written.seconds == pytest.approx(0.75, abs=0.02)


def test_levels_that_a_format_lacks_are_said(tmp_path: Path) -> None:
    tracks = (TrackStrip("a", sends=(Send("bus", 9.0),)), TrackStrip("b", output="bus"))
    console = Console(tracks=tracks, buses=(Bus("bus", fader_db=8.0),), master=Master((Saturation(3.0),), 7.0))
    written = write(console, tmp_path, seconds=0.3)
    assert [line for line in written.notices if "the send of a to bus is 6.02 dB instead of 9.00 dB" in line]
    assert [line for line in written.notices if "master: has no devices for saturation, gain" in line]
    assert written.formats[1].residual_db < -100.0


def test_other_files_are_respected(tmp_path: Path) -> None:
    console = Console(tracks=(TrackStrip("a"),))
    note = tmp_path / "note.txt"
    note.write_text("mine")
    with pytest.raises(InputError, match="holds other files; choose another folder or add --force"):
        write(console, tmp_path, seconds=0.1)
    assert list(tmp_path.iterdir()) == [note]
    write(console, tmp_path, seconds=0.1, force=True)
    assert note.read_text() == "mine"


@pytest.mark.parametrize("name", READERS)
def test_other_formats_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("something else\n")
    with pytest.raises(InputError, match="expected a"):
        READERS[name](tmp_path / name)


def test_memory_does_not_grow_with_the_song(tmp_path: Path) -> None:
    """Blocks are written as they come: a source of one block at a time never holds two of them."""
    import tracemalloc

    class Endless:
        strip = TrackStrip("a", (Saturation(3.0),))
        channels, paths, infos = 2, (), ()

        def __init__(self, blocks: int) -> None:
            self.blocks = blocks

        def read(self, sample_rate: int):
            for _ in range(self.blocks):
                yield np.full((2, 65_536), 0.1, dtype=np.float32)

    peaks = []
    for blocks in (4, 24):
        track = Endless(blocks)
        source = Recordings(Console(tracks=(track.strip,)), (track,), SAMPLE_RATE)
        tracemalloc.start()
        write_session(source, tmp_path / str(blocks))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0]
