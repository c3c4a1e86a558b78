"""Training pieces: short stretches of normalised stems and of the mix they belong to.

Everything random about a piece is drawn first, from a generator seeded by (seed, epoch, index), and applied then. So a
piece depends on its place in the run alone, not on which process reads it, or on how many there are.
"""

import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from fxnorm import audio, corpus
from fxnorm.audio import RATE, Audio
from fxnorm.corpus import StemPaths, TrackRef
from fxnorm.errors import InputError
from fxnorm.normalize import Chain
from fxnorm.pipeline import CHAIN
from fxnorm.recipe import Data, Recipe
from fxnorm.stems import STEMS
from fxnorm.units import db_to_amplitude

REDRAWS = 5  # pieces that are silent are drawn again so many times
SET_ASIDE = 10  # one song in so many validates where the corpus has no split for it

_log = logging.getLogger("fxnorm")


@dataclass(frozen=True)
class Song:
    """Files of a song, all of the same length; the wet ones where a wet corpus is given."""

    name: str
    samples: int
    stems: StemPaths
    mixture: Path | None
    wet: StemPaths | None = None


@dataclass(frozen=True)
class Corpus:
    """Songs to train on, songs to validate on, and how they were normalised."""

    train: tuple[Song, ...]
    valid: tuple[Song, ...]
    chain: Chain


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


def open_corpus(recipe: Recipe) -> Corpus:
    """Find the songs of a recipe and read their cards and headers.

    The songs of the split `valid` validate; where there are none, one song in ten of the training songs does instead.

    Raises
    ------
    InputError
        If the corpus does not say how it was normalised, a stem was normalised differently, a file has another rate
        than 44,100 Hz, or a song has neither a mixture nor wet stems.
    AudioError
        If a file cannot be opened.
    """
    tracks = [track for track in corpus.scan(recipe.corpus) if track.split != "test"]
    if not tracks:
        raise InputError(f"{recipe.corpus}: expected songs to train on, found those of the split 'test' alone")
    chain = read_chain(recipe.corpus, tracks)
    wet = {track.id: track for track in corpus.scan(recipe.wet)} if recipe.wet else None
    songs = {track.id: _song(track, wet, mixing=recipe.task == "mix") for track in tracks}
    valid = [track.id for track in tracks if track.split == "valid"]
    if not valid:
        names = list(songs)
        valid = names[SET_ASIDE // 2 :: SET_ASIDE] or names[-1:]
        _log.info("%s: no songs of the split 'valid'; validating on %s", recipe.corpus, ", ".join(valid))
    train = [name for name in songs if name not in valid] or valid
    return Corpus(tuple(songs[name] for name in train), tuple(songs[name] for name in valid), chain)


def read_chain(folder: Path, tracks: Sequence[TrackRef]) -> Chain:
    """How a corpus was normalised, once it is sure that every stem was.

    Raises
    ------
    InputError
        If there is no chain, a card is missing or cannot be read, or one does not fit the chain.
    StatsError
        If the statistics of the chain are damaged.
    """
    chain = Chain.load(_chain_file(folder))
    for track in tracks:
        for stem, path in track.stems.items():
            card = _read_card(path.with_suffix(".json"))
            if card != (chain.stats.signature, _plain(chain.settings.deciding(stem))):
                raise InputError(
                    f"{path}: expected a stem normalised to {chain.stats.title!r} ({chain.stats.signature}) with the "
                    "settings of chain.json, as its card does not say; normalise the corpus again"
                )
    return chain


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
        mix += audio.to_stereo(audio.read_piece(song.mixture, first.start, samples))
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


def _add(to: Audio, stems: StemPaths | None, stem: str, part: Part, *, gain: float = 1.0) -> None:
    """Add a stem; one that is dropped or that the song does not have is silence."""
    if stems is not None and stem in stems and not part.dropped:
        to += np.float32(gain) * audio.to_stereo(audio.read_piece(stems[stem], part.start, to.shape[1]))


def _song(track: TrackRef, wet: dict[str, TrackRef] | None, *, mixing: bool) -> Song:
    twin = wet.get(track.id) if wet is not None else None
    if wet is not None and twin is None:
        raise InputError(f"{track.id}: expected this song among the wet stems too, found none; check wet=")
    if mixing and track.mixture is None and twin is None:
        raise InputError(f"{track.folder}: expected a mixture to learn from, found none; add one, or wet=FOLDER")
    wet_stems = twin.stems if twin is not None else None
    paths = [*track.stems.values(), *([track.mixture] if track.mixture else []), *(wet_stems or {}).values()]
    headers = {path: audio.probe(path) for path in paths}
    for path, header in headers.items():
        if header.rate != RATE:
            raise InputError(f"{path}: expected {RATE} Hz, got {header.rate}; convert the corpus before normalising it")
    return Song(track.id, min(header.samples for header in headers.values()), track.stems, track.mixture, wet_stems)


def _chain_file(folder: Path) -> Path:
    """Of a corpus, or of the one that a folder is a split of."""
    own, above = folder / CHAIN, folder.resolve().parent / CHAIN
    return above if not own.exists() and above.exists() else own


def _read_card(path: Path) -> tuple[str, object]:
    """Signature of the statistics and settings of the chain."""
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        return card["stats"]["signature"], card["chain"]
    except OSError as error:
        raise InputError(
            f"{path}: expected the card of a normalised stem ({error.strerror}); make the corpus with "
            "'fxnorm normalize'"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: not the card of a normalised stem; normalise the corpus again") from error


def _plain(content: object) -> object:
    """As JSON gives it back."""
    return json.loads(json.dumps(content))
