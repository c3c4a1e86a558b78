"""Write a console and its tracks as a folder that opens in a DAW."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Protocol

import numpy as np

from fxnorm import audio_files
from fxnorm.audio import Audio, as_audio
from fxnorm.console import Bus, Console, Master, Processor, Rendering, TrackStrip, render_blocks
from fxnorm.console.document import MASTER
from fxnorm.console.render import CHUNK, offset_samples, require_tracks
from fxnorm.errors import InputError
from fxnorm.files import make_folder, write_text
from fxnorm.kernels.silence import TINY
from fxnorm.sessions import dawproject, jsfx, reaper
from fxnorm.sessions.plan import Format, Plan, plan_console
from fxnorm.sessions.session import Clip, Session
from fxnorm.units import db_to_power, power_to_db

Progress = Callable[[float, str], None]

CONSOLE = "song.console.json"
FLOOR_DB = -120.0  # of a residual: the arithmetic of a DAW's devices makes differences up to this size
_FORMATS: tuple[tuple[Format, Callable[[Session, Path], None], Callable[[Path], Session]], ...] = (
    (dawproject.FORMAT, dawproject.write_dawproject, dawproject.read_dawproject),
    (reaper.FORMAT, reaper.write_rpp, reaper.read_rpp),
)
_INTEGER_SUBTYPES = ("PCM_S8", "PCM_U8", "PCM_16", "PCM_24")  # that 24 bits hold without loss


class SourceTrack(Protocol):
    """A recording of a track."""

    @property
    def strip(self) -> TrackStrip:
        """Strip of the console."""

    @property
    def channels(self) -> int:
        """1 or 2."""

    @property
    def paths(self) -> tuple[Path, ...]:
        """Its files, if it has any."""

    @property
    def infos(self) -> tuple[audio_files.AudioInfo, ...]:
        """Headers of its files."""

    def read(self, sample_rate: int) -> Iterator[Audio]:
        """Read from the start of the song in blocks of `CHUNK` samples; the last one may be shorter."""


class Source(Protocol):
    """A console with a recording of every track, such as `fxnorm.mixing.console_files.ConsoleFiles`."""

    @property
    def console(self) -> Console:
        """The document."""

    @property
    def tracks(self) -> tuple[SourceTrack, ...]:
        """A recording for every track, in the order of the console."""

    @property
    def sample_rate(self) -> int:
        """Of the session, in Hz."""


@dataclass(frozen=True)
class _ArrayTrack:
    strip: TrackStrip
    audio: Audio
    paths: tuple[Path, ...] = ()
    infos: tuple[audio_files.AudioInfo, ...] = ()

    @property
    def channels(self) -> int:
        return len(self.audio)

    def read(self, sample_rate: int) -> Iterator[Audio]:
        lead = offset_samples(self.strip.offset_ms, sample_rate)
        for start in range(-lead, self.audio.shape[1], CHUNK):
            block = self.audio[:, max(start, 0) : max(start + CHUNK, 0)]
            silence = min(max(-start, 0), CHUNK)
            yield np.pad(block, ((0, 0), (silence, 0))) if silence else block


@dataclass(frozen=True)
class Recordings:
    """A console with an array for every track."""

    console: Console
    tracks: tuple[SourceTrack, ...]
    sample_rate: int

    @classmethod
    def of(cls, console: Console, tracks: Mapping[str, Audio], sample_rate: int) -> "Recordings":
        """Join a console and its recordings.

        Parameters
        ----------
        console : Console
        tracks : mapping of str to ndarray, shape (channels, samples), float32
        sample_rate : int
            In Hz.

        Raises
        ------
        InputError
            If a track of the console has no recording, or a recording no track.
        AudioError
            If a recording has over two channels, no samples, or samples that are not finite.
        """
        require_tracks(console, tracks)
        recordings = tuple(
            _ArrayTrack(strip, as_audio(tracks[strip.name], label=strip.name)) for strip in console.tracks
        )
        return cls(console, recordings, sample_rate)


@dataclass(frozen=True)
class WrittenFormat:
    """A session file, and how well it reproduces the mix.

    Attributes
    ----------
    path : Path
    plan : Plan
        What is live, printed or missing in each strip.
    residual_db : float
        Energy of the difference from the mix, relative to the mix, when the file is read back and its devices follow
        the laws of `fxnorm.console`; at least -120.
    strips_db : dict of str to float
        The same for the output of each track and bus.
    """

    path: Path
    plan: Plan
    residual_db: float
    strips_db: dict[str, float]


@dataclass(frozen=True)
class WrittenSession:
    """What was written.

    Attributes
    ----------
    folder : Path
    paths : tuple of Path
        All files.
    formats : tuple of WrittenFormat
        DAWproject, then REAPER.
    seconds : float
    notices : tuple of str
        What the user should know, one line each.
    """

    folder: Path
    paths: tuple[Path, ...]
    formats: tuple[WrittenFormat, ...]
    seconds: float
    notices: tuple[str, ...]


def write_session(
    source: Source,
    folder: Path,
    *,
    force: bool = False,
    tail_s: float = 0.0,
    jobs: int = 1,
    progress: Progress | None = None,
) -> WrittenSession:
    """Write a folder with a DAWproject, a REAPER project, their audio and effects, and the console.

    Every track plays its dry recording through devices, as far as a format has them. Processors that it lacks are
    printed into the audio, together with those before them.

    Parameters
    ----------
    source : Source
        Console and recordings: `fxnorm.mixing.console_files.ConsoleFiles`, or `Recordings.of`.
    folder : Path
        Created if it is missing.
    force : bool
        Write into a folder that holds other files, and overwrite those of the same name.
    tail_s : float
        Seconds added after the longest track to printed audio, for reverberation.
    jobs : int
        Threads that process tracks side by side.
    progress : callable, optional
        Called with the share that is done and what is written.

    Raises
    ------
    InputError
        If the folder holds files and `force` is not set, or cannot be written to, or an output is also an input.
    AudioError
        If a recording cannot be read, or audio cannot be written.
    """
    folder = Path(folder)
    if folder.is_dir() and any(folder.iterdir()) and not force:
        raise InputError(f"{folder}: holds other files; choose another folder or add --force")
    inputs = {path.resolve() for track in source.tracks for path in track.paths}
    if any((folder / "audio").resolve() == path.parent for path in inputs):
        raise InputError(f"{folder / 'audio'}: holds tracks of the song; choose another folder")
    for name in (".", "audio", "fx"):
        make_folder(folder / name)
    writer = _Writer(source, folder, tail_s, jobs, progress)
    writer.write_dry()
    written = [(form, plan_console(source.console, form), write, read) for form, write, read in _FORMATS]
    writer.expect([plan for _, plan, _, _ in written])
    sessions = []
    for form, plan, write, read in written:
        write(writer.session(plan), folder / form.name)
        sessions.append(read(folder / form.name))
    for name, text in jsfx.read_files().items():
        writer.write_text(f"fx/{name}", text)
    notes = source.console.notes | {"session": {form.name: _notes(plan) for form, plan, _, _ in written}}
    replace(source.console, notes=notes).save(folder / CONSOLE)
    residuals = writer.compare(sessions)
    formats = tuple(
        WrittenFormat(folder / form.name, plan, strips_db.pop(MASTER), strips_db)
        for (form, plan, _, _), strips_db in zip(written, residuals, strict=True)
    )
    writer.write_text("README.txt", _readme(source.console.name, formats))
    paths = (*(folder / form.name for form, _, _ in _FORMATS), folder / CONSOLE, *writer.paths)
    notices = tuple([notice for _, plan, _, _ in written for notice in plan.notices]) + tuple(_notices(formats))
    return WrittenSession(folder, paths, formats, writer.samples / source.sample_rate, notices)


class _Writer:
    """Audio of a session: dry recordings, printed tracks and effect returns, each written once."""

    def __init__(self, source: Source, folder: Path, tail_s: float, jobs: int, progress: Progress | None) -> None:
        self._source = source
        self._folder = folder
        self._jobs = jobs
        self._progress = progress
        self._tail = round(tail_s * source.sample_rate)
        self._tracks = {track.strip.name: track for track in source.tracks}
        self._channels = {name: track.channels for name, track in self._tracks.items()}
        names = [strip.name for strip in (*source.console.tracks, *source.console.buses)]
        self._files = {name: f"audio/{number:02d} {_safe(name)}" for number, name in enumerate(names, 1)}
        self._clips: dict[tuple[str, tuple[Processor, ...]], Clip] = {}
        self._done, self._steps = 0, len(self._tracks) + 1
        self.paths: list[Path] = []
        self.samples = 0  # of the song, with its tail

    def write_dry(self) -> None:
        """Write the recordings: 24 bits where these hold them without loss, else 32-bit float."""
        for name, track in self._tracks.items():
            self._report(name)
            clip = self._write(
                f"{self._files[name]}.wav", track.channels, _subtype(track, self._rate), self._read(name)
            )
            self._clips[name, ()] = clip
            self.samples = max(self.samples, round(clip.seconds * self._rate))
        self.samples += self._tail

    def expect(self, plans: list[Plan]) -> None:
        """Count the audio that has to be printed, for the progress."""
        printed = {(strip.name, strip.printed) for plan in plans for strip in plan.strips if strip.printed}
        self._steps += len(printed)

    def session(self, plan: Plan) -> Session:
        """Return the session of a plan, once its audio is written."""
        clips = {}
        tracks = []
        for track in plan.console.tracks:
            strip = plan.strip(track.name)
            clips[track.name] = clip = self._clip(track.name, strip.printed)
            tracks.append(replace(track, files=(clip.file,), offset_ms=0.0))
        return Session(replace(plan.console, tracks=tuple(tracks)), self._rate, clips)

    def write_text(self, name: str, text: str) -> None:
        write_text(self._folder / name, text)
        self.paths.append(self._folder / name)

    def compare(self, sessions: list[Session]) -> list[dict[str, float]]:
        """Measure the difference of sessions from the console, by name of the strip."""
        self._report("comparison")
        console = self._source.console
        reference = render_blocks(
            console, self._align(list(self._tracks), self._tail), self._rate, self._channels, jobs=self._jobs
        )
        renderings = [self._render(session) for session in sessions]
        residuals = [_Residuals() for _ in sessions]
        for expected, *others in zip_longest(reference, *renderings):
            for residual, other in zip(residuals, others, strict=True):
                residual.push(expected, other)
        return [residual.to_db() for residual in residuals]

    @property
    def _rate(self) -> int:
        return self._source.sample_rate

    def _clip(self, name: str, printed: tuple[Processor, ...]) -> Clip:
        if (name, printed) not in self._clips:
            self._report(name)
            others = sum(key[0] == name and bool(key[1]) for key in self._clips)
            file = f"{self._files[name]} printed{f' {others + 1}' if others else ''}.wav"
            if name in self._tracks:
                needs_stereo = any(processor.NEEDS_STEREO and not processor.is_neutral for processor in printed)
                channels = 2 if needs_stereo else self._channels[name]
                blocks = self._print_track(name, printed, channels)
            else:
                channels, blocks = 2, self._print_bus(name, printed)
            self._clips[name, printed] = self._write(file, channels, "FLOAT", blocks)
        return self._clips[name, printed]

    def _print_track(self, name: str, printed: tuple[Processor, ...], channels: int) -> Iterator[Audio]:
        keys = {getattr(processor, "key", "") for processor in printed} - {"", name}
        strips = (TrackStrip(name, printed), *(TrackStrip(key) for key in sorted(keys)))
        names = [strip.name for strip in strips]
        longest = max(round(self._clips[strip, ()].seconds * self._rate) for strip in names)
        blocks = self._align(names, self.samples - longest)  # to the end of the song, for what rings
        for part in render_blocks(Console(tracks=strips), blocks, self._rate, {n: self._channels[n] for n in names}):
            rendered = part.tracks[name]
            # a mono recording comes out spread to two channels at -3 dB
            yield rendered if channels == 2 else rendered[:1] * np.float32(np.sqrt(2.0))

    def _print_bus(self, name: str, printed: tuple[Processor, ...]) -> Iterator[Audio]:
        console = self._source.console
        buses = tuple(Bus(name, printed) if bus.name == name else bus for bus in console.buses)
        tapped = replace(console, buses=buses, master=Master())
        blocks = self._align(list(self._tracks), self._tail)
        for part in render_blocks(tapped, blocks, self._rate, self._channels, jobs=self._jobs):
            yield part.buses[name]

    def _render(self, session: Session) -> Iterator[Rendering]:
        readers = {
            name: audio_files.blocks(self._folder / clip.file, samples=CHUNK) for name, clip in session.clips.items()
        }
        channels = {name: clip.channels for name, clip in session.clips.items()}
        longest = max(round(clip.seconds * self._rate) for clip in session.clips.values())
        blocks = _align(readers, channels, self.samples - longest)
        return render_blocks(session.console, blocks, self._rate, channels, jobs=self._jobs)

    def _write(self, file: str, channels: int, subtype: str, blocks: Iterator[Audio]) -> Clip:
        path, samples = self._folder / file, 0
        with audio_files.writing(path, channels, self._rate, subtype=subtype) as write_block:
            for block in blocks:
                write_block(block)
                samples += block.shape[1]
        self.paths.append(path)
        return Clip(file, channels, samples / self._rate)

    def _read(self, name: str) -> Iterator[Audio]:
        return self._tracks[name].read(self._rate)

    def _align(self, names: list[str], tail: int) -> Iterator[dict[str, Audio]]:
        return _align({name: self._read(name) for name in names}, self._channels, tail)

    def _report(self, label: str) -> None:
        if self._progress is not None:
            self._progress(min(self._done / self._steps, 1.0), label)
        self._done += 1


class _Residuals:
    """Energies of the strips of a mix and of their differences from a session, whose parts may differ in length."""

    def __init__(self) -> None:
        self._waiting: dict[str, tuple[Audio, Audio]] = {}
        self._energies: dict[str, tuple[float, float]] = {}

    def push(self, expected: Rendering | None, other: Rendering | None) -> None:
        first, second = _outputs(expected), _outputs(other)
        for name in first.keys() | second.keys():
            empty = np.zeros((2, 0), dtype=np.float32)
            waiting = self._waiting.get(name, (empty, empty))
            one, two = (
                np.concatenate((rest, new.get(name, empty)), axis=1)
                for rest, new in zip(waiting, (first, second), strict=True)
            )
            count = min(one.shape[1], two.shape[1])
            self._add(name, one[:, :count], two[:, :count])
            self._waiting[name] = one[:, count:], two[:, count:]

    def to_db(self) -> dict[str, float]:
        """Return the relative energies of the differences; samples that one of both lacks are differences too."""
        for name, (one, two) in self._waiting.items():
            self._add(name, one, np.zeros_like(one))
            self._add(name, np.zeros_like(two), two)
        return {
            name: float(power_to_db(max(difference / max(energy, TINY), db_to_power(FLOOR_DB))))
            for name, (energy, difference) in self._energies.items()
        }

    def _add(self, name: str, one: Audio, two: Audio) -> None:
        energy, difference = self._energies.get(name, (0.0, 0.0))
        error = one.astype(np.float64) - two
        energy += float(np.sum(np.square(one, dtype=np.float64)))
        self._energies[name] = energy, difference + float(np.sum(error**2))


def _outputs(part: Rendering | None) -> dict[str, Audio]:
    return {} if part is None else {**part.tracks, **part.buses, MASTER: part.mix}


def _align(
    readers: Mapping[str, Iterator[Audio]], channels: Mapping[str, int], tail: int
) -> Iterator[dict[str, Audio]]:
    """Read tracks side by side; shorter ones end in silence, and a tail of silence follows."""
    while blocks := {name: block for name, reader in readers.items() if (block := next(reader, None)) is not None}:
        samples = max(block.shape[1] for block in blocks.values())
        aligned = {}
        for name in readers:
            block = blocks.get(name, np.zeros((channels[name], 0), dtype=np.float32))
            aligned[name] = np.pad(block, ((0, 0), (0, samples - block.shape[1])))
        yield aligned
    for start in range(0, tail, CHUNK):
        yield {name: np.zeros((channels[name], min(CHUNK, tail - start)), dtype=np.float32) for name in readers}


def _subtype(track: SourceTrack, sample_rate: int) -> str:
    is_exact = len(track.infos) == 1 and (
        track.infos[0].subtype in _INTEGER_SUBTYPES and track.infos[0].sample_rate == sample_rate
    )
    return "PCM_24" if is_exact else "FLOAT"


def _safe(name: str) -> str:
    """Return a name for a file on any system."""
    return re.sub(r"[^\w \-+().]", "_", name).strip(" .")[:80] or "track"


def _notices(formats: tuple[WrittenFormat, ...]) -> Iterator[str]:
    for written in formats:
        if names := [strip.name for strip in written.plan.strips if strip.printed]:
            yield f"{written.path.name}: printed into the audio of {', '.join(names)}: processors without a device"
        for strip in written.plan.strips:
            if strip.missing:
                titles = ", ".join(processor.title for processor in strip.missing)
                yield f"{written.path.name}: {strip.name}: has no devices for {titles}; the session plays without them"


def _notes(plan: Plan) -> dict[str, dict[str, list[str]]]:
    """Return what is live, printed or missing, for the notes of the console."""
    kinds = ("live", "printed", "missing")
    return {
        strip.name: {
            kind: [processor.title for processor in getattr(strip, kind)] for kind in kinds if getattr(strip, kind)
        }
        for strip in plan.strips
    }


def _readme(title: str, formats: tuple[WrittenFormat, ...]) -> str:
    levels = {written.path.name: f"{written.residual_db:.0f} dB" for written in formats}
    return f"""{title or "Session"}, written by fxnorm.

{dawproject.NAME}   for Bitwig Studio 5.0.9, Studio One 6.5, Cubase 14 and later; complete in itself
{reaper.NAME}          for REAPER; first copy the folder fx to Effects/{jsfx.FOLDER} in REAPER's resource folder
audio/               recordings, and "printed" ones with the processors that a format has no device for
{CONSOLE}    the mix; edit it and run fxnorm console render

Difference from fxnorm's mix if devices do what their settings say: {reaper.NAME} {levels[reaper.NAME]},
{dawproject.NAME} {levels[dawproject.NAME]}. REAPER's equaliser and these effects do. Compressors, limiters and pan laws
of other DAWs differ from each other: set the pan law to -3 dB, constant power, and listen.
"""
