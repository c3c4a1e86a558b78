"""Training pieces: short stretches of normalised stems and of the mix they belong to.

Everything random about a piece is drawn first, from a generator seeded by (seed, epoch, index), and applied then. So a
piece depends on its place in the run alone, not on which process reads it, or on how many there are.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from fxnorm import audio, audio_files
from fxnorm.audio import RATE, Audio
from fxnorm.corpus import StemFiles
from fxnorm.corpus.stems import STEMS
from fxnorm.recipe import Data
from fxnorm.training.songs import Song
from fxnorm.units import db_to_amplitude

REDRAWS = 5  # pieces that are silent are drawn again so many times


@dataclass(frozen=True)
class Part:
    """Where one stem of a piece comes from, the gain of its wet version, and whether it is left out."""

    song: int
    start: int
    gain_db: float = 0.0
    dropped: bool = False


@dataclass(frozen=True)
class Piece:
    """What was drawn: a part for each of `STEMS`, whether they are of different songs, and whether sides swap."""

    parts: tuple[Part, ...]
    remixed: bool = False
    swapped: bool = False


class TrainingPieces(Dataset[tuple[Tensor, Tensor]]):
    """Random pieces, by (epoch, index).

    Parameters
    ----------
    songs : sequence of Song
    settings : Data
    seed : int
    """

    def __init__(self, songs: Sequence[Song], settings: Data, seed: int) -> None:
        self.songs = songs
        self.settings = settings
        self.seed = seed
        self.samples = round(settings.seconds * RATE)
        self._ends = np.cumsum([song.samples for song in songs])

    def __getitem__(self, key: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Stems, shape (4, 2, samples), and their mix, shape (2, samples)."""
        rng = np.random.default_rng([self.seed, *key])
        drawn = [self._draw_sounding(rng) for _ in range(self.settings.loudest)]
        stems, mix = max(drawn, key=_energy) if len(drawn) > 1 else drawn[0]
        return torch.from_numpy(stems), torch.from_numpy(mix)

    def draw(self, rng: np.random.Generator) -> Piece:
        """Draw what a piece is made of; songs in proportion to their length."""
        s = self.settings
        remixed, swapped = bool(rng.random() < s.remix), bool(rng.random() < s.swap)
        if remixed:
            parts = [replace(self._part(rng), gain_db=float(rng.uniform(-s.jitter_db, s.jitter_db))) for _ in STEMS]
        else:
            parts = [self._part(rng)] * len(STEMS)
        dropped = rng.random(len(STEMS)) < s.drop
        dropped[rng.integers(len(STEMS))] = False
        parts = [replace(part, dropped=bool(drop)) for part, drop in zip(parts, dropped, strict=True)]
        return Piece(tuple(parts), remixed, swapped)

    def _draw_sounding(self, rng: np.random.Generator) -> tuple[Audio, Audio]:
        for _ in range(REDRAWS):
            pair = read_piece(self.draw(rng), self.songs, self.samples)
            if not audio.is_silent(pair[1]):
                break
        return pair

    def _part(self, rng: np.random.Generator) -> Part:
        song = int(np.searchsorted(self._ends, rng.integers(self._ends[-1]), side="right"))
        return Part(song, int(rng.integers(max(0, self.songs[song].samples - self.samples) + 1)))


class ValidationPieces(Dataset[tuple[Tensor, Tensor]]):
    """Always the same pieces, songs taking turns, evenly spread within each song; no augmentation."""

    def __init__(self, songs: Sequence[Song], *, seconds: float, count: int) -> None:
        self.songs = songs
        self.samples = round(seconds * RATE)
        self.pieces = [self._piece(index, count) for index in range(count)]

    def __len__(self) -> int:
        return len(self.pieces)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Stems, shape (4, 2, samples), and their mix, shape (2, samples)."""
        stems, mix = read_piece(self.pieces[index], self.songs, self.samples)
        return torch.from_numpy(stems), torch.from_numpy(mix)

    def _piece(self, index: int, count: int) -> Piece:
        turn, song = divmod(index, len(self.songs))
        turns = -(-(count - song) // len(self.songs))
        room = max(0, self.songs[song].samples - self.samples)
        return Piece((Part(song, round(room * (turn + 0.5) / turns)),) * len(STEMS))


@dataclass
class Position:
    """Where a run stands: whole epochs done, and batches done of the next."""

    epoch: int = 0
    batch: int = 0


class Turns(Sampler[tuple[int, int]]):
    """Keys of one device's share of the pieces of an epoch, from wherever the run stands.

    It has no length: the first epoch after an interruption is shorter than the others.

    Parameters
    ----------
    position : Position
        Read whenever an epoch begins.
    batch, batches : int
        Pieces of a batch on all devices together, and batches of an epoch.
    rank, world : int
        Which device of how many.
    """

    def __init__(self, position: Position, *, batch: int, batches: int, rank: int = 0, world: int = 1) -> None:
        self.position = position
        self.batch = batch
        self.batches = batches
        share = batch // world
        self.own = range(rank * share, (rank + 1) * share)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        epoch, start = self.position.epoch, self.position.batch
        for batch in range(start, self.batches):
            for place in self.own:
                yield epoch, batch * self.batch + place


def read_piece(piece: Piece, songs: Sequence[Song], samples: int) -> tuple[Audio, Audio]:
    """Read what was drawn.

    Returns
    -------
    stems : ndarray, shape (4, 2, samples), float32
        Normalised; a stem that the song does not have is silence.
    mix : ndarray, shape (2, samples), float32
        The song's mixture; for a remixed piece, or one with stems left out, the sum of the wet stems. Where there is
        neither, the stems added.
    """
    stems = np.zeros((len(STEMS), 2, samples), dtype=np.float32)
    mix = np.zeros((2, samples), dtype=np.float32)
    for row, stem, part in zip(stems, STEMS, piece.parts, strict=True):
        _add(row, songs[part.song].stems, stem, part)
    first = piece.parts[0]
    song = songs[first.song]
    if song.mixture is not None and not piece.remixed and not any(part.dropped for part in piece.parts):
        mix += audio.to_stereo(audio_files.read_segment(song.mixture, first.start, samples))
    elif song.wet is None:
        mix += stems.sum(axis=0)
    else:
        for stem, part in zip(STEMS, piece.parts, strict=True):
            _add(mix, songs[part.song].wet, stem, part, gain=db_to_amplitude(part.gain_db))
    if piece.swapped:
        return np.ascontiguousarray(stems[:, ::-1]), np.ascontiguousarray(mix[::-1])
    return stems, mix


def _energy(pair: tuple[Audio, Audio]) -> float:
    return float(np.square(pair[1], dtype=np.float64).sum())


def _add(to: Audio, stems: StemFiles | None, stem: str, part: Part, *, gain: float = 1.0) -> None:
    """Add a stem; one that is dropped or that the song does not have is silence."""
    if stems is not None and stem in stems and not part.dropped:
        for path in stems[stem]:
            to += np.float32(gain) * audio.to_stereo(audio_files.read_segment(path, part.start, to.shape[1]))
