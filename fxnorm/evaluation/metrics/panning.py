"""Panning features: difference of the channels in each frame, over all frequencies and in three bands.

The published features are magnitudes: they tell how far a band is panned, and not to which side.
"""

import numpy as np

from fxnorm.dsp.stft import transforms
from fxnorm.evaluation.metrics.base import Recording, Values
from fxnorm.evaluation.metrics.mape import Curves, compare_curves, mean_of, normalize_peak, percentage_metric
from fxnorm.kernels.features import side_dissimilarity

N_FFT = 2048
HOP = 1024
BANDS_HZ = {"total": (0.0, None), "low": (0.0, 250.0), "middle": (250.0, 2500.0), "high": (2500.0, None)}

METRICS = {
    "panning": percentage_metric("panning", "mean of the four below", ignores_swap=True, headline=True),
    "panning_total": percentage_metric(
        "panning, all", "root mean square of 1 - similarity of the channels", ignores_swap=True
    ),
    "panning_low": percentage_metric("panning, low", "the same below 250 Hz", ignores_swap=True),
    "panning_middle": percentage_metric("panning, middle", "the same from 250 Hz to 2.5 kHz", ignores_swap=True),
    "panning_high": percentage_metric("panning, high", "the same above 2.5 kHz", ignores_swap=True),
}


def measure(recording: Recording) -> Curves:
    """Measure the features of each frame at a peak of -1 dBFS.

    Returns
    -------
    dict of str to ndarray, shape (frames,)
        By band of `BANDS_HZ`, root mean square over the bins of 1 - similarity: 0 for equal channels, 1 for a signal on
        one channel.
    """
    edges = np.array(
        [
            [int((hz if hz is not None else recording.sample_rate // 2) * N_FFT / recording.sample_rate) for hz in band]
            for band in BANDS_HZ.values()
        ]
    )
    chunks = []
    for spectra in transforms(normalize_peak(recording.audio), N_FFT, HOP):
        chunk = np.empty((len(edges), spectra.shape[1]))
        side_dissimilarity(spectra, edges, chunk)
        chunks.append(chunk)
    return dict(zip(BANDS_HZ, np.concatenate(chunks, axis=1), strict=True))


def compare(target: Curves, mix: Curves) -> Values:
    """Compute the percentage errors of a mix, over the frames in which the channels of the target differ."""
    panned = target["total"] != 0.0
    errors: Values = dict.fromkeys(target)
    if np.any(panned):
        errors = compare_curves(*({name: curve[panned] for name, curve in curves.items()} for curves in (target, mix)))
    return {"panning": mean_of(errors)} | {f"panning_{name}": error for name, error in errors.items()}
