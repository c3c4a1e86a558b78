"""The gap between wet and dry, and what is kept."""

import numpy as np
import pytest

from fxnorm.audio import RATE
from fxnorm.errors import InputError
from fxnorm.evaluation import domain_gap
from fxnorm.normalization.normalizer import Normalizer, Settings
from fxnorm.normalization.statistics import FxStats
from tests.signals import noise, plucks


def identity(audio, stem):
    return audio


def test_doing_nothing_leaves_the_gap_and_keeps_everything():
    wet, dry = plucks(4.0), 0.3 * noise(4.0)
    found = domain_gap.measure_stem("song", "other", wet, dry, identity)
    assert found.before == found.after
    assert domain_gap.ratio([found], "eq") == 1.0
    assert found.kept_mid == pytest.approx(1.0)
    assert found.kept_side == pytest.approx(1.0)


def test_mono_closes_the_panning_gap_and_keeps_no_side():
    mono = lambda audio, stem: np.repeat(audio.mean(axis=0, keepdims=True), 2, axis=0)  # noqa: E731
    found = domain_gap.measure_stem("song", "other", plucks(4.0), noise(4.0), mono)
    assert domain_gap.ratio([found], "panning") < 1e-6
    assert found.kept_mid == pytest.approx(1.0)
    assert found.kept_side == pytest.approx(0.0)


def test_noise_in_its_place_keeps_nothing():
    found = domain_gap.measure_stem("song", "other", plucks(4.0), plucks(4.0, seed=9), lambda audio, stem: noise(4.0))
    assert domain_gap.ratio([found], "loudness") == pytest.approx(0.0, abs=1e-6)
    assert found.kept_mid < 0.05


def test_the_chain_closes_a_gap_of_level_and_tone():
    dry = plucks(6.0, seed=5)
    tone = np.fft.irfft(np.fft.rfft(dry) * np.linspace(2.0, 0.1, dry.shape[1] // 2 + 1), dry.shape[1])
    chain = Normalizer(FxStats.shipped(), Settings.preset())
    found = domain_gap.measure_stem("song", "other", tone.astype(np.float32), dry, lambda a, s: chain(a, RATE, s)[0])
    assert domain_gap.ratio([found], "eq") < 0.3
    assert domain_gap.ratio([found], "loudness") < 0.01
    assert found.kept_mid > 0.9


def test_silence_has_no_gap_and_mono_has_no_side():
    assert domain_gap.measure_stem("s", "bass", np.zeros((2, 9000), np.float32), plucks(1.0), identity) is None
    mono = plucks(2.0, channels=1)
    assert domain_gap.measure_stem("s", "bass", mono, mono, identity).kept_side is None


def test_no_distance_has_no_ratio_and_means_are_over_stems():
    one = domain_gap.Gap("a", "bass", {"eq": 2.0}, {"eq": 1.0}, 1.0, None)
    other = domain_gap.Gap("b", "bass", {"eq": 6.0}, {"eq": 1.0}, 0.5, 0.25)
    assert domain_gap.ratio([one, other], "eq") == pytest.approx(0.25)
    assert domain_gap.ratio([one, other], "peak") is None
    assert domain_gap.kept([one, other]) == (0.75, 0.25)


def test_songs_are_paired_by_name(tmp_path):
    from fxnorm import corpus

    for root, names in (("wet", "ab"), ("dry", "bc"), ("else", "x")):
        for name in names:
            (tmp_path / root / name).mkdir(parents=True)
            (tmp_path / root / name / "bass.wav").touch()
    wet, dry, other = (corpus.scan(tmp_path / root) for root in ("wet", "dry", "else"))
    assert [(one.id, two.id) for one, two in domain_gap.pair(wet, dry)] == [("b", "b")]
    with pytest.raises(InputError, match="songs of the same names"):
        domain_gap.pair(wet, other)


@pytest.mark.parametrize(("side_db", "there"), [(-57.0, True), (-63.0, False)])
def test_a_side_60_db_under_the_mid_is_none(side_db, there):
    mid, side = np.random.default_rng(0).standard_normal((2, 2 * RATE))
    side *= 10.0 ** (side_db / 20.0)
    stem = np.stack([mid + side, mid - side])
    kept_mid, kept_side = domain_gap.coherence(stem, stem)
    assert kept_mid == pytest.approx(1.0)
    assert kept_side == (pytest.approx(1.0) if there else None)


def test_what_is_kept_is_the_coherence_between_50_hz_and_16_khz():
    from scipy.signal import coherence, welch

    stem = plucks(3.0, seed=4).astype(np.float64)
    out = np.roll(stem, 300, axis=1) + 0.05 * noise(3.0)  # a delay is seen by segments of 2,048 samples
    for signal, kept in zip(([1.0, 1.0], [1.0, -1.0]), domain_gap.coherence(stem, out), strict=True):
        before, after = np.dot(signal, stem), np.dot(signal, out)
        hz, shared = coherence(before, after, fs=RATE, nperseg=2048)
        power = np.where((hz >= 50.0) & (hz <= 16_000.0), welch(before, fs=RATE, nperseg=2048)[1], 0.0)
        assert kept == pytest.approx(np.average(shared, weights=power), rel=1e-6)
