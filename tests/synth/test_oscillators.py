"""The harmonic bank equals a plain sum of sines; instruments are in tune."""

import numpy as np
import pytest

from fxnorm.audio import SAMPLE_RATE
from fxnorm.kernels import synth as kernels
from fxnorm.synth.drums import POSITIONS, draw_kit, render_drums
from fxnorm.synth.groove import Hit
from fxnorm.synth.instruments import INSTRUMENTS, render_notes
from fxnorm.synth.melody import TESSITURAS, Syllable
from fxnorm.synth.oscillators import HOP, cycles, frames_of, harmonic_bank, midi_to_hz
from fxnorm.synth.players import Note
from fxnorm.synth.seeding import SeedTree
from fxnorm.synth.tones import TIMBRES, Tone, draw_tone
from fxnorm.synth.voice import draw_voice, render_voice

SEEDS = SeedTree(seed=3, index=1)


def fundamental_hz(tone: np.ndarray, low_hz: float, high_hz: float) -> float:
    """Find the lag of the largest autocorrelation, refined by a parabola."""
    spectrum = np.fft.rfft(tone, 2 * tone.size)
    correlation = np.fft.irfft(np.abs(spectrum) ** 2)
    low, high = int(SAMPLE_RATE / high_hz), int(SAMPLE_RATE / low_hz) + 1
    lag = low + int(np.argmax(correlation[low:high]))
    before, peak, after = correlation[lag - 1 : lag + 2]
    return SAMPLE_RATE / (lag + 0.5 * (before - after) / (before - 2 * peak + after))


def test_a_harmonic_bank_is_the_sum_of_its_sines():
    rng = np.random.default_rng(4)
    samples, harmonics = 3 * HOP + 17, 6
    phase = cycles(220.0, samples, 0.3)
    amplitudes = rng.random((frames_of(samples), harmonics))
    glide = [np.interp(np.arange(samples) / HOP, np.arange(len(amplitudes)), level) for level in amplitudes.T]
    slow = sum(level * np.sin(2 * np.pi * (k + 1) * phase) for k, level in enumerate(glide))
    np.testing.assert_allclose(harmonic_bank(phase, amplitudes), slow, atol=1e-10)


def test_the_kernel_does_the_same_uncompiled():
    rng = np.random.default_rng(4)
    phase, amplitudes = cycles(440.0, 700), rng.random((4, 3))
    fast, slow = np.zeros(700), np.zeros(700)
    kernels.add_harmonics(phase, amplitudes, HOP, fast)
    kernels.add_harmonics.py_func(phase, amplitudes, HOP, slow)
    np.testing.assert_allclose(fast, slow, atol=1e-11)


@pytest.mark.parametrize("timbre", sorted(INSTRUMENTS))
@pytest.mark.parametrize("pitch", [40, 67])
def test_an_instrument_plays_in_tune_and_stops(timbre, pitch):
    tone = Tone(timbre, 2500.0, 4.0, 0.01, 0.2, 6.0, 8.0, 5.0, 0.0, 1.0)
    sound = render_notes((Note(0.1, 0.8, pitch, 0.8),), tone, round(1.6 * SAMPLE_RATE), np.random.default_rng(1))
    assert np.isfinite(sound).all()
    assert 0.02 < np.abs(sound).max() < 3.0
    assert not sound[: round(0.1 * SAMPLE_RATE)].any()
    assert not sound[round(1.4 * SAMPLE_RATE) :].any()
    expected_hz = midi_to_hz(pitch)
    measured_hz = fundamental_hz(
        sound[round(0.25 * SAMPLE_RATE) : round(0.75 * SAMPLE_RATE)], 0.8 * expected_hz, 1.3 * expected_hz
    )
    assert abs(1200 * np.log2(measured_hz / expected_hz)) < 12.0


def test_every_role_has_instruments_that_exist():
    for role, timbres in TIMBRES.items():
        assert set(timbres) <= set(INSTRUMENTS)
        assert draw_tone(SEEDS, role).timbre in timbres


@pytest.mark.parametrize("drum", sorted(POSITIONS))
def test_every_drum_of_the_kit_sounds_and_is_louder_when_struck_harder(drum):
    kit = draw_kit(SEEDS)
    soft, hard = (
        render_drums((Hit(0.1, drum, velocity),), kit, SAMPLE_RATE, np.random.default_rng(2)) for velocity in (0.4, 1.0)
    )
    assert not soft[:, : SAMPLE_RATE // 10].any()
    assert 0.0 < np.abs(soft).max() < np.abs(hard).max() < 3.0


@pytest.mark.parametrize("kind", sorted(TESSITURAS))
@pytest.mark.parametrize("vowel", ["a", "i", "u"])
def test_a_voice_sings_its_note_with_vibrato(kind, vowel):
    low, high = TESSITURAS[kind]
    pitch = (low + high) // 2
    sung = render_voice(
        (Syllable(0.2, 1.2, pitch, 0.8, vowel, "s"),),
        draw_voice(SEEDS, kind),
        2 * SAMPLE_RATE,
        np.random.default_rng(5),
    )
    steady = sung[round(0.4 * SAMPLE_RATE) : round(1.0 * SAMPLE_RATE)]
    expected_hz = midi_to_hz(pitch)
    assert abs(1200 * np.log2(fundamental_hz(steady, 0.8 * expected_hz, 1.3 * expected_hz) / expected_hz)) < 60.0
    rest = sung[round(1.6 * SAMPLE_RATE) :]
    assert np.abs(rest).max() < 1e-3 * np.abs(sung).max()


def test_an_s_is_bright_and_comes_before_its_vowel():
    voice = draw_voice(SEEDS, "alto")
    sung = render_voice((Syllable(0.3, 0.6, 60, 0.8, "a", "s"),), voice, SAMPLE_RATE, np.random.default_rng(5))

    def brightness(excerpt: np.ndarray) -> float:
        spectrum = np.abs(np.fft.rfft(excerpt)) ** 2
        return float(spectrum[len(spectrum) // 5 :].sum() / spectrum.sum())

    assert brightness(sung[round(0.21 * SAMPLE_RATE) : round(0.28 * SAMPLE_RATE)]) > 0.8
    assert brightness(sung[round(0.4 * SAMPLE_RATE) : round(0.6 * SAMPLE_RATE)]) < 0.1
