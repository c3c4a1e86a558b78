"""Stereo width in third-octave bands: the side gain that reaches a similarity, and the filter that applies it."""

import itertools
from functools import cache
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

from fxnorm.audio import SAMPLE_RATE, Audio
from fxnorm.dsp.fir import convolve_centred, linear_phase
from fxnorm.dsp.stft import transforms
from fxnorm.kernels.spectra import add_narrowed_similarity
from fxnorm.normalization.effect import EffectSettings
from fxnorm.normalization.grid import GRID_STEP, N_FFT, grid_frequencies, require_sample_rate
from fxnorm.normalization.processor import Processor, Response, frequency_response
from fxnorm.units import THIRD_OCTAVES_HZ, db_to_amplitude, hz_to_bin

HOP = N_FFT // 2  # every sample counts; twice as many frames change the gains by 0.2 dB in the mean
BAND_CENTRES_HZ = THIRD_OCTAVES_HZ[2:]  # from 50 Hz to 16 kHz
STEP_DB = 3.0  # between the side gains at which similarity is measured; read in between by interpolation


class SideGainMatching(EffectSettings):
    """Lower the side signal in third-octave bands until the mean similarity reaches the target.

    Attributes
    ----------
    exponent : float
        Exponent of the target similarity; 0 asks for mono, 1 for the average itself.
    range_db : float
        Largest attenuation of the side signal.
    taps : int
        Length of the linear-phase filter of the side signal; odd.
    """

    method: Literal["side_gain"] = "side_gain"
    exponent: float = 0.2
    range_db: float = 24.0
    taps: int = 2001


class SideGain(Processor):
    """A linear-phase filter of the side signal.

    Attributes
    ----------
    gains_db : tuple of float
        Gains in the third-octave bands from 50 Hz to 16 kHz.
    taps : int
        Length of the filter.
    """

    kind: ClassVar[str] = "side_gain"
    title: ClassVar[str] = "Width: gain of the side signal"
    gains_db: tuple[float, ...]
    taps: int

    def process(self, audio: Audio, sample_rate: int, *, overwrite: bool = False) -> Audio:
        """Filter the side signal."""
        require_sample_rate(sample_rate, self.kind)
        return apply_side_gains(audio, np.array(self.gains_db), self.taps, overwrite=overwrite)

    def responses(self) -> dict[str, Response]:
        """Return the response of the side signal."""
        kernel = side_kernel(np.array(self.gains_db), self.taps)
        return {"side": frequency_response(kernel, SAMPLE_RATE)}


class NarrowedSimilarity:
    """Accumulate the mean similarity in third-octave bands for a series of side gains.

    Parameters
    ----------
    range_db : float
        Largest attenuation of the side.
    """

    def __init__(self, range_db: float) -> None:
        self._gains = db_to_amplitude(_levels_db(range_db)).astype(np.float32)
        self._total = np.zeros((BAND_CENTRES_HZ.size, self._gains.size))
        self._count = 0

    def add(self, total: npt.NDArray[np.complex64], difference: npt.NDArray[np.complex64]) -> None:
        """Add spectra of the sum and the difference of the channels, shape (frames, bins)."""
        add_narrowed_similarity(total, difference, _edges(), self._gains, self._total)
        self._count += len(total)

    def mean(self) -> npt.NDArray[np.float64]:
        """Return the mean, shape (bands, gains)."""
        return self._total / (self._count * np.diff(_edges())[:, np.newaxis])


def measure_narrowed(audio: Audio, range_db: float) -> npt.NDArray[np.float64]:
    """Measure the mean similarity in each third-octave band for every side gain, shape (bands, gains)."""
    accumulator = NarrowedSimilarity(range_db)
    for total, difference in transforms(audio, N_FFT, HOP, sum_and_difference=True):
        accumulator.add(total, difference)
    return accumulator.mean()


def read_bands(curve: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the mean of a curve on the grid in each third-octave band."""
    bins = np.repeat(curve, GRID_STEP)  # bins of the fine spectrum inside each grid point
    return np.array([bins[low:high].mean() for low, high in itertools.pairwise(_edges())])


def find_side_gains(
    similarities: npt.NDArray[np.float64], goals: npt.NDArray[np.float64], range_db: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Find the gain of the side signal at which the mean similarity of each third-octave band reaches the target.

    Parameters
    ----------
    similarities : ndarray, shape (bands, gains)
        As `measure_narrowed` gives them.
    goals : ndarray, shape (bands,)
        Similarity to reach.
    range_db : float
        Largest attenuation.

    Returns
    -------
    before, gains_db : ndarray, shape (bands,)
        Mean similarity of each band without a gain, and the gain: 0 where the band is narrow enough.
    """
    levels_db = _levels_db(range_db)
    gains_db = np.array([_reach(row, levels_db, goal) for row, goal in zip(similarities, goals, strict=True)])
    return similarities[:, 0], gains_db


def apply_side_gains(audio: Audio, gains_db: npt.NDArray[np.float64], taps: int, *, overwrite: bool = False) -> Audio:
    """Filter the side signal by gains in third-octave bands, without delay; the mid signal stays as it is."""
    kernel = side_kernel(gains_db, taps)
    out = audio if overwrite else np.empty_like(audio)
    side = audio[:1] - audio[1:]
    side *= np.float32(0.5)
    mid = np.subtract(audio[0], side[0], out=out[0])
    convolve_centred(side, kernel[np.newaxis], overwrite=True)
    np.subtract(mid, side[0], out=out[1])
    mid += side[0]
    return out


def side_kernel(gains_db: npt.NDArray[np.float64], taps: int) -> npt.NDArray[np.float64]:
    """Design the linear-phase filter of the side signal, shape (taps,)."""
    log_hz = np.log(np.maximum(grid_frequencies(), 1.0))
    return linear_phase(db_to_amplitude(np.interp(log_hz, np.log(BAND_CENTRES_HZ), gains_db)), taps)


def label_bands(similarity: npt.NDArray[np.float64]) -> dict[str, float]:
    """Return values of the third-octave bands by their centre frequency, for records."""
    bands = [f"{hz:g}" for hz in BAND_CENTRES_HZ]
    return dict(zip(bands, np.round(similarity, 3).tolist(), strict=True))


def _levels_db(range_db: float) -> npt.NDArray[np.float64]:
    """Return the side gains of the series, from 0 dB down."""
    return -np.append(np.arange(0.0, range_db, STEP_DB), range_db)


@cache
def _edges() -> npt.NDArray[np.int64]:
    """Return the edges of the third-octave bands in bins."""
    edges_hz = np.append(BAND_CENTRES_HZ / 10.0**0.05, BAND_CENTRES_HZ[-1] * 10.0**0.05)
    return np.array([hz_to_bin(hz, SAMPLE_RATE, N_FFT) for hz in edges_hz])


def _reach(row: npt.NDArray[np.float64], levels_db: npt.NDArray[np.float64], goal: float) -> float:
    """Find the first gain, from 0 dB down, at which a row of similarities reaches the goal; the last if none does."""
    (reached,) = np.nonzero(row >= goal)
    if reached.size == 0:
        return float(levels_db[-1])
    index = reached[0]
    if index == 0:
        return 0.0
    share = (goal - row[index - 1]) / (row[index] - row[index - 1])
    return float(levels_db[index - 1] + share * (levels_db[index] - levels_db[index - 1]))
