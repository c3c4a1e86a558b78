"""DAWproject 1.0: a ZIP file of project.xml, metadata.xml and audio.

The order of elements and their units follow the schema of the format (Project.xsd, MetaData.xsd). It says nothing about
the pan law and the laws of its devices; those of `fxnorm.console` are the customary ones.
"""

import zipfile
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any, TypeVar
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import fxnorm
from fxnorm.console import Bus, Compressor, Console, Eq, EqBand, Limiter, Master, Processor, Send, Strip, TrackStrip
from fxnorm.console.document import MASTER
from fxnorm.console.parameter import Parameter
from fxnorm.console.settings import own_parameters
from fxnorm.errors import InputError
from fxnorm.files import replacing
from fxnorm.sessions.plan import Format
from fxnorm.sessions.session import Clip, Session
from fxnorm.units import amplitude_to_db, db_to_amplitude

NAME = "session.dawproject"
MOST = 2.0  # highest linear volume
BANDS = {
    "high_pass": "highPass",
    "low_shelf": "lowShelf",
    "peak": "bell",
    "high_shelf": "highShelf",
    "low_pass": "lowPass",
}
_KNEE, _MEAN = "Knee", "Mean of the channels"  # parameters of a compressor that the schema has no element for
_TIME = (1980, 1, 1, 0, 0, 0)  # so that equal sessions are equal files
_CHUNK = 1 << 20

S = TypeVar("S", TrackStrip, Bus)


def supports(processor: Processor) -> bool:
    """Whether a processor can be a device: an equaliser, a compressor without side-chain and dry share, a limiter."""
    if isinstance(processor, Compressor):
        return processor.wet == 1.0 and not processor.key
    return isinstance(processor, Limiter) or (isinstance(processor, Eq) and bool(processor.bands))


FORMAT = Format(NAME, supports, most_db=float(amplitude_to_db(MOST)))


def write_dawproject(session: Session, path: Path) -> None:
    """Write a session with the audio that lies beside it.

    Parameters
    ----------
    session : Session
        Of processors that `supports` accepts.
    path : Path

    Raises
    ------
    RunError, InputError
        If the file cannot be written; nothing is left behind.
    """
    folder = path.parent
    texts = {"project.xml": _project(session), "metadata.xml": _metadata(session)}
    try:
        with replacing(path) as temporary, zipfile.ZipFile(temporary, "w", allowZip64=True) as archive:
            for name, root in texts.items():
                ElementTree.indent(root)
                text = ElementTree.tostring(root, encoding="UTF-8", xml_declaration=True)
                archive.writestr(_entry(name, zipfile.ZIP_DEFLATED), text)
            for file in sorted({clip.file for clip in session.clips.values()}):
                _store(archive, folder / file, file)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); choose another folder") from error


def _entry(name: str, compression: int = zipfile.ZIP_STORED) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _TIME)
    entry.compress_type = compression
    return entry


def _store(archive: zipfile.ZipFile, path: Path, name: str) -> None:
    """Copy a file piece by piece; zipfile returns to the local header to write CRC and sizes."""
    entry = _entry(name)
    entry.file_size = path.stat().st_size
    with path.open("rb") as source, archive.open(entry, "w") as target:
        while block := source.read(_CHUNK):
            target.write(block)


def read_dawproject(path: Path) -> Session:
    """Read what a file of `write_dawproject` stands for.

    Raises
    ------
    InputError
        If the file is not a DAWproject, or has a device that fxnorm does not write.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            root = ElementTree.fromstring(archive.read("project.xml"))
            title = ElementTree.fromstring(archive.read("metadata.xml")).findtext("Title", "")
    except (OSError, KeyError, zipfile.BadZipFile, ElementTree.ParseError) as error:
        raise InputError(f"{path}: expected a DAWproject file ({error}); choose a .dawproject file") from error
    return _Reader(root).session(title)


# Writing.


class _Ids:
    def __init__(self) -> None:
        self._numbers = count(1)

    def next(self) -> str:
        return f"id{next(self._numbers)}"


def _metadata(session: Session) -> Element:
    root = Element("MetaData")
    SubElement(root, "Title").text = session.console.name
    SubElement(root, "Comment").text = f"Written by fxnorm {fxnorm.__version__}"
    return root


def _project(session: Session) -> Element:
    console, ids = session.console, _Ids()
    root = Element("Project", version="1.0")
    SubElement(root, "Application", name="fxnorm", version=fxnorm.__version__)
    transport = SubElement(root, "Transport")
    _real(transport, "Tempo", 120.0, "bpm", 20.0, 666.0, ids)
    SubElement(transport, "TimeSignature", denominator="4", numerator="4", id=ids.next())
    structure = SubElement(root, "Structure")
    channels = {strip.name: ids.next() for strip in (*console.tracks, *console.buses)} | {MASTER: ids.next()}
    tracks = {}
    for strip in (*console.tracks, *console.buses):
        role = "regular" if strip.name in session.clips else _bus_role(console, strip.name)
        track = tracks[strip.name] = _track(structure, strip.name, ids)
        channel = SubElement(track, "Channel", audioChannels="2", destination=channels[strip.output], role=role)
        _channel(channel, strip, channels, ids)
    master = SubElement(_track(structure, "Master", ids), "Channel", audioChannels="2", role="master")
    _channel(master, console.master, channels, ids)
    arrangement = SubElement(root, "Arrangement", id=ids.next())
    lanes = SubElement(arrangement, "Lanes", timeUnit="seconds", id=ids.next())
    for name, clip in session.clips.items():
        _clip(lanes, name, tracks[name].attrib["id"], clip, session.sample_rate, ids)
    return root


def _track(structure: Element, name: str, ids: _Ids) -> Element:
    return SubElement(structure, "Track", contentType="audio", loaded="true", id=ids.next(), name=name)


def _bus_role(console: Console, name: str) -> str:
    outputs = {strip.output for strip in (*console.tracks, *console.buses)}
    return "submix" if name in outputs else "effect"


def _channel(channel: Element, strip: Strip | Master, channels: dict[str, str], ids: _Ids) -> None:
    name, pan, mute, routes = MASTER, 0.0, False, tuple[Send, ...]()
    if isinstance(strip, Strip):
        name, pan, mute, routes = strip.name, strip.pan, strip.mute, strip.sends
    channel.set("solo", "false")
    channel.set("id", channels[name])
    devices = SubElement(channel, "Devices")
    for processor in strip.processors:
        _device(devices, processor, ids)
    _flag(channel, "Mute", mute, ids)
    _real(channel, "Pan", 0.5 * (1.0 + pan), "normalized", 0.0, 1.0, ids)
    if routes:
        sends = SubElement(channel, "Sends")
        for send in routes:
            kind = "pre" if send.pre_fader else "post"
            item = SubElement(sends, "Send", destination=channels[send.bus], type=kind, id=ids.next())
            _flag(item, "Enable", True, ids)
            _real(item, "Pan", 0.5, "normalized", 0.0, 1.0, ids)
            _real(item, "Volume", db_to_amplitude(send.level_db), "linear", 0.0, MOST, ids)
    _real(channel, "Volume", db_to_amplitude(strip.fader_db), "linear", 0.0, MOST, ids)


def _device(devices: Element, processor: Processor, ids: _Ids) -> None:
    tags = {Eq: "Equalizer", Compressor: "Compressor", Limiter: "Limiter"}
    tag = tags[type(processor)]
    device = SubElement(
        devices, tag, deviceName=tag, deviceRole="audioFX", loaded="true", id=ids.next(), name=processor.title
    )
    declared = own_parameters(type(processor))
    if isinstance(processor, Compressor):
        parameters = SubElement(device, "Parameters")
        _declared(parameters, "RealParameter", processor.knee_db, "decibel", declared["knee_db"], ids, name=_KNEE)
        mean = SubElement(parameters, "BoolParameter", value=_truth(processor.detector == "mean"), id=ids.next())
        mean.set("name", _MEAN)
    _flag(device, "Enabled", True, ids)
    if isinstance(processor, Eq):
        for order, band in enumerate(processor.bands):
            _band(device, order, band, ids)
    elif isinstance(processor, Compressor):
        _declared(device, "Attack", processor.attack_ms, "seconds", declared["attack_ms"], ids)
        _flag(device, "AutoMakeup", False, ids)
        _declared(device, "OutputGain", processor.makeup_db, "decibel", declared["makeup_db"], ids)
        # 0 % is no compression, 100 % a limiter
        _real(device, "Ratio", 100.0 * (1.0 - 1.0 / processor.ratio), "percent", 0.0, 100.0, ids)
        _declared(device, "Release", processor.release_ms, "seconds", declared["release_ms"], ids)
        _declared(device, "Threshold", processor.threshold_db, "decibel", declared["threshold_db"], ids)
    elif isinstance(processor, Limiter):
        _declared(device, "Attack", processor.look_ahead_ms, "seconds", declared["look_ahead_ms"], ids)
        _declared(device, "InputGain", processor.gain_db, "decibel", declared["gain_db"], ids)
        _declared(device, "Release", processor.release_ms, "seconds", declared["release_ms"], ids)
        _declared(device, "Threshold", processor.ceiling_db, "decibel", declared["ceiling_db"], ids)


def _band(device: Element, order: int, band: EqBand, ids: _Ids) -> None:
    declared = own_parameters(EqBand)
    item = SubElement(device, "Band", type=BANDS[band.kind], order=str(order))
    _declared(item, "Freq", band.frequency_hz, "hertz", declared["frequency_hz"], ids)
    if not band.is_pass:
        _declared(item, "Gain", band.gain_db, "decibel", declared["gain_db"], ids)
    _declared(item, "Q", band.q, "linear", declared["q"], ids)
    _flag(item, "Enabled", True, ids)


def _clip(lanes: Element, name: str, track: str, clip: Clip, sample_rate: int, ids: _Ids) -> None:
    seconds = _number(clip.seconds)
    lane = SubElement(lanes, "Lanes", track=track, id=ids.next())
    clips = SubElement(lane, "Clips", id=ids.next())
    item = SubElement(
        clips, "Clip", time="0.0", duration=seconds, contentTimeUnit="seconds", playStart="0.0", name=name
    )
    audio = SubElement(
        item, "Audio", channels=str(clip.channels), duration=seconds, sampleRate=str(sample_rate), id=ids.next()
    )
    SubElement(audio, "File", path=clip.file)


def _declared(
    parent: Element, tag: str, value: float, unit: str, declared: Parameter, ids: _Ids, name: str = ""
) -> None:
    """Write a setting with its range; times in milliseconds become seconds."""
    scale = 1e-3 if unit == "seconds" else 1.0
    _real(parent, tag, value * scale, unit, declared.low * scale, declared.high * scale, ids, name=name)


def _real(
    parent: Element, tag: str, value: float, unit: str, low: float, high: float, ids: _Ids, *, name: str = ""
) -> None:
    SubElement(
        parent,
        tag,
        max=_number(high),
        min=_number(low),
        unit=unit,
        value=_number(value),
        id=ids.next(),
        name=name or tag,
    )


def _flag(parent: Element, tag: str, value: bool, ids: _Ids) -> None:
    SubElement(parent, tag, value=_truth(value), id=ids.next(), name=tag)


def _number(value: float) -> str:
    return repr(float(format(value, ".14g")))


def _truth(value: bool) -> str:
    return "true" if value else "false"


# Reading.


class _Reader:
    def __init__(self, root: Element) -> None:
        self._root = root
        self._names: dict[str, str] = {}
        self._clips: dict[str, Clip] = {}
        self._sample_rate = 0

    def session(self, title: str) -> Session:
        elements = self._root.findall("Structure/Track")
        tracks = {track.attrib["id"]: track.attrib["name"] for track in elements}
        channels = [_find(track, "Channel") for track in elements]
        for track, channel in zip(elements, channels, strict=True):
            is_master = channel.get("role") == "master"
            self._names[channel.attrib["id"]] = MASTER if is_master else track.attrib["name"]
        for lane in self._root.findall("Arrangement/Lanes/Lanes"):
            audio = _find(lane, "Clips/Clip/Audio")
            self._sample_rate = int(audio.attrib["sampleRate"])
            self._clips[tracks[lane.attrib["track"]]] = Clip(
                _find(audio, "File").attrib["path"], int(audio.attrib["channels"]), float(audio.attrib["duration"])
            )
        strips: list[TrackStrip] = []
        buses: list[Bus] = []
        master = Master()
        for track, channel in zip(elements, channels, strict=True):
            name = track.attrib["name"]
            if channel.get("role") == "master":
                master = Master(tuple(_devices(channel)), _level(channel, "Volume"))
            elif name in self._clips:
                strips.append(self._strip(TrackStrip(name, files=(self._clips[name].file,)), channel))
            else:
                buses.append(self._strip(Bus(name), channel))
        return Session(Console(title, tuple(strips), tuple(buses), master), self._sample_rate, self._clips)

    def _strip(self, strip: S, channel: Element) -> S:
        sends = tuple(
            Send(self._names[send.attrib["destination"]], _level(send, "Volume"), send.get("type") == "pre")
            for send in channel.findall("Sends/Send")
        )
        changes: dict[str, Any] = {
            "processors": tuple(_devices(channel)),
            "fader_db": _level(channel, "Volume"),
            "pan": round(2.0 * _value(channel, "Pan") - 1.0, 9),
            "mute": _find(channel, "Mute").get("value") == "true",
            "output": self._names[channel.attrib["destination"]],
            "sends": sends,
        }
        return replace(strip, **changes)


def _devices(channel: Element) -> Iterator[Processor]:
    for device in _find(channel, "Devices"):
        if device.tag == "Equalizer":
            kinds = {name: kind for kind, name in BANDS.items()}
            yield Eq(
                tuple(
                    EqBand(
                        kinds[band.attrib["type"]],
                        round(_value(band, "Freq"), 9),
                        round(_value(band, "Gain", 0.0), 9),
                        round(_value(band, "Q"), 9),
                    )
                    for band in device.findall("Band")
                )
            )
        elif device.tag == "Compressor":
            extra = {item.get("name"): item.get("value", "") for item in device.findall("Parameters/*")}
            yield Compressor(
                round(_value(device, "Threshold"), 9),
                round(1.0 / (1.0 - 0.01 * _value(device, "Ratio")), 9),
                round(1000.0 * _value(device, "Attack"), 9),
                round(1000.0 * _value(device, "Release"), 9),
                float(extra.get(_KNEE, 0.0)),
                round(_value(device, "OutputGain", 0.0), 9),
                detector="mean" if extra.get(_MEAN) == "true" else "louder",
            )
        elif device.tag == "Limiter":
            yield Limiter(
                round(_value(device, "InputGain", 0.0), 9),
                round(_value(device, "Threshold"), 9),
                round(1000.0 * _value(device, "Attack"), 9),
                round(1000.0 * _value(device, "Release"), 9),
            )
        else:
            raise InputError(f"expected Equalizer, Compressor or Limiter, got {device.tag}; remove the device")


def _find(parent: Element, path: str) -> Element:
    found = parent.find(path)
    if found is None:
        raise InputError(f"{parent.tag}: expected an element {path}, got none; write the session anew")
    return found


def _value(parent: Element, tag: str, default: float | None = None) -> float:
    if default is not None and parent.find(tag) is None:
        return default
    return float(_find(parent, tag).attrib["value"])


def _level(parent: Element, tag: str) -> float:
    return round(float(amplitude_to_db(_value(parent, tag))), 9)
