"""fxnorm evaluate, from songs to reports."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from click.testing import CliRunner

from fxnorm import audio, audio_files, evaluation
from fxnorm.audio import SAMPLE_RATE
from fxnorm.cli.evaluate import evaluate
from fxnorm.corpus.stems import STEMS
from fxnorm.errors import InputError
from tests.evaluation.test_metrics import music

SONGS = ("First", "Second")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wet stems with mixtures in test/, and the same songs dry."""
    root = tmp_path_factory.mktemp("corpus")
    for number, song in enumerate(SONGS):
        stems = {stem: 0.4 * music(10 * number + index, 2.0) for index, stem in enumerate(STEMS)}
        for stem, wet in stems.items():
            for kind, recorded in (("wet", wet), ("dry", 0.5 * (wet + wet[::-1]))):
                path = root / kind / "test" / song / f"{stem}.wav"
                path.parent.mkdir(parents=True, exist_ok=True)
                audio_files.write(path, recorded, SAMPLE_RATE)
        audio_files.write(root / "wet" / "test" / song / "mixture.wav", sum(stems.values()), SAMPLE_RATE)
        (root / "wet" / "train" / song).mkdir(parents=True)
        audio_files.write(root / "wet" / "train" / song / "vocals.wav", stems["vocals"], SAMPLE_RATE)
    return root


def run(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(evaluate, [str(word) for word in words])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def test_models_are_compared_on_wet_and_dry_stems(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    models = ("-m", "sum", "-m", "plain=normalized-sum")
    words = (corpus / "wet", "--dry-stems", corpus / "dry", *models, "-o", out, "-j", 1)
    code, text = run(*words, "--webmushra", tmp_path / "listen")
    assert code == 0, text
    assert "Wet stems, 2 songs: plain is nearest" in text
    assert "sum (oracle)" in text
    page = out.read_text(encoding="utf-8")
    assert page.count("<audio") == 2 * 2 + 2 * 3  # no audio examples of oracles
    assert 'src="http' not in page
    assert "Dry stems" in page
    content = json.loads(out.with_suffix(".json").read_text(encoding="utf-8"))
    wet, dry = content["comparisons"]
    assert wet["means"]["mrstft"]["sum"]["mean"] < 1e-3
    assert dry["means"]["mrstft"]["sum"]["mean"] > 0.05
    assert wet["oracles"] == ["sum"]
    assert dry["oracles"] == []
    assert (wet["reference"], dry["reference"]) == ("plain", "sum")
    rows = list(csv.DictReader(out.with_suffix(".csv").open(encoding="utf-8")))
    assert len(rows) == 2 * 2 * 3
    configuration = yaml.safe_load((tmp_path / "listen" / "listen.yaml").read_text(encoding="utf-8"))
    trials = configuration["pages"][1][1:]
    assert len(trials) == 4
    assert [set(trial["stimuli"]) for trial in trials] == [{"plain"}] * 2 + [{"sum", "plain"}] * 2
    for trial in trials:
        for location in (trial["reference"], *trial["stimuli"].values()):
            path = tmp_path / "listen" / "resources" / location.removeprefix("configs/resources/")
            levelled, rate = audio_files.read(path)
            assert rate == SAMPLE_RATE
            assert audio.peak(levelled) <= 1.0

    before = {path: path.stat().st_mtime_ns for path in out.with_suffix(".mixes").rglob("*.wav")}
    assert len(before) == 2 * 2 * 2
    assert run(*words)[0] == 0
    assert {path: path.stat().st_mtime_ns for path in before} == before  # existing mixes are reused


def test_finished_mixes_are_matched_by_name_and_gaps_are_told(corpus: Path, tmp_path: Path) -> None:
    my_mixes, their_mixes = tmp_path / "mine", tmp_path / "theirs"
    target = audio_files.read(corpus / "wet/test/First/mixture.wav")[0]
    for path, mix, rate in (
        (my_mixes / "First.wav", target, SAMPLE_RATE),
        (my_mixes / "Third.wav", target, SAMPLE_RATE),
        (their_mixes / "First" / "mix.flac", 0.5 * target[:1, : SAMPLE_RATE + 5], SAMPLE_RATE),
        (their_mixes / "Second.wav", audio.resample(target, SAMPLE_RATE, 48_000), 48_000),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        audio_files.write(path, mix, rate, subtype="PCM_16")
    out = tmp_path / "report.html"
    mixes = ("--mixes", f"mine={my_mixes}", "--mixes", f"theirs={their_mixes}")
    code, text = run(*mixes, "--targets", corpus / "wet" / "test", "-o", out, "-j", 1)
    assert code == 1
    assert "mine has no mix of Second" in text
    assert "no target for Third of mine" in text
    scores = json.loads(out.with_suffix(".json").read_text(encoding="utf-8"))["comparisons"][0]["scores"]
    by_mix = {(score["song"], score["system"]): score for score in scores}
    assert by_mix["First", "mine"]["values"]["mrstft"] < 0.01
    assert [notice.split(" is ")[0] for notice in by_mix["First", "theirs"]["notices"]] == ["the mix", "the mix"]
    assert "48,000 Hz" in by_mix["Second", "theirs"]["notices"][0]
    code, text = run(corpus / "wet", "-m", "sum", *mixes, "-o", out, "-j", 1)  # together with a model
    assert code == 1
    assert "theirs" in text


def test_a_bad_song_is_named_and_the_others_are_scored(corpus: Path, tmp_path: Path) -> None:
    mixes, targets = tmp_path / "mixes", tmp_path / "targets"
    good = music(1, 1.0)
    for name, target, mix in (
        ("good", good, good),
        ("empty target", np.zeros_like(good), good),
        ("silent mix", good, np.zeros_like(good)),
    ):
        for folder, signal in ((targets, target), (mixes, mix)):
            folder.mkdir(exist_ok=True)
            audio_files.write(folder / f"{name}.wav", signal, SAMPLE_RATE)
    (targets / "text.wav").write_text("no audio")
    audio_files.write(mixes / "text.wav", good, SAMPLE_RATE)
    code, text = run("--mixes", f"it={mixes}", "--targets", targets, "-o", tmp_path / "report.html", "-j", 1)
    assert code == 1
    assert "failed: empty target it: the target is silent" in text
    assert "failed: text target:" in text
    assert "2 songs" in text or "1 song" in text
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "the target is silent" in page


def test_a_song_without_a_mixture_is_told(corpus: Path, tmp_path: Path) -> None:
    shutil.copytree(corpus / "wet", tmp_path / "wet")
    (tmp_path / "wet" / "test" / "Second" / "mixture.wav").unlink()
    code, text = run(
        tmp_path / "wet", "-m", "normalized-sum", "-o", tmp_path / "report.html", "-j", 1, "--audio-examples", 0
    )
    assert code == 1
    assert "missing: test/Second has no mixture" in text
    assert "Wet stems, 1 song:" in text


def test_python_can_do_what_the_command_line_does(corpus: Path, tmp_path: Path) -> None:
    results = evaluation.evaluate(
        ["sum", ("plain", "normalized-sum")], corpus / "wet", dry_stems=corpus / "dry", out=tmp_path / "mixes", jobs=1
    )
    wet, dry = results.comparisons
    assert (wet.oracles, dry.baselines) == (("sum",), ("sum",))
    assert wet.means("mrstft")["sum"].mean < 1e-3
    assert results.failures == ()
    report_files = results.save(tmp_path / "report.html", audio_examples=0)
    assert {path.name for path in report_files} == {"report.html", "report.json", "report.csv"}
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8")) == json.loads(
        json.dumps(results.to_dict())
    )
    with pytest.raises(InputError, match="set out"):
        evaluation.evaluate(["sum"], corpus / "wet")
