"""Reverb: draws and processing."""

import numpy as np
import pytest

from fxnorm.audio import SAMPLE_RATE
from fxnorm.normalization import reverb
from fxnorm.normalization.reverb import ImpulseResponse, ReverbSend, ReverbSettings
from fxnorm.synth import impulse_response
from tests.signals import noise

RESPONSES = [
    ImpulseResponse.from_audio(impulse_response(np.random.default_rng(seed), SAMPLE_RATE, decay_s=0.3))
    for seed in range(3)
]


def add_reverb(audio, stem, seed, **settings):
    """Draw a reverb and add it."""
    rng = np.random.default_rng(seed)
    step = reverb.draw_reverb(RESPONSES, stem=stem, rng=rng, settings=ReverbSettings(**settings))
    return step.process(audio, SAMPLE_RATE), step


def add_room(audio, responses, stem):
    """Draw a room and mix it."""
    step = reverb.draw_room(responses, stem=stem, rng=np.random.default_rng(0))
    return step.process(audio, SAMPLE_RATE), step


def test_the_same_generator_adds_the_same_reverb():
    audio = noise(0.5)
    first, repeated, third = (add_reverb(audio, "vocals", seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first[0], repeated[0])
    assert first[1] == repeated[1]
    assert first[1].processor != third[1].processor


def test_only_vocals_and_other_get_one():
    audio = noise(0.5)
    for stem in ("bass", "drums"):
        out, step = add_reverb(audio, stem, 0)
        assert out is audio
        assert "vocals and other" in step.skipped


def test_the_draws_lie_in_their_ranges():
    for seed in range(20):
        _, step = add_reverb(noise(0.05), "other", seed)
        assert 500.0 <= step.processor.low_shelf_hz <= 700.0
        assert 7000.0 <= step.processor.high_shelf_hz <= 10_000.0
        assert step.processor.response in RESPONSES


def test_an_impulse_as_response_leaves_the_shelved_stem_in_time():
    response = np.zeros((2, 400), np.float32)
    response[:, 220] = 1.0
    audio = noise(0.5)
    processor = ReverbSend(response=ImpulseResponse.from_audio(response), low_shelf_hz=600.0, high_shelf_hz=8000.0)
    sent = processor.send(audio, SAMPLE_RATE)
    assert sent.shape == audio.shape
    spectrum = np.abs(np.fft.rfft(sent[0])) / np.abs(np.fft.rfft(audio[0]))
    frequencies = np.fft.rfftfreq(audio.shape[1], 1.0 / SAMPLE_RATE)
    middle = np.median(spectrum[(frequencies > 2000.0) & (frequencies < 2500.0)])
    low = np.median(spectrum[(frequencies > 20.0) & (frequencies < 60.0)])
    assert 20.0 * np.log10(low / middle) == pytest.approx(-28.0, abs=3.0)
    lag = np.argmax(np.correlate(sent[0], audio[0], "full")) - audio.shape[1] + 1
    assert abs(lag) < 10


def test_strength_scales_what_is_added():
    audio = noise(0.3)
    half, whole = (add_reverb(audio, "vocals", 0, strength=s)[0] - audio for s in (0.5, 1.0))
    np.testing.assert_allclose(2.0 * half, whole, atol=1e-5)


def test_silence_stays_silent():
    silence = np.zeros((2, 5000), np.float32)
    out, _ = add_reverb(silence, "vocals", 0)
    assert not out.any()


def test_a_room_is_half_of_what_comes_out_and_only_where_it_belongs():
    audio = noise(0.5)
    impulse = np.zeros((2, 300), np.float32)
    impulse[:, 100] = 1.0
    out, step = add_room(audio, [ImpulseResponse.from_audio(impulse)], "vocals")
    np.testing.assert_allclose(out, audio, atol=1e-5)  # a room that is an impulse leaves the stem unchanged
    assert step.processor.response.audio is impulse
    assert step.processor.share == 0.5
    wet, _ = add_room(audio, RESPONSES, "other")
    assert np.abs(wet - audio).max() > 0.01
    same, step = add_room(audio, RESPONSES, "drums")
    assert same is audio
    assert step.skipped


@pytest.mark.parametrize("stem", ["vocals", "other"])
def test_both_ends_of_the_spectrum_come_back_30_db_lower(stem):
    """A low shelf has its whole gain at 0 Hz, a high shelf at half the sample rate."""
    impulse = np.zeros((2, SAMPLE_RATE), np.float32)
    impulse[:, 0] = 1.0
    echo = ImpulseResponse.from_audio(np.ones((2, 1), np.float32))
    step = reverb.draw_reverb([echo], stem=stem, rng=np.random.default_rng(0))
    sent = step.processor.send(impulse, SAMPLE_RATE).astype(np.float64)
    at_zero, at_nyquist = sent.sum(axis=1), (sent * (-1.0) ** np.arange(SAMPLE_RATE)).sum(axis=1)
    np.testing.assert_allclose(20.0 * np.log10(np.abs([at_zero, at_nyquist])), -30.0, atol=0.01)
