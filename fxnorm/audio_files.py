"""Audio files: probing, reading, writing and MP3 encoding with soundfile."""

import io
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from fxnorm import mpeg
from fxnorm.audio import SAMPLE_RATE, Audio, as_audio, peak, resample
from fxnorm.errors import AudioError, FxnormError
from fxnorm.files import replacing

# Of files, in Hz. A damaged header can say anything, and resampling from an extreme rate would fill the memory.
SAMPLE_RATE_RANGE = (4_000, 768_000)
SUFFIXES = (".wav", ".flac", ".aiff", ".aif", ".ogg", ".mp3", ".w64")
_FORMATS = {".aif": "AIFF"}  # where soundfile does not know a suffix by itself

# libsndfile notes in its log when a chunk claims more bytes than the file has; 0 and 0xFFFFFFFF mark a stream
# whose writer could not know its length, which is not a fault.
_SHORT_CHUNK = re.compile(r"(?:data|SSND|riff)\s*: (\d+) \(should be \d+\)")
_STREAM_SIZES = {0, 0xFFFFFFFF, 0x7FFFFFFF}
_BLOCK = 1 << 16  # samples interleaved or taken apart at a time: the whole of a long file is not held twice
_UNKNOWN_LENGTH = 2**63 - 1  # frames of a FLAC stream whose header leaves the length out


@dataclass(frozen=True)
class AudioInfo:
    """Header of an audio file."""

    sample_rate: int
    channels: int
    samples: int
    format: str
    subtype: str

    @property
    def seconds(self) -> float:
        """Duration in seconds."""
        return self.samples / self.sample_rate

    @property
    def fault(self) -> str | None:
        """Reason why the file is unusable, or None."""
        if self.channels > 2:
            return f"expected 1 or 2 channels, got {self.channels}; mix it down to stereo first"
        low, high = SAMPLE_RATE_RANGE
        if not low <= self.sample_rate <= high:
            return f"expected a sample rate of {low} to {high} Hz, got {self.sample_rate}; export it again"
        return None


def probe(path: Path) -> AudioInfo:
    """Read the header of an audio file.

    The frames of an MP3 file whose header does not state its length are counted.

    Raises
    ------
    AudioError
        If the file is missing, unreadable, or not audio.
    """
    with _open(path) as file:
        return _info(file)


def read(path: Path) -> tuple[Audio, int]:
    """Read an audio file of any format, subtype and sample rate that libsndfile supports.

    Returns
    -------
    audio : ndarray, shape (channels, samples), float32
        Full scale is 1; float files may exceed it.
    sample_rate : int
        In Hz.

    Raises
    ------
    AudioError
        If the file is missing, unreadable, not audio, cut short, empty, not finite, or has over two channels.
    """
    with _open(path) as file:
        info = _info(file)
        if info.fault:
            raise AudioError(f"{path}: {info.fault}")
        _require_end(file, path)
        audio = np.empty((info.channels, info.samples), dtype=np.float32)
        count = 0
        while len(interleaved := _next_frames(file, path, _BLOCK)):
            audio[:, count : count + len(interleaved)] = interleaved.T
            count += len(interleaved)
        _require_whole(file, path, count)
    return as_audio(audio[:, :count], label=str(path)), info.sample_rate


def read_segment(path: Path, start: int, samples: int) -> Audio:
    """Read a segment of an audio file, padded with zeros after its end.

    Parameters
    ----------
    path : Path
    start, samples : int
        First sample and number of samples.

    Returns
    -------
    ndarray, shape (channels, samples), float32

    Raises
    ------
    AudioError
        If the file is missing, unreadable, not audio, damaged there, not finite there, or has over two channels.
    """
    with _open(path) as file:
        file.seek(min(start, file.frames))
        segment = _next_frames(file, path, samples).T
    if segment.shape[1] < samples:
        segment = np.pad(segment, ((0, 0), (0, samples - segment.shape[1])))
    return as_audio(segment, label=str(path))


def blocks(path: Path, *, samples: int = _BLOCK) -> Iterator[Audio]:
    """Read an audio file block by block, in bounded memory, without checking its samples.

    Unlike `read`, it accepts any number of channels, no samples at all, NaN and infinity: it is for looking
    at files that may be at fault.

    Parameters
    ----------
    path : Path
    samples : int
        Length of every piece but the last.

    Yields
    ------
    ndarray, shape (channels, samples), float32

    Raises
    ------
    AudioError
        At once if the file is missing, unreadable or not audio; after the last sound piece if it is cut short.
    """
    with _open(path) as file:
        count = 0
        while len(interleaved := _next_frames(file, path, samples)):
            count += len(interleaved)
            yield np.ascontiguousarray(interleaved.T)
        _require_whole(file, path, count)


def write(path: Path, audio: Audio, sample_rate: int, *, subtype: str = "FLOAT") -> None:
    """Write an audio file atomically.

    Parameters
    ----------
    path : Path
        The suffix chooses the format.
    audio : ndarray, shape (channels, samples), float32
    sample_rate : int
        In Hz.
    subtype : str
        A libsndfile subtype: FLOAT, PCM_24, PCM_16, ...

    Raises
    ------
    AudioError
        If the file cannot be written; nothing is left behind.
    RunError
        If the disk is full or has become read-only; nothing is left behind.
    """
    with writing(path, len(audio), sample_rate, subtype=subtype) as write_block:
        for start in range(0, audio.shape[1], _BLOCK):
            write_block(audio[:, start : start + _BLOCK])


@contextmanager
def writing(
    path: Path, channels: int, sample_rate: int, *, subtype: str = "FLOAT"
) -> Iterator[Callable[[Audio], None]]:
    """Write an audio file block by block, atomically: it appears when the context ends without an error.

    Parameters
    ----------
    path : Path
        The suffix chooses the format.
    channels, sample_rate : int
        Number of channels, and sample rate in Hz.
    subtype : str
        A libsndfile subtype: FLOAT, PCM_24, PCM_16, ...

    Yields
    ------
    callable
        Appends a block of shape (channels, samples).

    Raises
    ------
    AudioError
        If the file cannot be written; nothing is left behind.
    RunError
        If the disk is full or has become read-only; nothing is left behind.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise AudioError(f"{path}: expected a name that ends in {', '.join(SUFFIXES)}; choose one of these formats")
    try:
        with replacing(path) as temporary:
            temporary.touch()  # the system's own reason for a refusal, which libsndfile would not pass on
            try:
                with _encoder(temporary, channels, sample_rate, subtype) as write_block:
                    yield write_block
            except (OSError, soundfile.LibsndfileError):
                _ask_for_room(temporary)
                raise
            _forget_time(temporary)
    except (OSError, ValueError, soundfile.LibsndfileError) as error:
        if isinstance(error, FxnormError):  # of whoever makes the blocks
            raise
        raise AudioError(
            f"{path}: cannot be written ({_reason(error)}); check the folder, the disk and the format"
        ) from error


def encode_mp3(audio: Audio, sample_rate: int) -> bytes:
    """Encode an MP3 for players in a page: about 16 kB per second.

    Parameters
    ----------
    audio : ndarray, shape (channels, samples), float32
        What leaves full scale is brought back to it, as a whole.
    sample_rate : int
        In Hz; the file's is 44,100.
    """
    audio = resample(audio, sample_rate, SAMPLE_RATE)
    file = io.BytesIO()
    soundfile.write(file, (audio / max(1.0, peak(audio))).T, SAMPLE_RATE, format="MP3", compression_level=0.5)
    return file.getvalue()


def _native(path: Path) -> bytes | str:
    """Return the path as the system stores it: on POSIX a name is bytes that need not be valid text."""
    return os.fsencode(path) if os.name == "posix" else str(path)


@contextmanager
def _encoder(path: Path, channels: int, sample_rate: int, subtype: str) -> Iterator[Callable[[Audio], None]]:
    form = _FORMATS.get(path.suffix.lower())
    count = 0
    with soundfile.SoundFile(_native(path), "w", sample_rate, channels, subtype=subtype, format=form) as file:

        def write_block(block: Audio) -> None:
            nonlocal count
            file.write(block.T)
            count += block.shape[1]

        yield write_block
    # libsndfile closes a FLAC file without a word when its end finds no room on the disk
    if soundfile.info(_native(path)).frames != count:
        raise OSError("its end is missing")


def _ask_for_room(path: Path) -> None:
    """Append to a file that libsndfile failed to write, so that the system raises its own reason, if any."""
    with path.open("ab") as file:
        file.write(bytes(1 << 20))


def _forget_time(path: Path) -> None:
    """Clear the timestamp in the headers of float WAV files, so that equal audio gives equal bytes."""
    with path.open("r+b") as file:
        header = file.read(512)
        # chunk name, size, version, then the seconds since 1970
        if header[:4] == b"RIFF" and (chunk := header.find(b"PEAK")) > 0:
            file.seek(chunk + 12)
            file.write(bytes(4))


def _open(path: Path) -> soundfile.SoundFile:
    try:
        with Path(path).open("rb"):
            pass
        frames = mpeg.with_length(path) if path.suffix.lower() == ".mp3" else None
        file = soundfile.SoundFile(io.BytesIO(frames) if frames else _native(path))
    except (OSError, ValueError) as error:
        raise AudioError(f"{path}: cannot be opened ({_reason(error)}); check the path and its permissions") from error
    except (soundfile.LibsndfileError, TypeError) as error:
        raise AudioError(
            f"{path}: expected an audio file (WAV, FLAC, AIFF, OGG, MP3), got something else ({_reason(error)})"
        ) from error
    if file.frames == _UNKNOWN_LENGTH:
        file.close()
        raise AudioError(f"{path}: expected a header that states the length, got a bare stream; export it again")
    return file


def _next_frames(file: soundfile.SoundFile, path: Path, frames: int = -1) -> npt.NDArray[np.float32]:
    try:
        return file.read(frames, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise AudioError(f"{path}: damaged or cut short ({_reason(error)}); export it again") from error


def _require_whole(file: soundfile.SoundFile, path: Path, samples: int) -> None:
    """Raise if the header promised more samples than were read."""
    declared_sizes = [int(size) for size in _SHORT_CHUNK.findall(file.extra_info)]
    short = samples < file.frames and not _is_estimate(file, path)
    if short or any(size not in _STREAM_SIZES for size in declared_sizes):
        raise AudioError(f"{path}: cut short, {samples} samples are left; export it again")


def _require_end(file: soundfile.SoundFile, path: Path) -> None:
    """Raise if the header promises too many samples to allocate memory before the end of the file is confirmed."""
    if file.frames * file.channels > 8 * path.stat().st_size and not _is_estimate(file, path):  # a bit a sample
        try:
            file.seek(file.frames - 1)
            has_end = len(_next_frames(file, path, 1)) > 0
            file.seek(0)
        except soundfile.LibsndfileError:
            has_end = False
        if not has_end:
            raise AudioError(f"{path}: cut short, it has no {file.frames} samples; export it again")


def _is_estimate(file: soundfile.SoundFile, path: Path) -> bool:
    """Return whether the number of frames is an estimate instead of a value of the header."""
    return file.format == "MP3" and not mpeg.states_length(path)


def _info(file: soundfile.SoundFile) -> AudioInfo:
    return AudioInfo(file.samplerate, file.channels, file.frames, file.format, file.subtype)


def _reason(error: BaseException) -> str:
    if isinstance(error, soundfile.LibsndfileError):
        return str(error.error_string).strip(" .")
    return str(getattr(error, "strerror", None) or error)
