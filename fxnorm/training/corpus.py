"""Songs of a normalised corpus: their files, and the chain that normalised their stems."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fxnorm import corpus, documents
from fxnorm.corpus import Multitrack
from fxnorm.errors import InputError
from fxnorm.normalization.chain import CHAIN_FILE, Chain
from fxnorm.normalization.record import RECORD
from fxnorm.training.segments import SourceFile

HOLDOUT_INTERVAL = 10  # without a split 'valid', every tenth song is a validation song

StemSources = Mapping[str, tuple[SourceFile, ...]]

_log = logging.getLogger("fxnorm")


@dataclass(frozen=True)
class TrainingSong:
    """Files of a song.

    Attributes
    ----------
    name : str
    samples : int
        Length of the shortest signal at 44,100 Hz.
    stems : dict of str to tuple of SourceFile
        Files of the normalised stems; those of one stem are summed.
    mixture : SourceFile or None
    wet : dict of str to tuple of SourceFile, or None
        Files of the stems before normalisation.
    """

    name: str
    samples: int
    stems: StemSources
    mixture: SourceFile | None
    wet: StemSources | None = None


@dataclass(frozen=True)
class TrainingCorpus:
    """Training and validation songs, and the chain that normalised them."""

    train: tuple[TrainingSong, ...]
    valid: tuple[TrainingSong, ...]
    chain: Chain


def open_corpus(folder: Path, *, wet: Path | None = None, mixing: bool = True) -> TrainingCorpus:
    """Find the songs of a corpus and read their records and headers.

    The songs of the split `valid` are the validation songs; without that split, every tenth song is.

    Parameters
    ----------
    folder : Path
        Output folder of `fxnorm normalize`.
    wet : Path, optional
        Corpus of the same stems before normalisation.
    mixing : bool
        Require a target for each song: a mixture or wet stems.

    Raises
    ------
    InputError
        If the corpus has no chain, a stem was normalised differently, or a song has no target.
    AudioError
        If a file cannot be opened, or has more than two channels.
    """
    tracks = [track for track in corpus.scan(folder) if track.split != "test"]
    if not tracks:
        raise InputError(
            f"{folder}: expected songs to train on, found those of the split 'test' alone; normalise the split 'train'"
        )
    chain = read_chain(folder, tracks)
    wet_tracks = {track.id: track for track in corpus.scan(wet)} if wet else None
    songs = {track.id: _open_song(track, wet_tracks, mixing=mixing) for track in tracks}
    valid = [track.id for track in tracks if track.split == "valid"]
    if not valid:
        names = list(songs)
        valid = names[HOLDOUT_INTERVAL // 2 :: HOLDOUT_INTERVAL] or names[-1:]
        _log.info("%s: no songs of the split 'valid'; validating on %s", folder, ", ".join(valid))
    train = [name for name in songs if name not in valid] or valid
    return TrainingCorpus(tuple(songs[name] for name in train), tuple(songs[name] for name in valid), chain)


def read_chain(folder: Path, tracks: Sequence[Multitrack]) -> Chain:
    """Read the chain of a corpus and check the record of every stem against it.

    Raises
    ------
    InputError
        If there is no chain, or a record is missing, cannot be read, or differs from the chain.
    StatsError
        If the statistics of the chain are damaged.
    """
    chain = Chain.load(_find_chain(folder))
    for track in tracks:
        for stem, path in [(stem, path) for stem, paths in track.stems.items() for path in paths]:
            if not _matches(RECORD.read(path.with_suffix(".json")), chain, stem):
                raise InputError(
                    f"{path}: expected a stem normalised to {chain.stats.title!r} ({chain.stats.signature}) with the "
                    f"settings of {CHAIN_FILE}, got a record of another normalisation; normalise the corpus again"
                )
    return chain


def _find_chain(folder: Path) -> Path:
    """Find the chain in the folder of a corpus, or above the folder of a split."""
    own_path, parent_path = folder / CHAIN_FILE, folder.resolve().parent / CHAIN_FILE
    return parent_path if not own_path.exists() and parent_path.exists() else own_path


def _matches(record: Mapping[str, object], chain: Chain, stem: str) -> bool:
    stats = record.get("stats")
    signature = stats.get("signature") if isinstance(stats, dict) else None
    expected = [chain.stats.signature, chain.settings.effective_settings(stem)]
    return documents.signature([signature, record.get("chain")]) == documents.signature(expected)


def _open_song(track: Multitrack, wet_tracks: Mapping[str, Multitrack] | None, *, mixing: bool) -> TrainingSong:
    wet_track = wet_tracks.get(track.id) if wet_tracks is not None else None
    if wet_tracks is not None and wet_track is None:
        raise InputError(f"{track.id}: expected this song among the wet stems too, found none; check wet=")
    if mixing and track.mixture is None and wet_track is None:
        raise InputError(f"{track.folder}: expected a mixture to learn from, found none; add one, or wet=FOLDER")
    stems = _probe_stems(track)
    mixture = SourceFile.probe(track.mixture) if track.mixture is not None else None
    wet = _probe_stems(wet_track) if wet_track is not None else None
    signals = [*stems.values(), *([(mixture,)] if mixture is not None else []), *(wet or {}).values()]
    samples = min(max(source.samples for source in sources) for sources in signals)
    return TrainingSong(track.id, samples, stems, mixture, wet)


def _probe_stems(track: Multitrack) -> StemSources:
    return {stem: tuple(map(SourceFile.probe, paths)) for stem, paths in track.stems.items()}
