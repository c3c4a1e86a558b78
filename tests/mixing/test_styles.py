"""Consoles and mixes brought to styles and near references."""

import json
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from fxnorm import audio_files  # noqa: E402
from fxnorm.audio import SAMPLE_RATE  # noqa: E402
from fxnorm.console import Bus, Console, Eq, EqBand, Limiter, Master, TrackStrip, Width  # noqa: E402
from fxnorm.dsp import mix_features  # noqa: E402
from fxnorm.errors import InputError  # noqa: E402
from fxnorm.mixing import style_validation, wishes  # noqa: E402
from fxnorm.mixing.matching import MatchSettings  # noqa: E402
from fxnorm.mixing.reference import Reference, apply_reference  # noqa: E402
from fxnorm.mixing.styles import Aim, apply_style, measure_style  # noqa: E402
from fxnorm.recipe.styles import FrequencyBalance, Style  # noqa: E402
from tests.signals import noise, plucks  # noqa: E402

EASY = Style(loudness_lufs=-18.0, centroid_hz=4500.0, mid_share=0.75)
PATIENT = MatchSettings(-18.0, time_limit_s=600.0)  # a busy machine does not decide


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """Threads that wait for each other on a busy machine take longer than one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def stems(seconds: float = 6.0) -> dict[str, np.ndarray]:
    other = plucks(seconds, seed=3)
    other[1] *= -0.4
    return {"vocals": plucks(seconds, seed=1)[:1], "drums": noise(seconds, level=0.02), "other": other}


def console() -> Console:
    neutral = Console.neutral(stems(0.1))
    return replace(neutral, tracks=tuple(replace(track, stem=track.name) for track in neutral.tracks))


@pytest.fixture(scope="module")
def styled():
    return apply_style(console(), stems(), SAMPLE_RATE, EASY, name="easy", settings=PATIENT)


def test_a_style_is_reached(styled) -> None:
    assert [aim.name for aim in styled.aims] == ["loudness_lufs", "centroid_hz", "mid_share"]
    assert all(aim.is_reached for aim in styled.aims), [aim.describe() for aim in styled.aims]
    assert styled.notices == ()
    assert styled.score == 1.0
    assert styled.features.correlation_low >= 0.0
    assert styled.master.true_peak_db <= EASY.ceiling_db + 0.01
    # before, the mix was elsewhere
    before = {aim.name: aim.before for aim in styled.aims}
    assert abs(before["centroid_hz"] - EASY.centroid_hz) > 200.0


def test_the_document_gives_the_mix_again(styled) -> None:
    rendered = Console.from_dict(json.loads(json.dumps(styled.console.to_dict()))).render(stems(), SAMPLE_RATE)
    np.testing.assert_array_equal(rendered, styled.audio)
    assert isinstance(styled.console.master.processors[-1], Limiter)
    assert styled.console.notes["style"]["name"] == "easy"
    features = mix_features.measure(rendered, SAMPLE_RATE)
    assert features == styled.features


def test_a_style_that_is_met_already_moves_nothing(styled) -> None:
    again = apply_style(styled.console, stems(), SAMPLE_RATE, EASY, settings=PATIENT)
    assert all(aim.is_reached for aim in again.aims)
    kinds = [each.KIND for each in again.console.master.processors if each.KIND != "gain"]
    assert len(kinds) == len(set(kinds)), "a second EQ, compressor or width"

    def widths(each: Console) -> list[float]:
        return [processor.width for processor in each.master.processors if isinstance(processor, Width)]

    assert widths(again.console) == pytest.approx(widths(styled.console), abs=0.1)


def test_groups_get_an_equaliser() -> None:
    own = console()
    tracks = tuple(replace(track, output="band") if track.name != "vocals" else track for track in own.tracks)
    grouped = replace(own, tracks=tracks, buses=(Bus("band"),))
    result = apply_style(grouped, stems(), SAMPLE_RATE, EASY, settings=PATIENT)
    eq = result.console.buses[0].processors[-1]
    assert isinstance(eq, Eq)
    assert any(abs(band.gain_db) > 0.05 for band in eq.bands)
    assert all(aim.is_reached for aim in result.aims)


def test_mono_material_says_why_it_is_not_wide() -> None:
    mono = {"mix": np.repeat(plucks(4.0)[:1], 2, axis=0)}
    wide = replace(MatchSettings(-16.0), rounds=1, steps=5)
    result = apply_style(Console.neutral(["mix"]), mono, SAMPLE_RATE, EASY, settings=wide)
    aim = result.aims[2]
    assert not aim.is_reached
    assert "mono, which no width can widen" in aim.reason
    assert "before 1.00" in result.notices[-1]


def test_an_impossible_loudness_is_told() -> None:
    loud = EASY.model_copy(update={"loudness_lufs": -5.0})
    settings = replace(MatchSettings(-5.0), rounds=1, steps=3, max_reduction_db=1.0)
    result = apply_style(console(), stems(3.0), SAMPLE_RATE, loud, settings=settings)
    assert not result.aims[0].is_reached
    assert "needs more than 1 dB of limiting" in result.aims[0].reason
    assert result.master.reduction_db <= 1.0 + 0.01


def test_silence_is_refused() -> None:
    silence = {name: np.zeros_like(audio) for name, audio in stems(1.0).items()}
    with pytest.raises(InputError, match="got silence"):
        apply_style(console(), silence, SAMPLE_RATE, EASY)


def test_the_score_falls_from_one_to_zero() -> None:
    scores = [Aim("mid_share", 0.6, 0.9, 0.6 + 0.05 * tolerances, 0.05).score for tolerances in (0.5, 0.99, 3, 5, 9)]
    assert scores == pytest.approx([1.0, 1.0, 0.5, 0.0, 0.0])


def test_a_style_is_measured_from_songs() -> None:
    songs = [(plucks(3.0, seed=seed), SAMPLE_RATE) for seed in range(3)]
    found = measure_style(songs)
    features = [mix_features.measure(*song) for song in songs]
    assert found.centroid_hz == pytest.approx(np.median([each.centroid_hz for each in features]), abs=0.1)
    assert found.mid_share == pytest.approx(np.median([each.mid_share for each in features]), abs=1e-4)
    assert isinstance(found.frequency_balance, FrequencyBalance)
    with pytest.raises(InputError, match="silence as song 2"):
        measure_style([songs[0], (np.zeros((2, SAMPLE_RATE), np.float32), SAMPLE_RATE)])


def test_a_reference_is_approached() -> None:
    mix = sum(track if len(track) == 2 else np.repeat(track, 2, axis=0) for track in stems().values())
    bands = (EqBand("low_shelf", 150.0, 6.0), EqBand("high_shelf", 4000.0, -6.0))
    eq = Console(tracks=(TrackStrip("mix"),), master=Master((Eq(bands), Width(0.6))))
    reference = eq.render({"mix": mix}, SAMPLE_RATE)
    own, tracks = wishes.mix_console(mix)
    result = apply_reference(own, tracks, SAMPLE_RATE, reference, SAMPLE_RATE, name="song.wav")
    assert result.after.af < 0.3 * result.before.af
    assert result.after.spectrum_db < 0.5 * result.before.spectrum_db
    assert abs(result.after.mid_share) < 0.5 * abs(result.before.mid_share)
    assert abs(result.after.loudness_lu) < 0.11
    assert Reference.measure(reference, SAMPLE_RATE).distance(reference, SAMPLE_RATE).af == 0.0
    assert result.console.notes["reference"]["name"] == "song.wav"


def write(folder, tracks: dict[str, np.ndarray]):
    folder.mkdir()
    for name, audio in tracks.items():
        audio_files.write(folder / f"{name}.wav", audio, SAMPLE_RATE)
    return folder


def test_console_style_writes_a_console_that_renders(fxnorm, tmp_path) -> None:
    folder = write(tmp_path / "song", stems(4.0))
    console().save(tmp_path / "song.console.json")
    own = tmp_path / "my.yaml"
    own.write_text("mine: {loudness_lufs: -18, centroid_hz: 5000, mid_share: 0.75}\n", encoding="utf-8")
    out = tmp_path / "styled.console.json"
    words = ("console", "style", tmp_path / "song.console.json", folder, "-o", out)
    code, printed, _ = fxnorm(*words, "--style", own)
    assert code == 0
    assert "loudness -18.0 LUFS" in printed
    code, _, _ = fxnorm("console", "render", out, folder, "-o", tmp_path / "mix.wav", "--subtype", "FLOAT")
    assert code == 0
    mix, rate = audio_files.read(tmp_path / "mix.wav")
    assert mix_features.measure(mix, rate).loudness_lufs == pytest.approx(-18.0, abs=0.1)
    assert "exists already" in fxnorm(*words, "--style", own)[2]
    for wish, message in (
        (("--style", "rok_punk"), "did you mean 'rock_punk'"),
        ((), "got neither"),
        (("--style", "rock_punk", "--reference", "x.wav"), "got both"),
    ):
        code, _, complaint = fxnorm(*words[:-1], tmp_path / "none.json", *wish)
        assert code == 2
        assert message in complaint
        assert complaint.count("\n") == 1


def test_master_takes_a_style_and_refuses_bad_references(fxnorm, tmp_path) -> None:
    source = tmp_path / "mix.wav"
    audio_files.write(source, plucks(4.0) + noise(4.0, level=0.01), SAMPLE_RATE)
    own = tmp_path / "my.yaml"
    own.write_text("mine: {loudness_lufs: -17, centroid_hz: 2800, mid_share: 0.9, ceiling_db: -2}\n", encoding="utf-8")
    report = tmp_path / "report.json"
    code, printed, _ = fxnorm("master", source, "-o", tmp_path / "out.wav", "--style", own, "--report", report)
    assert code == 0
    assert "-17.0 LUFS" in printed
    content = json.loads(report.read_text())
    assert content["wishes"]["style"] == str(own)
    assert {aim["name"] for aim in content["match"]["aims"]} == {"loudness_lufs", "centroid_hz", "mid_share"}
    # the processors of the report make the master again
    master, rate = audio_files.read(tmp_path / "out.wav")
    mix, _ = audio_files.read(source)
    chain = Console.from_dict({
        "format": "fxnorm-console", "version": 1, "tracks": [{"name": "mix"}],
        "master": Master.from_dict({"processors": content["processors"]}).to_dict(),
    })  # fmt: skip
    np.testing.assert_array_equal(chain.render({"mix": mix}, rate), master)
    for name, audio, message in (
        ("silent.wav", np.zeros((2, 6 * SAMPLE_RATE), np.float32), "got silence"),
        ("short.wav", plucks(2.0), "expected at least 5 s of music, got 2.0 s"),
    ):
        audio_files.write(tmp_path / name, audio, SAMPLE_RATE)
        words = ("master", source, "-o", tmp_path / "b.wav", "--reference", tmp_path / name)
        code, _, complaint = fxnorm(*words)
        assert code == 2
        assert message in complaint
        assert complaint.count("\n") == 1
        assert not (tmp_path / "b.wav").exists()


def test_the_verb_style(fxnorm, tmp_path) -> None:
    code, printed, _ = fxnorm("style", "list")
    assert code == 0
    assert "rock_punk" in printed
    _, printed, _ = fxnorm("style", "show", "rock_punk:1,rnb_ballad:1")
    assert "mid_share: 0.7" in printed
    songs = write(tmp_path / "songs", {"a": plucks(2.0), "b": plucks(2.0, seed=2)})
    out = tmp_path / "my.yaml"
    assert fxnorm("style", "measure", songs, "-o", out, "--name", "plucked")[0] == 0
    assert fxnorm("style", "measure", songs / "a.wav", "-o", out, "--name", "other")[0] == 0
    _, printed, _ = fxnorm("style", "list", out)
    assert "plucked" in printed
    assert "other" in printed
    code, _, complaint = fxnorm("style", "measure", songs, "-o", out, "--name", "plucked")
    assert code == 2
    assert "has a style 'plucked' already" in complaint
    code, _, complaint = fxnorm("style", "measure", tmp_path / "none.wav", "-o", out)
    assert code == 2
    assert "none.wav" in complaint


def test_validate_scores_every_style(fxnorm, tmp_path) -> None:
    own = tmp_path / "my.yaml"
    own.write_text("mine: {loudness_lufs: -16, centroid_hz: 2600, mid_share: 0.85}\n", encoding="utf-8")
    out = tmp_path / "report.json"
    code, printed, _ = fxnorm("style", "validate", "--quick", "--style", own, "--only", "noise", "-o", out)
    assert code == 0
    assert "mine: score " in printed
    report = json.loads(out.read_text())
    assert report["score_definition"] == style_validation.SCORE
    assert [each["kind"] for each in report["outcomes"]] == ["noise"]
    assert 0.0 <= report["scores"]["mine"] <= 1.0
