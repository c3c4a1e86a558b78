"""REAPER projects: tracks with VOLPAN, ReaEQ and the JSFX files of this package.

The pan law of a track is -3 dB with a sine taper: without compensation for mono recordings, cos(a) and sin(a); with
compensation for stereo, sqrt(2) cos(a) and sqrt(2) sin(a). These are the laws of `fxnorm.console.Pan`. REAPER plays a
mono file at full level in both channels, which is what the first of them expects.
"""

import math
import re
import shlex
import uuid
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from fxnorm.console import Bus, Compressor, Console, Eq, EqBand, Master, Processor, Send, TrackStrip
from fxnorm.console.document import MASTER
from fxnorm.errors import InputError
from fxnorm.files import write_text
from fxnorm.sessions import jsfx, reaeq
from fxnorm.sessions.plan import Format
from fxnorm.sessions.session import Clip, Session
from fxnorm.units import amplitude_to_db, db_to_amplitude

NAME = "session.rpp"
PLAIN = math.sqrt(0.5)  # PANLAW: -3 dB in the middle
COMPENSATED = math.sqrt(2.0)  # PANLAW: -3 dB with gain compensation, 0 dB in the middle
_SPREAD = math.sqrt(0.5)  # level of a mono signal in two channels
_BAND_NAME = re.compile(r"EQ band (\d+) of (\d+)")
_SPACE = uuid.UUID("b8b0c6a0-6c38-4b52-9d6b-6c1a3f1f6b5e")


def supports(processor: Processor) -> bool:
    """Whether a processor can be a device: an equaliser, or one with a JSFX file and without a side-chain."""
    if isinstance(processor, Eq):
        return bool(processor.bands)
    return jsfx.is_effect(processor) and not (isinstance(processor, Compressor) and processor.key)


FORMAT = Format(NAME, supports, most_db=24.0)


def write_rpp(session: Session, path: Path) -> None:
    """Write a project; its audio lies beside it.

    Parameters
    ----------
    session : Session
        Of processors that `supports` accepts.
    path : Path
    """
    write_text(path, "\n".join(_project(session)) + "\n")


def read_rpp(path: Path) -> Session:
    """Read what a project of `write_rpp` stands for: its faders, pans, sends and devices by REAPER's laws.

    Raises
    ------
    InputError
        If the file is not a project, or has a device that this package does not write.
    """
    try:
        lines = iter(Path(path).read_text(encoding="utf-8").splitlines())
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); check the path") from error
    if not next(lines, "").startswith("<REAPER_PROJECT"):
        raise InputError(f"{path}: expected a REAPER project, got something else; choose an .rpp file")
    return _Reader(_tree(lines)).session()


# Writing.


def _project(session: Session) -> Iterator[str]:
    console = session.console
    yield '<REAPER_PROJECT 0.1 "7.0/fxnorm" 0'
    yield f"  TITLE {_quote(console.name)}"
    yield "  PANLAW 1"
    yield "  PANMODE 3"
    yield f"  SAMPLERATE {session.sample_rate} 1 0"
    yield "  TEMPO 120 4 4"
    yield "  MASTER_NCH 2 2"
    yield f"  MASTER_VOLUME {_number(db_to_amplitude(console.master.fader_db))} 0 1 -1 1"
    yield "  MASTER_PANMODE 3"
    yield "  MASTER_FX 1"
    yield from _chain("MASTERFXLIST", MASTER, console.master.processors, session.sample_rate, channels=2)
    strips: list[TrackStrip | Bus] = [*console.tracks, *console.buses]
    for strip in strips:
        yield from _track(session, strip, strips)
    yield ">"


def _track(session: Session, strip: TrackStrip | Bus, strips: Sequence[TrackStrip | Bus]) -> Iterator[str]:
    clip = session.clips.get(strip.name)
    channels = clip.channels if clip else 2
    law = PLAIN if _is_mono(strip, channels) else COMPENSATED
    yield f"  <TRACK {_guid('track', strip.name)}"
    yield f"    NAME {_quote(strip.name)}"
    yield "    PANLAWFLAGS 0"
    yield "    PANMODE 3"
    yield f"    VOLPAN {_number(db_to_amplitude(strip.fader_db))} {_number(strip.pan)} {_number(law)} -1 1"
    yield f"    MUTESOLO {int(strip.mute)} 0 0"
    yield "    NCHAN 2"
    yield "    FX 1"
    yield f"    TRACKID {_guid('track', strip.name)}"
    yield f"    MAINSEND {int(strip.output == MASTER)} 0"
    for index, source in enumerate(strips):
        source_clip = session.clips.get(source.name)
        is_mono = _is_mono(source, source_clip.channels if source_clip else 2)
        if source.output == strip.name:
            yield _receive(index, 0, 1.0)
        for send in source.sends:
            if send.bus == strip.name:
                scale = _SPREAD if send.pre_fader and is_mono else 1.0
                yield _receive(index, 3 if send.pre_fader else 0, scale * db_to_amplitude(send.level_db))
    chain = _chain("FXCHAIN", strip.name, strip.processors, session.sample_rate, channels=channels)
    yield from (f"  {line}" for line in chain)
    if clip:
        yield from _item(strip.name, clip)
    yield "  >"


def _receive(index: int, mode: int, amplitude: float) -> str:
    """Write a receive: from a track, after its fader and pan (0) or before its fader (3)."""
    return f"    AUXRECV {index} {mode} {_number(amplitude)} 0 0 0 0 0 0 -1:U 0 -1 ''"


def _item(name: str, clip: Clip) -> Iterator[str]:
    yield "    <ITEM"
    yield "      POSITION 0"
    yield f"      LENGTH {_number(clip.seconds)}"
    yield "      LOOP 0"
    yield "      FADEIN 1 0 0 1 0 0 0"
    yield "      FADEOUT 1 0 0 1 0 0 0"
    yield f"      IGUID {_guid('item', name)}"
    yield f"      NAME {_quote(name)}"
    yield "      VOLPAN 1 0 1 -1"
    yield "      SOFFS 0"
    yield "      PLAYRATE 1 0 0 -1 0 0.0025"
    yield "      CHANMODE 0"
    yield "      <SOURCE WAVE"
    yield f"        FILE {_quote(clip.file)}"
    yield "      >"
    yield "    >"


def _chain(tag: str, owner: str, processors: Iterable[Processor], sample_rate: int, *, channels: int) -> Iterator[str]:
    yield f"  <{tag}"
    yield "    SHOW 0"
    yield "    LASTSEL 0"
    yield "    DOCKED 0"
    for index, processor in enumerate(processors):
        is_mono = channels == 1
        if processor.NEEDS_STEREO:
            channels = 2
        for number, device in enumerate(_devices(processor, sample_rate, is_mono=is_mono)):
            yield "    BYPASS 0 0 0"
            yield from (f"    {line}" for line in device)
            yield f"    FXID {_guid('fx', f'{owner}/{index}/{number}')}"
            yield "    WAK 0 0"
    yield "  >"


def _devices(processor: Processor, sample_rate: int, *, is_mono: bool) -> Iterator[list[str]]:
    if not isinstance(processor, Eq):
        effect = jsfx.BY_KIND[type(processor)]
        yield _effect(effect, effect.sliders(processor, is_mono=is_mono), processor.title)
    elif reaeq.can_encode(processor, sample_rate):
        yield [f"<VST {reaeq.TITLE}", *(f"  {line}" for line in reaeq.encode(processor, sample_rate)), ">"]
    else:
        effect = jsfx.BY_KIND[EqBand]
        for number, band in enumerate(processor.bands, 1):
            yield _effect(effect, effect.sliders(band), f"EQ band {number} of {len(processor.bands)}")


def _effect(effect: jsfx.Effect, sliders: Sequence[float], title: str) -> list[str]:
    fields = [_number(value) for value in sliders] + ["-"] * (jsfx.SLIDERS - len(sliders))
    return [f"<JS {_quote(f'{jsfx.FOLDER}/{effect.file}')} {_quote(title)}", f"  {' '.join(fields)}", ">"]


def _is_mono(strip: TrackStrip | Bus, channels: int) -> bool:
    """Whether a strip has a mono recording that no device has spread to two channels."""
    return channels == 1 and not any(processor.NEEDS_STEREO for processor in strip.processors)


def _number(value: float) -> str:
    return format(value, ".14g")


def _quote(text: str) -> str:
    """Quote as REAPER does, with a character that the text does not have."""
    text = " ".join(text.split())
    for mark in "\"'`":
        if mark not in text:
            return f"{mark}{text}{mark}"
    return "`" + text.replace("`", "'") + "`"


def _guid(*parts: str) -> str:
    """Return an identifier that is the same whenever the same song is written."""
    return "{" + str(uuid.uuid5(_SPACE, "/".join(parts))).upper() + "}"


# Reading.


class _Block:
    """A block of a project: its words, lines and blocks within."""

    def __init__(self, words: list[str]) -> None:
        self.words = words
        self.lines: list[list[str]] = []
        self.blocks: list[_Block] = []

    def line(self, key: str) -> list[str]:
        """Return the words after a key."""
        for line in self.lines:
            if line and line[0] == key:
                return line[1:]
        raise InputError(f"{self.words[0]}: expected a line {key}, got none; write the session anew")

    def all(self, key: str) -> list["_Block"]:
        """Return the blocks of a kind."""
        return [block for block in self.blocks if block.words[0] == key]


def _tree(lines: Iterator[str]) -> _Block:
    root = _Block(["REAPER_PROJECT"])
    open_blocks = [root]
    for line in lines:
        text = line.strip()
        if text == ">":
            open_blocks.pop()
            if not open_blocks:
                break
        elif text.startswith("<"):
            block = _Block(_words(text[1:]))
            open_blocks[-1].blocks.append(block)
            open_blocks.append(block)
        else:
            open_blocks[-1].lines.append(_words(text))
    return root


def _words(text: str) -> list[str]:
    lexer = shlex.shlex(text, posix=True)
    lexer.quotes = "\"'`"
    lexer.escape = ""
    lexer.commenters = ""
    lexer.whitespace_split = True
    return list(lexer)


class _Reader:
    def __init__(self, root: _Block) -> None:
        self._root = root
        self._sample_rate = int(root.line("SAMPLERATE")[0])
        self._tracks = root.all("TRACK")
        self._names = [track.line("NAME")[0] for track in self._tracks]

    def session(self) -> Session:
        strips: list[dict[str, Any]] = [self._strip(block) for block in self._tracks]
        clips = {}
        for block, strip in zip(self._tracks, strips, strict=True):
            for item in block.all("ITEM"):
                channels = 1 if abs(float(block.line("VOLPAN")[2]) - PLAIN) < 1e-6 or _was_mono(block) else 2
                source = item.all("SOURCE")[0].line("FILE")[0]
                clips[strip["name"]] = Clip(source, channels, float(item.line("LENGTH")[0]))
        for block, name in zip(self._tracks, self._names, strict=True):
            self._receives(block, name, strips)
        master = Master(
            tuple(self._processors(self._root.all("MASTERFXLIST"))),
            _level(self._root.line("MASTER_VOLUME")[0]),
        )
        tracks = tuple(
            TrackStrip(**strip, files=(clips[strip["name"]].file,)) for strip in strips if strip["name"] in clips
        )
        buses = tuple(Bus(**strip) for strip in strips if strip["name"] not in clips)
        console = Console(self._root.line("TITLE")[0], tracks, buses, master)
        return Session(console, self._sample_rate, clips)

    def _strip(self, block: _Block) -> dict[str, Any]:
        volume, pan = block.line("VOLPAN")[:2]
        return {
            "name": block.line("NAME")[0],
            "processors": tuple(self._processors(block.all("FXCHAIN"))),
            "fader_db": _level(volume),
            "pan": float(pan),
            "mute": block.line("MUTESOLO")[0] == "1",
            "output": MASTER if block.line("MAINSEND")[0] == "1" else "",
            "sends": (),
        }

    def _receives(self, block: _Block, name: str, strips: list[dict[str, Any]]) -> None:
        for line in block.lines:
            if not line or line[0] != "AUXRECV":
                continue
            source, mode, amplitude = int(line[1]), int(line[2]), float(line[3])
            strip = strips[source]
            if not strip["output"]:
                strip["output"] = name  # the first one is the output
                continue
            is_mono = abs(float(self._tracks[source].line("VOLPAN")[2]) - PLAIN) < 1e-6
            amplitude /= _SPREAD if mode == 3 and is_mono else 1.0
            strip["sends"] += (Send(name, _level(amplitude), pre_fader=mode == 3),)

    def _processors(self, chains: Sequence[_Block]) -> Iterator[Processor]:
        bands: list[EqBand] = []
        for device in (block for chain in chains for block in chain.blocks):
            if device.words[0] == "VST" and any(word.startswith(str(reaeq.ID)) for word in device.words):
                yield reaeq.decode([line[0] for line in device.lines], self._sample_rate)
                continue
            file = device.words[1].rpartition("/")[2] if device.words[0] == "JS" else ""
            if file not in jsfx.BY_FILE:
                raise InputError(f"expected ReaEQ or an effect of fxnorm, got {' '.join(device.words[:2])}; remove it")
            settings = jsfx.BY_FILE[file].settings([float(word) for word in device.lines[0] if word != "-"])
            if isinstance(settings, Processor):
                yield settings
            elif isinstance(settings, EqBand):
                bands.append(settings)
                match = _BAND_NAME.fullmatch(device.words[2])
                if match is None or match[1] == match[2]:
                    yield Eq(tuple(bands))
                    bands = []


def _was_mono(track: _Block) -> bool:
    """Whether a device of the track spreads a mono recording."""
    for device in (block for chain in track.all("FXCHAIN") for block in chain.blocks):
        file = device.words[1].rpartition("/")[2]
        fields = jsfx.BY_FILE[file].fields if device.words[0] == "JS" and file in jsfx.BY_FILE else ()
        for (name, _), value in zip(fields, device.lines[0], strict=False):
            if name == jsfx.MONO and value == "1":
                return True
    return False


def _level(amplitude: str | float) -> float:
    return round(float(amplitude_to_db(float(amplitude))), 9)
