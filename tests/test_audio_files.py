"""Audio files: exact round trips, errors of one line, atomic writing."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from fxnorm import audio_files
from fxnorm.audio import SAMPLE_RATE, Audio
from fxnorm.errors import AudioError

# Quantisation steps of the format: samples on the grid return exactly, others within half a step.
BITS = {
    (".wav", "PCM_U8"): 8,
    (".wav", "PCM_16"): 16,
    (".wav", "PCM_24"): 24,
    (".wav", "PCM_32"): 25,  # more than float32 resolves below 1
    (".w64", "PCM_16"): 16,
    (".flac", "PCM_16"): 16,
    (".flac", "PCM_24"): 24,
    (".aiff", "PCM_16"): 16,
    (".aif", "PCM_24"): 24,
}


def noise(channels: int = 2, samples: int = 4_411, *, seed: int = 0) -> Audio:
    uniform = np.random.default_rng(seed).uniform(-0.9, 0.9, (channels, samples))
    return uniform.astype(np.float32)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def sine(frequency_hz: float, rate: int, seconds: float = 1.0) -> Audio:
    time = np.arange(round(rate * seconds)) / rate
    return (0.5 * np.sin(2 * np.pi * frequency_hz * time)).astype(np.float32)[np.newaxis]


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("suffix", "subtype"), BITS)
def test_integer_formats_are_exact_on_their_grid(tmp_path: Path, suffix: str, subtype: str, channels: int) -> None:
    path, scale = tmp_path / f"x{suffix}", 2.0 ** (BITS[suffix, subtype] - 1)
    on_grid = (np.round(noise(channels) * scale) / scale).astype(np.float32)
    audio_files.write(path, on_grid, SAMPLE_RATE, subtype=subtype)
    back, rate = audio_files.read(path)
    assert rate == SAMPLE_RATE
    assert back.dtype == np.float32
    assert back.flags.c_contiguous
    np.testing.assert_array_equal(back, on_grid)
    assert audio_files.probe(path).subtype == subtype


@pytest.mark.parametrize(("suffix", "subtype"), BITS)
def test_integer_formats_round_by_a_step_at_most(tmp_path: Path, suffix: str, subtype: str) -> None:
    path, scale = tmp_path / f"x{suffix}", 2.0 ** (BITS[suffix, subtype] - 1)
    audio_files.write(path, noise(), SAMPLE_RATE, subtype=subtype)
    assert np.abs(audio_files.read(path)[0] - noise()).max() <= 1.0 / scale


@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(
    array=arrays(
        np.float32,
        array_shapes(min_dims=2, max_dims=2, max_side=2).map(lambda shape: (shape[0], 37 * shape[1])),
        elements=st.floats(-8.0, 8.0, width=32),
    )
)
def test_float_formats_are_exact_and_may_exceed_full_scale(tmp_path: Path, subtype: str, array: Audio) -> None:
    audio_files.write(tmp_path / "x.wav", array, SAMPLE_RATE, subtype=subtype)
    np.testing.assert_array_equal(audio_files.read(tmp_path / "x.wav")[0], array)


@pytest.mark.parametrize(("suffix", "subtype"), [(".ogg", "VORBIS"), (".mp3", "MPEG_LAYER_III")])
def test_lossy_formats_keep_length_rate_and_level(tmp_path: Path, suffix: str, subtype: str) -> None:
    path, tone = tmp_path / f"x{suffix}", np.repeat(sine(440.0, SAMPLE_RATE), 2, axis=0)
    audio_files.write(path, tone, SAMPLE_RATE, subtype=subtype)
    back, rate = audio_files.read(path)
    assert (back.shape, rate) == (tone.shape, SAMPLE_RATE)
    assert np.std(back) == pytest.approx(np.std(tone), rel=0.02)


@pytest.mark.parametrize("rate", [1, 8_000, 11_025, 44_101, 96_000, 192_000])
def test_any_rate_is_kept(tmp_path: Path, rate: int) -> None:
    audio_files.write(tmp_path / "x.wav", noise(samples=77), rate)
    info = audio_files.probe(tmp_path / "x.wav")
    assert (info.sample_rate, info.channels, info.samples, info.format) == (rate, 2, 77, "WAV")
    assert info.seconds == 77 / rate


@pytest.mark.parametrize("samples", [1, 2, 3, 33])
def test_odd_sizes_are_not_taken_for_truncation(tmp_path: Path, samples: int) -> None:
    for suffix, subtype in BITS:
        audio_files.write(tmp_path / f"x{suffix}", noise(1, samples), SAMPLE_RATE, subtype=subtype)
        assert audio_files.read(tmp_path / f"x{suffix}")[0].shape == (1, samples)


@pytest.mark.parametrize("name", ["-o.wav", "a b'c\".wav", "歌 ё.wav", "UPPER.WAV"])
def test_any_name_will_do(tmp_path: Path, name: str) -> None:
    audio_files.write(tmp_path / name, noise(), SAMPLE_RATE)
    np.testing.assert_array_equal(audio_files.read(tmp_path / name)[0], noise())


@pytest.mark.parametrize("samples", [1, 1_000, 4_410, 4_411, 9_999])
def test_blocks_together_are_the_file(tmp_path: Path, samples: int) -> None:
    audio_files.write(tmp_path / "x.wav", noise(), SAMPLE_RATE)
    blocks = list(audio_files.blocks(tmp_path / "x.wav", samples=samples))
    assert all(block.shape[1] == samples and block.flags.c_contiguous for block in blocks[:-1])
    np.testing.assert_array_equal(np.hstack(blocks), noise())


def test_blocks_hand_on_what_read_refuses(tmp_path: Path) -> None:
    wide = noise(3)
    wide[1, 5] = np.nan
    wide[2, 7] = np.inf
    soundfile.write(tmp_path / "wide.wav", wide.T, SAMPLE_RATE, subtype="FLOAT")
    np.testing.assert_array_equal(np.hstack(list(audio_files.blocks(tmp_path / "wide.wav"))), wide)
    soundfile.write(tmp_path / "empty.wav", np.zeros((0, 2)), SAMPLE_RATE)
    assert list(audio_files.blocks(tmp_path / "empty.wav")) == []


def test_blocks_report_a_cut_after_the_last_sound_piece(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    audio_files.write(path, noise(), SAMPLE_RATE, subtype="PCM_16")
    path.write_bytes(path.read_bytes()[:-400])
    blocks = audio_files.blocks(path, samples=4_000)
    assert next(blocks).shape == (2, 4_000)
    assert next(blocks).shape == (2, 311)
    with pytest.raises(AudioError, match="cut short, 4311 samples are left"):
        next(blocks)


# Faults


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".aiff", ".w64"])
@pytest.mark.parametrize("cut", [3, 9_000])
def test_a_truncated_file_is_refused(tmp_path: Path, suffix: str, cut: int) -> None:
    path = tmp_path / f"x{suffix}"
    audio_files.write(path, noise(samples=20_000), SAMPLE_RATE, subtype="PCM_16")
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(AudioError, match="cut short"):
        audio_files.read(path)


def test_a_truncated_mp3_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.mp3"
    audio_files.write(path, noise(samples=20_000), SAMPLE_RATE, subtype="MPEG_LAYER_III")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(AudioError, match="cut short"):
        audio_files.read(path)


def test_a_stream_whose_length_was_never_filled_in_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    audio_files.write(path, noise(), SAMPLE_RATE, subtype="PCM_16")
    content = bytearray(path.read_bytes())
    content[4:8] = content[40:44] = b"\xff\xff\xff\xff"
    path.write_bytes(content)
    assert audio_files.read(path)[0].shape == (2, 4_411)


def test_a_flac_stream_without_a_length_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.flac"
    audio_files.write(path, noise(), SAMPLE_RATE, subtype="PCM_16")
    content = bytearray(path.read_bytes())
    content[21] &= 0xF0  # the 36 bits of the sample count in STREAMINFO
    content[22:26] = bytes(4)
    path.write_bytes(content)
    with pytest.raises(AudioError, match="header that states the length"):
        audio_files.read(path)


def test_no_samples(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "x.wav", np.zeros((0, 2)), SAMPLE_RATE)
    assert audio_files.probe(tmp_path / "x.wav").samples == 0
    with pytest.raises(AudioError, match=r"x\.wav: has no samples"):
        audio_files.read(tmp_path / "x.wav")


@pytest.mark.parametrize("content", [b"", b"RIFF", b"Dear diary,\n" * 100, bytes(5_000)])
def test_something_else_named_wav(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.wav").write_bytes(content)
    with pytest.raises(AudioError, match="expected an audio file"):
        audio_files.read(tmp_path / "x.wav")


@pytest.mark.parametrize(("span", "field"), [(slice(24, 28), "rate"), (slice(22, 24), "channels")])
def test_a_header_with_a_zero_in_it(tmp_path: Path, span: slice, field: str) -> None:
    path = tmp_path / f"{field}.wav"
    audio_files.write(path, noise(), SAMPLE_RATE, subtype="PCM_16")
    content = bytearray(path.read_bytes())
    content[span] = bytes(span.stop - span.start)
    path.write_bytes(content)
    with pytest.raises(AudioError, match="expected an audio file"):
        audio_files.probe(path)


def test_three_channels(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "x.wav", noise(3).T, SAMPLE_RATE)
    with pytest.raises(AudioError, match="expected 1 or 2 channels, got 3; mix it down"):
        audio_files.read(tmp_path / "x.wav")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_finite(tmp_path: Path, value: float) -> None:
    bad = noise()
    bad[0, 10] = bad[1, 20] = value
    audio_files.write(tmp_path / "x.wav", bad, SAMPLE_RATE)
    with pytest.raises(AudioError, match="got 2 NaN or infinite ones"):
        audio_files.read(tmp_path / "x.wav")


@pytest.mark.parametrize("name", ["missing.wav", "folder.wav", "missing/x.wav", "nul\0.wav"])
def test_what_cannot_be_opened(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.wav").mkdir()
    for reader in (audio_files.read, audio_files.probe, lambda path: list(audio_files.blocks(path))):
        with pytest.raises(AudioError, match=r"cannot be opened .*; check the path and its permissions"):
            reader(tmp_path / name)


def test_a_file_without_permission(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    audio_files.write(path, noise(), SAMPLE_RATE)
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read every file")
    with pytest.raises(AudioError, match="Permission denied"):
        audio_files.read(path)


# Writing


@pytest.mark.parametrize(
    ("name", "subtype", "rate", "message"),
    [
        ("x.wav", "PCM_17", SAMPLE_RATE, "Unknown subtype: 'PCM_17'"),
        ("x.flac", "FLOAT", SAMPLE_RATE, "Invalid combination of format, subtype"),
        ("x.wav", "FLOAT", 0, "cannot be written"),
        ("x.mp3", "MPEG_LAYER_III", 44_101, "sample rates"),
    ],
)
def test_a_failed_write_leaves_the_old_file(tmp_path: Path, name: str, subtype: str, rate: int, message: str) -> None:
    (tmp_path / name).write_bytes(b"old")
    with pytest.raises(AudioError, match=message):
        audio_files.write(tmp_path / name, noise(), rate, subtype=subtype)
    assert names(tmp_path) == [name]
    assert (tmp_path / name).read_bytes() == b"old"


@pytest.mark.parametrize("name", ["x.xyz", "x", ".wav"])
def test_a_suffix_that_names_no_format(tmp_path: Path, name: str) -> None:
    with pytest.raises(AudioError, match=r"expected a name that ends in \.wav, \.flac"):
        audio_files.write(tmp_path / name, noise(), SAMPLE_RATE)


def test_write_into_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="No such file or directory"):
        audio_files.write(tmp_path / "missing" / "x.wav", noise(), SAMPLE_RATE)


def test_write_onto_a_folder(tmp_path: Path) -> None:
    (tmp_path / "x.wav").mkdir()
    with pytest.raises(AudioError, match="cannot be written"):
        audio_files.write(tmp_path / "x.wav", noise(), SAMPLE_RATE)
    assert names(tmp_path) == ["x.wav"]


def test_write_into_a_read_only_folder(tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir()
    folder.chmod(0o500)
    if os.access(folder, os.W_OK):
        pytest.skip("this user may write everywhere")
    with pytest.raises(AudioError, match="Permission denied"):
        audio_files.write(folder / "x.wav", noise(), SAMPLE_RATE)
