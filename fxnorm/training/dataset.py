"""Training examples: segments of normalised stems and of their mix.

All random choices of an example are drawn before any audio is read, from a generator seeded by (seed, epoch, index). An
example depends only on these three, and not on the number of loader processes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from fxnorm import audio
from fxnorm.audio import SAMPLE_RATE, Audio
from fxnorm.corpus.stems import STEMS
from fxnorm.recipe import DataSettings
from fxnorm.training.corpus import StemSources, TrainingSong
from fxnorm.training.segments import read_sum
from fxnorm.units import db_to_amplitude

REDRAWS = 5  # attempts to draw an example that is not silent


@dataclass(frozen=True)
class Crop:
    """Position of one stem of an example.

    Attributes
    ----------
    song : int
        Index of the song.
    start : int
        First sample at 44,100 Hz.
    gain_db : float
        Gain of the wet stem.
    dropped : bool
        Replace the stem by silence.
    """

    song: int
    start: int
    gain_db: float = 0.0
    dropped: bool = False


@dataclass(frozen=True)
class Example:
    """Random choices of an example: a crop for each of `STEMS`, and augmentations of the whole."""

    crops: tuple[Crop, ...]
    remixed: bool = False
    channels_swapped: bool = False


class TrainingDataset(Dataset[tuple[Tensor, Tensor]]):
    """Random examples, indexed by (epoch, index).

    Parameters
    ----------
    songs : sequence of TrainingSong
    settings : DataSettings
    seed : int
    """

    def __init__(self, songs: Sequence[TrainingSong], settings: DataSettings, seed: int) -> None:
        self.songs = songs
        self.settings = settings
        self.seed = seed
        self.samples = round(settings.segment_s * SAMPLE_RATE)
        self._ends = np.cumsum([song.samples for song in songs])

    def __getitem__(self, key: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Return stems (4, 2, samples) and their mix (2, samples)."""
        rng = np.random.default_rng([self.seed, *key])
        candidates = [self._read_audible(rng) for _ in range(self.settings.loudest_of)]
        stems, mix = max(candidates, key=_mix_energy) if len(candidates) > 1 else candidates[0]
        return torch.from_numpy(stems), torch.from_numpy(mix)

    def draw(self, rng: np.random.Generator) -> Example:
        """Draw the choices of an example; songs are weighted by their length."""
        s = self.settings
        remixed, channels_swapped = bool(rng.random() < s.remix), bool(rng.random() < s.channel_swap)
        if remixed:
            crops = [
                replace(self._draw_crop(rng), gain_db=float(rng.uniform(-s.jitter_db, s.jitter_db))) for _ in STEMS
            ]
        else:
            crops = [self._draw_crop(rng)] * len(STEMS)
        dropped = rng.random(len(STEMS)) < s.stem_dropout
        dropped[rng.integers(len(STEMS))] = False
        crops = [replace(crop, dropped=bool(drop)) for crop, drop in zip(crops, dropped, strict=True)]
        return Example(tuple(crops), remixed, channels_swapped)

    def _read_audible(self, rng: np.random.Generator) -> tuple[Audio, Audio]:
        for _ in range(REDRAWS):
            stems, mix = read_example(self.draw(rng), self.songs, self.samples)
            if not audio.is_silent(mix):
                break
        return stems, mix

    def _draw_crop(self, rng: np.random.Generator) -> Crop:
        song = int(np.searchsorted(self._ends, rng.integers(self._ends[-1]), side="right"))
        return Crop(song, int(rng.integers(max(0, self.songs[song].samples - self.samples) + 1)))


class ValidationDataset(Dataset[tuple[Tensor, Tensor]]):
    """Fixed segments without augmentation, alternating between songs and evenly spaced within each song.

    Parameters
    ----------
    songs : sequence of TrainingSong
    segment_s : float
        Length of a segment in seconds.
    count : int
        Number of segments.
    """

    def __init__(self, songs: Sequence[TrainingSong], *, segment_s: float, count: int) -> None:
        self.songs = songs
        self.samples = round(segment_s * SAMPLE_RATE)
        self.examples = [self._space_evenly(index, count) for index in range(count)]

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Return stems (4, 2, samples) and their mix (2, samples)."""
        stems, mix = read_example(self.examples[index], self.songs, self.samples)
        return torch.from_numpy(stems), torch.from_numpy(mix)

    def _space_evenly(self, index: int, count: int) -> Example:
        segment, song = divmod(index, len(self.songs))
        segments = -(-(count - song) // len(self.songs))
        last_start = max(0, self.songs[song].samples - self.samples)
        return Example((Crop(song, round(last_start * (segment + 0.5) / segments)),) * len(STEMS))


@dataclass
class Position:
    """Progress of a run: completed epochs, and completed batches of the current epoch."""

    epoch: int = 0
    batch: int = 0


class ResumableSampler(Sampler[tuple[int, int]]):
    """Keys of one device's share of the examples of an epoch, from the position of the run.

    It has no length: the first epoch after a resumption is shorter than the others.

    Parameters
    ----------
    position : Position
        Read at the start of each epoch.
    batch_size : int
        Examples per batch, over all devices.
    batches : int
        Batches per epoch.
    rank, world_size : int
        Index of the device, and number of devices.
    """

    def __init__(
        self, position: Position, *, batch_size: int, batches: int, rank: int = 0, world_size: int = 1
    ) -> None:
        self.position = position
        self.batch_size = batch_size
        self.batches = batches
        batch_share = batch_size // world_size
        self.indices = range(rank * batch_share, (rank + 1) * batch_share)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        epoch, start = self.position.epoch, self.position.batch
        for batch in range(start, self.batches):
            for index in self.indices:
                yield epoch, batch * self.batch_size + index


def read_example(example: Example, songs: Sequence[TrainingSong], samples: int) -> tuple[Audio, Audio]:
    """Read and augment the audio of an example.

    Returns
    -------
    stems : ndarray, shape (4, 2, samples), float32
        Normalised; zero where the song lacks a stem or the stem is dropped.
    mix : ndarray, shape (2, samples), float32
        The mixture of the song; the sum of the wet stems if the example is remixed, has dropped stems, or the song has
        no mixture; the sum of the normalised stems if there are no wet stems either.
    """
    stems = np.zeros((len(STEMS), 2, samples), dtype=np.float32)
    mix = np.zeros((2, samples), dtype=np.float32)
    for row, stem, crop in zip(stems, STEMS, example.crops, strict=True):
        _add(row, songs[crop.song].stems, stem, crop)
    first = example.crops[0]
    song = songs[first.song]
    if song.mixture is not None and not example.remixed and not any(crop.dropped for crop in example.crops):
        mix += song.mixture.read(first.start, samples)
    elif song.wet is None:
        mix += stems.sum(axis=0)
    else:
        for stem, crop in zip(STEMS, example.crops, strict=True):
            _add(mix, songs[crop.song].wet, stem, crop, gain=db_to_amplitude(crop.gain_db))
    if example.channels_swapped:
        return np.ascontiguousarray(stems[:, ::-1]), np.ascontiguousarray(mix[::-1])
    return stems, mix


def _mix_energy(pair: tuple[Audio, Audio]) -> float:
    return float(np.square(pair[1], dtype=np.float64).sum())


def _add(total: Audio, stems: StemSources | None, stem: str, crop: Crop, *, gain: float = 1.0) -> None:
    """Add a stem in place, unless it is dropped or missing."""
    if stems is not None and stem in stems and not crop.dropped:
        total += np.float32(gain) * read_sum(stems[stem], crop.start, total.shape[1])
