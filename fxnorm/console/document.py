"""The document of a mix: strips of tracks and buses, sends, and the master."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Self

from fxnorm.audio import Audio
from fxnorm.console.parameter import parameter
from fxnorm.console.processor import Processor
from fxnorm.console.settings import Choice, Settings, nearest, read_item
from fxnorm.corpus.multitrack import Multitrack
from fxnorm.corpus.stems import STEMS
from fxnorm.corpus.track import LAYOUTS, LEFT_RIGHT, SUM
from fxnorm.documents import DocumentType
from fxnorm.errors import InputError

MASTER = "master"
DOCUMENT = DocumentType(
    "fxnorm-console",
    1,
    "a console",
    "write it anew or use the version of fxnorm that wrote it",
    indent=1,
    width=120,
    finite=True,
)


@dataclass(frozen=True)
class Send(Settings):
    """Signal that a strip sends to a bus, after its fader and pan or before them."""

    bus: str
    level_db: float = parameter("dB", -60.0, 12.0, 0.0)
    pre_fader: bool = False


@dataclass(frozen=True)
class Strip(Settings):
    """Channel strip: processors in order, fader, pan, and where the signal goes.

    Attributes
    ----------
    name : str
        Unique among tracks and buses.
    processors : tuple of Processor
    fader_db, pan : float
        Level in dB and position, -1 (left) to 1 (right), after the processors; see `processors.Pan` for the law.
    mute : bool
        Silence the strip and its sends.
    output : str
        Name of a bus, or "master".
    sends : tuple of Send
    """

    SECTIONS: ClassVar[dict[str, type[Settings]]] = {"processors": Processor, "sends": Send}

    name: str
    processors: tuple[Processor, ...] = ()
    fader_db: float = parameter("dB", -60.0, 24.0, 0.0)
    pan: float = parameter("", -1.0, 1.0, 0.0)
    mute: bool = False
    output: str = MASTER
    sends: tuple[Send, ...] = ()


@dataclass(frozen=True)
class TrackStrip(Strip):
    """Strip of a recorded track.

    Attributes
    ----------
    role : str
        What the track is, such as "kick"; empty if unknown.
    stem : str
        One of the four stems, which groups the track; empty if none.
    files : tuple of str
        Audio files relative to the folder of the tracks.
    layout : {"sum", "left_right"}
        Whether files are summed, or two of them are the left and the right channel.
    offset_ms : float
        Position of the first sample in the song.
    """

    CHOICES: ClassVar[dict[str, tuple[Choice, ...]]] = {"stem": ("", *STEMS), "layout": LAYOUTS}

    role: str = ""
    stem: str = ""
    files: tuple[str, ...] = ()
    layout: str = SUM
    offset_ms: float = parameter("ms", 0.0, 3_600_000.0, 0.0, learned=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.layout == LEFT_RIGHT and len(self.files) != 2:
            raise InputError(
                f"{self.name}: expected two files for the layout {LEFT_RIGHT!r}, got {len(self.files)}; name the left "
                f"and the right one, or choose {SUM!r}"
            )

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values: what the track is, then what is done to it."""
        content = super().to_dict()
        identity = {key: content.pop(key) for key in ("name", "role", "stem", "files", "layout", "offset_ms")}
        if self.layout == SUM:
            del identity["layout"]
        return identity | content


@dataclass(frozen=True)
class Bus(Strip):
    """Strip of a group or an effect, fed by the outputs and sends of tracks and of buses before it."""


@dataclass(frozen=True)
class Master(Settings):
    """Processors and fader of the sum."""

    SECTIONS: ClassVar[dict[str, type[Settings]]] = {"processors": Processor}

    processors: tuple[Processor, ...] = ()
    fader_db: float = parameter("dB", -60.0, 24.0, 0.0)


@dataclass(frozen=True)
class Console(Settings):
    """A mix that can be rendered, edited and differentiated.

    Attributes
    ----------
    name : str
        Name of the song.
    tracks : tuple of TrackStrip
    buses : tuple of Bus
        A bus can feed the buses after it.
    master : Master
    notes : dict
        Free content, such as who drew the settings; rendering ignores it.
    left_out : tuple of str
        Audio files in the folder of the tracks that are no tracks.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from fxnorm.console import Console
    >>> console = Console.neutral(["kick", "vocals"])
    >>> quieter = replace(console.tracks[0], fader_db=-6.0)
    >>> console = replace(console, tracks=(quieter, *console.tracks[1:]))
    >>> console.track("kick").fader_db
    -6.0
    """

    SECTIONS: ClassVar[dict[str, type[Settings]]] = {"tracks": TrackStrip, "buses": Bus}
    PARTS: ClassVar[dict[str, type[Settings]]] = {"master": Master}

    name: str = ""
    tracks: tuple[TrackStrip, ...] = ()
    buses: tuple[Bus, ...] = ()
    master: Master = Master()
    notes: dict[str, Any] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.notes, dict):
            raise InputError(f"notes: expected an object, got {self.notes!r}; write it in braces")
        _check_names(self)
        _check_routing(self)
        _check_keys(self)

    @classmethod
    def neutral(cls, tracks: Multitrack | Iterable[str]) -> Self:
        """Return a console that adds the tracks up.

        Parameters
        ----------
        tracks : Multitrack or iterable of str
            A song, or the names of its tracks.
        """
        if isinstance(tracks, Multitrack):
            strips = [
                TrackStrip(
                    track.name,
                    role=track.role or "",
                    stem=track.stem,
                    files=tuple(map(tracks.label, track.files)),
                    layout=track.layout,
                )
                for track in tracks.tracks
            ]
            return cls(tracks.name, tuple(strips), left_out=tuple(map(tracks.label, tracks.left_out)))
        return cls(tracks=tuple(TrackStrip(name) for name in tracks))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a console from a JSON file.

        Raises
        ------
        InputError
            If the file cannot be read, is no console, or is of another version; if a key or a name is unknown, with
            the nearest one; if a value is out of range.
        """
        content = DOCUMENT.read(Path(path))
        return read_item(cls.from_dict, content, str(path))

    def save(self, path: Path) -> None:
        """Write the console to a JSON file.

        Raises
        ------
        InputError
            If the file cannot be written.
        """
        DOCUMENT.write(Path(path), self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON document."""
        content = super().to_dict()
        if not self.left_out:
            del content["left_out"]
        return DOCUMENT.wrap(content)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """Build a console from its JSON document."""
        DOCUMENT.check(content, "console")
        return super().from_dict({key: value for key, value in content.items() if key not in ("format", "version")})

    def render(self, tracks: Mapping[str, Audio], sample_rate: int, *, tail_s: float = 0.0, jobs: int = 1) -> Audio:
        """Render the mix; see `render.render` for the parameters, and for the tracks and buses.

        Returns
        -------
        ndarray, shape (2, samples), float32
        """
        from fxnorm.console.render import render

        return render(self, tracks, sample_rate, tail_s=tail_s, jobs=jobs).mix

    def track(self, name: str) -> TrackStrip:
        """Return a track by name.

        Raises
        ------
        InputError
            If there is none, with the nearest name.
        """
        return _by_name(self.tracks, name)

    def with_track(self, name: str, **changes: Any) -> Self:
        """Return the console with fields of a track changed."""
        changed = replace(self.track(name), **changes)
        return replace(self, tracks=tuple(changed if track.name == name else track for track in self.tracks))


def _by_name(tracks: Iterable[TrackStrip], name: str) -> TrackStrip:
    strips = {track.name: track for track in tracks}
    if name not in strips:
        raise InputError(f"expected a track among {', '.join(strips)}, got {name!r}; {nearest(name, strips)}")
    return strips[name]


def _check_names(console: Console) -> None:
    names = [strip.name for strip in (*console.tracks, *console.buses)]
    for name in names:
        if not name or name == MASTER:
            raise InputError(f"expected a name for every track and bus other than {MASTER!r}, got {name!r}; rename it")
        if names.count(name) > 1:
            raise InputError(f"expected different names of tracks and buses, got {name!r} twice; rename one")


def _check_routing(console: Console) -> None:
    """Make sure that every strip feeds the master or a bus after it."""
    buses = [bus.name for bus in console.buses]
    for strip in (*console.tracks, *console.buses):
        after = buses[buses.index(strip.name) + 1 :] if strip.name in buses else buses
        _check_destination(strip.name, strip.output, [*after, MASTER], buses)
        for send in strip.sends:
            _check_destination(strip.name, send.bus, after, buses)


def _check_destination(strip: str, name: str, allowed: list[str], buses: list[str]) -> None:
    if name in allowed:
        return
    if name in buses:
        raise InputError(f"{strip}: expected a bus after it in the list, got {name!r}; reorder the buses")
    expected = ", ".join(allowed) or "no sends, as there is no bus after it"
    raise InputError(f"{strip}: expected {expected}, got {name!r}; {nearest(name, allowed)}")


def _check_keys(console: Console) -> None:
    """Make sure that every side-chain is a track."""
    names = [track.name for track in console.tracks]
    strips: tuple[Strip | Master, ...] = (*console.tracks, *console.buses, console.master)
    for strip in strips:
        for processor in strip.processors:
            key = getattr(processor, "key", "")
            if key and key not in names:
                raise InputError(f"key: expected a track among {', '.join(names)}, got {key!r}; {nearest(key, names)}")
