"""Segments of a file at any sample rate equal those of the resampled file."""

import numpy as np
import pytest

from fxnorm import audio, audio_files, mpeg, recipe, training
from fxnorm.audio import SAMPLE_RATE
from fxnorm.corpus import scan
from fxnorm.corpus.stems import STEMS
from fxnorm.errors import AudioError
from fxnorm.normalization.corpus_normalization import normalize_corpus
from fxnorm.normalization.output_layout import OutputLayout
from fxnorm.normalization.plan import NormalizationPlan
from fxnorm.normalization.settings import ChainSettings
from fxnorm.normalization.statistics import FxStats
from fxnorm.training.corpus import open_corpus
from fxnorm.training.segments import SourceFile, read_sum
from tests.signals import noise
from tests.training.corpora import NETWORK

EFFECTS = ChainSettings.preset(effects=("eq", "loudness"))


@pytest.mark.parametrize("sample_rate", [22_050, 48_000, 96_000, 44_099])
@pytest.mark.parametrize("start", [0, 100, 20_001, 60_007])
def test_a_segment_equals_that_of_the_resampled_file(tmp_path, sample_rate, start):
    signal = noise(3.0, rate=sample_rate)
    audio_files.write(tmp_path / "x.wav", signal, sample_rate)
    source = SourceFile.probe(tmp_path / "x.wav")
    whole = audio.resample(signal, sample_rate, SAMPLE_RATE, samples=source.samples)
    segment = source.read(start, 5000)
    assert segment.shape == (2, 5000)
    np.testing.assert_allclose(segment, whole[:, start : start + 5000], atol=2e-5 * audio.peak(whole))
    np.testing.assert_array_equal(segment, source.read(start, 5000))


def test_a_segment_is_zero_after_the_end_of_the_file(tmp_path):
    audio_files.write(tmp_path / "x.wav", noise(0.5, rate=48_000)[:1], 48_000)
    source = SourceFile.probe(tmp_path / "x.wav")
    assert source.samples == SAMPLE_RATE // 2
    segment = source.read(SAMPLE_RATE // 2 - 1000, 9000)
    assert segment[:, :900].any()
    assert np.abs(segment[:, 5000:]).max() < 1e-6
    assert read_sum((source, source), 0, 100) == pytest.approx(2.0 * source.read(0, 100))


def test_more_than_two_channels_are_refused_with_what_to_do(tmp_path):
    import soundfile

    soundfile.write(tmp_path / "x.wav", np.zeros((100, 4)), 48_000)
    with pytest.raises(AudioError, match=r"x\.wav: expected 1 or 2 channels, got 4; mix it down to stereo first"):
        SourceFile.probe(tmp_path / "x.wav")


def test_the_frames_of_an_mp3_without_length_are_found_once(tmp_path, monkeypatch):
    path = tmp_path / "x.mp3"
    path.write_bytes(audio_files.encode_mp3(noise(2.0), SAMPLE_RATE))
    content = path.read_bytes()
    first, second = list(mpeg._find_frames(content))[:2]
    assert mpeg.states_length(path)
    path.write_bytes(content[second[0] :])
    assert first[1] == second[0]
    assert not mpeg.states_length(path)
    calls = []
    find = mpeg._find_frames
    monkeypatch.setattr(mpeg, "_find_frames", lambda frames: calls.append(1) or find(frames))
    source = SourceFile.probe(path)
    segments = [source.read(start, 1000) for start in (0, 20_000, 40_000)]
    assert len(calls) == 1
    full = audio_files.read(path)[0]
    np.testing.assert_allclose(segments[0], full[:, :1000], atol=1e-6)


@pytest.fixture(scope="module")
def normalized(tmp_path_factory):
    """A corpus of 48 kHz stems, normalised."""
    folder = tmp_path_factory.mktemp("corpus")
    for number, split in enumerate(("train", "train", "valid")):
        song = folder / "wet" / split / f"song {number}"
        song.mkdir(parents=True)
        stems = [noise(3.0, seed=10 * number + index, rate=48_000, level=0.05) for index in range(len(STEMS))]
        for stem, samples in zip(STEMS, stems, strict=True):
            audio_files.write(song / f"{stem}.wav", samples, 48_000)
        audio_files.write(song / "mixture.wav", sum(stems), 48_000)
    plan = NormalizationPlan(FxStats.shipped("musdb18"), EFFECTS, OutputLayout(folder / "normalized"))
    assert normalize_corpus(scan(folder / "wet"), plan).failures == ()
    return folder / "normalized"


def test_a_corpus_at_48_khz_is_opened_at_44_1_khz(normalized):
    corpus = open_corpus(normalized)
    assert {song.samples for song in corpus.train + corpus.valid} == {3 * SAMPLE_RATE}


def test_a_network_trains_on_a_corpus_at_48_khz(normalized, tmp_path):
    content = {
        "corpus": normalized,
        "network": NETWORK,
        "data": {"segment_s": 0.25, "batch_size": 2, "batches_per_epoch": 4, "workers": 0},
        "schedule": [[1, 1.0]],
        "validation": {"segments": 2},
        "device": "cpu",
    }
    results = [training.train(recipe.check(content), tmp_path / name) for name in ("first", "second")]
    records = [{key: value for key, value in run.history[0].items() if key != "seconds"} for run in results]
    assert records[0] == records[1]
    assert records[0]["valid"] is not None


def test_boosted_trees_train_on_a_corpus_at_48_khz(normalized, tmp_path):
    pytest.importorskip("xgboost", reason="needs XGBoost")
    content = {"corpus": normalized, "model": "boosted", "n_estimators": 3, "max_depth": 2, "min_child_weight": 0.1}
    record = training.train(recipe.check(content), tmp_path / "run").history[0]
    assert record["valid"] < record["sum"]
