"""One song: score, dry recording, mix."""

from dataclasses import dataclass
from typing import Any

from fxnorm.audio import Audio
from fxnorm.errors import InputError
from fxnorm.synth.engineer import Engineer, Extra
from fxnorm.synth.recording import record
from fxnorm.synth.score import draw_score
from fxnorm.synth.seeding import Purpose, Streams
from fxnorm.synth.titles import draw_title

SHORTEST_S = 2.0


@dataclass(frozen=True)
class Song:
    """A synthetic song, dry and mixed.

    Attributes
    ----------
    name : str
        Index and invented title.
    seed, index : int
        What the song was drawn from.
    score : dict
        Tempo, key, chords, sections, instruments, ...: plain values, ready for JSON.
    dry, wet : dict of str to ndarray, shape (2, samples), float32
        Stems in the order of `STEMS`, sample-aligned, at `RATE`.
    mixture : ndarray, shape (2, samples), float32
        The sum of the wet stems.
    engineer : dict
        The engineer's taste and the settings of every insert of every stem, ready for JSON.
    """

    name: str
    seed: int
    index: int
    score: dict[str, Any]
    dry: dict[str, Audio]
    wet: dict[str, Audio]
    mixture: Audio
    engineer: dict[str, Any]

    @property
    def samples(self) -> int:
        """Length of every stem."""
        return int(self.mixture.shape[1])


def make_song(seed: int, index: int, *, seconds: float = 30.0, extra: Extra | None = None) -> Song:
    """Make one song of the corpus that a seed stands for.

    Parameters
    ----------
    seed : int
        The corpus, 0 or more.
    index : int
        Which of its songs, 0 or more.
    seconds : float
        Length; a longer version of a song begins like the shorter one.
    extra : mapping of stem to inserts, optional
        Inserts appended to the engineer's chains: anything with `process(x)` on an array (samples, channels).

    Returns
    -------
    Song

    Raises
    ------
    InputError
        If seed or index is negative, the length is under `SHORTEST_S` seconds, or an extra insert does not fit.
    """
    streams = song_streams(seed, index)
    if not seconds >= SHORTEST_S:
        raise InputError(f"expected at least {SHORTEST_S:g} seconds, got {seconds}; ask for a longer song")
    score = draw_score(streams, seconds)
    recording = record(streams, score)
    mix = Engineer.draw(streams(Purpose.ENGINEER), extra=extra).mix(recording.dry)
    return Song(
        name=draw_title(streams),
        seed=seed,
        index=index,
        score={**score.summary(), "instruments": recording.instruments},
        dry=recording.dry,
        wet=mix.wet,
        mixture=mix.mixture,
        engineer=mix.settings,
    )


def song_name(seed: int, index: int) -> str:
    """The name a song will have, without making it.

    Raises
    ------
    InputError
        If seed or index is negative.
    """
    return draw_title(song_streams(seed, index))


def song_streams(seed: int, index: int) -> Streams:
    """The random streams of a song."""
    if seed < 0 or index < 0:
        raise InputError(f"expected a seed and an index of 0 or more, got {seed} and {index}; choose others")
    return Streams(seed, index)
