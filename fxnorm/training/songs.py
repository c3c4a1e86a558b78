"""Songs of a normalised corpus: their files, and how their stems were normalised."""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fxnorm import audio_files, corpus
from fxnorm.audio import RATE
from fxnorm.corpus import Multitrack, StemFiles
from fxnorm.errors import InputError
from fxnorm.normalization.chain import Chain
from fxnorm.normalization.corpus_normalization import CHAIN

SET_ASIDE = 10  # one song in so many validates where the corpus has no split for it

_log = logging.getLogger("fxnorm")


@dataclass(frozen=True)
class Song:
    """Files of a song, all of the same length; the wet ones where a wet corpus is given."""

    name: str
    samples: int
    stems: StemFiles
    mixture: Path | None
    wet: StemFiles | None = None


@dataclass(frozen=True)
class Corpus:
    """Songs to train on, songs to validate on, and how they were normalised."""

    train: tuple[Song, ...]
    valid: tuple[Song, ...]
    chain: Chain


def open_corpus(folder: Path, *, wet: Path | None = None, mixing: bool = True) -> Corpus:
    """Find the songs of a corpus and read their cards and headers.

    The songs of the split `valid` validate; where there are none, one song in ten of the training songs does instead.

    Parameters
    ----------
    folder : Path
        Stems that `fxnorm normalize` has made.
    wet : Path, optional
        The stems they were made from.
    mixing : bool
        Whether a song needs a mix to learn from: a mixture, or wet stems.

    Raises
    ------
    InputError
        If the corpus does not say how it was normalised, a stem was normalised differently, a file has another rate
        than 44,100 Hz, or a song has neither a mixture nor wet stems.
    AudioError
        If a file cannot be opened.
    """
    tracks = [track for track in corpus.scan(folder) if track.split != "test"]
    if not tracks:
        raise InputError(f"{folder}: expected songs to train on, found those of the split 'test' alone")
    chain = read_chain(folder, tracks)
    twins = {track.id: track for track in corpus.scan(wet)} if wet else None
    songs = {track.id: _song(track, twins, mixing=mixing) for track in tracks}
    valid = [track.id for track in tracks if track.split == "valid"]
    if not valid:
        names = list(songs)
        valid = names[SET_ASIDE // 2 :: SET_ASIDE] or names[-1:]
        _log.info("%s: no songs of the split 'valid'; validating on %s", folder, ", ".join(valid))
    train = [name for name in songs if name not in valid] or valid
    return Corpus(tuple(songs[name] for name in train), tuple(songs[name] for name in valid), chain)


def read_chain(folder: Path, tracks: Sequence[Multitrack]) -> Chain:
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
        for stem, path in [(stem, path) for stem, paths in track.stems.items() for path in paths]:
            card = _read_card(path.with_suffix(".json"))
            if card != (chain.stats.signature, _plain(chain.settings.effective_settings(stem))):
                raise InputError(
                    f"{path}: expected a stem normalised to {chain.stats.title!r} ({chain.stats.signature}) with the "
                    "settings of chain.json, as its card does not say; normalise the corpus again"
                )
    return chain


def _song(track: Multitrack, wet: dict[str, Multitrack] | None, *, mixing: bool) -> Song:
    twin = wet.get(track.id) if wet is not None else None
    if wet is not None and twin is None:
        raise InputError(f"{track.id}: expected this song among the wet stems too, found none; check wet=")
    if mixing and track.mixture is None and twin is None:
        raise InputError(f"{track.folder}: expected a mixture to learn from, found none; add one, or wet=FOLDER")
    wet_stems = twin.stems if twin is not None else None
    signals = [*track.stems.values(), *([(track.mixture,)] if track.mixture else []), *(wet_stems or {}).values()]
    headers = {path: audio_files.probe(path) for paths in signals for path in paths}
    for path, header in headers.items():
        if header.rate != RATE:
            raise InputError(f"{path}: expected {RATE} Hz, got {header.rate}; convert the corpus before normalising it")
    samples = min(max(headers[path].samples for path in paths) for paths in signals)
    return Song(track.id, samples, track.stems, track.mixture, wet_stems)


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
