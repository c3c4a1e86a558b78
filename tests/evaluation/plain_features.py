"""Mixing features computed with librosa: the oracle of `fxnorm.evaluation`."""

import librosa
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def spectra(channel: Array, n_fft: int, hop: int) -> Array:
    """Magnitudes (bins, frames) with a square root of a periodic Hann window, not centred."""
    window = np.sqrt(0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(n_fft) / n_fft))
    starts = range(0, channel.size - n_fft + 1, hop)
    return np.abs(np.stack([np.fft.rfft(window * channel[start : start + n_fft]) for start in starts], axis=1))


def to_peak(mix: Array) -> Array:
    return mix * (10.0 ** (-1.0 / 20.0) / np.abs(mix).max())


def running_mean(curve: Array) -> Array:
    return np.array([curve[start : start + 40].mean() for start in range(curve.size - 39)])


def percentage(target: Array, mix: Array) -> float:
    target_mean, mix_mean = running_mean(target), running_mean(mix)
    return float(np.mean(np.abs(mix_mean - target_mean) / np.abs(target_mean)))


def spectral(target: Array, mix: Array, rate: int) -> dict[str, float]:
    """Percentage errors by feature, each the mean of both channels."""
    errors: dict[str, list[float]] = {}
    for channels in zip(to_peak(target), to_peak(mix), strict=True):
        curves = [_spectral(spectra(channel, 4096, 1024), rate) for channel in channels]
        for name in curves[0]:
            errors.setdefault(name, []).append(percentage(curves[0][name], curves[1][name]))
    means = {name: float(np.mean(values)) for name, values in errors.items()}
    means["contrast"] = float(np.mean([means.pop(f"contrast_{band}") for band in ("low", "middle", "high")]))
    return means | {"all": float(np.mean(list(means.values())))}


def _spectral(S: Array, rate: int) -> dict[str, Array]:
    centroid = librosa.feature.spectral_centroid(sr=rate, S=S)
    contrast = librosa.feature.spectral_contrast(sr=rate, S=S, fmin=250.0, n_bands=4, quantile=0.02)
    return {
        "centroid": centroid[0] + 1.0,
        "bandwidth": librosa.feature.spectral_bandwidth(sr=rate, S=S, centroid=centroid)[0] + 1.0,
        "contrast_low": contrast[0],
        "contrast_middle": contrast[1:4].mean(axis=0),
        "contrast_high": contrast[4],
        "rolloff": librosa.feature.spectral_rolloff(sr=rate, S=S, roll_percent=0.85)[0] + 1.0,
        "flatness": 1.0 - 20.0 * np.log10(librosa.feature.spectral_flatness(S=S)[0] + 1e-30),
    }


def panning(target: Array, mix: Array, rate: int) -> dict[str, float]:
    """Percentage errors by band."""
    bands = {"total": (0, rate // 2), "low": (0, 250), "middle": (250, 2500), "high": (2500, rate // 2)}
    curves = []
    for signal in (to_peak(target), to_peak(mix)):
        left, right = (spectra(channel, 2048, 1024) for channel in signal)
        phi = 2.0 * (left + 1e-20) * (right + 1e-20) / ((left + 1e-20) ** 2 + (right + 1e-20) ** 2)
        signed = (1.0 - phi) * np.sign(right - left)
        curves.append(
            {
                name: np.sqrt(np.mean(signed[int(low * 2048 / rate) : int(high * 2048 / rate)] ** 2, axis=0))
                for name, (low, high) in bands.items()
            }
        )
    panned = curves[0]["total"] > 0.0
    errors = {name: percentage(curves[0][name][panned], curves[1][name][panned]) for name in bands}
    return errors | {"all": float(np.mean(list(errors.values())))}


def dynamic(target: Array, mix: Array) -> dict[str, float]:
    """Percentage errors by feature."""
    curves = [_dynamic(to_peak(signal)) for signal in (target, mix)]
    errors = {name: percentage(curves[0][name], curves[1][name]) for name in curves[0]}
    return errors | {"all": float(np.mean(list(errors.values())))}


def _dynamic(mix: Array) -> dict[str, Array]:
    def db(amplitude: Array) -> Array:
        return 20.0 * np.log10(amplitude + 1e-30)

    frames = np.stack([librosa.util.frame(channel, frame_length=4096, hop_length=1024) for channel in mix])
    level = db(np.sqrt(np.mean(frames**2, axis=1)))
    spread = np.mean(db(np.abs(frames)), axis=1) - level
    crest = db(np.abs(frames).max(axis=1)) / level
    return {"level": 1.0 - level.mean(axis=0), "spread": 1.0 - spread.mean(axis=0), "crest": crest.mean(axis=0)}


def audio_features(target: Array, mix: Array, rate: int) -> dict[str, float]:
    """Audio-feature loss of Diff-MST and the part of the Bark spectra, without weights."""
    features = zip(_audio_features(target, rate), _audio_features(mix, rate), strict=True)
    parts = [float(np.mean((a - b) ** 2)) for a, b in features]
    return {"af": float(np.dot([0.1, 0.001, 1.0, 1.0, 0.1], parts)), "bark": parts[-1]}


def _audio_features(mix: Array, rate: int) -> list[Array]:
    """Root mean square, crest factor, width, imbalance and Bark spectra."""
    left, right = mix
    rms = np.sqrt(np.mean(mix**2, axis=1))
    crest = 20.0 * np.log10(np.abs(mix).max(axis=1) / rms)
    width = np.mean((left - right) ** 2) / np.mean((left + right) ** 2)
    imbalance = (np.mean(right**2) - np.mean(left**2)) / (np.mean(right**2) + np.mean(left**2))
    corners = _bark_corners(20.0, 20_000.0)
    hz = np.linspace(0.0, rate / 2.0, 16_385)
    bank = np.stack([np.interp(hz, corners[k : k + 3], [0.0, 1.0, 0.0]) for k in range(24)])
    barks = []
    for signal in (left + right, left - right):
        spectrum = librosa.stft(signal, n_fft=32_768, hop_length=8192, window="boxcar", pad_mode="reflect")
        barks.append(np.log(bank @ np.abs(spectrum).mean(axis=1) + 1e-8))
    return [rms, crest, np.asarray(width), np.asarray(imbalance), np.stack(barks)]


def _bark_corners(low_hz: float, high_hz: float) -> Array:
    """Frequencies in Hz of 26 equidistant points in Bark, corrected at both ends, and back at the low one only."""
    low, high = (26.81 * hz / (1960.0 + hz) - 0.53 for hz in (low_hz, high_hz))
    bark = np.linspace(0.85 * low + 0.3, 1.22 * high - 4.422, 26)
    bark = np.array([(value - 0.3) / 0.85 if value < 2.0 else value for value in bark])
    return 1960.0 * (bark + 0.53) / (26.28 - bark)
