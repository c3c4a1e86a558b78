"""Render a console from audio files to audio files, in bounded memory."""

import itertools
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

import numpy as np

from fxnorm import audio, audio_files
from fxnorm.audio import Audio
from fxnorm.console import Console, Rendering, TrackStrip, render_blocks
from fxnorm.console.render import CHUNK, offset_samples
from fxnorm.corpus import Multitrack
from fxnorm.corpus.multitrack import join_sides
from fxnorm.corpus.roles import SKIP, classify, split_words
from fxnorm.corpus.sorting import RECORD_SUFFIX
from fxnorm.corpus.stems import STEMS
from fxnorm.corpus.track import LEFT_RIGHT
from fxnorm.errors import AudioError, InputError
from fxnorm.kernels.silence import flush
from fxnorm.units import amplitude_to_db

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class TrackFiles:
    """A track of a console and its files, which are summed or joined as left and right."""

    strip: TrackStrip
    paths: tuple[Path, ...]
    infos: tuple[audio_files.AudioInfo, ...]

    @property
    def channels(self) -> int:
        """1 or 2."""
        return 2 if self.strip.layout == LEFT_RIGHT else max(info.channels for info in self.infos)

    def read(self, sample_rate: int) -> Iterator[Audio]:
        """Read the track from the start of the song in blocks of `CHUNK` samples; the last one may be shorter."""
        parts = [_read(path, info.sample_rate, sample_rate) for path, info in zip(self.paths, self.infos, strict=True)]
        if self.strip.layout == LEFT_RIGHT:
            summed = _join_sides(*map(_rechunk, parts))
        else:
            summed = parts[0] if len(parts) == 1 else _sum([_rechunk(part) for part in parts], self.channels)
        lead = np.zeros((self.channels, offset_samples(self.strip.offset_ms, sample_rate)), dtype=np.float32)
        return _rechunk(block for source in ([lead], summed) for block in source if block.shape[1])


@dataclass(frozen=True)
class ConsoleFiles:
    """A console with a file for every track.

    Attributes
    ----------
    console : Console
    tracks : tuple of TrackFiles
    sample_rate : int
        Of the rendering, in Hz.
    """

    console: Console
    tracks: tuple[TrackFiles, ...]
    sample_rate: int

    @classmethod
    def find(cls, console: Console, folder: Path, *, sample_rate: int | None = None) -> "ConsoleFiles":
        """Find the files of a console's tracks.

        Parameters
        ----------
        console : Console
        folder : Path
            Folder of the tracks. A track without `files` is the audio file of its name.
        sample_rate : int, optional
            Of the rendering, in Hz; by default that of the files.

        Raises
        ------
        InputError
            If the folder is missing, a track has no file or a file no track, or the files differ in sample rate and
            none is given.
        AudioError
            If a file is not audio, or has over two channels.
        """
        folder = Path(folder)
        if not folder.is_dir():
            raise InputError(f"{folder}: expected the folder of the tracks, got no folder; check the path")
        if not console.tracks:
            raise InputError(f"{folder}: expected a console with tracks, got one without; add a track to the document")
        present = _audio_in(folder)
        tracks = tuple(_find_track(strip, folder, present) for strip in console.tracks)
        used = {path for track in tracks for path in track.paths}
        left_out = {folder / file for file in console.left_out}
        for path in present:
            if path not in used and path not in left_out and not _is_mix(path):
                raise InputError(
                    f"{path}: expected a track of the console for this file, got none; add it or move the file"
                )
        rates = {
            info.sample_rate: path for track in tracks for path, info in zip(track.paths, track.infos, strict=True)
        }
        if sample_rate is None and len(rates) > 1:
            listed = ", ".join(f"{rate} Hz ({path.name})" for rate, path in sorted(rates.items()))
            raise InputError(
                f"{folder}: expected files of one sample rate, got {listed}; choose one with --sample-rate {max(rates)}"
            )
        return cls(console, tracks, sample_rate or next(iter(rates)))

    @classmethod
    def of_song(cls, song: Multitrack) -> "ConsoleFiles":
        """Take the tracks of a song in a neutral console, at the highest sample rate of their files.

        Raises
        ------
        AudioError
            If a file is not audio, has over two channels, or no samples.
        """
        console = Console.neutral(song)
        tracks = tuple(
            TrackFiles(strip, track.files, tuple(song.infos[path] for path in track.files))
            for strip, track in zip(console.tracks, song.tracks, strict=True)
        )
        used = {path.resolve() for track in tracks for path in track.paths}
        left_out = [song.label(path) for path in _audio_in(song.folder) if path.resolve() not in used]
        return cls(replace(console, left_out=tuple(left_out)), tracks, song.sample_rate)

    def render(self, *, tail_s: float = 0.0, jobs: int = 1, progress: Progress | None = None) -> Iterator[Rendering]:
        """Render the mix part by part; see `console.render_blocks`."""
        channels = {track.strip.name: track.channels for track in self.tracks}
        blocks = self._blocks(channels, round(tail_s * self.sample_rate), progress)
        return render_blocks(self.console, blocks, self.sample_rate, channels, jobs=jobs)

    @contextmanager
    def spooled(self) -> Iterator[dict[str, Audio]]:
        """Read all tracks into a temporary file, and yield them as arrays on it: memory holds what is in use.

        They have the samples that `render` reads.
        """
        with TemporaryDirectory(prefix="fxnorm-") as folder:
            arrays: dict[str, Audio] = {}
            try:
                for number, track in enumerate(self.tracks):
                    arrays[track.strip.name] = _spool(track, self.sample_rate, Path(folder) / f"{number}.f32")
                yield arrays
            finally:
                arrays.clear()  # Windows deletes no file that is mapped

    def _blocks(self, channels: dict[str, int], tail: int, progress: Progress | None) -> Iterator[dict[str, Audio]]:
        readers = {track.strip.name: track.read(self.sample_rate) for track in self.tracks}
        seconds = max(info.seconds for track in self.tracks for info in track.infos)
        count = 0
        while blocks := {name: block for name, reader in readers.items() if (block := next(reader, None)) is not None}:
            samples = max(block.shape[1] for block in blocks.values())
            silence = np.zeros((2, samples), dtype=np.float32)
            yield {name: _pad(blocks.get(name, silence[: channels[name], :0]), samples) for name in readers}
            count += samples
            if progress is not None:
                progress(min(1.0, count / (seconds * self.sample_rate)), self.console.name)
        for start in range(0, tail, CHUNK):
            silence = np.zeros((2, min(CHUNK, tail - start)), dtype=np.float32)
            yield {name: silence[: channels[name]] for name in readers}


@dataclass(frozen=True)
class RenderedFiles:
    """What was written.

    Attributes
    ----------
    paths : tuple of Path
        The mix first.
    sample_rate, samples : int
    peak_db : float
        Highest sample of the mix in dBFS.
    """

    paths: tuple[Path, ...]
    sample_rate: int
    samples: int
    peak_db: float

    @property
    def notices(self) -> tuple[str, ...]:
        """What the user should know, one line each."""
        if self.peak_db <= 0.0:
            return ()
        return (
            f"the mix leaves full scale by {self.peak_db:.2f} dB, which only float files keep: lower fader_db of the "
            "master, or master the mix",
        )


def render_files(
    source: ConsoleFiles,
    out: Path,
    *,
    stems: Path | None = None,
    tracks: Path | None = None,
    buses: Path | None = None,
    subtype: str = "FLOAT",
    tail_s: float = 0.0,
    jobs: int = 1,
    progress: Progress | None = None,
) -> RenderedFiles:
    """Render a console to audio files.

    Parameters
    ----------
    source : ConsoleFiles
    out : Path
        File of the mix; the suffix chooses the format, which is that of all files.
    stems, tracks, buses : Path, optional
        Folders for the four stems (sums of their tracks after fader and pan), every track, and every bus.
    subtype : str
        A libsndfile subtype: FLOAT, PCM_24, PCM_16, ...
    tail_s : float
        Seconds added for reverberation after the end.
    jobs : int
        Threads that process tracks side by side.
    progress : callable, optional
        Called with the share that is rendered and the name of the song.

    Raises
    ------
    InputError
        If an output is also an input.
    AudioError
        If a file cannot be read or written; nothing is left behind.
    """
    console, suffix = source.console, Path(out).suffix
    targets = {("mix", ""): Path(out)}
    if stems is not None:
        present = {track.strip.stem for track in source.tracks}
        targets |= {("stem", stem): stems / f"{stem}{suffix}" for stem in STEMS if stem in present}
    if tracks is not None:
        targets |= {("track", strip.name): tracks / f"{strip.name}{suffix}" for strip in console.tracks}
    if buses is not None:
        targets |= {("bus", bus.name): buses / f"{bus.name}{suffix}" for bus in console.buses}
    inputs = {path.resolve() for track in source.tracks for path in track.paths}
    if clash := [path for path in targets.values() if path.resolve() in inputs]:
        raise InputError(f"{clash[0]}: expected another file than a track of the song; choose another output")
    samples, peak = 0, 0.0
    with ExitStack() as stack:
        writers = {}
        for key, path in targets.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            writers[key] = stack.enter_context(audio_files.writing(path, 2, source.sample_rate, subtype=subtype))
        groups = _StemSums(console) if stems is not None else None
        for part in source.render(tail_s=tail_s, jobs=jobs, progress=progress):
            samples += part.mix.shape[1]
            peak = max(peak, audio.peak(part.mix))
            outputs = {("mix", ""): part.mix}
            outputs |= {("track", name): block for name, block in part.tracks.items()}
            outputs |= {("bus", name): block for name, block in part.buses.items()}
            outputs |= {("stem", stem): block for stem, block in (groups.push(part) if groups else {}).items()}
            for key, write_block in writers.items():
                write_block(outputs[key])
    return RenderedFiles(tuple(targets.values()), source.sample_rate, samples, float(amplitude_to_db(peak)))


class _StemSums:
    """Sums of the tracks of each stem; tracks whose processors hold samples back wait for each other."""

    def __init__(self, console: Console) -> None:
        self._waiting = {track.name: np.zeros((2, 0), dtype=np.float32) for track in console.tracks}
        self._groups = {
            stem: [track.name for track in console.tracks if track.stem == stem]
            for stem in STEMS
            if any(track.stem == stem for track in console.tracks)
        }

    def push(self, part: Rendering) -> dict[str, Audio]:
        for name, block in part.tracks.items():
            self._waiting[name] = np.concatenate((self._waiting[name], block), axis=1)
        sums: dict[str, Audio] = {}
        for stem, names in self._groups.items():
            count = min(self._waiting[name].shape[1] for name in names)
            sums[stem] = np.sum(np.stack([self._waiting[name][:, :count] for name in names]), axis=0)
            for name in names:
                self._waiting[name] = self._waiting[name][:, count:]
        return sums


def _find_track(strip: TrackStrip, folder: Path, present: Sequence[Path]) -> TrackFiles:
    paths = tuple(folder / file for file in strip.files)
    if not paths:
        paths = tuple(path for path in present if path.relative_to(folder).with_suffix("").as_posix() == strip.name)
    for path in paths:
        if not path.is_file():
            raise InputError(f"{path}: expected a file of the track {strip.name!r}, got none; correct its 'files'")
    if not paths:
        raise InputError(f"{folder}: expected a file of the track {strip.name!r}, got none; add it or remove the track")
    infos = tuple(audio_files.probe(path) for path in paths)
    for path, info in zip(paths, infos, strict=True):
        if info.fault:
            raise InputError(f"{path}: {info.fault}")
    return TrackFiles(strip, paths, infos)


def _audio_in(folder: Path) -> list[Path]:
    """List audio files in a folder and its subfolders, without hidden ones."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in audio_files.SUFFIXES
        and not any(part.startswith((".", "__MACOSX")) for part in path.relative_to(folder).parts)
    )


def _is_mix(path: Path) -> bool:
    """Whether a file is a mix of the song or a helper track by name, or a result of fxnorm with its record."""
    return classify(split_words(path.stem)) == SKIP or path.with_suffix(RECORD_SUFFIX).is_file()


def _read(path: Path, from_rate: int, to_rate: int) -> Iterator[Audio]:
    checked = (audio.as_audio(block, label=str(path)) for block in audio_files.blocks(path))
    return audio.resample_blocks(checked, from_rate, to_rate)


def _rechunk(blocks: Iterable[Audio]) -> Iterator[Audio]:
    """Cut a stream into blocks of `CHUNK` samples; subnormal samples, slow to compute with, become zeros."""
    waiting: list[Audio] = []
    count = 0
    for block in blocks:
        if not count and block.shape[1] == CHUNK:
            flush(block)
            yield block
            continue
        waiting.append(block)
        count += block.shape[1]
        if count < CHUNK:
            continue
        joined = np.concatenate(waiting, axis=1)
        for start in range(0, count - count % CHUNK, CHUNK):
            chunk = np.ascontiguousarray(joined[:, start : start + CHUNK])
            flush(chunk)
            yield chunk
        waiting, count = [joined[:, count - count % CHUNK :]], count % CHUNK
    if count:
        chunk = np.concatenate(waiting, axis=1)
        flush(chunk)
        yield chunk


def _sum(readers: Sequence[Iterator[Audio]], channels: int) -> Iterator[Audio]:
    """Add up streams of blocks; shorter ones end in silence."""
    while blocks := [block for reader in readers if (block := next(reader, None)) is not None]:
        total = np.zeros((channels, max(block.shape[1] for block in blocks)), dtype=np.float32)
        for block in blocks:
            total[:, : block.shape[1]] += block
        yield total


def _spool(track: TrackFiles, sample_rate: int, path: Path) -> Audio:
    """Write the samples of a track, channel by channel, and map them."""
    with ExitStack() as stack:
        second = stack.enter_context(TemporaryFile())
        first = stack.enter_context(path.open("wb"))
        samples = 0
        for block in track.read(sample_rate):
            samples += block.shape[1]
            for file, channel in zip((first, second), block, strict=False):
                file.write(np.ascontiguousarray(channel).data)
        second.seek(0)
        shutil.copyfileobj(second, first)
    if not samples:
        raise AudioError(f"{track.paths[0]}: has no samples; remove it or record it again")
    return np.memmap(path, dtype=np.float32, mode="r", shape=(track.channels, samples))


def _join_sides(left: Iterator[Audio], right: Iterator[Audio]) -> Iterator[Audio]:
    """Join streams of blocks as the channels of one; the shorter ends in silence."""
    silence = np.zeros((1, 0), dtype=np.float32)
    for left_block, right_block in itertools.zip_longest(left, right, fillvalue=silence):
        yield join_sides(left_block, right_block)


def _pad(block: Audio, samples: int) -> Audio:
    return np.pad(block, ((0, 0), (0, samples - block.shape[1]))) if block.shape[1] < samples else block
