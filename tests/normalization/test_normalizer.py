"""The chain on a single stem."""

import json

import numpy as np
import pytest

from fxnorm.audio import SAMPLE_RATE, peak, resample
from fxnorm.corpus.stems import STEMS
from fxnorm.dsp import loudness
from fxnorm.errors import AudioError, FxnormError, InputError
from fxnorm.evaluation.stem_gap import features
from fxnorm.normalization.chain import Chain
from fxnorm.normalization.distances import distance
from fxnorm.normalization.effect import AppliedEffect
from fxnorm.normalization.effects import MATCHED_EFFECTS
from fxnorm.normalization.loudness import Gain
from fxnorm.normalization.normalizer import PADDING, Normalizer, pad, replay, unpad
from fxnorm.normalization.reverb import ImpulseResponse, ReverbSettings
from fxnorm.normalization.settings import ChainSettings
from fxnorm.normalization.statistics import FxStats
from fxnorm.synth import impulse_response, make_song
from tests.matching import match
from tests.signals import noise, plucks, sine

MUSDB = FxStats.shipped()
PRESETS = ("default", "published")


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("stem", STEMS)
def test_a_stem_comes_out_as_long_finite_and_at_the_average_loudness(preset, stem):
    audio = plucks(5.0, seed=4)
    out, steps = Normalizer(MUSDB, ChainSettings.preset(preset))(audio, SAMPLE_RATE, stem)
    assert out.shape == audio.shape
    assert out.dtype == np.float32
    assert out.flags.c_contiguous
    assert np.isfinite(out).all()
    assert peak(out) <= 1.0
    assert [step.effect for step in steps] == list(MATCHED_EFFECTS)
    assert loudness.measure(pad(out), SAMPLE_RATE) == pytest.approx(MUSDB.target("loudness", stem).value, abs=0.05)
    json.dumps([step.to_dict() for step in steps])


def test_the_input_is_left_as_it_is():
    audio = plucks(2.0)
    before = audio.copy()
    Normalizer(MUSDB)(audio, SAMPLE_RATE, "other")
    np.testing.assert_array_equal(audio, before)


@pytest.mark.parametrize("preset", PRESETS)
def test_the_same_input_gives_the_same_output(preset):
    chain = Normalizer(MUSDB, ChainSettings.preset(preset))
    np.testing.assert_array_equal(
        chain(plucks(2.0), SAMPLE_RATE, "drums")[0], chain(plucks(2.0), SAMPLE_RATE, "drums")[0]
    )


@pytest.mark.parametrize("preset", PRESETS)
def test_level_is_forgotten(preset):
    chain = Normalizer(MUSDB, ChainSettings.preset(preset))
    loud, quiet = (chain(gain * plucks(3.0), SAMPLE_RATE, "other")[0] for gain in (1.0, 0.125))
    np.testing.assert_allclose(loud, quiet, atol=1e-5)


def test_nothing_is_moved_in_time():
    audio = plucks(4.0, seed=2)
    out, _ = Normalizer(MUSDB)(audio, SAMPLE_RATE, "other")
    mid, mid_out = audio.sum(axis=0), out.sum(axis=0)
    spectrum = np.fft.rfft(mid, 2 * mid.size) * np.conj(np.fft.rfft(mid_out, 2 * mid.size))
    assert abs(int(np.argmax(np.fft.irfft(spectrum)))) <= 1


@pytest.mark.parametrize("rate", [8_000, 22_050, 48_000, 96_000])
def test_other_rates_come_back_as_they_went(rate):
    audio = noise(1.0, rate=rate)[:, :-7]
    out, _ = Normalizer(MUSDB)(audio, rate, "other")
    assert out.shape == audio.shape
    assert np.isfinite(out).all()
    assert peak(out) <= 1.0


def test_mono_becomes_stereo():
    mono = plucks(2.0, channels=1)
    out, _ = Normalizer(MUSDB)(mono, SAMPLE_RATE, "vocals")
    assert out.shape == (2, mono.shape[1])
    np.testing.assert_allclose(out[0], out[1], atol=1e-6)
    np.testing.assert_array_equal(out, Normalizer(MUSDB)(mono[0], SAMPLE_RATE, "vocals")[0])


@pytest.mark.parametrize("level", [0.0, 1e-4, 10.0 ** (-50.0 / 20.0)])
def test_silence_passes_sample_for_sample(level):
    audio = np.full((2, 3000), level, np.float32)
    out, steps = Normalizer(MUSDB)(audio, SAMPLE_RATE, "bass")
    np.testing.assert_array_equal(out, audio)
    assert {step.skipped for step in steps} == {"silent"}


@pytest.mark.parametrize("preset", PRESETS)
def test_no_strength_returns_the_input_bit_for_bit(preset):
    audio = plucks(2.0)
    nothing = ChainSettings.preset(preset, strength=dict.fromkeys(MATCHED_EFFECTS, 0.0))
    for rate in (SAMPLE_RATE, 48_000):
        np.testing.assert_array_equal(Normalizer(MUSDB, nothing)(audio, rate, "other")[0], audio)


def test_half_the_strength_is_half_the_way_in_loudness():
    audio = noise(4.0)
    half = ChainSettings.preset(effects=("loudness",), strength={"loudness": 0.5})
    out, _ = Normalizer(MUSDB, half)(audio, SAMPLE_RATE, "vocals")
    wanted = (loudness.measure(pad(audio), SAMPLE_RATE) + MUSDB.target("loudness", "vocals").value) / 2.0
    assert loudness.measure(pad(out), SAMPLE_RATE) == pytest.approx(wanted, abs=0.01)


def test_effects_keep_their_order_however_they_are_named():
    settings_ = ChainSettings.preset(effects=("loudness", "eq"))
    assert settings_.effects == ("eq", "loudness")
    _, steps = Normalizer(MUSDB, settings_)(plucks(2.0), SAMPLE_RATE, "drums")
    assert [step.effect for step in steps] == ["eq", "loudness"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"effects": ("eq", "chorus")}, "unknown effect 'chorus': expected some of eq, compression"),
        ({"strength": {"eq": 1.5}}, "strength of eq: expected 0 to 1, got 1.5"),
        ({"strength": {"flanger": 1.0}}, "unknown effect 'flanger'"),
        ({"colour": "red"}, "colour: Extra inputs"),
    ],
)
def test_wrong_settings_are_one_line(changes, message):
    with pytest.raises(InputError, match=message) as caught:
        ChainSettings.preset(**changes)
    assert "\n" not in str(caught.value)


def test_an_unknown_preset_stem_or_rate_is_named():
    with pytest.raises(InputError, match="unknown preset 'best'"):
        ChainSettings.preset("best")
    with pytest.raises(InputError, match="unknown stem 'guitars'"):
        Normalizer(MUSDB)(noise(1.0), SAMPLE_RATE, "guitars")
    with pytest.raises(InputError, match="above 0 Hz, got 0"):
        Normalizer(MUSDB)(noise(1.0), 0, "bass")


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((3, 100)), "expected 1 or 2 channels, got 3"),
        (np.zeros((2, 0)), "has no samples"),
        (np.full((2, 10), np.nan), "20 NaN or infinite"),
        (np.array([[0.0, np.inf]]), "1 NaN or infinite"),
    ],
)
def test_unusable_audio_is_refused(array, message):
    with pytest.raises(AudioError, match=message):
        Normalizer(MUSDB)(array, SAMPLE_RATE, "bass")


def test_reverb_needs_responses_and_draws_by_the_generator():
    settings_ = ChainSettings.preset(reverb=ReverbSettings())
    with pytest.raises(InputError, match="expected impulse responses, got none"):
        Normalizer(MUSDB, settings_)
    responses = [ImpulseResponse.from_audio(impulse_response(np.random.default_rng(0), SAMPLE_RATE, decay_s=0.5))]
    chain = Normalizer(MUSDB, settings_, responses=responses)
    first, repeated, third = (
        chain(plucks(2.0), SAMPLE_RATE, "vocals", rng=np.random.default_rng(s)) for s in (1, 1, 2)
    )
    np.testing.assert_array_equal(first[0], repeated[0])
    assert first[1][0].effect == "reverb"
    assert first[1][0] != third[1][0]


def test_averages_that_are_missing_are_said_so():
    only_bass = {effect: {"bass": MUSDB.target(effect, "bass")} for effect in MATCHED_EFFECTS}
    stats = FxStats("t", "s", "progressive", only_bass)
    audio = plucks(2.0)
    out, steps = Normalizer(stats)(audio, SAMPLE_RATE, "drums")
    np.testing.assert_array_equal(out, audio)
    assert {step.skipped for step in steps} == {"the statistics have no average for drums"}


def test_padding_is_put_on_and_taken_off():
    audio = noise(0.1)
    assert pad(audio).shape[1] == audio.shape[1] + 2 * PADDING
    np.testing.assert_array_equal(unpad(pad(audio)), audio)


def test_a_second_pass_changes_little():
    chain = Normalizer(MUSDB)
    for stem, audio in make_song(5, 1, seconds=8.0).wet.items():
        once, _ = chain(audio, SAMPLE_RATE, stem)
        twice, _ = chain(once, SAMPLE_RATE, stem)
        apart = distance(features(once, stem), features(twice, stem))
        assert apart["eq"] < 2.0
        assert apart["peak"] < 2.0 * MUSDB.target("compression", stem).std_db
        assert apart["panning"] < 0.14
        assert apart["loudness"] < 0.04


def test_a_hum_is_not_torn_apart():
    out, _ = Normalizer(MUSDB)(sine(60.0, 3.0, peak_db=-20.0), SAMPLE_RATE, "bass")
    spectrum = np.abs(np.fft.rfft(out[0] * np.hanning(out.shape[1])))
    assert np.argmax(spectrum) == 180  # 60 Hz in bins of a third of a hertz


def test_a_chain_comes_back_from_its_file(tmp_path):
    chain = Chain(FxStats.shipped("synthetic"), ChainSettings.preset("published", strength={"eq": 0.5}))
    chain.save(tmp_path / "chain.json")
    back = Chain.load(tmp_path / "chain.json")
    assert back.to_dict() == chain.to_dict()
    assert back.signature == chain.signature
    assert chain.signature != Chain(chain.stats, ChainSettings.preset("published")).signature
    stem = noise(1.0)
    np.testing.assert_array_equal(
        Normalizer(back.stats, back.settings)(stem, 44_100, "bass")[0],
        Normalizer(chain.stats, chain.settings)(stem, 44_100, "bass")[0],
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "fxnorm-stats"}, "expected a chain"),
        ({"version": 9}, "expected a chain of version 2, got 9"),
        ({"settings": {"effects": ["eq"]}}, "its settings are damaged"),
        ({"settings": None}, "its settings are damaged"),
        ({"stats": {}}, "its statistics: expected a statistics file"),
    ],
)
def test_a_chain_that_is_damaged_is_refused(change, message):
    content = Chain(FxStats.shipped("musdb18"), ChainSettings.preset()).to_dict()
    with pytest.raises(FxnormError, match=message) as caught:
        Chain.from_dict(content | change)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("effect", MATCHED_EFFECTS)
def test_working_in_place_changes_nothing_but_the_memory(preset, effect):
    chain = ChainSettings.preset(preset)
    audio = pad(plucks(15.0, seed=2))  # longer than a block of the convolution
    options = {"stem": "other", "settings": chain.matching[effect]}
    target = MUSDB.target(effect, "other")
    working_copy = audio.copy()
    apart, step = match(effect, working_copy, SAMPLE_RATE, target, **options)
    np.testing.assert_array_equal(working_copy, audio)
    in_place, same_step = match(effect, working_copy, SAMPLE_RATE, target, overwrite=True, **options)
    np.testing.assert_array_equal(in_place, apart)
    assert step == same_step


@pytest.mark.parametrize("preset", PRESETS)
def test_stored_analyses_and_decisions_change_nothing(preset):
    chain = Normalizer(MUSDB, ChainSettings.preset(preset))
    audio = pad(plucks(6.0, seed=5))
    expected, steps = chain.run(audio.copy(), "drums")
    decisions, analyses = {}, {}
    for name, effect in MATCHED_EFFECTS.items():  # as corpus passes do: match an effect, then measure the next
        prepared, applied = chain.run(audio.copy(), "drums", stop_before=name, decisions=decisions, analyses=analyses)
        decisions = {step.effect: step for step in applied}
        feature, analysis = effect.measure_and_analyze(prepared, SAMPLE_RATE, settings=chain.settings.matching[name])
        analyses[name] = analysis.to_arrays()
        alone = effect.measure(prepared, SAMPLE_RATE)
        if name == "panning":  # in double precision by itself
            np.testing.assert_allclose(feature.values, alone.values, rtol=0.0, atol=1e-4)
        else:
            assert feature == alone
    stored, same_steps = chain.run(audio.copy(), "drums", decisions=decisions, analyses=analyses)
    assert [step.to_dict() for step in same_steps] == [step.to_dict() for step in steps]
    np.testing.assert_array_equal(stored, expected)


def test_a_processor_prints_on_one_line():
    _, applied = Normalizer(FxStats.shipped())(plucks(2.0, seed=0), 44_100, "other")
    lines = [str(step.processor) for step in applied if step.processor is not None]
    assert len(lines) == 4
    assert all("\n" not in line and len(line) < 200 for line in lines)
    assert lines[0].startswith("EQ: gain ")
    assert "dB" in lines[-1]


def test_resampling_leaves_no_sample_over_full_scale():
    """A quarter of 44.1 kHz, sampled there beside its peaks: its samples at 48 kHz are larger by up to 3 dB."""
    time_s = np.arange(24_000) / 48_000
    tone = np.hanning(time_s.size) * np.sin(2.0 * np.pi * SAMPLE_RATE / 4.0 * time_s + np.pi / 4.0)
    audio = np.stack([tone, -tone]).astype(np.float32)
    gain = 0.999 / peak(resample(audio, 48_000, SAMPLE_RATE))
    assert gain * peak(audio) > 1.3
    out = replay([AppliedEffect("loudness", Gain(gain=gain))], audio, 48_000)
    assert 0.999 < peak(out) <= 1.0
