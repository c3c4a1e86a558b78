"""Training pieces: short stretches of normalised stems and of the mix they belong to.

Everything random about a piece is drawn first, from a generator seeded by (seed, epoch, index), and applied then. So a
piece depends on its place in the run alone, not on which process reads it, or on how many there are.
"""

import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from fxnorm import audio, corpus
from fxnorm.audio import RATE, Audio
from fxnorm.corpus import StemPaths, TrackRef
from fxnorm.errors import InputError
from fxnorm.recipe import Data, Recipe
from fxnorm.stems import STEMS
from fxnorm.units import db_to_amplitude

REDRAWS = 5  # pieces that are silent are drawn again so many times
SET_ASIDE = 10  # one song in so many validates where the corpus has no split for it

_log = logging.getLogger("fxnorm")


@dataclass(frozen=True)
class Provenance:
    """How a corpus was normalised, as the cards beside its stems say: averages, and how far each effect went."""

    signature: str
    title: str
    strength: dict[str, float] = field(hash=False)


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
    provenance: Provenance


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
        If a stem has no card, the cards disagree on the statistics or the strength, a file has another rate than 44,100
        Hz, or a song has neither a mixture nor wet stems.
    AudioError
        If a file cannot be opened.
    """
    tracks = [track for track in corpus.scan(recipe.corpus) if track.split != "test"]
    if not tracks:
        raise InputError(f"{recipe.corpus}: expected songs to train on, found those of the split 'test' alone")
    provenance = read_provenance(tracks)
    wet = {track.id: track for track in corpus.scan(recipe.wet)} if recipe.wet else None
    songs = {track.id: _song(track, wet, mixing=recipe.task == "mix") for track in tracks}
    valid = [track.id for track in tracks if track.split == "valid"]
    if not valid:
        names = list(songs)
        valid = names[SET_ASIDE // 2 :: SET_ASIDE] or names[-1:]
        _log.info("%s: no songs of the split 'valid'; validating on %s", recipe.corpus, ", ".join(valid))
    train = [name for name in songs if name not in valid] or valid
    return Corpus(tuple(songs[name] for name in train), tuple(songs[name] for name in valid), provenance)


def read_provenance(tracks: Sequence[TrackRef]) -> Provenance:
    """What the cards of all stems agree on.

    Raises
    ------
    InputError
        If a card is missing or cannot be read, or two disagree.
    """
    first: tuple[Path, Provenance] | None = None
    for track in tracks:
        for path in track.stems.values():
            found = _read_card(path.with_suffix(".json"))
            if first is None:
                first = path, found
            elif found != first[1]:
                raise InputError(
                    f"expected stems normalised alike, got {first[0]} with {_describe(first[1])} and {path} with "
                    f"{_describe(found)}; normalise the corpus again"
                )
    if first is None:
        raise InputError("expected songs with stems, got none")
    return first[1]


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


def _read_card(path: Path) -> Provenance:
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        return Provenance(card["stats"]["signature"], card["stats"]["title"], card["strength"])
    except OSError as error:
        raise InputError(
            f"{path}: expected the card of a normalised stem ({error.strerror}); make the corpus with "
            "'fxnorm normalize'"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: not the card of a normalised stem; normalise the corpus again") from error


def _describe(provenance: Provenance) -> str:
    strength = ", ".join(f"{effect} {share:g}" for effect, share in provenance.strength.items())
    return f"{provenance.title!r} ({provenance.signature}; {strength})"
