"""Master of a mix by rules: a gentle equaliser towards the spectrum of records, a bus compressor, and the limiter."""

import numpy as np

from fxnorm.audio import Audio
from fxnorm.console import Eq, EqBand, Processor
from fxnorm.mixing.mastering import MasteringResult, glue, master
from fxnorm.mixing.rules.measurement import N_FFT, Levels, bands_between, long_term_power, octave_means, third_octaves
from fxnorm.units import THIRD_OCTAVES_HZ, bin_frequencies

# Long-term spectrum of 12,345 songs: -4.5 dB per octave in density up to 1.6 kHz, steeper above; third-octaves widen by
# 3 dB per octave.
TILT_DB, BEND_HZ, UPPER_TILT_DB = -1.5, 1600.0, -3.5
SPAN_HZ = 89.0, 12_500.0
BANDS = (
    ("low_shelf", 100.0, (40.0, 170.0)),
    ("peak", 320.0, (200.0, 500.0)),
    ("peak", 5000.0, (3000.0, 8000.0)),
    ("high_shelf", 10_000.0, (8000.0, 12_500.0)),
)
CEILING_DB, MOST_LIMITING_DB = -1.0, 6.0
SHARE, MOST_DB, LEAST_DB = 0.5, 1.5, 0.3  # of a deviation that is evened out
PEAK_Q = 0.8


def choose_master_eq(mix: Audio, sample_rate: int) -> tuple[Eq, list[str]]:
    """Choose an equaliser that takes a mix half of the way to the long-term spectrum of records, by 1.5 dB at most."""
    levels = third_octaves(long_term_power(mix), bin_frequencies(sample_rate, N_FFT))
    deviations = _deviations(levels)
    bands: list[EqBand] = []
    reasons: list[str] = []
    for kind, frequency_hz, (low_hz, high_hz) in BANDS:
        inside = bands_between(low_hz, high_hz)
        deviation_db = float(deviations[inside].mean())
        gain_db = round(float(np.clip(-SHARE * deviation_db, -MOST_DB, MOST_DB)), 1)
        if abs(gain_db) < LEAST_DB:
            continue
        bands.append(EqBand(kind, frequency_hz, gain_db, PEAK_Q if kind == "peak" else 0.7071))
        side = "above" if deviation_db > 0.0 else "below"
        reasons.append(f"{bands[-1].describe()}: the mix is {abs(deviation_db):.1f} dB {side} that of records")
    return Eq(tuple(bands)), reasons or ["no EQ: the mix has the spectrum of records"]


def finish(mix: Audio, sample_rate: int, loudness_lufs: float) -> tuple[MasteringResult, dict[str, list[str]]]:
    """Master a mix.

    Parameters
    ----------
    mix : ndarray, shape (2, samples), float32
    sample_rate : int
        In Hz.
    loudness_lufs : float

    Returns
    -------
    result : MasteringResult
    reasons : dict of str to list of str
        By processor.
    """
    eq, eq_reasons = choose_master_eq(mix, sample_rate)
    processors: tuple[Processor, ...] = (eq,) if eq.bands else ()
    compressor = glue(eq.process(mix, sample_rate) if eq.bands else mix, sample_rate)
    result = master(
        mix,
        sample_rate,
        loudness_lufs=loudness_lufs,
        ceiling_db=CEILING_DB,
        processors=(*processors, compressor),
        max_reduction_db=MOST_LIMITING_DB,
    )
    level = "not measurable" if result.loudness_lufs is None else f"{result.loudness_lufs:.1f} LUFS"
    limiter = f"{level}, {result.true_peak_db:.1f} dBTP; {result.reduction_db:.1f} dB of limiting at the loudest 1 %"
    return result, {
        "eq": eq_reasons,
        "compressor": ["gentle bus compressor: 1.5 dB of reduction at the loudest 5 %"],
        "limiter": [limiter],
    }


def _deviations(levels: Levels) -> Levels:
    octaves = np.log2(THIRD_OCTAVES_HZ / BEND_HZ)
    template = np.where(octaves < 0.0, TILT_DB, UPPER_TILT_DB) * octaves
    flat = octave_means(levels) - template
    deviations: Levels = flat - flat[bands_between(*SPAN_HZ)].mean()
    return deviations
