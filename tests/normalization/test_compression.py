"""Compression: the feature, the compressor, and the search on its grid."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fxnorm.audio import SAMPLE_RATE, peak
from fxnorm.corpus.stems import STEMS
from fxnorm.dsp import compressor, onsets
from fxnorm.errors import InputError
from fxnorm.normalization import compression, onset_peaks
from fxnorm.normalization.compressor_search import LAST_RATIO, THRESHOLDS_DB, CompressorSearch
from fxnorm.normalization.normalizer import pad
from fxnorm.normalization.onset_peaks import OnsetPeaks
from tests.matching import match, measure
from tests.signals import noise, plucks, sine

PRESETS = compression.PRESETS


def test_onsets_are_found_where_the_plucks_are():
    audio = plucks(5.0, channels=1)[0]
    positions = onsets.find(audio / np.abs(audio).max() * np.float32(0.3))
    starts = np.arange(round(0.1 * SAMPLE_RATE), audio.size - round(0.2 * SAMPLE_RATE), round(0.25 * SAMPLE_RATE))
    distances = np.abs(positions[:, np.newaxis] - starts).min(axis=0)
    assert np.median(distances) < 1500
    assert positions.size <= starts.size + 3


def test_silence_and_steadiness_have_no_onset():
    assert onsets.find(np.zeros(SAMPLE_RATE, np.float32)).size == 0
    assert onsets.find(np.zeros(100, np.float32)).size == 0
    assert measure("compression", np.zeros((2, SAMPLE_RATE), np.float32), SAMPLE_RATE) is None


def test_the_feature_of_known_peaks():
    peaks_db = np.array([-10.0, -12.0, -14.0, -16.0, -18.0, -20.0, -22.0, -24.0])
    assert onset_peaks.summarize(peaks_db) == OnsetPeaks(-11.0, 1.0)  # the 75th percentile lies between -14 and -12
    assert onset_peaks.summarize(np.array([-10.0, -10.0])) == OnsetPeaks(-10.0, 0.0)  # none is above: all count


@settings(max_examples=15, deadline=None)
@given(gain_db=st.floats(-30.0, 10.0))
def test_the_feature_does_not_know_the_level(gain_db):
    audio = plucks(4.0)
    louder = measure("compression", audio * np.float32(10.0 ** (gain_db / 20.0)), SAMPLE_RATE)
    plain = measure("compression", audio, SAMPLE_RATE)
    assert louder.peak_db == pytest.approx(plain.peak_db, abs=0.01)
    assert louder.std_db == pytest.approx(plain.std_db, abs=0.01)


def test_ratio_one_is_the_identity():
    audio = plucks(2.0)
    out = compressor.compress(audio, SAMPLE_RATE, threshold_db=-40.0, ratio=1.0, attack_ms=5.0, release_ms=100.0)
    np.testing.assert_allclose(out, audio, rtol=1e-6)


def test_a_steady_tone_comes_down_by_the_ratio():
    tone = np.full((1, SAMPLE_RATE), 10.0 ** (-8.0 / 20.0), np.float32)
    out = compressor.compress(tone, SAMPLE_RATE, threshold_db=-20.0, ratio=4.0, attack_ms=5.0, release_ms=100.0)
    assert 20.0 * np.log10(out[0, -1]) == pytest.approx(-20.0 + 12.0 / 4.0, abs=0.01)


def test_the_louder_channel_drives_both():
    audio = plucks(2.0) * np.array([[1.0], [0.25]], np.float32)
    out = compressor.compress(audio, SAMPLE_RATE, threshold_db=-30.0, ratio=4.0, attack_ms=1.0, release_ms=100.0)
    sounding = np.abs(audio).min(axis=0) > 1e-4
    gains = out[:, sounding] / audio[:, sounding]
    np.testing.assert_allclose(gains[0], gains[1], rtol=1e-4)


def exhaustive(audio, target, settings_):
    """First pair of the grid by computing every output and measuring its peaks."""
    ballistics, reference = settings_.ballistics["vocals"], settings_.reference
    aim_db = target.peak_db + settings_.target_offset_std * target.std_db
    gain = np.float32(10.0 ** (-10.0 / 20.0) / peak(audio))
    scaled = audio * gain
    segments = [onset_peaks.segment_edges(channel, np.float32(1.0)) for channel in scaled]

    def peaks_of(out):
        level = 10.0 ** (-10.0 / 20.0) / peak(out) if reference == "output" else 1.0
        values = []
        for channel, edges in zip(out, segments, strict=True):
            pieces = [np.abs(channel[a:b]).max() * level for a, b in itertools.pairwise(edges)]
            values.append(onset_peaks.summarize(20.0 * np.log10(np.maximum(pieces, 1e-6))).peak_db)
        return np.mean(values)

    for ratio in range(ballistics.first_ratio, LAST_RATIO + 1):
        for threshold_db in THRESHOLDS_DB:
            out = compressor.compress(
                scaled,
                SAMPLE_RATE,
                threshold_db=threshold_db,
                ratio=ratio,
                attack_ms=ballistics.attack_ms,
                release_ms=ballistics.release_ms,
            )
            value = peaks_of(out)
            if value < aim_db if reference == "input" else value > aim_db:
                return ratio, threshold_db
    return None


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("preset", PRESETS)
def test_the_first_pair_of_the_grid_is_found(preset, seed):
    settings_ = PRESETS[preset]
    audio = pad(plucks(3.0, seed=seed, channels=1))[:, 60_000:]
    before = measure("compression", audio, SAMPLE_RATE)
    shift_db = -0.1 if settings_.reference == "output" else -2.0
    target = OnsetPeaks(before.peak_db + shift_db, 0.3)
    _, step = match("compression", audio, SAMPLE_RATE, target, stem="vocals", settings=settings_)
    (strip,) = step.processor.strips
    pair = strip.reduction.ratio, strip.reduction.threshold_db
    assert pair == exhaustive(audio, target, settings_)


def hits(seed):
    """Hits of random levels, pitches and decays over noise, whose peaks compressors change unevenly."""
    rng = np.random.default_rng(seed)
    samples = 2 * SAMPLE_RATE
    audio = rng.standard_normal((2, samples)) * 10.0 ** (rng.uniform(-90.0, -25.0) / 20.0)
    for start in rng.integers(0, samples, rng.integers(3, 40)):
        length = min(int(rng.integers(50, 20_000)), samples - start)
        decay = np.exp(-np.arange(length) / rng.uniform(20.0, 8000.0)) * 10.0 ** (rng.uniform(-30.0, 0.0) / 20.0)
        tone = np.sin(rng.uniform(0.005, 1.0) * np.arange(length)) if seed % 2 else rng.standard_normal(length)
        audio[:, start : start + length] += rng.uniform(0.2, 1.0, (2, 1)) * decay * tone
    return audio.astype(np.float32)


@pytest.mark.parametrize("preset", PRESETS)
def test_the_search_finds_what_the_whole_grid_has_first(preset):
    settings_ = PRESETS[preset]
    rising = searched = 0
    for seed in range(24):
        audio = hits(seed)[: 2 if settings_.linked else 1]
        ballistics = settings_.ballistics[STEMS[seed % 4]]
        analysis = compression.COMPRESSION.analyze(audio, SAMPLE_RATE, settings=settings_)
        search = CompressorSearch(
            audio, SAMPLE_RATE, analysis.edges[0], reference=settings_.reference, **ballistics.model_dump()
        )
        if not search.has_onsets:
            continue
        # larger means more compression
        every = np.arange(THRESHOLDS_DB.size)
        rows = [search._evaluate(ratio, every) for ratio in range(len(search.ratios))]
        grid = np.stack([search._past(row, 0.0) for row in rows])
        rising += (np.diff(grid, axis=1) < -1e-3).any()
        rng = np.random.default_rng(seed)
        goals = np.concatenate([rng.uniform(grid.min(), grid.max(), 20), rng.choice(grid.ravel(), 5) - 1e-9])
        for goal in goals:
            ratio, threshold_db, _ = search.first(goal if settings_.reference == "output" else -goal)
            row, column = np.argwhere(grid > goal)[0]
            assert (ratio, threshold_db) == (search.ratios[row], THRESHOLDS_DB[column])
            searched += 1
    assert searched > 400
    if settings_.reference == "output":
        assert rising > 10  # the peak relative to the largest sample is not monotonic


@pytest.mark.parametrize("preset", PRESETS)
def test_the_far_side_is_left_alone(preset):
    audio = pad(plucks(4.0))
    before = measure("compression", audio, SAMPLE_RATE)
    away_db = 3.0 if PRESETS[preset].reference == "input" else -3.0
    target = OnsetPeaks(before.peak_db + away_db, 0.2)
    out, step = match("compression", audio, SAMPLE_RATE, target, stem="drums", settings=PRESETS[preset])
    assert step.skipped
    # at a peak of -10 dBFS, each channel by itself or both together
    scale = out / np.where(audio == 0.0, 1.0, audio)
    for channel in range(2):
        values = scale[channel][np.abs(audio[channel]) > 1e-3]
        assert np.ptp(values) < 1e-4


def test_default_lifts_the_peaks_to_the_target():
    audio = pad(plucks(6.0))
    before = measure("compression", audio, SAMPLE_RATE)
    target = OnsetPeaks(before.peak_db, 0.6)
    out, step = match("compression", audio, SAMPLE_RATE, target, stem="other")
    aim_db = target.peak_db + 1.5 * 0.6
    assert aim_db <= step.after["peak_db"] < aim_db + 0.5
    # measured anew, the onsets are those of the output
    assert abs(measure("compression", out, SAMPLE_RATE).peak_db - aim_db) < 0.5


@pytest.mark.parametrize("preset", PRESETS)
def test_no_strength_changes_nothing(preset):
    audio = pad(plucks(2.0))
    out, _ = match(
        "compression", audio, SAMPLE_RATE, OnsetPeaks(-20.0, 0.5), stem="bass", settings=PRESETS[preset], strength=0.0
    )
    np.testing.assert_allclose(out, audio, rtol=1e-6, atol=1e-9)


def test_something_without_an_onset_is_skipped_and_said_so():
    steady = np.full((2, 40), 0.5, np.float32)
    out, step = match("compression", steady, SAMPLE_RATE, OnsetPeaks(-14.0, 1.0), stem="vocals")
    np.testing.assert_array_equal(out, steady)
    assert "no onset" in step.skipped


def test_a_silent_channel_passes():
    audio = pad(plucks(3.0))
    audio[1] = 0.0
    for settings_ in PRESETS.values():
        out, _ = match("compression", audio, SAMPLE_RATE, OnsetPeaks(-13.0, 0.5), stem="vocals", settings=settings_)
        assert not out[1].any()
        assert np.isfinite(out).all()


def test_an_unknown_stem_is_named():
    with pytest.raises(InputError, match="unknown stem 'guitar'"):
        match("compression", noise(1.0), SAMPLE_RATE, OnsetPeaks(-14.0, 1.0), stem="guitar")


def test_a_tone_and_a_click_give_values_or_none():
    click = np.zeros((2, SAMPLE_RATE), np.float32)
    click[:, 1000] = 0.9
    for audio in (click, sine(440.0, 1.0), noise(1.0)):
        measured = measure("compression", pad(audio), SAMPLE_RATE)
        assert measured is None or np.isfinite([measured.peak_db, measured.std_db]).all()


def test_the_last_segment_reaches_to_the_last_sample():
    audio = plucks(3.0)
    audio[:, -1] = 3.0 * peak(audio)
    for channel in audio:
        assert onset_peaks.segment_edges(channel, np.float32(0.1))[-1] == channel.size
    feature = measure("compression", audio, SAMPLE_RATE)
    without = measure("compression", audio[:, :-1], SAMPLE_RATE)
    # the last sample alone is at -10 dBFS, the other peaks at most a third of it
    assert without.peak_db <= -10.0
    assert feature.std_db > without.std_db + 0.5
