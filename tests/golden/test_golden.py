"""The published preset against the recordings of the reference implementation."""

from pathlib import Path

import numpy as np
import pytest

from fxnorm.audio import peak
from fxnorm.dsp import onsets
from tests.golden import comparison

needs_recordings = pytest.mark.skipif(
    not comparison.GOLDEN.is_dir(), reason="the recordings of the reference implementation are not beside the project"
)
FOLDERS = [
    pytest.param(comparison.GOLDEN, marks=needs_recordings, id="recordings"),
    pytest.param(comparison.SUBSET, id="subset"),
]
FIGURES = {comparison.GOLDEN: 100, comparison.SUBSET: 60}
SUBSET_STEMS = {"song003 vocals", "excerpts drums", "excerpts bass", "excerpts other"}


@pytest.fixture(scope="module", params=FOLDERS)
def folder(request: pytest.FixtureRequest) -> Path:
    return request.param


@pytest.fixture(scope="module")
def rows(folder: Path) -> list[comparison.Row]:
    return list(comparison.rows(folder))


def test_every_figure_keeps_its_bound(folder: Path, rows: list[comparison.Row]) -> None:
    assert len(rows) > FIGURES[folder]
    assert [str(row) for row in rows if not row.kept] == []


@needs_recordings
@pytest.mark.parametrize("folder", [comparison.GOLDEN], indirect=True, scope="module")
def test_nine_in_ten_channels_get_the_recorded_compressor(rows: list[comparison.Row]) -> None:
    same = [row.value for row in rows if row.figure.startswith("compression, same ratio")]
    assert len(same) >= 14
    assert sum(same) / len(same) >= 0.9


@pytest.mark.parametrize("folder", [comparison.SUBSET], indirect=True, scope="module")
def test_every_channel_of_the_subset_gets_the_recorded_compressor(rows: list[comparison.Row]) -> None:
    same = [row.value for row in rows if row.figure.startswith("compression, same ratio")]
    assert len(same) >= 7
    assert all(same)


@pytest.mark.parametrize("folder", [comparison.SUBSET], indirect=True, scope="module")
def test_the_subset_covers_every_stem(rows: list[comparison.Row]) -> None:
    assert {row.where for row in rows if row.figure == "panning feature"} == SUBSET_STEMS
    matched = {row.where for row in rows if row.figure == "eq output, dB"}
    assert matched == {f"musdb18 {stem}" for stem in SUBSET_STEMS}


def test_onsets_fall_on_the_recorded_samples(folder: Path) -> None:
    recorded = np.load(folder / "features_raw.npz")
    for key in recorded:
        if "onsets_ch" in key:
            song, stem, _effect, name = key.split("/")
            audio = comparison.load_stem(folder, song, stem)
            positions = onsets.find(audio[int(name[-1])] * np.float32(10.0**-0.5 / peak(audio)))
            assert positions.size == recorded[key].size, key
            assert np.abs(positions - comparison.PADDING - recorded[key]).max() <= 1, key  # one sample of rounding
