"""Statistics: files, merging, importing, distances."""

import dataclasses
import json

import numpy as np
import pytest

from fxnorm.errors import StatsError
from fxnorm.normalization.eq import SpectrumFeature
from fxnorm.normalization.grid import BINS, GRID_POINTS
from fxnorm.normalization.loudness import Loudness
from fxnorm.normalization.onset_peaks import OnsetPeaks
from fxnorm.normalization.panning import SimilarityFeature
from fxnorm.normalization.running_mean import RunningMean
from fxnorm.normalization.statistics import SHIPPED, FxStats
from tests.normalization.test_published_features import save


def make(level=1.0, count=3, **changes):
    fields = {
        "title": f"level {level}",
        "source": "a test",
        "measured_on": "progressive",
        "averages": {
            "eq": {"vocals": SpectrumFeature(level * np.linspace(1.0, 2.0, GRID_POINTS))},
            "compression": {"vocals": OnsetPeaks(-14.0 * level, 1.0)},
            "panning": {"vocals": SimilarityFeature(np.linspace(0.8, 1.0, GRID_POINTS))},
            "loudness": {"vocals": Loudness(-30.0 * level)},
        },
        "counts": {effect: {"vocals": count} for effect in ("eq", "compression", "panning", "loudness")},
        "settings": {"a": 1},
        "corpus": {"songs": count},
    }
    return FxStats(**(fields | changes))


def test_a_file_gives_back_what_was_saved(tmp_path):
    stats = make()
    stats.save(tmp_path / "stats.json")
    loaded = FxStats.load(tmp_path / "stats.json")
    assert loaded.signature == stats.signature
    assert loaded.to_dict() == stats.to_dict()
    np.testing.assert_array_equal(loaded.target("eq", "vocals").values, stats.target("eq", "vocals").values)
    assert loaded.target("eq", "bass") is None


def test_the_file_is_json_that_says_what_it_holds(tmp_path):
    make().save(tmp_path / "stats.json")
    content = json.loads((tmp_path / "stats.json").read_text())
    assert content["format"] == "fxnorm-stats"
    assert len(content["frequency_hz"]) == len(content["stems"]["vocals"]["eq_db"]) == GRID_POINTS
    assert content["counts"]["eq"] == {"vocals": 3}
    assert set(content["units"]) == {"frequency_hz", "eq", "compression", "panning", "loudness"}


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_statistics_are_complete(name):
    stats = FxStats.shipped(name)
    for effect in ("eq", "compression", "panning", "loudness"):
        assert set(stats.averages[effect]) == {"vocals", "bass", "drums", "other"}


def test_the_published_averages():
    stats = FxStats.shipped("musdb18")
    assert [stats.target("loudness", s).value for s in ("vocals", "bass", "drums", "other")] == [
        -30.729, -29.727, -34.178, -31.172,
    ]  # fmt: skip
    assert stats.target("compression", "drums") == OnsetPeaks(-13.479, 1.129)
    assert np.mean(stats.target("panning", "other").values) == pytest.approx(0.8333, abs=1e-3)
    assert "2208.11428" in stats.source


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a statistics file"),
        ("[]", "expected a statistics file"),
        ('{"format": "other"}', "expected a statistics file"),
        ('{"format": "fxnorm-stats", "version": 99}', "expected a statistics file of version 1, got 99"),
        ('{"format": "fxnorm-stats", "version": 1}', "incomplete or damaged"),
        ("\x00\x01", "expected a statistics file"),
    ],
)
def test_other_files_are_refused(tmp_path, text, message):
    (tmp_path / "bad.json").write_text(text)
    with pytest.raises(StatsError, match=message):
        FxStats.load(tmp_path / "bad.json")


def test_damage_is_noticed(tmp_path):
    path = tmp_path / "stats.json"
    make().save(path)
    whole = path.read_text()
    path.write_text(whole.replace("-30.0", "-29.0"))
    with pytest.raises(StatsError, match="signature does not fit"):
        FxStats.load(path)
    path.write_text(whole.replace("-30.0", "NaN"))
    with pytest.raises(StatsError, match="loudness of vocals is not finite"):
        FxStats.load(path)
    edited = json.loads(whole.replace("-30.0", "-29.0"))
    del edited["signature"]
    path.write_text(json.dumps(edited))
    assert FxStats.load(path).target("loudness", "vocals").value == -29.0


def test_missing_and_unwritable_files(tmp_path):
    with pytest.raises(StatsError, match="cannot be read"):
        FxStats.load(tmp_path / "none.json")
    with pytest.raises(StatsError, match="cannot be written"):
        make().save(tmp_path / "no" / "folder.json")


def test_the_signature_follows_what_matching_depends_on():
    assert make().signature == make(title="another").signature
    assert make().signature != make(level=1.001).signature
    assert make().signature != make(settings={"a": 2}).signature
    assert make().signature != make(measured_on="raw").signature


def test_merging_weighs_by_counts():
    merged = FxStats.merge([make(1.0, count=1), make(2.0, count=3)])
    assert merged.target("loudness", "vocals").value == pytest.approx(-52.5)
    assert merged.target("compression", "vocals").peak_db == pytest.approx(-24.5)
    np.testing.assert_allclose(
        merged.target("eq", "vocals").values, 1.75 * np.linspace(1.0, 2.0, GRID_POINTS), rtol=2e-5
    )
    assert merged.counts["eq"] == {"vocals": 4}
    assert merged.title == "level 1.0 + level 2.0"


def test_what_does_not_merge_is_refused():
    with pytest.raises(StatsError, match="measured alike"):
        FxStats.merge([make(), make(settings=None)])
    with pytest.raises(StatsError, match="does not say how many"):
        FxStats.merge([make(), make(counts={})])
    with pytest.raises(StatsError, match="does not say how many"):
        FxStats.merge([make(), make(count=0)])
    with pytest.raises(StatsError, match="expected shipped statistics"):
        FxStats.shipped("none")
    with pytest.raises(StatsError, match="got none"):
        FxStats.merge([])


def test_sums_leave_out_what_has_no_feature():
    sums = RunningMean()
    for value in (-20.0, None, -30.0):
        sums.add("loudness", "bass", None if value is None else Loudness(value))
    sums.add("compression", "bass", OnsetPeaks(-12.0, 1.0))
    sums.add("compression", "bass", OnsetPeaks(-14.0, 2.0))
    assert sums.means()["loudness"] == {"bass": Loudness(-25.0)}
    assert sums.means()["compression"] == {"bass": OnsetPeaks(-13.0, 1.5)}
    assert sums.counts()["loudness"] == {"bass": 2}


def published():
    return {
        "eq": {"vocals": np.linspace(1.0, 2.0, BINS).astype(np.float32)},
        "panning": {"vocals": np.linspace(0.0, 1.0, BINS).astype(np.float32)},
        "compression": {"vocals": np.array([-14.0, 1.5])},
        "loudness": {"vocals": np.array([-30.0])},
    }


def test_published_features_are_imported(tmp_path):
    stats = FxStats.from_published(save(tmp_path / "features_X.npy", published()))
    assert stats.title == "features_X"
    assert stats.target("compression", "vocals") == OnsetPeaks(-14.0, 1.5)
    assert stats.target("eq", "vocals").values.shape == (GRID_POINTS,)
    assert stats.target("eq", "vocals").values[1] == pytest.approx(1.0 + 32.0 / (BINS - 1), rel=1e-4)


@pytest.mark.parametrize(
    "change",
    [
        {"eq": {"vocals": np.ones(7)}},
        {"eq": {"guitar": np.ones(BINS)}},
        {"loudness": None},
        {"panning": {"vocals": "text"}},
    ],
)
def test_features_of_another_shape_are_refused(tmp_path, change):
    with pytest.raises(StatsError, match="expected the features eq, compression, panning and loudness"):
        FxStats.from_published(save(tmp_path / "bad.npy", published() | change))


def test_the_distance_to_itself_is_nothing():
    musdb = FxStats.shipped()
    for values in musdb.distance(musdb).values():
        assert set(values) == {"eq", "peak", "std", "panning", "loudness"}
        assert not any(values.values())
    louder = dataclasses.replace(
        musdb,
        averages=musdb.averages | {"loudness": {"vocals": Loudness(musdb.target("loudness", "vocals").value + 2.0)}},
    )
    assert musdb.distance(louder)["vocals"]["loudness"] == pytest.approx(2.0)
    assert "loudness" not in musdb.distance(louder)["bass"]


def test_another_sample_rate_is_refused_in_one_line(tmp_path):
    make().save(tmp_path / "stats.json")
    content = json.loads((tmp_path / "stats.json").read_text())
    assert content["sample_rate_hz"] == make().sample_rate_hz == 44_100
    (tmp_path / "stats.json").write_text(json.dumps(content | {"sample_rate_hz": 48_000}))
    with pytest.raises(StatsError, match="expected statistics at 44100 Hz, got 48000 Hz; compute them again") as caught:
        FxStats.load(tmp_path / "stats.json")
    assert "\n" not in str(caught.value)
