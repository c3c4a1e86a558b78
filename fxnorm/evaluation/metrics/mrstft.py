"""Multi-resolution STFT distance as auraloss defines it, without PyTorch, in a fifth of the time.

C. J. Steinmetz and J. D. Reiss, "auraloss: Audio-focused loss functions in PyTorch", DMRN+15, 2020. At each resolution,
the spectral convergence, || |X| - |Y| || / || |Y| || with Frobenius norms over the whole, plus the mean absolute
difference of log magnitudes; the mean over the resolutions. Hann windows as long as the transform, a quarter of it
apart, centred.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import scipy.fft

from fxnorm.audio import Audio, is_silent
from fxnorm.dsp.windows import frames, hann
from fxnorm.evaluation.metrics.base import Metric, Recording, Values, matching_gain
from fxnorm.kernels.features import spectral_distance

SIZES = (512, 2048, 8192)
LONG_SIZES = (8192, 16_384, 32_768)
CHUNK_S = 30.0
FLOOR = 1e-8  # of powers
_BATCH_SAMPLES = 1 << 17  # of the frames transformed at once: fewer cost more calls, more leave the cache

METRICS = {
    "mrstft_matched": Metric(
        "MR-STFT, matched",
        "",
        "Multi-resolution STFT distance of sum and difference (512, 2,048, 8,192; auraloss), after the mix was brought "
        "to the loudness of the target.",
        ignores_level=True,
        ignores_swap=True,
        headline=True,
    ),
    "mrstft": Metric("MR-STFT", "", "The same without loudness matching.", ignores_swap=True),
    "mrstft_long": Metric(
        "MR-STFT, long", "", "The same of left and right (8,192, 16,384, 32,768), mean over chunks of 30 s."
    ),
}

Signal = npt.NDArray[np.float32]


def measure(recording: Recording) -> Recording:
    """Return the recording: its spectra are compared chunk by chunk, and too large to keep."""
    return recording


def compare(target: Recording, mix: Recording) -> Values:
    """Compute the distances of a mix.

    Parameters
    ----------
    target, mix : Recording
        Of one length, in full-scale units.

    Returns
    -------
    dict of str to float or None
        None where the audio is shorter than a spectrum, or the target is silent.
    """
    mrstft, mrstft_matched = _short_distances(target, mix)
    return {
        "mrstft_matched": mrstft_matched,
        "mrstft": mrstft,
        "mrstft_long": _long_distance(target.audio, mix.audio, target.sample_rate),
    }


def _short_distances(target: Recording, mix: Recording) -> tuple[float | None, float | None]:
    """Return the distance of the mix as it is, and at the loudness of the target."""
    if is_silent(target.audio) or target.audio.shape[1] <= SIZES[-1] // 2:
        return None, None
    gain = matching_gain(target.lufs, mix.lufs)
    (mix_left, mix_right), (target_left, target_right) = mix.audio, target.audio
    pairs = [(mix_left + mix_right, target_left + target_right), (mix_left - mix_right, target_left - target_right)]
    gains = (1.0,) if gain is None else (1.0, gain)
    values = np.mean([distances([pair], SIZES, gains) for pair in pairs], axis=0).tolist()
    return values[0], values[1] if gain is not None else None


def _long_distance(target: Audio, mix: Audio, sample_rate: int) -> float | None:
    """Average the distance over the chunks in which the target sounds."""
    step = round(CHUNK_S * sample_rate)
    values = []
    for start in range(0, target.shape[1], step):
        target_chunk, mix_chunk = target[:, start : start + step], mix[:, start : start + step]
        if target_chunk.shape[1] > LONG_SIZES[-1] // 2 and not is_silent(target_chunk):
            values += distances(list(zip(mix_chunk, target_chunk, strict=True)), LONG_SIZES)
    return float(np.mean(values)) if values else None


def distances(
    pairs: Sequence[tuple[Signal, Signal]], sizes: Sequence[int], gains: Sequence[float] = (1.0,)
) -> list[float]:
    """Compute the distance of each gain times the mix, with all pairs taken as one signal.

    Parameters
    ----------
    pairs : sequence of two ndarray, shape (samples,), float32
        Mix and target, with more samples than half the largest size.
    sizes : sequence of int
        Points of the transforms.
    gains : sequence of float

    Returns
    -------
    list of float
        One per gain.
    """
    total = np.zeros(len(gains))
    for size in sizes:
        sums = np.zeros((len(gains), 3))
        bins = 0
        for mix, target in pairs:
            mix_frames, target_frames = _frames(mix, size), _frames(target, size)
            batch = max(1, _BATCH_SAMPLES // size)
            for start in range(0, len(mix_frames), batch):
                mix_spectra, target_spectra = (
                    scipy.fft.rfft(framed[start : start + batch] * hann(size), overwrite_x=True).view(np.float32)
                    for framed in (mix_frames, target_frames)
                )
                for gain, gain_sums in zip(gains, sums, strict=True):
                    spectral_distance(mix_spectra, target_spectra, gain * gain, FLOOR, gain_sums)
            bins += len(mix_frames) * (size // 2 + 1)
        total += np.sqrt(sums[:, 0] / sums[:, 1]) + sums[:, 2] / bins
    return (total / len(sizes)).tolist()


def _frames(signal: Signal, size: int) -> Signal:
    padded = np.pad(signal, size // 2, mode="reflect")
    return frames(padded, size, size // 4)
