"""The published preset against the recordings of the reference implementation."""

import numpy as np
import pytest

from fxnorm.audio import peak
from fxnorm.dsp import onsets
from tests.golden import comparison

pytestmark = pytest.mark.skipif(
    not comparison.GOLDEN.is_dir(), reason="the recordings of the reference implementation are not beside the project"
)


@pytest.fixture(scope="module")
def rows() -> list[comparison.Row]:
    return list(comparison.rows())


def test_every_figure_keeps_its_bound(rows: list[comparison.Row]) -> None:
    assert len(rows) > 100
    assert [str(row) for row in rows if not row.kept] == []


def test_nine_in_ten_channels_get_the_recorded_compressor(rows: list[comparison.Row]) -> None:
    same = [row.value for row in rows if row.what.startswith("compression, same ratio")]
    assert len(same) >= 14
    assert sum(same) / len(same) >= 0.9


def test_onsets_fall_on_the_recorded_samples() -> None:
    recorded = np.load(comparison.GOLDEN / "features_raw.npz")
    for key in recorded:
        if "onsets_ch" in key:
            song, stem, _effect, name = key.split("/")
            audio = comparison.load_stem(song, stem)
            found = onsets.find(audio[int(name[-1])] * np.float32(10.0**-0.5 / peak(audio)))
            assert found.size == recorded[key].size, key
            assert np.abs(found - comparison.PADDING - recorded[key]).max() <= 1, key  # one sample of rounding
