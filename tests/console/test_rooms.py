"""Reverb, decorrelation, multiband compressor and foreign processors: their laws, streams and gradients."""

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from fxnorm.audio import SAMPLE_RATE
from fxnorm.console import Bus, Console, Send, TrackStrip
from fxnorm.console.foreign import ForeignProcessor, adapt
from fxnorm.console.processor import Processor
from fxnorm.console.processors import Compressor, Crossover, Decorrelation, Gain, Multiband, Reverb
from fxnorm.console.render import render
from fxnorm.dsp.biquads import Band, biquad
from fxnorm.dsp.convolution import Convolver, convolve, correlate
from fxnorm.errors import InputError

REVERB = Reverb(-12.0, 1.0, 200.0, 8000.0, decay_s=0.4, pre_delay_ms=20.0, size_ms=20.0, treble=0.5, seed=4)
BUS = Reverb(-6.0, 0.0, 300.0, 5000.0, decay_s=0.9, pre_delay_ms=5.0, size_ms=30.0, treble=0.6, seed=9)
DECORRELATION = Decorrelation(0.5, 200.0, 20.0, seed=3)
BANDS = (
    Compressor(-30.0, 3.0, 5.0, 80.0, makeup_db=2.0),
    Compressor(-25.0, 2.0, 3.0, 60.0, knee_db=3.0, wet=0.7),
    Compressor(-20.0, 6.0, 1.0, 40.0, detector="mean"),
    Compressor(-35.0, 4.0, 0.5, 30.0),
)
MULTIBANDS = tuple(
    Multiband(tuple(Crossover(frequency_hz) for frequency_hz in (150.0, 1200.0, 6000.0)[: count - 1]), BANDS[:count])
    for count in (2, 3, 4)
)
PROCESSORS = (REVERB, BUS, DECORRELATION, *MULTIBANDS)


def noise(samples: int = 30_000, channels: int = 2, level: float = 0.2, seed: int = 1) -> np.ndarray:
    return level * np.random.default_rng(seed).standard_normal((channels, samples))


def with_burst(samples: int = 40_000) -> np.ndarray:
    audio = np.zeros((2, samples))
    audio[:, 9000:12_000] = noise(3000)
    audio[0, 30_000] = 1.0
    return audio


def streamed(processor: Processor, audio: np.ndarray, cuts: list[int]) -> np.ndarray:
    stream = processor.stream(SAMPLE_RATE, len(audio))
    edges = [0, *sorted(cuts), audio.shape[1]]
    blocks = [stream.push(audio[:, low:high]) for low, high in itertools.pairwise(edges)]
    return np.concatenate([*blocks, stream.finish()], axis=1)


@pytest.mark.parametrize("processor", PROCESSORS, ids=repr)
class TestEveryProcessor:
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_any_cut_gives_the_whole_bit_for_bit(self, processor, dtype):
        audio = with_burst().astype(dtype)
        whole = processor.process(audio, SAMPLE_RATE)
        assert whole.dtype == dtype
        assert whole.shape == audio.shape
        rng = np.random.default_rng(2)
        for count in (0, 1, 7, 100):
            cuts = rng.integers(0, audio.shape[1], size=count).tolist()
            assert np.array_equal(streamed(processor, audio, cuts), whole)
        single = list(range(8100, 8300))
        assert np.array_equal(streamed(processor, audio, single), whole)

    def test_its_input_is_left_alone_and_silence_stays_silent(self, processor):
        audio = noise()
        before = audio.copy()
        assert not np.array_equal(processor.process(audio, SAMPLE_RATE), before)
        assert np.array_equal(audio, before)
        assert not processor.process(np.zeros((2, 20_000), np.float32), SAMPLE_RATE).any()

    def test_its_settings_survive_json(self, processor):
        content = json.loads(json.dumps(processor.to_dict()))
        assert Processor.from_dict(content) == processor
        assert processor.with_values(processor.values()) == processor
        assert processor.describe()

    @pytest.mark.parametrize("audio", [noise(3000), with_burst()[:, 8000:14_000]], ids=["noise", "burst"])
    def test_its_gradient_is_that_of_finite_differences(self, processor, audio):
        out, pullback = processor.vjp(audio, SAMPLE_RATE)
        np.testing.assert_allclose(out, processor.process(audio, SAMPLE_RATE), atol=1e-12)
        weights = np.random.default_rng(3).standard_normal(audio.shape)
        gradients = pullback(weights)

        def loss(changed: Processor, x: np.ndarray) -> float:
            return float(np.vdot(weights, changed.process(x, SAMPLE_RATE)))

        direction = np.random.default_rng(4).standard_normal(audio.shape) * (np.abs(audio) > 1e-3)
        step = 1e-7
        slope = (loss(processor, audio + step * direction) - loss(processor, audio - step * direction)) / (2 * step)
        assert slope == pytest.approx(np.vdot(gradients.audio, direction), rel=1e-4, abs=1e-4)
        values = processor.values()
        assert len(gradients.values) == len(values) == len(processor.parameters())
        for index, (name, declared) in enumerate(processor.parameters().items()):
            step = 1e-5 * min(values[index] or 1.0, declared.high - declared.low)
            above, below = values[index] + step, values[index] - step
            above, below = min(above, declared.high), max(below, declared.low)
            changed = [
                processor.with_values([*values[:index], value, *values[index + 1 :]]) for value in (above, below)
            ]
            slope = (loss(changed[0], audio) - loss(changed[1], audio)) / (above - below)
            tolerance = 1e-4 if above - below > 1.5 * step else 1e-2  # one-sided at an end of the range
            assert gradients.values[index] == pytest.approx(slope, rel=tolerance, abs=1e-6), name


@given(st.integers(1, 400), st.integers(0, 300), st.integers(1, 64), st.integers(0, 10_000))
@settings(deadline=None, max_examples=60)
def test_a_convolver_is_a_convolution(taps, samples, partition, seed):
    audio, response = noise(samples, seed=seed), noise(taps, seed=seed + 1)
    convolver = Convolver(response, partition=partition)
    cut = seed % (samples + 1)
    out = [convolver.push(audio[:, :cut]), convolver.push(audio[:, cut:]), convolver.finish()]
    expected = [np.convolve(*pair)[:samples] for pair in zip(audio, response, strict=True)] if samples else audio
    np.testing.assert_allclose(np.concatenate(out, axis=1), expected, atol=1e-12)
    for ready in out[:2]:
        assert ready.shape[1] % partition == 0


def test_convolution_backwards_is_its_adjoint():
    audio, gradient, response = noise(20_000), noise(20_000, seed=2), noise(9000, seed=3)
    forward = np.vdot(gradient, convolve(audio, response))
    assert np.vdot(correlate(gradient, response), audio) == pytest.approx(forward, rel=1e-10)


def test_a_convolver_is_at_rest_in_silence(monkeypatch):
    transforms = []
    rfft = __import__("scipy.fft", fromlist=["rfft"]).rfft
    convolver = Convolver(noise(1000).astype(np.float32), partition=100)
    monkeypatch.setattr("scipy.fft.rfft", lambda *a, **k: transforms.append(1) or rfft(*a, **k))
    convolver.push(noise(1000).astype(np.float32))
    tail = convolver.push(np.full((2, 5000), 1e-31, np.float32))
    assert len(transforms) == 11  # each input is in two frames
    assert tail[:, :1000].any()
    assert not tail[:, 1100:].any()


def test_a_reverb_returns_at_its_level_and_a_bus_keeps_no_dry_signal():
    audio = noise(3 * SAMPLE_RATE)
    room = Reverb(-12.0, 0.0, 20.0, 20_000.0, decay_s=0.6, pre_delay_ms=0.0, size_ms=20.0, treble=0.6, seed=9)
    returned = room.process(audio, SAMPLE_RATE)
    assert 20 * np.log10(returned[:, SAMPLE_RATE:].std() / audio[:, SAMPLE_RATE:].std()) == pytest.approx(
        -12.0, abs=0.7
    )
    insert = Reverb(-12.0, 1.0, 20.0, 20_000.0, decay_s=0.6, pre_delay_ms=0.0, size_ms=20.0, treble=0.6, seed=9)
    np.testing.assert_allclose(insert.process(audio, SAMPLE_RATE) - audio, returned, atol=1e-12)


def test_a_reverb_is_a_filtered_send_through_its_room():
    audio = noise(2 * SAMPLE_RATE)
    sections = [biquad(Band("high_pass", 200.0)), biquad(Band("low_pass", 8000.0))]
    response = REVERB.response(SAMPLE_RATE).astype(np.float64)
    room = signal.oaconvolve(signal.sosfilt(sections, audio), response, axes=1)[:, : audio.shape[1]]
    np.testing.assert_allclose(REVERB.process(audio, SAMPLE_RATE), audio + 10 ** (-12 / 20) * room, atol=1e-9)
    single = audio.astype(np.float32)
    np.testing.assert_allclose(REVERB.process(single, SAMPLE_RATE), audio + 10 ** (-12 / 20) * room, atol=1e-6)


def test_a_room_has_its_decay_time_at_any_rate():
    for sample_rate in (22_050, 48_000):
        impulse = np.zeros((2, 2 * sample_rate))
        impulse[:, 0] = 1.0
        response = BUS.process(impulse, sample_rate)[0]
        energy = np.cumsum(response[::-1] ** 2)[::-1]
        level_db = 10 * np.log10(energy / energy[0] + 1e-12)
        falls = [np.argmax(level_db < level) / sample_rate for level in (-5.0, -25.0)]
        assert 3.0 * (falls[1] - falls[0]) == pytest.approx(0.9, rel=0.2)


def test_what_a_fit_cannot_change_is_no_parameter_but_is_checked():
    assert list(REVERB.parameters()) == ["level_db", "dry", "low_cut_hz", "high_cut_hz"]
    assert REVERB.with_values([-20.0, 1.0, 100.0, 9000.0]).decay_s == REVERB.decay_s
    assert list(DECORRELATION.parameters()) == ["amount", "low_cut_hz"]
    assert "seed" not in DECORRELATION.parameters()
    with pytest.raises(InputError, match=r"reverb: decay_s: expected 0.1 to 10 s, got 60"):
        Processor.from_dict({"processor": "reverb", "decay_s": 60.0})
    for seed in (1.5, 2.0, True, "1"):
        with pytest.raises(InputError, match="seed: expected a"):
            Reverb(seed=seed)


def test_decorrelation_leaves_the_mono_sum_alone_and_widens_a_mono_source():
    audio = noise()
    np.testing.assert_allclose(DECORRELATION.process(audio, SAMPLE_RATE).sum(axis=0), audio.sum(axis=0), atol=1e-12)
    mono = np.repeat(audio[:1], 2, axis=0)
    assert np.corrcoef(DECORRELATION.process(mono, SAMPLE_RATE))[0, 1] < 0.9
    assert DECORRELATION.process(audio[:1], SAMPLE_RATE).shape == audio.shape
    assert np.array_equal(Decorrelation(0.0).process(audio, SAMPLE_RATE), audio)


def test_decorrelation_scatters_over_its_window_at_any_rate():
    for sample_rate, window_ms in itertools.product((22_050, 48_000), (20.0, 40.0)):
        impulse = np.zeros((2, sample_rate))
        impulse[:, 0] = 1.0
        side = Decorrelation(0.5, 200.0, window_ms, seed=1).process(impulse, sample_rate)[0] - impulse[0]
        energy = np.cumsum(side**2) / np.sum(side**2)
        assert 1000.0 / sample_rate * np.argmax(energy > 0.98) == pytest.approx(window_ms, rel=0.3)


def test_sends_to_a_reverb_bus_come_back_at_their_time_and_level():
    click = np.zeros((1, 10_000), np.float32)
    click[0, 100] = 1.0
    room = replace(BUS, level_db=0.0, pre_delay_ms=50.0)
    console = Console(
        tracks=(TrackStrip("click", sends=(Send("room", -6.0),)), TrackStrip("quiet", sends=(Send("room"),))),
        buses=(Bus("room", (room,)),),
    )
    tracks = {"click": click, "quiet": np.zeros_like(click)}
    whole = render(console, tracks, SAMPLE_RATE, tail_s=1.0)
    returned = 10 ** (-6 / 20) * room.process(np.pad(click, ((0, 0), (0, SAMPLE_RATE))), SAMPLE_RATE)
    np.testing.assert_allclose(whole.buses["room"], returned, atol=1e-7)
    assert np.argmax(np.abs(whole.mix[0])) == 100
    assert np.argmax(np.abs(whole.buses["room"][0]) > 1e-4) > 100 + 0.05 * SAMPLE_RATE
    np.testing.assert_allclose(whole.mix, whole.tracks["click"] + whole.buses["room"], atol=1e-7)


@pytest.mark.parametrize("processor", MULTIBANDS, ids=lambda processor: len(processor.bands))
@pytest.mark.parametrize("sample_rate", [SAMPLE_RATE, 96_000])
def test_bands_add_up_flat(processor, sample_rate):
    frequency_hz = np.geomspace(10.0, 0.499 * sample_rate, 2000)
    responses = [
        signal.sosfreqz([biquad(band, sample_rate) for band in processor.filters(index)], frequency_hz, fs=sample_rate)
        for index in range(len(processor.bands))
    ]
    total_db = 20 * np.log10(np.abs(sum(response for _, response in responses)))
    assert np.abs(total_db).max() < 0.05
    for index, crossover in enumerate(processor.crossovers):
        beside = np.abs(frequency_hz - crossover.frequency_hz).argmin()
        for band in (index, index + 1):  # -6 dB where two bands meet
            assert 20 * np.log10(np.abs(responses[band][1][beside])) == pytest.approx(-6.0, abs=0.3)


def test_a_neutral_multiband_compressor_returns_its_input_and_its_gradient_can_leave():
    neutral, audio = Multiband(), noise()
    assert neutral.is_neutral
    assert np.array_equal(neutral.process(audio, SAMPLE_RATE), audio)
    low = Multiband((Crossover(200.0),), (Compressor(-40.0, 1.0), Compressor(-40.0, 1.0)))
    out, pullback = low.vjp(audio, SAMPLE_RATE)
    power_db = 20 * np.log10(out.std() / audio.std())
    assert power_db == pytest.approx(0.0, abs=0.05)
    gradients = dict(zip(low.parameters(), pullback(out).values, strict=True))
    assert gradients["bands.0.ratio"] < 0.0


def test_a_band_is_compressed_and_the_others_are_left():
    seconds = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    tones = np.stack([0.3 * (np.sin(2 * np.pi * 60 * seconds) + np.sin(2 * np.pi * 5000 * seconds))] * 2)
    lows = Multiband((Crossover(500.0),), (Compressor(-30.0, 8.0, 5.0, 100.0), Compressor()))
    spectra = [np.abs(np.fft.rfft(audio[0, SAMPLE_RATE // 2 :])) for audio in (tones, lows.process(tones, SAMPLE_RATE))]
    changes_db = [20 * np.log10(spectra[1][hz // 2] / spectra[0][hz // 2]) for hz in (60, 5000)]
    assert changes_db[0] < -10.0
    assert changes_db[1] == pytest.approx(0.0, abs=0.1)


def test_the_order_of_crossovers_does_not_matter():
    audio, gradient = noise(5000), noise(5000, seed=2)
    ascending = MULTIBANDS[2]
    mixed = replace(ascending, crossovers=tuple(ascending.crossovers[index] for index in (2, 0, 1)))
    assert mixed.describe() == ascending.describe()
    assert np.array_equal(mixed.process(audio, SAMPLE_RATE), ascending.process(audio, SAMPLE_RATE))
    values = [processor.vjp(audio, SAMPLE_RATE)[1](gradient).values for processor in (ascending, mixed)]
    assert np.array_equal(values[1], values[0][[2, 0, 1, *range(3, len(values[0]))]])


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("processor", [REVERB, DECORRELATION, MULTIBANDS[1]], ids=lambda processor: processor.KIND)
def test_gradients_at_random_settings(processor, seed):
    rng = np.random.default_rng(seed)
    positions = rng.uniform(0.1, 0.9, len(processor.values()))
    declared = processor.parameters().values()
    processor = processor.with_values(
        item.denormalize(position) for item, position in zip(declared, positions, strict=True)
    )
    audio = noise(4000, level=(0.001, 0.3, 1.0)[seed % 3], seed=seed)
    weights = rng.standard_normal(audio.shape)
    gradients = processor.vjp(audio, SAMPLE_RATE)[1](weights)
    # along a random direction of all parameters at once
    direction = rng.standard_normal(positions.size) * 1e-6
    losses = [
        float(
            np.vdot(
                weights,
                processor.with_values(
                    value * (1.0 + sign * step) for value, step in zip(processor.values(), direction, strict=True)
                ).process(audio, SAMPLE_RATE),
            )
        )
        for sign in (1.0, -1.0)
    ]
    expected = np.vdot(gradients.values, np.array(processor.values()) * direction)
    assert 0.5 * (losses[0] - losses[1]) == pytest.approx(expected, rel=1e-4, abs=1e-10)


def test_bands_are_written_without_the_name_of_their_processor():
    content = {"processor": "multiband", "crossovers": [{"frequency_hz": 300.0}], "bands": [{"ratio": 2.0}, {}]}
    assert Processor.from_dict(content) == Multiband((Crossover(300.0),), (Compressor(ratio=2.0), Compressor()))
    content["bands"] = [{"processor": "gain"}, {}]
    with pytest.raises(InputError, match=r"multiband: bands\[0\]: expected the processor compressor, got gain"):
        Processor.from_dict(content)


@pytest.mark.parametrize(
    ("crossovers", "bands", "message"),
    [
        ((500.0,), 3, "got 3 bands and 1 crossovers"),
        ((), 1, "2 to 4 bands"),
        ((10.0,), 2, "frequency_hz: expected 40"),
    ],
)
def test_impossible_bands_are_refused(crossovers, bands, message):
    with pytest.raises(InputError, match=message):
        Multiband(tuple(Crossover(frequency_hz) for frequency_hz in crossovers), (Compressor(),) * bands)
    with pytest.raises(InputError, match="without a side-chain"):
        Multiband((Crossover(),), (Compressor(key="kick"), Compressor()))


class Parameters:
    def serialize(self):
        return {"depth": np.float64(0.5), "on": np.True_}


class Phaser:
    """A foreign processor with parameters that keeps its input and negates it in place."""

    parameters = Parameters()

    def process(self, x):
        self.x = x.copy()
        x *= -1.0
        return x


class Shortener:
    def process(self, x):
        return x[1:]


@pytest.mark.parametrize("samples", [1, 100, 20_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_foreign_processor_works_on_a_copy_of_samples_by_channels(samples, channels):
    audio, phaser = noise(samples, channels), Phaser()
    before = audio.copy()
    processed = adapt(phaser).process(audio, SAMPLE_RATE)
    assert np.array_equal(phaser.x, before.T)
    assert np.array_equal(processed, -before)
    assert np.array_equal(audio, before)
    assert np.array_equal(streamed(adapt(phaser), audio, [0, samples // 3]), processed)
    assert adapt(phaser).process(audio.astype(np.float32), SAMPLE_RATE).dtype == np.float32


def test_a_foreign_processor_is_described_and_not_read_back():
    content = json.loads(json.dumps(ForeignProcessor(Phaser()).to_dict()))
    assert content["processor"].endswith(".Phaser")
    assert (content["depth"], content["on"]) == (0.5, True)
    assert ForeignProcessor(Phaser()).describe() == "depth 0.5, on True"
    with pytest.raises(InputError, match="expected a processor among"):
        Processor.from_dict(content)
    with pytest.raises(InputError, match=r"gradient, got .*Phaser"):
        ForeignProcessor(Phaser()).vjp(noise(10), SAMPLE_RATE)


def test_only_foreign_processors_are_adapted_and_wrong_ones_refused():
    assert adapt(Gain(3.0)) == Gain(3.0)
    with pytest.raises(InputError, match="process"):
        adapt(3)
    with pytest.raises(InputError, match=r"expected an array of shape \(100, 2\) from .*Shortener, got \(99, 2\)"):
        adapt(Shortener()).process(noise(100), SAMPLE_RATE)
