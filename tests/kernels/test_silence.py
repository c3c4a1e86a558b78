"""Feedback loops and buffers come to rest in silence: no subnormal numbers, which processors are slow at."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from scipy import signal

from fxnorm.audio import SAMPLE_RATE, Audio
from fxnorm.dsp import loudness as loudness_meter
from fxnorm.dsp import stft
from fxnorm.dsp.biquads import Band, biquad
from fxnorm.kernels import ballistics, dynamics, limiter, loudness, silence
from fxnorm.normalization import grid, reverb
from fxnorm.normalization.normalizer import PADDING, pad
from tests.signals import plucks

MUSIC = plucks(1.0)
# Below 1e-45 at its end.
TAIL = (MUSIC[:, 8_000:8_001] * 10.0 ** (-np.arange(2 * SAMPLE_RATE) / 2_000)).astype(np.float32)
ENDINGS = {
    "silence": np.hstack([MUSIC, np.zeros((2, SAMPLE_RATE), np.float32)]),
    "decay": np.hstack([MUSIC, TAIL]),
    "decay and silence": np.hstack([MUSIC, TAIL[:, :45_000], np.zeros((2, SAMPLE_RATE), np.float32)]),
}
# By these two coefficients a reduction falls to subnormal numbers in 0.7 s and stays there.
ATTACK, RELEASE = float(np.exp(-1.0)), float(np.exp(-1.0 / 44.1))


def subnormal(values: npt.ArrayLike) -> int:
    """Number of values that are neither zero nor of full precision."""
    array = np.asarray(values)
    return int(np.count_nonzero((array != 0.0) & (np.abs(array) < np.finfo(array.dtype).tiny)))


def level_db(audio: Audio) -> npt.NDArray[np.float32]:
    return (20.0 * np.log10(np.maximum(np.abs(audio).max(axis=0), 1e-6))).astype(np.float32)


def weighted_energy(audio: Audio) -> list[npt.NDArray[np.float64]]:
    shelf, high_pass = loudness_meter._weighting(SAMPLE_RATE)
    edges = np.array([0, audio.shape[1] // 2, audio.shape[1]])
    energy = np.zeros(2)
    three = np.concatenate([audio, audio[:1]])
    return [loudness.weighted_energy(three, shelf, high_pass, edges, energy), energy]


def reduce_gain(audio: Audio) -> list[npt.NDArray[np.float64]]:
    out = np.zeros(audio.shape[1], np.float32)
    return [np.array([dynamics.reduce_gain(level_db(audio), -60.0, 0.75, ATTACK, RELEASE, out)]), out]


def reduced_peaks(audio: Audio) -> list[npt.NDArray[np.float64]]:
    level, peaks = level_db(audio), np.zeros((1, 2, 2))
    edges = np.array([0, SAMPLE_RATE, level.size])
    thresholds = np.array([-40.0, -60.0])
    return [
        dynamics.reduced_peaks(level, level[np.newaxis], thresholds, 0.75, ATTACK, RELEASE, edges, peaks),
        peaks,
    ]


def smooth(audio: Audio) -> list[npt.NDArray[np.float64]]:
    excess = np.maximum(level_db(audio) + 60.0, 0.0).astype(np.float64)
    out = np.zeros(audio.shape[1])
    state = ballistics.smooth(excess[:1000], ATTACK, RELEASE, 0.0, 0, out[:1000])
    return [np.array([ballistics.smooth(excess[1000:], ATTACK, RELEASE, state, 1000, out[1000:])]), out]


def onset_strength(audio: Audio) -> list[npt.NDArray[np.float64]]:
    novelty = np.abs(audio[0].reshape(-1, 100)).sum(axis=1, dtype=np.float64)
    out = np.zeros_like(novelty)
    dynamics.onset_strength(novelty, out)
    return [out]


def smooth_held(audio: Audio) -> list[npt.NDArray[np.float64]]:
    needed = np.clip(np.abs(audio[0]) - 0.05, 0.0, 0.5)
    held = np.floor(needed * 2**24).astype(np.float32) / np.float32(2**24)
    out = np.zeros(held.size - 100)
    return [np.array([limiter.smooth_held(held, 51, 51, RELEASE, 0.0, out)]), out]


LOOPS = [weighted_energy, reduce_gain, reduced_peaks, smooth, smooth_held, onset_strength]


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("loop", LOOPS, ids=lambda loop: loop.__name__)
def test_feedback_comes_to_rest(loop: Callable[[Audio], list[np.ndarray]], ending: str) -> None:
    audio = ENDINGS[ending].copy()
    silence.flush(audio)
    for values in loop(audio):
        assert subnormal(values) == 0
    if ending != "decay":
        assert loop(audio)[0].ravel()[-1] == 0.0


def test_loops_start_again_after_silence() -> None:
    audio = np.hstack([ENDINGS["silence"], MUSIC])
    shelf, high_pass = loudness_meter._weighting(SAMPLE_RATE)
    energy = np.zeros(3)
    loudness.weighted_energy(
        audio, shelf, high_pass, np.array([0, SAMPLE_RATE, 2 * SAMPLE_RATE, 3 * SAMPLE_RATE]), energy
    )
    assert energy[0] == energy[2] > 0.0


def test_a_reduction_at_rest_changes_no_peak() -> None:
    level = level_db(np.hstack([ENDINGS["silence"], MUSIC]))
    edges = np.array([0, SAMPLE_RATE, 2 * SAMPLE_RATE, 3 * SAMPLE_RATE])
    thresholds = np.array([-20.0, -30.0, -40.0])
    peaks = np.zeros((1, 3, 3))
    dynamics.reduced_peaks(level, level[np.newaxis], thresholds, 0.75, ATTACK, RELEASE, edges, peaks)
    np.testing.assert_array_equal(peaks[0, :, 0], peaks[0, :, 2])


def test_padding_makes_zeros_of_the_smallest_samples() -> None:
    small = np.float32([[1.0, 1e-29, -1e-29, 1e-31, -1e-31, 1e-42, 0.0, -1.0]])
    padded = pad(np.vstack([small, small]))
    np.testing.assert_array_equal(padded[0, PADDING:-PADDING], np.where(np.abs(small[0]) > 1e-30, small[0], 0.0))
    assert not padded[:, :PADDING].any()
    assert not padded[:, -PADDING:].any()


def test_zeros_are_known() -> None:
    audio = np.zeros((2, 1000), np.float32)
    assert silence.is_zero(audio)
    assert silence.is_zero(audio[:, :0])
    audio[1, 999] = -1e-30
    assert not silence.is_zero(audio)
    assert silence.is_zero(audio[:, :999])


@pytest.mark.parametrize("double", [False, True])
def test_spectra_of_silent_frames_are_zeros_of_the_same_kind(double: bool) -> None:
    audio = np.hstack([MUSIC, np.zeros((2, 4 * grid.N_FFT), np.float32)])
    every = list(stft.transforms(audio, grid.N_FFT, grid.HOP, double=double))
    assert {batch.dtype for batch in every} == {np.dtype(np.complex128 if double else np.complex64)}
    assert every[0].any()
    assert not every[-1].any()
    framed = np.lib.stride_tricks.sliding_window_view(audio, grid.N_FFT, axis=1)[:, :: grid.HOP]
    assert sum(batch.shape[1] for batch in every) == framed.shape[1]


def test_the_shelves_of_a_reverb_come_to_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    sosfilt, states = signal.sosfilt, []

    def record(*arguments: object, zi: np.ndarray, **options: object) -> object:
        states.append(zi.copy())
        return sosfilt(*arguments, zi=zi, **options)

    bands = (Band("low_shelf", 600.0, -30.0), Band("high_shelf", 8_000.0, -30.0))
    sections = np.stack([biquad(band) for band in bands])
    monkeypatch.setattr(signal, "sosfilt", record)
    filtered = reverb._filter(ENDINGS["silence"], sections)
    np.testing.assert_allclose(filtered, sosfilt(sections, ENDINGS["silence"]), atol=1e-7)
    assert states[20].any()
    assert not states[-1].any()
    assert subnormal(states) == 0
