"""A metric from another module is in scores, results, JSON, CSV and report."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fxnorm import audio, audio_files, evaluation
from fxnorm.audio import SAMPLE_RATE
from fxnorm.errors import InputError
from fxnorm.evaluation import metrics
from tests.evaluation import peak_metric
from tests.evaluation.test_metrics import music

MIX = music(0, 1.0)


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    families, known = dict(metrics.FAMILIES), dict(metrics.METRICS)
    metrics.register(peak_metric.__name__)
    yield
    for registry, content in ((metrics.FAMILIES, families), (metrics.METRICS, known)):
        registry.clear()
        registry.update(content)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_registered_metric_is_everywhere(registered: None, tmp_path: Path, jobs: int) -> None:
    for folder, gain in (("targets", 1.0), ("half", 0.5)):
        for song in ("First", "Second"):
            (tmp_path / folder).mkdir(exist_ok=True)
            audio_files.write(tmp_path / folder / f"{song}.wav", np.float32(gain) * MIX, SAMPLE_RATE)
    results = evaluation.evaluate(mixes={"half": tmp_path / "half"}, targets=tmp_path / "targets", jobs=jobs)
    wanted = pytest.approx(audio.peak(MIX) / 2.0, rel=1e-3)
    assert [score.values["sample_peak"] for score in results.comparisons[0].scores if score.values] == [wanted, wanted]
    assert results.to_dict()["comparisons"][0]["means"]["sample_peak"]["half"]["mean"] == wanted
    assert results.to_dict()["metrics"]["sample_peak"]["unit"] == "FS"
    rows = list(csv.DictReader(io.StringIO(results.to_csv())))
    assert [float(row["sample_peak"]) for row in rows if row["system"] == "half"] == [wanted, wanted]
    assert results.to_html(audio_examples=0).count("sample peak, FS") == 3  # headline, all metrics, scores by song


def test_names_of_metrics_are_unique(registered: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(metrics.FAMILIES, peak_metric.__name__)
    with pytest.raises(InputError, match="'sample_peak' again"):
        metrics.register(peak_metric.__name__)
