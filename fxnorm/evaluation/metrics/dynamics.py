"""Dynamic features: level, spread of the level and crest factor of every frame."""

import numpy as np

from fxnorm.audio import Audio
from fxnorm.evaluation.metrics.mape import Curves, compare_curves, mean_of, to_peak
from fxnorm.kernels.features import hop_levels

FRAME = 4096
HOP = 1024
TINY = 1e-30


def measure(mix: Audio, rate: int) -> Curves:
    """Features by frame, of a mix brought to -1 dBFS.

    Parameters
    ----------
    mix : ndarray, shape (channels, samples), float32
    rate : int
        Unused: frames are counted in samples.

    Returns
    -------
    dict of str to ndarray, shape (frames,)
        Means over the channels: `level` as 1 - dB; `spread`, 1 - the mean of the samples' dB above it; `crest`, the
        peak's dB over the level's.
    """
    if mix.shape[1] < FRAME:
        mix = np.pad(mix, ((0, 0), (0, FRAME - mix.shape[1])))
    hops = np.empty((len(mix), 3, mix.shape[1] // HOP))
    for channel, out in zip(to_peak(mix), hops, strict=True):
        hop_levels(np.ascontiguousarray(channel), HOP, TINY, out)
    of_frames = np.lib.stride_tricks.sliding_window_view(hops, FRAME // HOP, axis=2)
    level_db = 20.0 * np.log10(np.sqrt(of_frames[:, 0].sum(axis=-1) / FRAME) + TINY)
    peak_db = 20.0 * np.log10(of_frames[:, 1].max(axis=-1) + TINY)
    spread_db = 20.0 * of_frames[:, 2].sum(axis=-1) / FRAME - level_db
    return {
        "level": 1.0 - level_db.mean(axis=0),
        "spread": 1.0 - spread_db.mean(axis=0),
        "crest": (peak_db / level_db).mean(axis=0),
    }


def compare(target: Curves, mix: Curves) -> dict[str, float | None]:
    """Percentage errors of what `measure` found of both."""
    errors = compare_curves(target, mix)
    return {"dynamic": mean_of(errors)} | {f"dynamic_{name}": error for name, error in errors.items()}
