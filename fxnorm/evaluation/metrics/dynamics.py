"""Dynamic features: level, dynamic spread and crest factor of every frame."""

import numpy as np

from fxnorm.evaluation.metrics.base import Recording, Values
from fxnorm.evaluation.metrics.mape import Curves, compare_curves, mean_of, normalize_peak, percentage_metric
from fxnorm.kernels.features import hop_levels

FRAME = 4096
HOP = 1024
TINY = 1e-30

METRICS = {
    "dynamic": percentage_metric("dynamic", "mean of the three below", ignores_swap=True, headline=True),
    "dynamic_level": percentage_metric("level", "level of frames, as 1 - dB", ignores_swap=True),
    "dynamic_spread": percentage_metric("spread", "dynamic spread, as 1 - dB", ignores_swap=True),
    "dynamic_crest": percentage_metric("crest, frames", "peak dB over level dB of frames", ignores_swap=True),
}


def measure(recording: Recording) -> Curves:
    """Measure the features of each frame at a peak of -1 dBFS.

    Returns
    -------
    dict of str to ndarray, shape (frames,)
        Means over the channels: `level` as 1 - dB; `spread`, 1 - the mean of the samples' dB above it; `crest`, the
        peak's dB over the level's.
    """
    mix = recording.audio
    if mix.shape[1] < FRAME:
        mix = np.pad(mix, ((0, 0), (0, FRAME - mix.shape[1])))
    hops = np.empty((len(mix), 3, mix.shape[1] // HOP))
    for channel, out in zip(normalize_peak(mix), hops, strict=True):
        hop_levels(np.ascontiguousarray(channel), HOP, TINY, out)
    frames = np.lib.stride_tricks.sliding_window_view(hops, FRAME // HOP, axis=2)
    level_db = 20.0 * np.log10(np.sqrt(frames[:, 0].sum(axis=-1) / FRAME) + TINY)
    peak_db = 20.0 * np.log10(frames[:, 1].max(axis=-1) + TINY)
    spread_db = 20.0 * frames[:, 2].sum(axis=-1) / FRAME - level_db
    return {
        "level": 1.0 - level_db.mean(axis=0),
        "spread": 1.0 - spread_db.mean(axis=0),
        "crest": (peak_db / level_db).mean(axis=0),
    }


def compare(target: Curves, mix: Curves) -> Values:
    """Compute the percentage errors of a mix."""
    errors = compare_curves(target, mix)
    return {"dynamic": mean_of(errors)} | {f"dynamic_{name}": error for name, error in errors.items()}
