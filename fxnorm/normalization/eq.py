"""EQ: the mean spectrum of a stem, pushed to the average spectrum by a zero-phase filter."""

import numpy as np
import numpy.typing as npt

from fxnorm.audio import Audio, is_silent, peak
from fxnorm.dsp.fir import convolve_centred, linear_phase
from fxnorm.dsp.stft import GRID_POINTS, GRID_STEP, grid_frequencies, mean_magnitude, require_rate, smooth
from fxnorm.normalization import loudness
from fxnorm.normalization.applied_effect import EffectSettings, Memo, Step
from fxnorm.units import THIRD_OCTAVES_HZ, amplitude_to_db, db_to_amplitude

REFERENCE_LUFS = -30.0
SMOOTHING_BINS = {"vocals": 401, "bass": 151, "drums": 151, "other": 401}
BAND_HZ = (50.0, 16_000.0)  # where the median gain is taken


class Settings(EffectSettings):
    """How the wanted gain is read off the spectra and turned into a filter.

    Attributes
    ----------
    linked : bool
        One curve for both channels, so that the stem keeps its stereo balance; otherwise each channel by itself.
    smoothing_octaves : float
        Width over which both spectra are averaged before they are compared; 0 reads single bins.
    range_db : float or None
        Largest distance of the gain from its median between 50 Hz and 16 kHz, each octave counting the same.
    taps : int
        Length of the filter that is run forwards and backwards; odd.
    """

    linked: bool = True
    smoothing_octaves: float = 1.0 / 6.0
    range_db: float | None = 40.0
    taps: int = 3001


PRESETS = {
    "published": Settings(linked=False, smoothing_octaves=0.0, range_db=None, taps=1001),
    "default": Settings(),
}


def measure(
    audio: Audio, rate: int, *, settings: Settings = PRESETS["default"], memo: Memo | None = None
) -> npt.NDArray[np.float64] | None:
    """Mean magnitude spectrum of a stem at -30 LUFS.

    Parameters
    ----------
    audio : ndarray, shape (channels, samples), float32
    rate : int
        Sampling rate in Hz; 44,100.
    settings : Settings
        Of the matching that the memo is for.
    memo : dict, optional
        Gets what matching needs to know of the stem.

    Returns
    -------
    ndarray, shape (32769,), or None
        Mean over frames and channels of the unscaled magnitude, silent frames included. None where the stem has no
        loudness.

    Raises
    ------
    InputError
        If the rate is another.
    """
    require_rate(rate, "eq")
    level = loudness.measure(audio, rate)
    if level is None:
        return None
    gain = db_to_amplitude(REFERENCE_LUFS - level)
    gain /= max(1.0, gain * peak(audio) + 1e-6)
    spectra = mean_magnitude(audio)
    if memo is not None and (sounding := _sounding(audio)):
        memo["spectra"] = _read_spectra(spectra[sounding], settings)
    return gain * spectra.mean(axis=0)


def average(curve: npt.NDArray[np.float64], stem: str) -> npt.NDArray[np.float64]:
    """Smooth a corpus mean of 32,769 bins and keep every 32nd: what matching reads, shape (1025,)."""
    return smooth(curve, SMOOTHING_BINS[stem])[::GRID_STEP]


def match(
    audio: Audio,
    rate: int,
    target: npt.NDArray[np.float64],
    *,
    stem: str = "",
    settings: Settings = PRESETS["default"],
    strength: float = 1.0,
    overwrite: bool = False,
    memo: Memo | None = None,
) -> tuple[Audio, Step]:
    """Filter a stem so that its mean spectrum becomes the target, level included.

    Parameters
    ----------
    audio : ndarray, shape (channels, samples), float32
    rate : int
        Sampling rate in Hz; 44,100.
    target : ndarray, shape (1025,)
        Wanted mean magnitude at `spectra.grid_frequencies()`.
    stem : str
        Unused: the targets alone differ between stems.
    settings : Settings
    strength : float
        Exponent of target over spectrum, 0 to 1.
    overwrite : bool
        The result may take the place of the input, which saves the memory of one.
    memo : dict, optional
        What is known of the stem already; what is found is added.

    Returns
    -------
    audio : ndarray, shape (channels, samples), float32
    step : Step

    Raises
    ------
    InputError
        If the rate is another.
    """
    require_rate(rate, "eq")
    sounding = _sounding(audio)
    if not sounding:
        return audio, Step("eq", skipped="silent")
    memo = {} if memo is None else memo
    if "spectra" not in memo:
        spectra = mean_magnitude(audio if len(sounding) == len(audio) else audio[sounding])
        memo["spectra"] = _read_spectra(spectra, settings)
    gains_db = strength * np.stack([wanted_gain_db(spectrum, target, settings) for spectrum in memo["spectra"]])
    if settings.linked or len(sounding) == len(audio):
        out = filter_zero_phase(audio, gains_db, settings.taps, overwrite=overwrite)
    else:
        out = audio if overwrite else audio.copy()
        out[sounding] = filter_zero_phase(audio[sounding], gains_db, settings.taps)
    curves = {f"{hz:g}": [round(float(g), 2) for g in _read(gains_db, hz)] for hz in THIRD_OCTAVES_HZ}
    return out, Step("eq", parameters={"gain_db_at_hz": curves, "channels": "linked" if settings.linked else "each"})


def wanted_gain_db(
    spectrum: npt.NDArray[np.float64], target: npt.NDArray[np.float64], settings: Settings
) -> npt.NDArray[np.float64]:
    """Gain in dB at the 1,025 grid frequencies that turns a spectrum, as matching reads it, into the target."""
    want = _octave_mean(target, settings.smoothing_octaves, 1) if settings.smoothing_octaves > 0.0 else target
    gain_db = amplitude_to_db(want) - amplitude_to_db(np.maximum(spectrum, 1e-10 * spectrum.max()))
    if settings.range_db is not None:
        middle = _middle(gain_db)
        gain_db = np.clip(gain_db, middle - settings.range_db, middle + settings.range_db)
    return gain_db


def filter_zero_phase(audio: Audio, gains_db: npt.NDArray[np.float64], taps: int, *, overwrite: bool = False) -> Audio:
    """Apply gains given at the grid frequencies without moving anything in time.

    A linear-phase filter of half the gain in dB, run forwards and backwards, is one convolution with its
    autocorrelation.
    """
    halves = [linear_phase(db_to_amplitude(gain_db / 2.0), taps) for gain_db in gains_db]
    return convolve_centred(audio, np.stack([np.convolve(half, half) for half in halves]), overwrite=overwrite)


def _sounding(audio: Audio) -> list[int]:
    return [c for c in range(audio.shape[0]) if not is_silent(audio[c])]


def _read_spectra(spectra: npt.NDArray[np.float64], settings: Settings) -> npt.NDArray[np.float64]:
    """Spectra of 32,769 bins as matching reads them, shape (channels or 1, 1025)."""
    if settings.linked:
        spectra = spectra.mean(axis=0, keepdims=True)
    if settings.smoothing_octaves == 0.0:
        return spectra[:, ::GRID_STEP]
    return np.stack([_octave_mean(spectrum, settings.smoothing_octaves, GRID_STEP) for spectrum in spectra])


def _middle(gain_db: npt.NDArray[np.float64]) -> float:
    """Median over 50 Hz to 16 kHz in which every octave has the same weight."""
    frequencies = grid_frequencies()
    (band,) = np.nonzero((frequencies >= BAND_HZ[0]) & (frequencies <= BAND_HZ[1]))
    ranked = band[np.argsort(gain_db[band])]
    weight = np.cumsum(1.0 / frequencies[ranked])
    return float(gain_db[ranked[np.searchsorted(weight, weight[-1] / 2.0)]])


def _octave_mean(curve: npt.NDArray[np.float64], octaves: float, step: int) -> npt.NDArray[np.float64]:
    """Mean over a band around each grid point, no narrower than the grid; `curve` has `step` points in one of it."""
    centres = np.arange(GRID_POINTS) * step
    half_width = np.maximum(centres * (2.0 ** (octaves / 2.0) - 2.0 ** (-octaves / 2.0)) / 2.0, step / 2.0)
    low = np.maximum(np.floor(centres - half_width + 0.5).astype(int), 0)
    high = np.minimum(np.floor(centres + half_width + 0.5).astype(int), curve.size - 1) + 1
    total = np.concatenate([[0.0], np.cumsum(curve)])
    return (total[high] - total[low]) / (high - low)


def _read(gains_db: npt.NDArray[np.float64], frequency_hz: float) -> npt.NDArray[np.float64]:
    return gains_db[:, round(frequency_hz / grid_frequencies()[1])]
