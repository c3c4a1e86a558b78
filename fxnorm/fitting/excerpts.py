"""Excerpts of a song for a fit: spread over the song, where its tracks are heard."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from fxnorm.audio import Audio
from fxnorm.errors import InputError

HOP_S = 0.5
JITTER = 0.05  # of the score: which of two similar excerpts is taken depends on the seed
AUDIBLE = 1.0  # energy of a track in an excerpt, relative to its mean, that counts as fully heard


@dataclass(frozen=True)
class Excerpts:
    """Where excerpts lie.

    Attributes
    ----------
    starts : tuple of int
        First samples.
    samples : int
        Length of each.
    lead : int
        Samples at the start of each that are rendered, so that filters and compressors settle, and not scored.
    """

    starts: tuple[int, ...]
    samples: int
    lead: int

    def cut(self, tracks: Mapping[str, Audio]) -> dict[str, Tensor]:
        """Cut tracks, shape (channels, samples) each, into tensors (excerpts, channels, samples)."""
        return {name: torch.from_numpy(self._cut(track)) for name, track in tracks.items()}

    def _cut(self, track: Audio) -> Audio:
        out = np.zeros((len(self.starts), len(track), self.samples), dtype=np.float32)
        for excerpt, start in zip(out, self.starts, strict=True):
            source = track[:, start : start + self.samples]
            excerpt[:, : source.shape[1]] = source
        return out


def choose_excerpts(
    tracks: Mapping[str, Audio],
    sample_rate: int,
    *,
    count: int = 5,
    seconds: float = 3.0,
    lead_s: float = 0.6,
    seed: int = 0,
) -> Excerpts:
    """Choose excerpts of a song.

    The song is divided into as many spans as excerpts. In each span the excerpt is taken in which most tracks are
    heard; those that were heard less so far count more.

    Parameters
    ----------
    tracks : mapping of str to ndarray, shape (channels, samples), float32
        From the start of the song; shorter ones end in silence.
    sample_rate : int
        In Hz.
    count : int
        Excerpts at most; a short song has fewer.
    seconds, lead_s : float
        Scored length, and what comes before it.
    seed : int
        Decides between similar excerpts.

    Raises
    ------
    InputError
        If all tracks are silent.
    """
    total = max((track.shape[1] for track in tracks.values()), default=0)
    hop = max(1, round(HOP_S * sample_rate))
    energies = np.stack([_energies(track, total, hop) for track in tracks.values()]) if tracks else np.zeros((0, 0))
    if not energies.any():
        raise InputError("expected tracks that are heard, got silence; check the recordings")
    lead, scored = round(lead_s * sample_rate), round(seconds * sample_rate)
    if total <= lead + scored:  # the lead gives way
        return Excerpts((0,), total, max(0, min(lead, total - scored)))
    count = max(1, min(count, total // (lead + scored)))
    heard = _heard(energies, scored // hop)
    rng = np.random.default_rng(seed)
    score_noise = 1.0 + JITTER * np.asarray(rng.random(heard.shape[1]))
    times = np.zeros(len(heard))
    starts: list[int] = []
    last = total - lead - scored
    hops = np.arange(heard.shape[1])
    for part in np.array_split(hops, count):
        span = part[(part * hop >= lead) & (part * hop - lead <= last)]
        if not span.size:
            continue
        scores = (heard[:, span] / (1.0 + times[:, None])).sum(axis=0) * score_noise[span]
        best = int(span[np.argmax(scores)])
        if heard[:, best].any():
            times += heard[:, best]
            starts.append(best * hop - lead)
    if not starts:
        loudest = int(np.argmax(heard.sum(axis=0)))
        starts = [int(np.clip(loudest * hop - lead, 0, last))]
    return Excerpts(tuple(starts), lead + scored, lead)


def _energies(track: Audio, total: int, hop: int) -> npt.NDArray[np.float64]:
    """Return the energy of every hop of a song."""
    padded = np.pad(track, ((0, 0), (0, total - track.shape[1])))
    power = np.einsum("cn,cn->n", padded, padded, dtype=np.float64)
    return np.add.reduceat(power, np.arange(0, total, hop))


def _heard(energies: npt.NDArray[np.float64], hops: int) -> npt.NDArray[np.float64]:
    """Return how much of each track is heard in the excerpts that start at every hop, 0 to 1."""
    window = np.ones(max(1, hops))
    sums = np.stack([np.convolve(row, window)[max(1, hops) - 1 :] for row in energies]) / max(1, hops)
    mean = np.maximum(energies.mean(axis=1, keepdims=True), np.finfo(np.float64).tiny)
    heard: npt.NDArray[np.float64] = np.minimum(sums / mean, AUDIBLE)
    return heard
