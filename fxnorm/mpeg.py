"""Frames of MP3 streams, and a length header for streams without one.

A decoder can only estimate the length of such a stream from its bit rate, and does so badly where the rate varies or
a tag holds a picture. Counting the frames takes about 10 ms a minute, without decoding any.
"""

from collections.abc import Iterator
from pathlib import Path

_KBPS = {  # by version (3 is MPEG-1, 2 is MPEG-2, 0 is MPEG-2.5)
    3: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    0: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_SAMPLE_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
_LAYER_3 = 1
_MONO = 3
_HEADER = 4  # bytes
_FRAME = 1441  # bytes of the largest frame
_VBRI_OFFSET = 36
_DECODER_DELAY = 529  # samples that libmpg123 cuts off beyond the encoder delay of a length header


def with_length(path: Path) -> bytes | None:
    """Add a length header to the frames of an MP3 file without one, and drop everything else.

    Parameters
    ----------
    path : Path

    Returns
    -------
    bytes or None
        An MP3 stream that decodes to the samples of the file, from the first to the last whole frame. None if the
        file states its length, or holds no MPEG audio of layer III.
    """
    if states_length(path):
        return None
    content = path.read_bytes()
    frames = [content[start:stop] for start, stop in _find_frames(content)]
    if frames and _length_tag(frames[0]):
        del frames[0]
    if not frames:
        return None
    return _length_header(int.from_bytes(frames[0][:_HEADER]), len(frames)) + b"".join(frames)


def states_length(path: Path) -> bool:
    """Return whether the first frame of an MP3 file is a Xing or Info header with the number of frames."""
    with path.open("rb") as file:
        start = 0
        while size := _tag_size(file.read(10)):
            start += size
            file.seek(start)
        file.seek(start)
        frame = file.read(_FRAME)
    return _length_tag(frame) in (b"Xing", b"Info") and bool(frame[_xing_offset(frame) + 7] & 1)


def _tag_size(head: bytes) -> int:
    """Return the size of an ID3v2 tag in bytes, from its first ten; 0 without a tag."""
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    size = 0
    for byte in head[6:]:
        size = size << 7 | byte & 0x7F
    footer = 10 if head[5] & 0x10 else 0
    return 10 + size + footer


def _find_frames(content: bytes) -> Iterator[tuple[int, int]]:
    """Find start and stop of every complete frame; the first one, and one after a gap, only if another follows."""
    start = 0
    while size := _tag_size(content[start : start + 10]):
        start += size
    kind = 0
    contiguous = False
    while 0 <= start <= len(content) - _HEADER:
        header = int.from_bytes(content[start : start + _HEADER])
        size = _frame_size(header)
        stop = start + size
        sound = size > 0 and stop <= len(content) and kind in (0, _kind(header))
        if sound and (contiguous or _kind(int.from_bytes(content[stop : stop + _HEADER])) == _kind(header)):
            yield start, stop
            kind, start, contiguous = _kind(header), stop, True
        else:
            start, contiguous = content.find(b"\xff", start + 1), False


def _kind(header: int) -> int:
    """Return the bits that all frames of a stream share: version, layer, sample rate and mono."""
    return header & 0xFFFE0C00 | (header >> 6 & 3 == _MONO)


def _frame_size(header: int) -> int:
    """Return the size of a layer III frame in bytes, from its header; 0 for other data."""
    version, layer, bit_rate, sample_rate = header >> 19 & 3, header >> 17 & 3, header >> 12 & 15, header >> 10 & 3
    if header >> 21 != 0x7FF or version not in _KBPS or layer != _LAYER_3 or bit_rate in (0, 15) or sample_rate == 3:
        return 0
    samples = _samples_per_frame(header)
    return 125 * samples * _KBPS[version][bit_rate] // _SAMPLE_RATES[version][sample_rate] + (header >> 9 & 1)


def _samples_per_frame(header: int) -> int:
    return 1152 if header >> 19 & 3 == 3 else 576


def _xing_offset(frame: bytes) -> int:
    """Return the offset after header and side information, whose size depends on version and channels."""
    header = int.from_bytes(frame[:_HEADER])
    mono = header >> 6 & 3 == _MONO
    if _samples_per_frame(header) == 1152:
        return _HEADER + (17 if mono else 32)
    return _HEADER + (9 if mono else 17)


def _length_tag(frame: bytes) -> bytes:
    """Return `Xing`, `Info` or `VBRI` if a frame holds such a header instead of audio, else nothing."""
    if not _frame_size(int.from_bytes(frame[:_HEADER])):
        return b""
    offset = _xing_offset(frame)
    tags = frame[offset : offset + 4], frame[_VBRI_OFFSET : _VBRI_OFFSET + 4]
    return next((tag for tag in tags if tag in (b"Xing", b"Info", b"VBRI")), b"")


def _length_header(header: int, frames: int) -> bytes:
    """Build a Xing header for a stream of such frames, and a silent frame.

    Decoders cut their own delay off a stream whose length they know; the silent frame is there to be cut instead.
    """
    header = header & ~0x1F200 | 0x10000  # no checksum, no padding, no bit rate
    silence = header | 1 << 12  # the lowest bit rate: the fewest bytes
    silence_bytes = silence.to_bytes(_HEADER).ljust(_frame_size(silence), b"\0")
    header |= 9 << 12  # a bit rate at which a frame has room
    head = header.to_bytes(_HEADER)
    delay = (_samples_per_frame(header) - _DECODER_DELAY) << 12  # 12 bits each of delay and padding
    encoder = b"Lavf".ljust(21, b"\0") + delay.to_bytes(3)
    tag = head.ljust(_xing_offset(head), b"\0") + b"Xing" + (1).to_bytes(4) + (frames + 1).to_bytes(4) + encoder
    return tag.ljust(_frame_size(header), b"\0") + silence_bytes
