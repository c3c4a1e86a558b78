"""Render a console: strips, buses and master, block by block, in bounded memory.

Blocks go through a graph of channels in the order of the document: tracks, buses, master. A processor may hold samples
back; a channel that adds up several signals takes as many samples as all of them have ready, so that they stay
aligned. The result of any division into blocks equals that of the whole, bit for bit.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from fxnorm.audio import Audio, as_audio
from fxnorm.console.document import MASTER, Console, Master, Strip
from fxnorm.console.processor import BLOCK, Processor, Samples, spread
from fxnorm.console.processors import Gain, Pan
from fxnorm.console.settings import nearest
from fxnorm.errors import InputError
from fxnorm.kernels.silence import flush

CHUNK = 8 * BLOCK  # samples that are handed to a thread at a time


@dataclass(frozen=True)
class Rendering:
    """A rendered mix, or the next part of one; the parts of one block may differ in length.

    Attributes
    ----------
    mix : ndarray, shape (2, samples)
        Output of the master.
    tracks, buses : dict of str to ndarray, shape (2, samples)
        Outputs of the strips, after fader and pan; silent where they are muted.
    """

    mix: Samples
    tracks: dict[str, Samples]
    buses: dict[str, Samples]


def render(
    console: Console, tracks: Mapping[str, Audio], sample_rate: int, *, tail_s: float = 0.0, jobs: int = 1
) -> Rendering:
    """Render a mix from arrays.

    Parameters
    ----------
    console : Console
    tracks : mapping of str to ndarray, shape (channels, samples), float32
        Recording of each track, mono or stereo; shorter ones end in silence.
    sample_rate : int
        In Hz; filters are designed at this rate.
    tail_s : float
        Seconds added for reverberation after the longest track.
    jobs : int
        Threads that process tracks side by side.

    Returns
    -------
    Rendering
        Of the same length as the longest track with its offset, plus the tail.

    Raises
    ------
    InputError
        If a track of the console has no recording, or a recording no track.
    AudioError
        If a recording has over two channels, no samples, or samples that are not finite.
    """
    require_tracks(console, tracks)
    checked = {track.name: as_audio(tracks[track.name], label=track.name) for track in console.tracks}
    offsets = {track.name: offset_samples(track.offset_ms, sample_rate) for track in console.tracks}
    longest = max((offsets[name] + audio.shape[1] for name, audio in checked.items()), default=0)
    samples = longest + round(tail_s * sample_rate)
    blocks = (
        {name: cut(audio, start - offsets[name], min(CHUNK, samples - start)) for name, audio in checked.items()}
        for start in range(0, samples, CHUNK)
    )
    channels = {name: len(audio) for name, audio in checked.items()}
    parts = list(render_blocks(console, blocks, sample_rate, channels, jobs=jobs))
    return Rendering(
        _join([part.mix for part in parts]),
        {track.name: _join([part.tracks[track.name] for part in parts]) for track in console.tracks},
        {bus.name: _join([part.buses[bus.name] for part in parts]) for bus in console.buses},
    )


def render_blocks(
    console: Console,
    blocks: Iterable[Mapping[str, Samples]],
    sample_rate: int,
    channels: Mapping[str, int],
    *,
    jobs: int = 1,
) -> Iterator[Rendering]:
    """Render a mix from a stream of blocks.

    Parameters
    ----------
    console : Console
    blocks : iterable of mapping of str to ndarray, shape (channels, samples)
        The next samples of every track, all of one length.
    sample_rate : int
        In Hz.
    channels : mapping of str to int
        1 or 2 for each track.
    jobs : int
        Threads that process tracks side by side.

    Yields
    ------
    Rendering
        What is ready after each block, and what is left at the end.
    """
    renderer = Renderer(console, sample_rate, channels)
    if jobs == 1:
        for block in blocks:
            yield renderer.push(block)
        yield renderer.finish()
        return
    with ThreadPoolExecutor(jobs) as pool:
        for block in _read_ahead(iter(blocks), pool):
            yield renderer.push(block, pool=pool)
        yield renderer.finish(pool=pool)


def _read_ahead(blocks: Iterator[Mapping[str, Samples]], pool: ThreadPoolExecutor) -> Iterator[Mapping[str, Samples]]:
    """Fetch the next block in a thread while the last one is processed."""
    waiting = pool.submit(next, blocks, None)
    while (block := waiting.result()) is not None:
        waiting = pool.submit(next, blocks, None)
        yield block


class Renderer:
    """A mix on its way: push blocks of all tracks, then finish."""

    def __init__(self, console: Console, sample_rate: int, channels: Mapping[str, int]) -> None:
        self._tracks = {
            track.name: _Channel(track, sample_rate, channels.get(track.name, 1)) for track in console.tracks
        }
        self._buses = {bus.name: _Channel(bus, sample_rate, 2) for bus in console.buses}
        self._master = _Channel(console.master, sample_rate, 2)
        destinations = {**self._buses, MASTER: self._master}
        for strip in (*console.tracks, *console.buses):
            channel = self._tracks.get(strip.name) or self._buses[strip.name]
            channel.feed(destinations[strip.output], 0.0)
            for send in strip.sends:
                channel.feed(destinations[send.bus], send.level_db, pre_fader=send.pre_fader)

    def push(self, blocks: Mapping[str, Samples], *, pool: ThreadPoolExecutor | None = None) -> Rendering:
        """Render the next blocks and return what is ready.

        Parameters
        ----------
        blocks : mapping of str to ndarray, shape (channels, samples)
            The next samples of every track, all of one length.
        pool : ThreadPoolExecutor, optional
            Threads that process tracks side by side.

        Raises
        ------
        InputError
            If the blocks are not those of all tracks, or differ in length.
        """
        if blocks.keys() != self._tracks.keys():
            expected, given = ", ".join(self._tracks), ", ".join(blocks)
            raise InputError(f"expected blocks of the tracks {expected}, got {given}; push one for every track")
        if len(lengths := {block.shape[1] for block in blocks.values()}) > 1:
            raise InputError(f"expected blocks of one length, got {sorted(lengths)}; cut them alike")
        return self._run(blocks, max(lengths, default=0), pool, is_last=False)

    def finish(self, *, pool: ThreadPoolExecutor | None = None) -> Rendering:
        """Return the samples that processors still held back."""
        return self._run({}, 0, pool, is_last=True)

    def _run(
        self, blocks: Mapping[str, Samples], samples: int, pool: ThreadPoolExecutor | None, *, is_last: bool
    ) -> Rendering:
        silence = np.zeros((2, samples), dtype=np.float32)

        def run(channel: _Channel, block: Samples) -> Samples:
            return channel.run(block, blocks, is_last=is_last)

        inputs = [blocks.get(name, silence) for name in self._tracks]
        outputs = list((pool.map if pool else map)(run, self._tracks.values(), inputs))
        tracks = dict(zip(self._tracks, outputs, strict=True))
        buses = {name: run(bus, silence) for name, bus in self._buses.items()}
        return Rendering(run(self._master, silence), tracks, buses)


class _Queue:
    """Samples that wait until they are needed."""

    def __init__(self) -> None:
        self._parts: list[Samples] = []
        self.count = 0

    def put(self, block: Samples) -> None:
        if block.shape[1]:
            self._parts.append(block)
            self.count += block.shape[1]

    def take(self, count: int) -> Samples:
        """Remove and return the first samples."""
        joined = _join(self._parts)
        self._parts = [joined[:, count:]] if count < joined.shape[1] else []
        self.count -= count
        return joined[:, :count]


class _Stage:
    """A processor of a strip, and the side-chain that waits until the audio has come as far."""

    def __init__(self, processor: Processor, sample_rate: int, channels: int) -> None:
        self._stream = processor.stream(sample_rate, channels)
        self._channels = channels
        self._key_name = getattr(processor, "key", "")
        self._key = _Queue()

    def hear(self, keys: Mapping[str, Samples]) -> None:
        """Receive the side-chain, which is the recording of a track."""
        if self._key_name and self._key_name in keys:
            self._key.put(keys[self._key_name])

    def push(self, block: Samples, *, is_last: bool) -> Samples:
        block = spread(block) if self._channels == 2 else block
        key = self._key.take(block.shape[1]) if self._key_name and block.shape[1] else None
        parts = [self._stream.push(block, key)] if block.shape[1] else []
        parts += [self._stream.finish()] if is_last else []
        return _join(parts) if parts else block


class _Channel:
    """Streams of a strip or of the master, and the queues of the signals that feed it."""

    def __init__(self, strip: Strip | Master, sample_rate: int, channels: int) -> None:
        self._stages: list[_Stage] = []
        for processor in strip.processors:
            if not processor.is_neutral:  # its result is its input
                channels = 2 if processor.NEEDS_STEREO else channels
                self._stages.append(_Stage(processor, sample_rate, channels))
        self._is_muted = isinstance(strip, Strip) and strip.mute
        self._fader = Gain(strip.fader_db)
        self._pan = Pan(strip.pan if isinstance(strip, Strip) else 0.0)
        self._inputs: list[_Queue] = []
        self._outputs: list[tuple[_Queue, Gain, bool]] = []

    def feed(self, channel: "_Channel", level_db: float, *, pre_fader: bool = False) -> None:
        """Send the output, or the signal before the fader, to another channel."""
        queue = _Queue()
        channel._inputs.append(queue)
        self._outputs.append((queue, Gain(level_db), pre_fader))

    def run(self, block: Samples, keys: Mapping[str, Samples], *, is_last: bool) -> Samples:
        """Process a block, or what is ready of the signals that feed the channel; return its output."""
        for stage in self._stages:
            stage.hear(keys)
        ready = self._sum_inputs() if self._inputs else block
        parts = [self._process(ready[:, at : at + BLOCK], is_last=False) for at in range(0, ready.shape[1], BLOCK)]
        parts += [self._process(ready[:, :0], is_last=True)] if is_last else []
        processed = spread(_join(parts)) if parts else np.empty((2, 0), dtype=np.float32)
        if self._is_muted:
            processed = np.zeros_like(processed)
        placed = _apply(self._pan, _apply(self._fader, processed))
        for queue, level, pre_fader in self._outputs:
            queue.put(_apply(level, processed if pre_fader else placed))
        return placed

    def _process(self, block: Samples, *, is_last: bool) -> Samples:
        for stage in self._stages:
            block = stage.push(block, is_last=is_last)
        return block

    def _sum_inputs(self) -> Samples:
        """Add up as many samples as all inputs have."""
        count = min(queue.count for queue in self._inputs)
        first, *others = [queue.take(count) for queue in self._inputs]
        if not others:
            return first
        total = first + others[0]
        for other in others[1:]:
            total += other
        return total


def require_tracks(console: Console, names: Iterable[str]) -> None:
    """Make sure that a console has a track for every recording and the other way round.

    Raises
    ------
    InputError
        If it has not.
    """
    recorded = list(names)
    for track in console.tracks:
        if track.name not in recorded:
            raise InputError(f"{track.name}: expected a recording of this track, got none; add it or remove the track")
    tracks = [track.name for track in console.tracks]
    for name in recorded:
        if name not in tracks:
            raise InputError(f"expected recordings of {', '.join(tracks)}, got {name!r}; {nearest(name, tracks)}")


def offset_samples(offset_ms: float, sample_rate: int) -> int:
    """Convert the offset of a track to samples."""
    return round(offset_ms * sample_rate / 1000.0)


def _apply(processor: Gain | Pan, audio: Samples) -> Samples:
    return audio if processor.is_neutral else processor.apply(audio)


def cut(audio: Audio, start: int, samples: int) -> Audio:
    """Copy a span, zeros where there is no audio; subnormal samples, slow to compute with, become zeros."""
    out = np.zeros((len(audio), samples), dtype=np.float32)
    source = audio[:, max(start, 0) : max(start + samples, 0)]
    lead = min(max(-start, 0), samples)
    out[:, lead : lead + source.shape[1]] = source
    flush(out)
    return out


def _join(parts: Sequence[Samples]) -> Samples:
    if not parts:
        return np.empty((2, 0), dtype=np.float32)
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
