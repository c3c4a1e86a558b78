"""Panning features: how unlike the channels are in each frame, over all frequencies and in three bands."""

import numpy as np

from fxnorm.audio import Audio
from fxnorm.dsp.stft import transforms
from fxnorm.evaluation.metrics.mape import Curves, compare_curves, mean_of, to_peak
from fxnorm.kernels.features import side_dissimilarity

N_FFT = 2048
HOP = 1024
BANDS_HZ = {"total": (0.0, None), "low": (0.0, 250.0), "middle": (250.0, 2500.0), "high": (2500.0, None)}


def measure(mix: Audio, rate: int) -> Curves:
    """Root mean square of the signed similarity of every frame, of a mix brought to -1 dBFS.

    Parameters
    ----------
    mix : ndarray, shape (2, samples), float32
    rate : int
        Sampling rate in Hz.

    Returns
    -------
    dict of str to ndarray, shape (frames,)
        By band of `BANDS_HZ`, from 0 (the same on both channels) to 1 (on one).
    """
    edges = np.array(
        [[int((hz if hz is not None else rate // 2) * N_FFT / rate) for hz in band] for band in BANDS_HZ.values()]
    )
    parts = []
    for spectra in transforms(to_peak(mix), N_FFT, HOP):
        part = np.empty((len(edges), spectra.shape[1]))
        side_dissimilarity(spectra, edges, part)
        parts.append(part)
    return dict(zip(BANDS_HZ, np.concatenate(parts, axis=1), strict=True))


def compare(target: Curves, mix: Curves) -> dict[str, float | None]:
    """Percentage errors of what `measure` found of both, over the frames in which the target has a side at all."""
    there = target["total"] != 0.0
    if not np.any(there):
        errors: dict[str, float | None] = dict.fromkeys(target)
    else:
        errors = compare_curves(*({name: curve[there] for name, curve in one.items()} for one in (target, mix)))
    return {"panning": mean_of(errors)} | {f"panning_{name}": error for name, error in errors.items()}
