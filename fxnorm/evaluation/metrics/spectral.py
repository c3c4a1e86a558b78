"""Spectral features: centroid, bandwidth, contrast, roll-off and flatness of every frame."""

import numpy as np
import numpy.typing as npt

from fxnorm.dsp.stft import transforms
from fxnorm.evaluation.metrics.base import Recording, Values
from fxnorm.evaluation.metrics.mape import Curves, compare_curves, mean_of, normalize_peak, percentage_metric
from fxnorm.kernels.features import spectral_shape
from fxnorm.units import bin_frequencies, power_to_db

N_FFT = 4096
HOP = 1024
ROLL_OFF = 0.85
POWER_FLOOR = 1e-10
LOWEST_HZ = 250.0  # upper edge of the lowest band of the contrast
OCTAVES = 4
QUANTILE = 0.02
RANGE_DB = 80.0  # of the contrast's peaks and valleys, each below its largest

METRICS = {
    "spectral": percentage_metric("spectral", "mean of the five below", headline=True),
    "spectral_centroid": percentage_metric("centroid", "spectral centroid, running mean of 40 frames"),
    "spectral_bandwidth": percentage_metric("bandwidth", "spectral bandwidth"),
    "spectral_contrast": percentage_metric("contrast", "spectral contrast, mean of low, middle and high bands"),
    "spectral_rolloff": percentage_metric("roll-off", "frequency below which 85 % of the magnitude lies"),
    "spectral_flatness": percentage_metric("flatness", "spectral flatness, as 1 - dB"),
}


def measure(recording: Recording) -> Curves:
    """Measure the features of each frame at a peak of -1 dBFS.

    Returns
    -------
    dict of str to ndarray, shape (channels, frames)
        `centroid`, `bandwidth` and `rolloff` in Hz plus 1; `contrast_low`, `contrast_middle`, `contrast_high` in dB;
        `flatness` as 1 - dB.

    Notes
    -----
    The features are librosa's, on spectra with a square root of a Hann window, without centring.
    """
    mix = recording.audio
    frequencies = bin_frequencies(recording.sample_rate, N_FFT)
    shapes, valleys_and_peaks = [], []
    for spectra in transforms(normalize_peak(mix), N_FFT, HOP):
        magnitudes = np.abs(spectra).reshape(-1, len(frequencies))
        shape = np.empty((4, len(magnitudes)))
        spectral_shape(magnitudes, frequencies, ROLL_OFF, POWER_FLOOR, shape)
        channel_frames = (-1, len(mix), spectra.shape[1])
        shapes.append(shape.reshape(channel_frames))
        valleys_and_peaks.append(_extremes(magnitudes, frequencies).reshape(2, *channel_frames))
    centroid, bandwidth, rolloff, flatness = np.concatenate(shapes, axis=-1)
    contrast = _contrast(np.concatenate(valleys_and_peaks, axis=-1))
    return {
        "centroid": centroid + 1.0,
        "bandwidth": bandwidth + 1.0,
        "contrast_low": contrast[0],
        "contrast_middle": contrast[1:4].mean(axis=0),
        "contrast_high": contrast[4],
        "rolloff": rolloff + 1.0,
        "flatness": 1.0 - 20.0 * np.log10(flatness + 1e-30),
    }


def compare(target: Curves, mix: Curves) -> Values:
    """Compute the percentage errors of a mix; the contrast is the mean of its three bands."""
    errors = compare_curves(target, mix)
    contrasts = {name: errors.pop(name) for name in tuple(errors) if name.startswith("contrast")}
    errors["contrast"] = mean_of(contrasts)
    return {"spectral": mean_of(errors)} | {f"spectral_{name}": error for name, error in errors.items()}


def _extremes(magnitudes: npt.NDArray[np.float32], frequencies: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Average the lowest and the highest magnitudes of each band, shape (2, bands, frames)."""
    edges = LOWEST_HZ * 2.0 ** np.arange(OCTAVES + 1)
    out = np.empty((2, OCTAVES + 1, len(magnitudes)))
    for band, (low_hz, high_hz) in enumerate(zip((0.0, *edges[:-1]), edges, strict=True)):
        low, high = int(np.searchsorted(frequencies, low_hz)), int(np.searchsorted(frequencies, high_hz, side="right"))
        if band > 0:
            low -= 1  # librosa counts the bin below to the band
        is_top = band == OCTAVES
        high = len(frequencies) if is_top else high
        count = max(1, round(QUANTILE * (high - low)))
        ordered = np.sort(magnitudes[:, low : high if is_top else high - 1], axis=1)
        out[0, band] = ordered[:, :count].mean(axis=1, dtype=np.float64)
        out[1, band] = ordered[:, -count:].mean(axis=1, dtype=np.float64)
    return out


def _contrast(valleys_and_peaks: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the ratio of peak to valley in dB, shape (bands, channels, frames)."""
    levels = power_to_db(np.maximum(valleys_and_peaks, POWER_FLOOR))
    levels = np.maximum(levels, levels.max(axis=(1, 3), keepdims=True) - RANGE_DB)
    contrast: npt.NDArray[np.float64] = levels[1] - levels[0]
    return contrast
