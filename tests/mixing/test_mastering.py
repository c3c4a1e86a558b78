"""Mastering: the loudness that was asked for, never over the ceiling, and a word where that cannot be."""

import json

import numpy as np
import pytest
import soundfile

from fxnorm import audio_files
from fxnorm.audio import SAMPLE_RATE, Audio
from fxnorm.console.processor import Processor
from fxnorm.console.processors import Compressor, Eq, EqBand, Gain, Limiter, Width
from fxnorm.dsp import loudness, true_peak
from fxnorm.errors import AudioError, InputError
from fxnorm.mixing.mastering import MasteringResult, glue, master
from tests.signals import noise, plucks

TOLERANCE_DB = 0.05


def replay(result: MasteringResult, mix: Audio) -> Audio:
    """The master once more from its processors, as they stand in a document."""
    for processor in result.processors:
        mix = Processor.from_dict(json.loads(json.dumps(processor.to_dict()))).process(mix, result.sample_rate)
    return mix


def check(result: MasteringResult, mix: Audio, ceiling_db: float) -> None:
    assert result.audio.shape == mix.shape
    assert true_peak.true_peak_db(result.audio) <= ceiling_db + TOLERANCE_DB
    assert result.true_peak_db == pytest.approx(true_peak.true_peak_db(result.audio), abs=1e-6)
    assert result.loudness_lufs == loudness.measure(result.audio, result.sample_rate)
    np.testing.assert_array_equal(replay(result, mix), result.audio)


@pytest.mark.parametrize("sample_rate", [22_050, 44_100, 48_000])
@pytest.mark.parametrize(("wish", "ceiling_db"), [(-9.0, -1.0), (-14.0, -2.0), (-23.0, -1.0), (-38.0, -1.0)])
def test_noise_reaches_every_loudness(wish: float, ceiling_db: float, sample_rate: int) -> None:
    mix = noise(6.0, rate=sample_rate)
    result = master(mix, sample_rate, loudness_lufs=wish, ceiling_db=ceiling_db)
    check(result, mix, ceiling_db)
    assert result.loudness_lufs == pytest.approx(wish, abs=0.03)
    assert result.notices == ()


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("scale", "trimmed"), [(0.02, True), (1.0, False), (10.0, True)])
def test_the_level_of_the_mix_does_not_matter(scale: float, trimmed: bool, channels: int) -> None:
    mix = (scale * plucks(8.0, channels=channels)).astype(np.float32)
    result = master(mix, SAMPLE_RATE, loudness_lufs=-17.0)
    check(result, mix, -1.0)
    assert result.loudness_lufs == pytest.approx(-17.0, abs=0.03)
    assert 1.0 < result.reduction_db <= result.max_reduction_db
    assert isinstance(result.processors[-1], Limiter)
    assert isinstance(result.processors[0], Gain) == trimmed


def test_the_limiter_idles_where_nothing_exceeds_the_ceiling() -> None:
    mix = noise(4.0)
    result = master(mix, SAMPLE_RATE, loudness_lufs=-23.0)
    assert result.processors[0] == Gain(result.processors[0].values()[0])
    assert result.processors[1] == Limiter()
    assert result.max_reduction_db == 0.0
    np.testing.assert_array_equal(result.audio, result.processors[0].process(mix, SAMPLE_RATE))


@pytest.mark.parametrize("budget_db", [0.0, 2.0, 6.0])
def test_stops_at_the_budget_and_says_so(budget_db: float) -> None:
    mix = plucks(8.0)
    result = master(mix, SAMPLE_RATE, loudness_lufs=-9.0, max_reduction_db=budget_db)
    check(result, mix, -1.0)
    assert budget_db - 0.15 <= result.reduction_db <= budget_db + 0.05
    assert result.loudness_lufs < -10.0
    (notice,) = result.notices
    assert f"-9 LUFS needs more than {budget_db:g} dB of limiting; reached {result.loudness_lufs:.1f} LUFS" in notice
    louder = master(mix, SAMPLE_RATE, loudness_lufs=-9.0, max_reduction_db=24.0)
    assert louder.loudness_lufs > result.loudness_lufs + 1.0


@pytest.mark.parametrize(
    "mix", [np.zeros((2, SAMPLE_RATE), np.float32), noise(0.3), noise(3.0, level=1e-6), np.zeros((1, 1), np.float32)]
)
def test_what_cannot_be_measured_is_only_limited(mix: Audio) -> None:
    result = master(mix, SAMPLE_RATE)
    assert result.loudness_lufs is None
    np.testing.assert_array_equal(result.audio, mix)
    assert "too quiet or too short to be brought to -14 LUFS" in result.notices[0]
    loud = master(20.0 * noise(0.3), SAMPLE_RATE)
    assert loud.loudness_lufs is None
    assert -1.1 < loud.true_peak_db <= -1.0 + TOLERANCE_DB


def test_a_gain_beyond_the_processors_is_told() -> None:
    quiet = noise(3.0, level=5e-4)
    assert "needs more than 48 dB of gain" in master(quiet, SAMPLE_RATE, loudness_lufs=-6.0).notices[0]
    loud = 3e3 * noise(3.0)
    assert "needs less than -60 dB of gain" in master(loud, SAMPLE_RATE, loudness_lufs=-40.0).notices[0]


def test_a_lone_click_does_not_decide() -> None:
    mix = noise(6.0, level=0.02)
    mix[:, 100_000] = 1.0
    result = master(mix, SAMPLE_RATE, loudness_lufs=-14.0)
    check(result, mix, -1.0)
    assert result.loudness_lufs == pytest.approx(-14.0, abs=0.03)
    assert result.max_reduction_db > 10.0 > 6.0 > result.reduction_db


def test_processors_come_first_and_a_limiter_brings_its_times() -> None:
    mix = 0.5 * noise(4.0)
    eq, limiter = Eq((EqBand("low_shelf", 100.0, -3.0),)), Limiter(3.0, -5.0, 2.0, 50.0)
    result = master(mix, SAMPLE_RATE, loudness_lufs=-10.0, processors=[eq, Width(1.2), limiter])
    check(result, mix, -1.0)
    assert result.processors[:2] == (eq, Width(1.2))
    assert result.loudness_lufs == pytest.approx(-10.0, abs=0.03)
    last = result.processors[-1]
    assert (last.ceiling_db, last.look_ahead_ms, last.release_ms) == (-1.0, 2.0, 50.0)


@pytest.mark.parametrize("scale", [0.01, 1.0])
def test_glue_compresses_gently(scale: float) -> None:
    mix = (scale * plucks(6.0)).astype(np.float32)
    chosen = glue(mix, SAMPLE_RATE)
    assert (chosen.ratio, chosen.attack_ms, chosen.release_ms) == (2.0, 25.0, 250.0)
    squeezed = chosen.process(mix, SAMPLE_RATE)
    loud = np.abs(mix).max(axis=0) > 0.2 * np.abs(mix).max()
    change_db = 20.0 * np.log10(np.abs(squeezed[0, loud]) / np.abs(mix[0, loud]))
    assert -2.5 < change_db.min() < -1.0
    assert glue(np.zeros((2, SAMPLE_RATE), np.float32), SAMPLE_RATE) == Compressor(0.0, 2.0, 25.0, 250.0, 6.0)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"loudness_lufs": -4.0}, "loudness"),
        ({"loudness_lufs": float("nan")}, "loudness"),
        ({"ceiling_db": 0.1}, "ceiling"),
        ({"max_reduction_db": -1.0}, "reduction"),
    ],
)
def test_settings_out_of_range(options: dict[str, float], word: str) -> None:
    with pytest.raises(InputError, match=f"expected a {word} of"):
        master(noise(1.0), SAMPLE_RATE, **options)


def test_wrong_audio() -> None:
    with pytest.raises(AudioError, match="NaN"):
        master(np.full((2, 100), np.nan), SAMPLE_RATE)
    with pytest.raises(InputError, match="sample rate"):
        master(noise(1.0), 0)


@pytest.mark.parametrize("rate", [22_050, 44_100, 48_000])
@pytest.mark.parametrize(("name", "subtype"), [("master.wav", "FLOAT"), ("new/deep/master.flac", "PCM_24")])
def test_a_file_is_mastered_from_the_command_line(fxnorm, tmp_path, rate, name, subtype):
    mix = noise(4.0, rate=rate)
    audio_files.write(tmp_path / "mix.wav", mix, rate)
    out, report = tmp_path / name, tmp_path / "report.json"
    code, printed, complaint = fxnorm(
        "master", tmp_path / "mix.wav", "-o", out, "--lufs", -8, "--ceiling", -2, "--glue", "--report", report
    )
    assert (code, complaint) == (0, "")
    assert "-8.0 LUFS, true peak -2.00 dBTP, limiter reduction" in printed
    written, written_rate = audio_files.read(out)
    assert (written.shape, written_rate, soundfile.info(out).subtype) == (mix.shape, rate, subtype)
    assert loudness.measure(written, rate) == pytest.approx(-8.0, abs=0.05)
    assert true_peak.true_peak_db(written) <= -2.0 + TOLERANCE_DB
    record = json.loads(report.read_text())
    assert record["wishes"] == {"loudness_lufs": -8.0, "ceiling_dbtp": -2.0, "max_reduction_db": 6.0}
    assert [one["processor"] for one in record["processors"]] == ["compressor", "limiter"]
    again = mix
    for one in record["processors"]:
        again = Processor.from_dict(one).process(again, rate)
    np.testing.assert_allclose(again, written, atol=2.0**-23)


def test_what_is_not_reached_is_said(fxnorm, tmp_path):
    audio_files.write(tmp_path / "mix.wav", plucks(5.0), SAMPLE_RATE)
    words = ("master", tmp_path / "mix.wav", "-o", tmp_path / "out.wav", "--lufs", -8)
    code, _, complaint = fxnorm(*words, "--max-reduction", 3)
    assert code == 0
    assert "-8 LUFS needs more than 3 dB of limiting" in complaint
    code, printed, _ = fxnorm(*words, "--force", "--json")
    assert code == 0
    assert json.loads(printed)["notices"]
    audio_files.write(tmp_path / "rest.wav", np.zeros((2, SAMPLE_RATE), np.float32), SAMPLE_RATE)
    code, printed, complaint = fxnorm("master", tmp_path / "rest.wav", "-o", tmp_path / "rest.flac")
    assert code == 0
    assert "not measured" in printed
    assert "too quiet or too short" in complaint


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("missing.wav", "-o", "out.wav"), "cannot be opened"),
        (("text.wav", "-o", "out.wav"), "expected an audio file"),
        (("nan.wav", "-o", "out.wav"), "NaN"),
        (("mix.wav", "-o", "out.wav", "--ceiling", 0.5), "expected a ceiling of -12 to 0 dBTP"),
        (("mix.wav", "-o", "out.wav", "--lufs", -41), "expected a loudness of -40 to -5 LUFS"),
        (("mix.wav", "-o", "out.wav", "--lufs", -4), "expected a loudness of -40 to -5 LUFS"),
        (("mix.wav", "-o", "out.wav", "--max-reduction", 30), "expected a reduction of 0 to 24 dB"),
        (("mix.wav", "-o", "out.mp3"), "expected the format wav or flac, got 'mp3'"),
        (("mix.wav", "-o", "out.flac", "--subtype", "float"), "expected a subtype of flac"),
        (("mix.wav", "-o", "mix.wav", "--force"), "not three files"),
        (("mix.wav", "-o", "out.wav", "--report", "out.wav"), "not three files"),
        (("mix.wav", "-o", "nan.wav"), "exists already"),
        (("mix.wav", "-o", "out.wav", "--report", "text.wav"), "exists already"),
        (("mix.wav",), "Missing option '-o'"),
    ],
)
def test_wrong_input_is_one_line_and_nothing_is_written(fxnorm, tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    audio_files.write(tmp_path / "mix.wav", noise(1.0), SAMPLE_RATE)
    soundfile.write(tmp_path / "nan.wav", np.full((100, 2), np.nan), SAMPLE_RATE, subtype="FLOAT")
    (tmp_path / "text.wav").write_text("no audio")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    code, printed, complaint = fxnorm("master", *words)
    assert code == 2
    assert message in complaint
    assert complaint.count("\n") == 1
    assert printed == ""
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
