"""Metrics: equal to plain versions of the published definitions, with laws and edge cases."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fxnorm.audio import LARGEST, SAMPLE_RATE
from fxnorm.dsp import audio_features as diffmst
from fxnorm.dsp import loudness, true_peak
from fxnorm.errors import InputError
from fxnorm.evaluation import metrics
from fxnorm.evaluation.metrics import METRICS, Measurements, Recording, audio_features, compare, levels, mrstft, si_sdr
from fxnorm.evaluation.metrics.mape import FRAMES
from tests.evaluation import plain_features


def music(seed: int, seconds: float = 3.0, *, side: float = 0.3) -> np.ndarray:
    """Noise with a beat, coloured, wider in the treble."""
    rng = np.random.default_rng(seed)
    samples = round(seconds * SAMPLE_RATE)
    time_s = np.arange(samples) / SAMPLE_RATE
    mid = np.convolve(rng.standard_normal(samples), np.hanning(12), mode="same") * (
        0.05 + np.exp(-8.0 * (time_s % 0.5))
    )
    width = side * rng.standard_normal(samples) * (0.1 + np.exp(-5.0 * (time_s % 0.75)))
    mix = np.stack([mid + width, mid - 0.8 * width])
    return (0.5 * mix / np.abs(mix).max()).astype(np.float32)


TARGET = music(0)
MIX = (0.8 * TARGET + 0.3 * music(1, side=0.8)).astype(np.float32)


def close(value: float | None, wanted: float) -> bool:
    return value is not None and math.isclose(value, wanted, rel_tol=1e-6, abs_tol=1e-6)


def with_rest(mix: np.ndarray, start: int, stop: int) -> np.ndarray:
    """A copy that is silent from one sample to another."""
    return np.concatenate([mix[:, :start], np.zeros_like(mix[:, start:stop]), mix[:, stop:]], axis=1)


@pytest.mark.parametrize("rest", [0, 50_000])
def test_the_percentages_are_those_of_plain_librosa(rest: int) -> None:
    target, mix = with_rest(TARGET, 40_000, 40_000 + rest), with_rest(MIX, 60_000, 60_000 + rest)
    values = compare(target, mix, SAMPLE_RATE)
    target64, mix64 = target.astype(np.float64), mix.astype(np.float64)
    plain = {
        "spectral": plain_features.spectral(target64, mix64, SAMPLE_RATE),
        "panning": plain_features.panning(target64, mix64, SAMPLE_RATE),
        "dynamic": plain_features.dynamic(target64, mix64),
    }
    for family, errors in plain.items():
        for name, wanted in errors.items():
            key = family if name == "all" else f"{family}_{name}"
            assert wanted > 1e-3
            assert close(values[key], wanted), (key, values[key], wanted)


@pytest.mark.parametrize("fall_db", [70.0, 90.0, 130.0])
def test_quiet_passages_have_the_contrast_and_flatness_of_plain_librosa(fall_db: float) -> None:
    """Contrast reads peaks and valleys of 80 dB, flatness powers of -100 dB and more."""
    quiet = np.ones(TARGET.shape[1])
    quiet[40_000:80_000] = 10.0 ** (-fall_db / 20.0)
    target, mix = ((gains * audio).astype(np.float32) for gains, audio in ((quiet, TARGET), (quiet[::-1], MIX)))
    values = compare(target, mix, SAMPLE_RATE)
    plain = plain_features.spectral(target.astype(np.float64), mix.astype(np.float64), SAMPLE_RATE)
    for name in ("contrast", "flatness"):
        assert values[f"spectral_{name}"] == pytest.approx(plain[name], rel=1e-4)


def test_the_distances_are_those_of_auraloss() -> None:
    torch = pytest.importorskip("torch", reason="the oracle needs PyTorch")
    freq = pytest.importorskip("auraloss.freq", reason="the oracle is auraloss")
    target, mix = (np.concatenate([audio] * 11, axis=1) for audio in (TARGET, MIX))  # more than one chunk of 30 s
    values = mrstft.compare(Recording(target, SAMPLE_RATE), Recording(mix, SAMPLE_RATE))
    gain = 10.0 ** ((loudness.measure(target, SAMPLE_RATE) - loudness.measure(mix, SAMPLE_RATE)) / 20.0)
    assert abs(gain - 1.0) > 0.1

    def arguments(sizes: tuple[int, ...]) -> list[list[int]]:
        return [list(sizes), [size // 4 for size in sizes], list(sizes)]

    target_tensor, mix_tensor = (torch.from_numpy(signal)[None].double() for signal in (target, mix))
    short = freq.SumAndDifferenceSTFTLoss(*arguments((512, 2048, 8192)), window="hann_window").double()
    long = freq.MultiResolutionSTFTLoss(*arguments((8192, 16_384, 32_768))).double()
    chunks = [slice(0, 30 * SAMPLE_RATE), slice(30 * SAMPLE_RATE, None)]
    assert math.isclose(values["mrstft"], float(short(mix_tensor, target_tensor)), rel_tol=1e-6)
    assert math.isclose(values["mrstft_matched"], float(short(gain * mix_tensor, target_tensor)), rel_tol=1e-6)
    wanted = np.mean([float(long(mix_tensor[..., chunk], target_tensor[..., chunk])) for chunk in chunks])
    assert math.isclose(values["mrstft_long"], wanted, rel_tol=1e-6)


def test_a_copy_scores_zero_and_silence_does_not() -> None:
    """The trap of a published table, whose target was divided by 32,768: there a copy scored 25,489 and silence 0.7."""
    copy, silence = compare(TARGET, TARGET, SAMPLE_RATE), compare(TARGET, np.zeros_like(TARGET), SAMPLE_RATE)
    assert copy["mrstft"] == copy["mrstft_long"] == 0.0
    assert silence["mrstft"] > 1.0
    assert silence["mrstft_long"] > 1.0


@given(seed=st.integers(0, 5), seconds=st.floats(0.01, 2.0), gain_db=st.floats(-40.0, 0.0))
@settings(max_examples=10, deadline=None)
def test_identical_audio_is_ideal(seed: int, seconds: float, gain_db: float) -> None:
    mix = music(seed, seconds) * np.float32(10.0 ** (gain_db / 20.0))
    for name, value in compare(mix, mix.copy(), SAMPLE_RATE).items():
        assert value is not None or seconds < 0.5, name
        if value is not None:
            assert value == (0.0 if METRICS[name].lower_is_better else si_sdr.LIMIT_DB), name


@pytest.mark.parametrize("name", METRICS)
def test_level_changes_what_it_should(name: str) -> None:
    plain, quieter = (compare(TARGET, gain * MIX, SAMPLE_RATE)[name] for gain in (np.float32(1.0), np.float32(0.5)))
    assert math.isclose(plain, quieter, rel_tol=1e-4, abs_tol=1e-6) == METRICS[name].ignores_level


@pytest.mark.parametrize("name", METRICS)
def test_swapping_the_channels_changes_what_it_should(name: str) -> None:
    plain, swapped = (compare(TARGET, np.ascontiguousarray(mix), SAMPLE_RATE)[name] for mix in (MIX, MIX[::-1]))
    assert math.isclose(plain, swapped, rel_tol=1e-4, abs_tol=1e-6) == METRICS[name].ignores_swap


@given(
    target_db=st.sampled_from([-400.0, -140.0, -80.0, -20.0, 0.0]),
    mix_db=st.sampled_from([-400.0, -140.0, -80.0, -20.0, 0.0]),
    seconds=st.sampled_from([1 / SAMPLE_RATE, 0.01, 0.2, 1.0]),
    silent_channel=st.booleans(),
    mono=st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_the_edges_give_a_value_or_none(
    target_db: float, mix_db: float, seconds: float, silent_channel: bool, mono: bool
) -> None:
    target = music(2, seconds) * np.float32(10.0 ** (target_db / 20.0))
    mix = music(3, seconds) * np.float32(10.0 ** (mix_db / 20.0))
    if silent_channel:
        mix[0] = 0.0
    if mono:
        target[1] = target[0]
    values = compare(target, mix, SAMPLE_RATE)
    assert set(values) == set(METRICS)
    assert all(value is None or math.isfinite(value) for value in values.values())


@pytest.mark.parametrize(
    "largest", [LARGEST, 1e-42]
)  # the largest samples that are read, and the smallest that are scaled to -1 dBFS
def test_extreme_levels_give_a_value_or_none(largest: float) -> None:
    noise = np.random.default_rng(6).uniform(-largest, largest, (2, SAMPLE_RATE)).astype(np.float32)
    silence = np.zeros_like(noise)
    for target, mix in (
        (noise, silence),
        (noise, TARGET[:, :SAMPLE_RATE]),
        (TARGET[:, :SAMPLE_RATE], noise),
        (noise, noise),
    ):
        values = compare(target, mix, SAMPLE_RATE)
        assert all(value is None or math.isfinite(value) for value in values.values()), values


def test_silence_has_no_figures() -> None:
    silence = np.zeros((2, SAMPLE_RATE), dtype=np.float32)
    assert all(value is None for value in Measurements(Recording(silence, SAMPLE_RATE)).levels.values())
    values = compare(silence, TARGET[:, :SAMPLE_RATE], SAMPLE_RATE)
    assert values["mrstft"] is None
    assert values["loudness"] is None
    assert values["af"] is None


@pytest.mark.parametrize(
    ("target", "mix", "rate"),
    [
        (TARGET, TARGET[:, :-1], SAMPLE_RATE),
        (TARGET[:1], TARGET[:1], SAMPLE_RATE),
        (TARGET, TARGET, 48_000),
        (TARGET[:, :0], TARGET[:, :0], SAMPLE_RATE),
    ],
)
def test_what_cannot_be_compared_is_refused(target: np.ndarray, mix: np.ndarray, rate: int) -> None:
    with pytest.raises(InputError, match="expected"):
        compare(target, mix, rate)


def test_running_means_are_over_forty_frames() -> None:
    from fxnorm.evaluation.metrics.mape import running_mean

    curve = np.arange(100.0)
    np.testing.assert_allclose(running_mean(curve), np.arange(61) + (FRAMES - 1) / 2)
    np.testing.assert_allclose(running_mean(curve[:3]), [1.0])


def test_the_true_peak_lies_between_the_samples() -> None:
    time_s = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    # a quarter of the rate, sampled at 45 degrees: no sample is larger than 0.707
    sine = np.sin(2.0 * np.pi * SAMPLE_RATE / 4.0 * time_s + np.pi / 4.0).astype(np.float32)
    fade = np.minimum(1.0, np.minimum(np.arange(SAMPLE_RATE), np.arange(SAMPLE_RATE)[::-1]) / 4410.0).astype(np.float32)
    values = levels.measure(Recording(np.stack([0.5 * sine * fade] * 2), SAMPLE_RATE))
    assert values["peak_db"] == pytest.approx(20.0 * math.log10(0.5 * math.sqrt(0.5)), abs=0.01)
    assert values["true_peak_db"] == pytest.approx(20.0 * math.log10(0.5), abs=0.05)


def test_passing_over_quiet_blocks_misses_no_true_peak() -> None:
    from scipy.signal import upfirdn

    mix = music(4, 0.5)
    taps = true_peak.interpolator()
    whole = taps[:, ::-1].T.reshape(-1)
    wanted = max(float(np.abs(upfirdn(whole, channel, up=true_peak.OVERSAMPLING)).max()) for channel in mix)
    assert true_peak.true_peak(mix) == pytest.approx(max(wanted, float(np.abs(mix).max())), rel=1e-5)


def test_levels_of_a_known_signal() -> None:
    time_s = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
    tone = np.sin(2.0 * np.pi * 997.0 * time_s)
    mix = np.stack([tone, 0.5 * tone]).astype(np.float32)
    values = levels.measure(Recording(mix, SAMPLE_RATE))
    assert values["imbalance_db"] == pytest.approx(-6.02, abs=0.01)
    # the left channel is louder, and + is right
    assert values["width_db"] == pytest.approx(20.0 * math.log10(0.5 / 1.5), abs=0.01)
    assert values["crest_db"] == pytest.approx(10.0 * math.log10(1.0 / (0.5 * 1.25 / 2.0)), abs=0.01)
    mono = levels.measure(Recording(np.stack([tone, tone]).astype(np.float32), SAMPLE_RATE))
    assert mono["width_db"] == -levels.LIMIT_DB


def test_the_sdr_of_known_noise() -> None:
    rng = np.random.default_rng(5)
    target = rng.standard_normal((2, 4 * SAMPLE_RATE)).astype(np.float32)
    mix = 3.0 * (target + 0.1 * rng.standard_normal(target.shape).astype(np.float32))
    assert si_sdr.si_sdr(target, mix) == pytest.approx(20.0, abs=0.05)


def test_bark_bands_follow_the_definition() -> None:
    """A tone excites the triangles around it only."""
    time_s = np.arange(3 * SAMPLE_RATE) / SAMPLE_RATE
    spectrum = diffmst.bark_spectrum(np.sin(2.0 * np.pi * 1000.0 * time_s).astype(np.float32), SAMPLE_RATE)
    assert int(np.argmax(spectrum)) in (7, 8)
    bank = diffmst.filter_bank(SAMPLE_RATE)
    assert bank.shape == (24, 16_385)
    assert bank.max() == pytest.approx(1.0, abs=0.05)
    assert (bank >= 0.0).all()


def audio_features_of(mix: np.ndarray) -> dict[str, np.ndarray]:
    """Features without loudness matching."""
    return audio_features.measure(Recording(mix, SAMPLE_RATE)).at_gain(1.0)


def test_the_audio_feature_loss_is_that_of_a_plain_version() -> None:
    target, mix = with_rest(TARGET, 40_000, 90_000), MIX
    loss = audio_features.loss(audio_features_of(target), audio_features_of(mix))
    wanted = plain_features.audio_features(target.astype(np.float64), mix.astype(np.float64), SAMPLE_RATE)
    assert loss["af"] == pytest.approx(wanted["af"], rel=1e-5)
    assert loss["bark"] == pytest.approx(wanted["bark"], rel=1e-5)


def test_features_at_a_gain_are_those_of_the_scaled_mix() -> None:
    scaled = audio_features_of(np.float32(0.25) * MIX)
    for name, feature in audio_features.measure(Recording(MIX, SAMPLE_RATE)).at_gain(0.25).items():
        np.testing.assert_allclose(feature, scaled[name], rtol=1e-6, atol=1e-9)


def test_the_audio_feature_loss_weighs_its_parts() -> None:
    target, mix = audio_features_of(TARGET), audio_features_of(MIX)
    parts = {name: float(np.mean((target[name] - mix[name]) ** 2)) for name in audio_features.WEIGHTS}
    wanted = 0.1 * parts["rms"] + 0.001 * parts["crest"] + parts["width"] + parts["imbalance"] + 0.1 * parts["bark"]
    assert audio_features.loss(target, mix)["af"] == pytest.approx(wanted)
    assert metrics.compare(TARGET, MIX, SAMPLE_RATE)["bark"] > 0.0


def test_signed_stereo_figures_are_positive_to_the_right() -> None:
    right = np.stack([0.5 * TARGET[0], TARGET[0]])
    assert levels.measure(Recording(right, SAMPLE_RATE))["imbalance_db"] == pytest.approx(6.02, abs=0.01)
    assert audio_features_of(right)["imbalance"] == pytest.approx(0.6, abs=1e-3)


def test_loudness_is_one_metric_in_lu() -> None:
    values = compare(TARGET, np.float32(0.5) * TARGET, SAMPLE_RATE)
    assert values["loudness"] == pytest.approx(6.02, abs=0.01)
    assert METRICS["loudness"].unit == "LU"
    assert values["lufs_mape"] == pytest.approx(6.02 / abs(loudness.measure(TARGET, SAMPLE_RATE)), abs=1e-3)
    assert values["loudness_mape"] == pytest.approx((values["lufs_mape"] + values["peak_mape"]) / 2.0)


@pytest.mark.parametrize(("apart_db", "wanted_db"), [(-55.0, -55.0), (-65.0, -60.0), (65.0, 60.0)])
def test_width_and_imbalance_are_within_60_db(apart_db: float, wanted_db: float) -> None:
    tone = np.sin(np.arange(SAMPLE_RATE)) * 10.0 ** (min(0.0, apart_db) / 20.0)
    far, none = 10.0 ** (-apart_db / 20.0) * tone, np.zeros(SAMPLE_RATE)
    panned = levels.measure(Recording(np.stack([far, tone]).astype(np.float32), SAMPLE_RATE))
    assert panned["imbalance_db"] == pytest.approx(wanted_db, abs=0.01)
    mid = np.roll(tone, 1000)
    gain = 10.0 ** (apart_db / 20.0)
    wide = levels.measure(Recording(np.stack([mid + gain * mid, mid - gain * mid]).astype(np.float32), SAMPLE_RATE))
    assert wide["width_db"] == pytest.approx(wanted_db, abs=0.1)
    left_only = levels.measure(Recording(np.stack([tone, none]).astype(np.float32), SAMPLE_RATE))
    assert left_only["imbalance_db"] == -60.0


@pytest.mark.parametrize(("noise_db", "wanted_db"), [(-40.0, 40.0), (-80.0, 80.0), (None, 100.0)])
def test_the_sdr_is_within_100_db(noise_db: float | None, wanted_db: float) -> None:
    target = np.random.default_rng(5).standard_normal((2, SAMPLE_RATE)).astype(np.float32)
    noise = np.random.default_rng(6).standard_normal((2, SAMPLE_RATE)) * (
        0.0 if noise_db is None else 10.0 ** (noise_db / 20)
    )
    assert si_sdr.si_sdr(target, (target + noise).astype(np.float32)) == pytest.approx(wanted_db, abs=0.2)
