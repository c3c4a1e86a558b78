"""Domain gap and coherence of stems and corpora."""

import numpy as np
import pytest

from fxnorm.audio import SAMPLE_RATE
from fxnorm.errors import InputError
from fxnorm.evaluation import domain_gap, measure_domain_gap, stem_gap
from fxnorm.normalization.normalizer import Normalizer
from fxnorm.normalization.settings import ChainSettings
from fxnorm.normalization.statistics import FxStats
from tests.signals import noise, plucks


def identity(audio, stem):
    return audio


def test_the_identity_leaves_the_gap_and_is_coherent():
    wet, dry = plucks(4.0), 0.3 * noise(4.0)
    gap = stem_gap.measure_stem("song", "other", wet, dry, identity)
    assert gap.before == gap.after
    assert domain_gap.ratio([gap], "eq") == 1.0
    assert gap.mid_coherence == pytest.approx(1.0)
    assert gap.side_coherence == pytest.approx(1.0)


def test_mono_closes_the_panning_gap_and_has_no_side_coherence():
    mono = lambda audio, stem: np.repeat(audio.mean(axis=0, keepdims=True), 2, axis=0)  # noqa: E731
    gap = stem_gap.measure_stem("song", "other", plucks(4.0), noise(4.0), mono)
    assert domain_gap.ratio([gap], "panning") < 1e-6
    assert gap.mid_coherence == pytest.approx(1.0)
    assert gap.side_coherence == pytest.approx(0.0)


def test_unrelated_noise_is_not_coherent():
    gap = stem_gap.measure_stem("song", "other", plucks(4.0), plucks(4.0, seed=9), lambda audio, stem: noise(4.0))
    assert domain_gap.ratio([gap], "loudness") == pytest.approx(0.0, abs=1e-6)
    assert gap.mid_coherence < 0.05


def test_the_chain_closes_a_gap_of_level_and_tone():
    dry = plucks(6.0, seed=5)
    tone = np.fft.irfft(np.fft.rfft(dry) * np.linspace(2.0, 0.1, dry.shape[1] // 2 + 1), dry.shape[1])
    chain = Normalizer(FxStats.shipped(), ChainSettings.preset())
    gap = stem_gap.measure_stem("song", "other", tone.astype(np.float32), dry, lambda a, s: chain(a, SAMPLE_RATE, s)[0])
    assert domain_gap.ratio([gap], "eq") < 0.3
    assert domain_gap.ratio([gap], "loudness") < 0.01
    assert gap.mid_coherence > 0.9


def test_silence_has_no_gap_and_mono_has_no_side():
    assert stem_gap.measure_stem("s", "bass", np.zeros((2, 9000), np.float32), plucks(1.0), identity) is None
    mono = plucks(2.0, channels=1)
    assert stem_gap.measure_stem("s", "bass", mono, mono, identity).side_coherence is None


def test_no_distance_has_no_ratio_and_means_are_over_stems():
    first = stem_gap.StemGap("a", "bass", {"eq": 2.0}, {"eq": 1.0}, 1.0, None)
    second = stem_gap.StemGap("b", "bass", {"eq": 6.0}, {"eq": 1.0}, 0.5, 0.25)
    assert domain_gap.ratio([first, second], "eq") == pytest.approx(0.25)
    assert domain_gap.ratio([first, second], "peak") is None
    assert domain_gap.mean_coherence([first, second]) == (0.75, 0.25)


def test_songs_are_paired_by_name(tmp_path):
    from fxnorm import corpus

    for root, names in (("wet", "ab"), ("dry", "bc"), ("else", "x")):
        for name in names:
            (tmp_path / root / name).mkdir(parents=True)
            (tmp_path / root / name / "bass.wav").touch()
    wet, dry, unrelated = (corpus.scan(tmp_path / root) for root in ("wet", "dry", "else"))
    assert [(wet_song.id, dry_song.id) for wet_song, dry_song in domain_gap.pair_songs(wet, dry)] == [("b", "b")]
    with pytest.raises(InputError, match="songs of the same names"):
        domain_gap.pair_songs(wet, unrelated)


def test_a_corpus_is_measured_in_one_call(tmp_path):
    from fxnorm import audio_files

    for kind, stem in (("wet", plucks(2.0)), ("dry", 0.3 * plucks(2.0))):
        (tmp_path / kind / "Song").mkdir(parents=True)
        audio_files.write(tmp_path / kind / "Song" / "bass.wav", stem, SAMPLE_RATE)
    stages = []
    result = measure_domain_gap(
        tmp_path / "wet", tmp_path / "dry", jobs=1, progress=lambda stage, count, total, item: stages.append(stage)
    )
    assert stages == list(result.gaps) == ["published", "default"]
    assert result.failures == []
    rows = {name: (stems, figures) for name, stems, figures in result.to_rows()}
    assert rows["default, bass"] == rows["default, all"]
    assert rows["default, vocals"][0] == 0
    assert rows["default, bass"][1][4] < 0.05  # of the loudness
    assert result.to_dict()["default"][0]["stem"] == "bass"


@pytest.mark.parametrize(("side_db", "is_defined"), [(-57.0, True), (-63.0, False)])
def test_a_side_60_db_below_the_mid_is_undefined(side_db, is_defined):
    mid, side = np.random.default_rng(0).standard_normal((2, 2 * SAMPLE_RATE))
    side *= 10.0 ** (side_db / 20.0)
    stem = np.stack([mid + side, mid - side])
    mid_coherence, side_coherence = stem_gap.coherence(stem, stem)
    assert mid_coherence == pytest.approx(1.0)
    assert side_coherence == (pytest.approx(1.0) if is_defined else None)


def test_the_coherence_is_measured_between_50_hz_and_16_khz():
    from scipy.signal import coherence, welch

    stem = plucks(3.0, seed=4).astype(np.float64)
    out = np.roll(stem, 300, axis=1) + 0.05 * noise(3.0)  # segments of 2,048 samples reveal a delay
    for weights, value in zip(([1.0, 1.0], [1.0, -1.0]), stem_gap.coherence(stem, out), strict=True):
        before, after = np.dot(weights, stem), np.dot(weights, out)
        hz, squared = coherence(before, after, fs=SAMPLE_RATE, nperseg=2048)
        power = np.where((hz >= 50.0) & (hz <= 16_000.0), welch(before, fs=SAMPLE_RATE, nperseg=2048)[1], 0.0)
        assert value == pytest.approx(np.average(squared, weights=power), rel=1e-6)
