"""MP3 streams without a length header: all frames are read, whatever surrounds them."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from fxnorm import audio_files, mpeg
from fxnorm.audio import SAMPLE_RATE, Audio
from fxnorm.cli import cli
from fxnorm.errors import AudioError
from tests.signals import plucks

FRAME = 1152  # samples
PICTURE = np.random.default_rng(0).bytes(200_000)


def encode(path: Path, *, samples: Audio | None = None, rate: int = SAMPLE_RATE, mode: str = "CONSTANT") -> list[bytes]:
    """Frames of an MP3 file, the first of which is its length header."""
    sound = plucks(4.0) if samples is None else samples
    soundfile.write(path, sound.T, rate, format="MP3", bitrate_mode=mode, compression_level=0.3)
    content = path.read_bytes()
    frames = [content[start:stop] for start, stop in mpeg._find_frames(content)]
    assert b"".join(frames) == content
    assert mpeg.states_length(path)
    return frames


def id3v2(payload: bytes) -> bytes:
    size = bytes(len(payload) >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x03\0\0" + size + payload


ID3V1 = b"TAG" + b"title".ljust(125, b"\0")


@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
@pytest.mark.parametrize(
    ("before", "after"),
    [(b"", b""), (id3v2(b"APIC" + PICTURE), ID3V1), (id3v2(PICTURE) + id3v2(b"second"), PICTURE[:3_000] + ID3V1)],
    ids=["bare", "picture", "garbage"],
)
def test_every_sample_is_read(tmp_path: Path, mode: str, before: bytes, after: bytes) -> None:
    path = tmp_path / "x.mp3"
    frames = encode(path, mode=mode)
    whole, _ = audio_files.read(path)
    path.write_bytes(before + b"".join(frames[1:]) + after)
    length = FRAME * (len(frames) - 1)
    samples, rate = audio_files.read(path)
    assert (samples.shape, rate) == ((2, length), SAMPLE_RATE)
    np.testing.assert_allclose(samples[:, 1105 : 1105 + whole.shape[1]], whole, atol=1e-6)  # with the encoder's delay
    assert audio_files.probe(path).samples == length
    np.testing.assert_array_equal(np.hstack(list(audio_files.blocks(path, samples=10_000))), samples)
    segment = audio_files.read_segment(path, length - 1_500, 2_000)
    np.testing.assert_allclose(segment[:, :1_500], samples[:, -1_500:], atol=1e-6)
    assert not segment[:, 1_500:].any()


@pytest.mark.parametrize("rate", [48_000, 32_000, 22_050, 16_000, 11_025, 8_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_every_version_and_channel_count(tmp_path: Path, rate: int, channels: int) -> None:
    path = tmp_path / "x.mp3"
    sound = (0.1 * np.random.default_rng(0).standard_normal((channels, 2 * rate))).astype(np.float32)
    frames = encode(path, samples=sound, rate=rate)
    path.write_bytes(b"".join(frames[1:]))
    samples, _ = audio_files.read(path)
    assert samples.shape == (channels, (len(frames) - 1) * (FRAME if rate >= 32_000 else FRAME // 2))
    assert np.std(samples) == pytest.approx(np.std(sound), rel=0.3)


def test_a_missing_frame_and_garbage_between_frames(tmp_path: Path) -> None:
    path = tmp_path / "x.mp3"
    frames = encode(path)[1:]
    path.write_bytes(b"".join(frames[:50]) + PICTURE[:5_000] + b"".join(frames[51:]))
    assert audio_files.read(path)[0].shape[1] == FRAME * (len(frames) - 1) == audio_files.probe(path).samples


def test_a_cut_stream_is_read_as_what_is_left(tmp_path: Path) -> None:
    path = tmp_path / "x.mp3"
    frames = encode(path)[1:]
    path.write_bytes(b"".join(frames[10:60]) + frames[60][:-1])
    samples, _ = audio_files.read(path)
    assert samples.shape[1] == FRAME * 50
    assert np.std(samples[:, FRAME:]) > 0.01


def test_a_header_without_the_number_of_frames_states_no_length(tmp_path: Path) -> None:
    path = tmp_path / "x.mp3"
    frames = encode(path)
    flags = frames[0].index(b"Info") + 7
    path.write_bytes(frames[0][:flags] + b"\0" + frames[0][flags + 1 :] + b"".join(frames[1:]))
    assert audio_files.read(path)[0].shape[1] == FRAME * (len(frames) - 1)


def test_a_stated_length_is_believed(tmp_path: Path) -> None:
    path = tmp_path / "x.mp3"
    frames = encode(path)
    path.write_bytes(id3v2(PICTURE) + b"".join(frames) + ID3V1)
    assert mpeg.with_length(path) is None
    assert audio_files.read(path)[0].shape[1] == plucks(4.0).shape[1]
    path.write_bytes(b"".join(frames[:-20]))
    with pytest.raises(AudioError, match="cut short"):
        audio_files.read(path)


@pytest.mark.parametrize("content", [b"", b"ID3", id3v2(PICTURE), PICTURE, b"\xff" * 5_000, bytes(5_000)])
def test_no_frames(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.mp3").write_bytes(content)
    with pytest.raises(AudioError, match="expected an audio file"):
        audio_files.read(tmp_path / "x.mp3")


def test_commands_accept_such_files(tmp_path: Path) -> None:
    folder = tmp_path / "songs" / "train" / "song"
    folder.mkdir(parents=True)
    for seed, stem in enumerate(("vocals", "bass", "drums", "other")):
        frames = encode(folder / f"{stem}.mp3", samples=0.5 * plucks(2.0, seed=seed))
        (folder / f"{stem}.mp3").write_bytes(id3v2(PICTURE) + b"".join(frames[1:]) + ID3V1)
    length = FRAME * (len(frames) - 1)
    run = CliRunner().invoke
    checked = run(cli, ["corpus", "check", str(tmp_path / "songs"), "-q"])
    assert (checked.exit_code, "0 with errors" in checked.output) == (0, True), checked.output
    normalized = run(cli, ["normalize", str(tmp_path / "songs"), "-o", str(tmp_path / "dry"), "-j", "1", "-q"])
    assert normalized.exit_code == 0, normalized.output
    assert audio_files.probe(tmp_path / "dry" / "train" / "song" / "bass.wav").samples == length
    mixed = run(cli, ["mix", str(folder), "-o", str(tmp_path / "mix.wav"), "--model", "sum", "-q"])
    assert mixed.exit_code == 0, mixed.output
    assert audio_files.probe(tmp_path / "mix.wav").samples == length


def test_evaluate_accepts_such_mixes_and_targets(tmp_path: Path) -> None:
    for folder in (tmp_path / "mixes", tmp_path / "targets"):
        folder.mkdir()
        frames = encode(folder / "song.mp3")
        (folder / "song.mp3").write_bytes(id3v2(PICTURE) + b"".join(frames[1:]) + ID3V1)
    report = tmp_path / "report.html"
    sides = ["--mixes", f"mine={tmp_path / 'mixes'}", "--targets", str(tmp_path / "targets")]
    evaluated = CliRunner().invoke(cli, ["evaluate", *sides, "-o", str(report), "-j", "1", "-q"])
    assert evaluated.exit_code == 0, evaluated.exception
    assert report.exists()
