"""Results: songs that count, ranking, and files."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from fxnorm.errors import InputError
from fxnorm.evaluation import find_mixes
from fxnorm.evaluation.comparison import Comparison
from fxnorm.evaluation.metrics import METRICS, headline
from fxnorm.evaluation.results import Results
from fxnorm.evaluation.scoring import TARGET, MixScore
from fxnorm.evaluation.songs import EvaluationSong, match_songs
from fxnorm.evaluation.summary import headline_table, summarize


def score(song: str, system: str, mrstft: float | None, **values: float) -> MixScore:
    return MixScore(song, system, dict.fromkeys(METRICS, 1.0) | {"mrstft_matched": mrstft, **values}, {"lufs": -20.0})


def a_comparison(**fields: object) -> Comparison:
    paths = {system: Path(f"{system}.wav") for system in ("good", "poor", "bound")}
    songs = tuple(EvaluationSong(name, Path("target.wav"), paths) for name in ("one", "two", "three"))
    scores = [MixScore(song.name, TARGET, levels={"lufs": -14.0}) for song in songs]
    for number, song in enumerate(songs):
        scores.append(score(song.name, "good", 0.5 + 0.1 * number, si_sdr=9.0))
        scores.append(score(song.name, "bound", 0.0))
        if song.name != "three":
            scores.append(score(song.name, "poor", 2.0 + 0.1 * number, si_sdr=2.0))
    return Comparison("Wet stems", songs, tuple(scores), oracles=("bound",), **fields)


def test_means_are_over_songs_that_every_system_has() -> None:
    comparison = a_comparison()
    assert comparison.complete_songs == ("one", "two")
    assert comparison.means("mrstft_matched")["good"].mean == pytest.approx(0.55)
    assert comparison.means("mrstft_matched")["poor"].songs == 2


def test_a_song_without_a_value_leaves_that_mean_only() -> None:
    comparison = a_comparison()
    scores = [
        score("one", "poor", None) if (entry.song, entry.system) == ("one", "poor") else entry
        for entry in comparison.scores
    ]
    comparison = Comparison(comparison.title, comparison.songs, tuple(scores))
    assert comparison.means("mrstft_matched")["good"].mean == pytest.approx(0.6)
    assert comparison.means("loudness")["good"].songs == 2


def test_an_oracle_never_wins_and_higher_is_better_where_it_is() -> None:
    comparison = a_comparison()
    assert comparison.ranking("mrstft_matched") == ["good", "poor"]
    assert comparison.ranking("si_sdr") == ["good", "poor"]
    assert [row[0] for row in headline_table(comparison)] == ["2 songs", "bound (oracle)", "good", "poor"]


def test_the_summary_says_who_by_how_much_and_whether_it_is_chance() -> None:
    text = summarize(a_comparison())
    assert "2 songs: good is nearest to the human mix (MR-STFT, matched 0.550), ahead of poor (2.050)" in text
    assert summarize(replace(a_comparison(), requested_reference="poor")).endswith(
        "; difference from poor: −1.500 (too few songs for a test: 2)."
    )
    assert "nothing to rank" in summarize(Comparison("Dry stems", (), ()))


def test_oracles_are_compared_with_no_system() -> None:
    comparison = replace(a_comparison(), requested_reference="poor")
    assert [(test.system, test.reference) for test in comparison.paired_tests("mrstft_matched")] == [("good", "poor")]
    assert a_comparison().reference == "good"
    assert replace(comparison, requested_reference="bound").reference == "good"
    assert (
        Comparison("Wet stems", comparison.songs, comparison.scores, oracles=comparison.all_systems).paired_tests(
            "mrstft_matched"
        )
        == []
    )


def test_the_better_trivial_baseline_is_the_reference() -> None:
    comparison = replace(a_comparison(), oracles=(), baselines=("poor", "bound"))
    assert comparison.reference == "bound"
    assert [test.system for test in comparison.paired_tests("mrstft_matched")] == ["good", "poor"]
    assert summarize(comparison).endswith(", ahead of good (0.550); no system beats this baseline.")
    assert replace(comparison, requested_reference="good").reference == "good"
    only_poor = replace(comparison, baselines=("poor",), oracles=("bound",))
    assert only_poor.reference == "poor"
    assert "; difference from poor, the best baseline: −1.500 (" in summarize(only_poor)


def test_the_headline_ignores_level_but_for_the_loudness() -> None:
    assert headline()[0] == "mrstft_matched"
    assert [name for name in headline() if not METRICS[name].ignores_level] == ["loudness"]


def test_the_files_hold_every_figure() -> None:
    results = Results((a_comparison(),), {"good": "runs/good"}, ("poor has no mix of three",))
    content = json.loads(json.dumps(results.to_dict()))
    assert content["comparisons"][0]["means"]["mrstft_matched"]["good"]["mean"] == pytest.approx(0.55)
    assert content["missing"] == ["poor has no mix of three"]
    rows = list(csv.DictReader(io.StringIO(results.to_csv())))
    assert len(rows) == 11
    assert {row["system"] for row in rows} == {TARGET, "good", "poor", "bound"}
    assert float(next(row for row in rows if row["system"] == "good")["mrstft_matched"]) == 0.5


def test_songs_are_matched_by_name_and_what_is_missing_is_told() -> None:
    targets = {"a": Path("a.wav"), "b": Path("b.wav")}
    songs, missing = match_songs(targets, {"x": {"a": Path("xa.wav"), "c": Path("xc.wav")}})
    assert [song.name for song in songs] == ["a"]
    assert missing == ("x has no mix of b", "no target for c of x")


def test_mixes_are_found_by_file_or_folder(tmp_path: Path) -> None:
    for name in ("plain.wav", "song/mixture.wav", "song/vocals.wav", "deep/down/other song/other song.flac", ".no.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    mixes = find_mixes(tmp_path)
    assert {name: path.relative_to(tmp_path).as_posix() for name, path in mixes.items()} == {
        "plain": "plain.wav",
        "song": "song/mixture.wav",
        "other song": "deep/down/other song/other song.flac",
    }
    (tmp_path / "song.wav").touch()
    with pytest.raises(InputError, match="two mixes of 'song'"):
        find_mixes(tmp_path)
    with pytest.raises(InputError, match="expected a folder of mixes"):
        find_mixes(tmp_path / "nowhere")
