"""Pieces joined equal the whole bit for bit; neutral settings change nothing; silence costs nothing."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fxnorm.console.processor import Processor, Samples, spread
from fxnorm.console.processors import Compressor, Eq, EqBand
from tests.console.drawing import KINDS, NEVER_NEUTRAL, RATES, draw, fit, neutrals, signals, subnormal

SAMPLES = 20_000  # more than two blocks of `process`


def join(
    processor: Processor, audio: Samples, sample_rate: int, cuts: list[int], key: Samples | None = None
) -> Samples:
    """Process pieces between cuts."""
    stream = processor.stream(sample_rate, len(audio))
    edges = [0, *sorted(cuts), audio.shape[1]]
    parts = []
    for low, high in itertools.pairwise(edges):
        parts.append(stream.push(audio[:, low:high], None if key is None else key[:, low:high]))
        assert len(parts[-1]) == len(audio)
    ending = stream.finish()
    assert sum(part.shape[1] for part in parts) + ending.shape[1] == audio.shape[1]
    return np.concatenate([*parts, ending.astype(audio.dtype)], axis=1)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    sample_rate=st.sampled_from(RATES),
    channels=st.sampled_from([1, 2]),
    dtype=st.sampled_from([np.float32, np.float32, np.float64]),
    cuts=st.lists(st.integers(0, SAMPLES), max_size=8),
    name=st.sampled_from(["noise", "click", "square", "tail", "silence"]),
)
def test_pieces_equal_the_whole(kind: str, seed, sample_rate, channels, dtype, cuts, name) -> None:
    processor = draw(kind, seed)
    audio = fit(processor, signals(SAMPLES, seed)[name][:channels].astype(dtype))
    audio[:, 12_000:15_000] = 0.0
    whole = processor.process(audio, sample_rate)
    assert whole.shape == audio.shape
    assert whole.dtype == dtype
    assert np.isfinite(whole).all()
    np.testing.assert_array_equal(join(processor, audio, sample_rate, cuts), whole)


@pytest.mark.parametrize("kind", KINDS)
def test_single_samples_equal_the_whole(kind: str) -> None:
    processor = draw(kind, 3)
    audio = fit(processor, signals(300)["noise"].astype(np.float32))
    whole = processor.process(audio, 44_100)
    np.testing.assert_array_equal(join(processor, audio, 44_100, list(range(300))), whole)


def test_pieces_of_a_key_equal_the_whole() -> None:
    processor = Compressor(-40.0, 8.0, 1.0, 50.0)
    audio, key = (signals(SAMPLES, seed)["noise"].astype(np.float32) for seed in (0, 1))
    whole = processor.process(audio, 44_100, key=key)
    np.testing.assert_array_equal(join(processor, audio, 44_100, [1, 100, 9_000], key), whole)
    assert not np.array_equal(whole, processor.process(audio, 44_100))


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_in_nothing_out(kind: str) -> None:
    processor = draw(kind, 4)
    for channels in (1, 2):
        empty = fit(processor, np.zeros((channels, 0), np.float32))
        assert processor.process(empty, 44_100).shape == empty.shape


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", KINDS)
def test_neutral_settings_change_nothing(kind: str, dtype: type) -> None:
    if kind in NEVER_NEUTRAL:
        pytest.skip(NEVER_NEUTRAL[kind])
    assert neutrals(kind)
    for processor in neutrals(kind):
        for audio in signals(SAMPLES).values():
            for channels in (1, 2):
                given_audio = audio[:channels].astype(dtype)
                expected = spread(given_audio) if processor.NEEDS_STEREO else given_audio
                np.testing.assert_array_equal(processor.process(given_audio, 44_100), expected)


def test_flat_bands_change_nothing() -> None:
    audio = signals(SAMPLES)["noise"].astype(np.float32)
    flat = Eq((EqBand("peak", 100.0, 0.0, 5.0), EqBand("low_shelf"), EqBand("high_shelf")))
    assert flat.is_neutral
    np.testing.assert_array_equal(flat.process(audio, 44_100), audio)


@pytest.mark.parametrize("kind", KINDS)
def test_mono_equals_one_channel_of_two_alike(kind: str) -> None:
    for seed in range(3):
        processor = draw(kind, seed)
        if processor.NEEDS_STEREO:
            pytest.skip("has no mono")
        mono = signals(SAMPLES, seed)["noise"][:1].astype(np.float32)
        alone = processor.process(mono, 44_100)
        both = processor.process(np.repeat(mono, 2, axis=0), 44_100)
        np.testing.assert_array_equal(both, np.repeat(alone, 2, axis=0))


@pytest.mark.parametrize("kind", KINDS)
def test_states_come_to_rest(kind: str) -> None:
    sample_rate = 22_050
    for seed in range(3):
        processor = draw(kind, seed)
        audio = signals(SAMPLES, seed)["noise"].astype(np.float32)
        fading = audio * np.exp(-np.arange(SAMPLES) / 1_000.0).astype(np.float32)  # to 1e-10
        for start in (audio, fading):
            stream = processor.stream(sample_rate, 2)
            stream.push(start)
            for _ in range(12):
                out = stream.push(np.zeros((2, 30_000), np.float32))
                assert subnormal(stream) == 0
                assert subnormal(out) == 0
            assert not out.any()
            assert not stream.finish().any()


def test_what_looks_for_subnormal_numbers_finds_them() -> None:
    stream = Eq((EqBand("peak", 100.0, 3.0),)).stream(44_100, 2)
    stream.push(signals(1_000)["noise"])
    assert subnormal(stream) == 0
    stream._states[0, 0, 0] = 1e-320  # type: ignore[attr-defined]
    assert subnormal(stream) == 1
