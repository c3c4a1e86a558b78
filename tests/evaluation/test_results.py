"""Scores put together: which songs count, who is best, and what the files say."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from fxnorm.errors import InputError
from fxnorm.evaluation import find_mixes
from fxnorm.evaluation.metrics import METRICS
from fxnorm.evaluation.report import headline_table, summarize
from fxnorm.evaluation.results import Results, Test
from fxnorm.evaluation.scoring import TARGET, Score
from fxnorm.evaluation.songs import Song, match_songs

Test.__test__ = False  # not one of pytest's


def score(song: str, system: str, mrstft: float | None, **more: float) -> Score:
    return Score(song, system, dict.fromkeys(METRICS, 1.0) | {"mrstft": mrstft, **more}, {"lufs": -20.0})


def a_test(**kept: object) -> Test:
    paths = {system: Path(f"{system}.wav") for system in ("good", "poor", "bound")}
    songs = tuple(Song(name, Path("target.wav"), paths) for name in ("one", "two", "three"))
    scores = [Score(song.name, TARGET, measured={"lufs": -14.0}) for song in songs]
    for number, song in enumerate(songs):
        scores.append(score(song.name, "good", 0.5 + 0.1 * number, si_sdr=9.0))
        scores.append(score(song.name, "bound", 0.0))
        if song.name != "three":
            scores.append(score(song.name, "poor", 2.0 + 0.1 * number, si_sdr=2.0))
    return Test("Wet stems", songs, tuple(scores), ceilings=("bound",), **kept)


def test_means_are_over_songs_that_every_system_has() -> None:
    test = a_test()
    assert test.complete == ("one", "two")
    assert test.means("mrstft")["good"].mean == pytest.approx(0.55)
    assert test.means("mrstft")["poor"].songs == 2


def test_a_song_without_a_value_leaves_that_mean_only() -> None:
    test = a_test()
    scores = [
        score(one.song, one.system, None) if (one.song, one.system) == ("one", "poor") else one for one in test.scores
    ]
    test = Test(test.title, test.songs, tuple(scores))
    assert test.means("mrstft")["good"].mean == pytest.approx(0.6)
    assert test.means("lu")["good"].songs == 2


def test_the_ceiling_never_wins_and_higher_is_better_where_it_is() -> None:
    test = a_test()
    assert test.ranking("mrstft") == ["good", "poor"]
    assert test.ranking("si_sdr") == ["good", "poor"]
    assert [row[0] for row in headline_table(test)] == ["2 songs", "bound (ceiling)", "good", "poor"]


def test_the_summary_says_who_by_how_much_and_whether_it_is_chance() -> None:
    text = summarize(a_test())
    assert "2 songs: good comes nearest to the human mix (MR-STFT 0.550), before poor (2.050)" in text
    assert summarize(replace(a_test(), against="poor")).endswith(
        "; poor is +1.500 away from it (too few songs to tell from chance, 2)."
    )
    assert "nothing to rank" in summarize(Test("Dry stems", (), ()))


def test_ceilings_are_compared_with_nobody() -> None:
    test = replace(a_test(), against="poor")
    assert [(one.one, one.other) for one in test.comparisons("mrstft")] == [("good", "poor")]
    assert a_test().reference == "good"
    assert replace(test, against="bound").reference == "good"
    assert Test("Wet stems", test.songs, test.scores, ceilings=test.systems).comparisons("mrstft") == []


def test_the_files_hold_every_figure() -> None:
    results = Results((a_test(),), {"good": "runs/good"}, ("poor has no mix of three",))
    content = json.loads(json.dumps(results.to_dict()))
    assert content["tests"][0]["means"]["mrstft"]["good"]["mean"] == pytest.approx(0.55)
    assert content["missing"] == ["poor has no mix of three"]
    rows = list(csv.DictReader(io.StringIO(results.to_csv())))
    assert len(rows) == 11
    assert {row["system"] for row in rows} == {TARGET, "good", "poor", "bound"}
    assert float(next(row for row in rows if row["system"] == "good")["mrstft"]) == 0.5


def test_songs_are_matched_by_name_and_what_is_missing_is_told() -> None:
    targets = {"a": Path("a.wav"), "b": Path("b.wav")}
    songs, missing = match_songs(targets, {"x": {"a": Path("xa.wav"), "c": Path("xc.wav")}})
    assert [song.name for song in songs] == ["a"]
    assert missing == ("x has no mix of b", "no target for c of x")


def test_mixes_are_found_by_file_or_folder(tmp_path: Path) -> None:
    for name in ("plain.wav", "song/mixture.wav", "song/vocals.wav", "deep/down/other song/other song.flac", ".no.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = find_mixes(tmp_path)
    assert {name: path.relative_to(tmp_path).as_posix() for name, path in found.items()} == {
        "plain": "plain.wav",
        "song": "song/mixture.wav",
        "other song": "deep/down/other song/other song.flac",
    }
    (tmp_path / "song.wav").touch()
    with pytest.raises(InputError, match="two mixes of 'song'"):
        find_mixes(tmp_path)
    with pytest.raises(InputError, match="expected a folder of mixes"):
        find_mixes(tmp_path / "nowhere")
