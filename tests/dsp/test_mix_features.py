"""Features of a mix on signals whose features are known."""

import numpy as np
import pytest

from fxnorm.audio import SAMPLE_RATE
from fxnorm.dsp import mix_features
from tests.signals import sine


def colored(exponent: float, seconds: float = 20.0, *, seed: int = 0) -> np.ndarray:
    """Stereo noise of independent channels with the power density f^exponent."""
    white = np.random.default_rng(seed).standard_normal((2, round(seconds * SAMPLE_RATE)))
    spectrum = np.fft.rfft(white)
    hz = np.maximum(np.fft.rfftfreq(white.shape[1], 1.0 / SAMPLE_RATE), 10.0)
    shaped = np.fft.irfft(spectrum * hz ** (0.5 * exponent), white.shape[1])
    return (0.1 * shaped / shaped.std()).astype(np.float32)


@pytest.mark.parametrize("frequency_hz", [200.0, 1000.0, 5000.0])
def test_the_centroid_of_a_sine_is_its_frequency(frequency_hz: float) -> None:
    assert mix_features.centroid_hz(sine(frequency_hz, 2.0, peak_db=-6.0), SAMPLE_RATE) == pytest.approx(
        frequency_hz, rel=0.03
    )


def test_the_centroid_of_two_sines_is_weighted_by_magnitude() -> None:
    mix = sine(1000.0, 2.0, peak_db=-12.0) + sine(4000.0, 2.0, peak_db=-6.0)
    # amplitudes 1 to 2: (1 * 1,000 + 2 * 4,000) / 3; by power it would be 3,400
    assert mix_features.centroid_hz(mix, SAMPLE_RATE) == pytest.approx(3000.0, rel=0.02)


def test_the_centroid_of_white_noise_is_the_middle_of_its_range() -> None:
    assert mix_features.centroid_hz(colored(0.0), SAMPLE_RATE) == pytest.approx(8000.0, rel=0.01)


def test_quiet_frames_have_no_centroid() -> None:
    loud = sine(500.0, 2.0, peak_db=-6.0)
    quiet = sine(8000.0, 2.0, peak_db=-75.0)
    alone = mix_features.centroid_hz(loud, SAMPLE_RATE)
    # the frames in which the sine ends are broad, so that they move the centroid a little
    assert mix_features.centroid_hz(np.hstack((loud, quiet)), SAMPLE_RATE) == pytest.approx(alone, rel=0.01)
    audible = sine(8000.0, 2.0, peak_db=-50.0)
    assert mix_features.centroid_hz(np.hstack((loud, audible)), SAMPLE_RATE) > alone * 1.02


def test_the_centroid_does_not_depend_on_rate_and_level() -> None:
    mix = sine(1000.0, 2.0, peak_db=-12.0, rate=48_000) + sine(3000.0, 2.0, peak_db=-12.0, rate=48_000)
    assert mix_features.centroid_hz(mix, 48_000) == pytest.approx(2000.0, rel=0.02)
    assert mix_features.centroid_hz(np.float32(0.25) * mix, 48_000) == pytest.approx(
        mix_features.centroid_hz(mix, 48_000), rel=1e-5
    )


@pytest.mark.parametrize(("exponent", "tilt"), [(0.0, 0.0), (-1.0, -3.01), (-2.0, -6.02)])
def test_the_tilt_of_coloured_noise_is_its_slope(exponent: float, tilt: float) -> None:
    assert mix_features.tilt_db_per_octave(colored(exponent), SAMPLE_RATE) == pytest.approx(tilt, abs=0.1)


def test_the_mid_share_follows_its_definition() -> None:
    mono, (left, right) = sine(300.0, 1.0), colored(0.0, 2.0)
    assert mix_features.mid_share(mono) == 1.0
    assert mix_features.mid_share(mono[:1]) == 1.0
    assert mix_features.mid_share(np.stack((left, right))) == pytest.approx(0.5, abs=0.01)
    assert mix_features.mid_share(np.stack((left, -left))) == 0.0
    mid, side = colored(0.0, 4.0, seed=1)
    mid, side = mid / mid.std(), side / side.std()
    share = mix_features.mid_share(np.stack((mid + 0.5 * side, mid - 0.5 * side)))
    assert share == pytest.approx(0.8, abs=0.01)
    assert mix_features.side_to_mid_db(share) == pytest.approx(-6.02, abs=0.2)


def test_correlation() -> None:
    left, right = colored(0.0, 4.0)
    assert mix_features.correlation(np.stack((left, left))) == pytest.approx(1.0, abs=1e-6)
    assert mix_features.correlation(np.stack((left, np.float32(-0.3) * left))) == pytest.approx(-1.0, abs=1e-6)
    assert mix_features.correlation(np.stack((left, right))) == pytest.approx(0.0, abs=0.01)
    assert mix_features.correlation(np.stack((left, 0.0 * left))) == 0.0


def test_low_correlation_hears_only_the_bass() -> None:
    bass, treble = sine(60.0, 2.0, peak_db=-12.0), sine(2000.0, 2.0)
    treble[1] *= -1.0
    assert mix_features.correlation(bass + treble) < -0.8
    assert mix_features.correlation_low(bass + treble, SAMPLE_RATE) > 0.99
    bass[1] *= -1.0
    assert mix_features.correlation_low(bass + sine(2000.0, 2.0), SAMPLE_RATE) < -0.99


def test_the_balance_is_that_of_the_energies() -> None:
    mix = sine(100.0, 2.0, peak_db=-6.0) + sine(1000.0, 2.0, peak_db=-12.0) + sine(8000.0, 2.0, peak_db=-12.0)
    low, mid, high = mix_features.frequency_balance(mix, SAMPLE_RATE)
    assert (low, mid, high) == pytest.approx((4 / 6, 1 / 6, 1 / 6), abs=0.003)
    assert low + mid + high == pytest.approx(1.0)


def test_silence_has_no_features() -> None:
    silence = np.zeros((2, SAMPLE_RATE), dtype=np.float32)
    assert mix_features.measure(silence, SAMPLE_RATE) is None
    assert mix_features.centroid_hz(silence, SAMPLE_RATE) is None
    assert mix_features.mid_share(silence) is None
    assert mix_features.measure(colored(-1.0, 0.2), SAMPLE_RATE) is None  # too short for a loudness


def test_all_features_together() -> None:
    pink = colored(-1.0)
    features = mix_features.measure(pink, SAMPLE_RATE)
    assert features.mid_share == pytest.approx(0.5, abs=0.01)
    assert features.tilt_db_per_octave == pytest.approx(-3.0, abs=0.1)
    assert features.to_dict()["frequency_balance"] == [round(share, 4) for share in features.frequency_balance]
