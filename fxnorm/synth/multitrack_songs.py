"""Synthesize a multitrack song: score, session, mix."""

from dataclasses import dataclass, replace
from typing import Any

from fxnorm.audio import Audio
from fxnorm.choices import ENGINEERS
from fxnorm.console.document import Console
from fxnorm.errors import InputError
from fxnorm.synth.multitrack_engineer import MultitrackEngineer
from fxnorm.synth.multitrack_recording import record_multitrack
from fxnorm.synth.score import draw_score
from fxnorm.synth.songs import check_seconds, seed_tree
from fxnorm.synth.titles import draw_title


@dataclass(frozen=True)
class MultitrackSong:
    """Synthetic song with dry tracks, wet stems and mixture.

    Attributes
    ----------
    name : str
        Index and invented title; that of the four-stem song of the same seed and index.
    seed, index : int
        Seed of the corpus and index of the song.
    engineer : str
        Family of the engineer.
    score : dict
        Tempo, key, chords, sections, instruments and so on, ready for JSON.
    tracks : dict of str to dict
        By the name of the track: role, stem, part, channels, recording gain and noise.
    dry : dict of str to ndarray, shape (1 or 2, samples), float32
        Recordings, at `SAMPLE_RATE`.
    wet : dict of str to ndarray, shape (2, samples), float32
        Stems of the mixture in the order of `STEMS`.
    mixture : ndarray, shape (2, samples), float32
    console : Console
        Mix of the dry tracks.
    """

    name: str
    seed: int
    index: int
    engineer: str
    score: dict[str, Any]
    tracks: dict[str, dict[str, Any]]
    dry: dict[str, Audio]
    wet: dict[str, Audio]
    mixture: Audio
    console: Console

    @property
    def samples(self) -> int:
        """Number of samples of every track."""
        return int(self.mixture.shape[1])


def make_multitrack(seed: int, index: int, *, seconds: float = 30.0, engineer: str = "balanced") -> MultitrackSong:
    """Synthesize a multitrack song of a corpus.

    The performance is that of `make_song` of the same seed and index; the dry tracks do not depend on the engineer.

    Parameters
    ----------
    seed : int
        Seed of the corpus, 0 or more.
    index : int
        Index of the song in the corpus, 0 or more.
    seconds : float
        Duration in seconds, at least `MIN_DURATION_S`.
    engineer : {"balanced", "dark", "close", "loud"}
        Family of the engineer.

    Returns
    -------
    MultitrackSong

    Raises
    ------
    InputError
        If seed or index is negative, the duration is too short, or the engineer unknown.

    Examples
    --------
    >>> from fxnorm.synth import make_multitrack
    >>> song = make_multitrack(seed=0, index=3, seconds=2.0)
    >>> list(song.wet), song.mixture.shape
    (['vocals', 'bass', 'drums', 'other'], (2, 88200))
    """
    seeds = seed_tree(seed, index)
    check_seconds(seconds)
    check_engineer(engineer)
    score = draw_score(seeds, seconds)
    recording = record_multitrack(seeds, score)
    mix = MultitrackEngineer.draw(seeds, recording.tracks, engineer).mix(recording.dry)
    title = draw_title(seeds)
    return MultitrackSong(
        name=title,
        seed=seed,
        index=index,
        engineer=engineer,
        score={**score.summary(), "instruments": recording.instruments},
        tracks=recording.settings,
        dry=recording.dry,
        wet=mix.wet,
        mixture=mix.mixture,
        console=replace(mix.console, name=title),
    )


def check_engineer(name: str) -> None:
    """Make sure that a family of engineers exists.

    Raises
    ------
    InputError
        If it does not.
    """
    if name not in ENGINEERS:
        raise InputError(f"expected an engineer among {', '.join(ENGINEERS)}, got {name!r}; choose one")
