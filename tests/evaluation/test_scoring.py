"""Scoring: every mix against the part of the target that it covers, and figures of each second."""

from pathlib import Path

import numpy as np
import pytest

from fxnorm import audio_files
from fxnorm.audio import SAMPLE_RATE, Audio
from fxnorm.dsp import loudness
from fxnorm.evaluation.scoring import TARGET, MixScore, score_songs
from fxnorm.evaluation.songs import EvaluationSong, find_mixes
from tests.evaluation.test_metrics import music


def score(folder: Path, target: Audio, mixes: dict[str, Audio]) -> dict[str, MixScore]:
    """Scores of a song by system, written to a folder first."""
    for name, samples in {"target": target, **mixes}.items():
        audio_files.write(folder / f"{name}.wav", samples, SAMPLE_RATE)
    song = EvaluationSong("song", folder / "target.wav", {name: folder / f"{name}.wav" for name in mixes})
    scores, failures = score_songs([song])
    assert failures == ()
    return {entry.system: entry for entry in scores}


@pytest.mark.parametrize("order", [("whole", "short"), ("short", "whole")])
def test_a_shorter_copy_is_compared_with_as_much_of_the_target(tmp_path: Path, order: tuple[str, str]) -> None:
    target = np.concatenate([music(0, 3.0), 0.3 * music(1, 2.0)], axis=1)
    mixes = {"whole": target, "short": target[:, : 3 * SAMPLE_RATE]}
    scores = score(tmp_path, target, {name: mixes[name] for name in order})
    for name in order:
        assert scores[name].values["mrstft"] == 0.0, name
        assert scores[name].values["loudness"] == 0.0, name


def test_the_short_term_loudness_is_that_of_three_seconds_once_a_second(tmp_path: Path) -> None:
    levels = np.repeat([1.0, 0.1, 0.3, 0.03, 0.5, 0.2, 0.8], SAMPLE_RATE)
    target = (levels * music(0, 7.0)).astype(np.float32)
    found = score(tmp_path, target, {"copy": target})[TARGET].short_term_lufs
    wanted = [loudness.short_term(target[:, second * SAMPLE_RATE :], SAMPLE_RATE)[0] for second in range(5)]
    np.testing.assert_allclose(found, wanted, atol=0.1)


def test_of_two_mixtures_in_a_folder_the_first_by_name_counts(tmp_path: Path) -> None:
    for name in ("mixture.wav", "mix.wav", "song.wav"):
        (tmp_path / "song").mkdir(exist_ok=True)
        (tmp_path / "song" / name).touch()
    assert find_mixes(tmp_path) == {"song": tmp_path / "song" / "mix.wav"}
