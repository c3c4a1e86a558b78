"""Synthesize a song: score, dry recording, mix."""

from dataclasses import dataclass, replace
from typing import Any

from fxnorm.audio import Audio
from fxnorm.console.document import Console
from fxnorm.errors import InputError
from fxnorm.synth.engineer import Engineer, ExtraProcessors
from fxnorm.synth.recording import record
from fxnorm.synth.score import draw_score
from fxnorm.synth.seeding import SeedBranch, SeedTree
from fxnorm.synth.titles import draw_title

MIN_DURATION_S = 2.0


@dataclass(frozen=True)
class SyntheticSong:
    """Synthetic song with dry stems, wet stems and mixture.

    Attributes
    ----------
    name : str
        Index and invented title.
    seed, index : int
        Seed of the corpus and index of the song.
    score : dict
        Tempo, key, chords, sections, instruments and so on, ready for JSON.
    dry, wet : dict of str to ndarray, shape (2, samples), float32
        Stems in the order of `STEMS`, sample-aligned, at `SAMPLE_RATE`.
    mixture : ndarray, shape (2, samples), float32
        Sum of the wet stems.
    console : Console
        Mix of the dry stems: the settings of every processor of each stem, and the style of the engineer as a note.
    """

    name: str
    seed: int
    index: int
    score: dict[str, Any]
    dry: dict[str, Audio]
    wet: dict[str, Audio]
    mixture: Audio
    console: Console

    @property
    def samples(self) -> int:
        """Number of samples of every stem."""
        return int(self.mixture.shape[1])


def make_song(seed: int, index: int, *, seconds: float = 30.0, extra: ExtraProcessors | None = None) -> SyntheticSong:
    """Synthesize a song of a corpus.

    Parameters
    ----------
    seed : int
        Seed of the corpus, 0 or more.
    index : int
        Index of the song in the corpus, 0 or more.
    seconds : float
        Duration in seconds, at least `MIN_DURATION_S`. A longer version of a song begins like the shorter one.
    extra : mapping of stem to sequence of processors, optional
        Processors appended to the chains of the engineer: a `fxnorm.console.Processor`, or any object with
        `process(x)` on an array (samples, channels). A console with such a foreign object cannot be read back.

    Returns
    -------
    SyntheticSong

    Raises
    ------
    InputError
        If seed or index is negative, the duration is too short, or an extra processor is not one.

    Examples
    --------
    >>> from fxnorm.synth import make_song
    >>> song = make_song(seed=0, index=3, seconds=4.0)
    >>> list(song.dry), song.mixture.shape
    (['vocals', 'bass', 'drums', 'other'], (2, 176400))
    """
    seeds = seed_tree(seed, index)
    check_seconds(seconds)
    title = draw_title(seeds)
    score = draw_score(seeds, seconds)
    recording = record(seeds, score)
    mix = Engineer.draw(seeds.generator(SeedBranch.ENGINEER), extra=extra).mix(recording.dry)
    return SyntheticSong(
        name=title,
        seed=seed,
        index=index,
        score={**score.summary(), "instruments": recording.instruments},
        dry=recording.dry,
        wet=mix.wet,
        mixture=mix.mixture,
        console=replace(mix.console, name=title),
    )


def song_name(seed: int, index: int) -> str:
    """Return the name of a song without synthesizing it.

    Raises
    ------
    InputError
        If seed or index is negative.
    """
    return draw_title(seed_tree(seed, index))


def seed_tree(seed: int, index: int) -> SeedTree:
    """Check seed and index of a song and return its random generators."""
    if seed < 0 or index < 0:
        raise InputError(f"expected a seed and an index of 0 or more, got {seed} and {index}; choose other numbers")
    return SeedTree(seed, index)


def check_seconds(seconds: float) -> None:
    """Make sure that a song is long enough.

    Raises
    ------
    InputError
        If it is not.
    """
    if not seconds >= MIN_DURATION_S:
        raise InputError(f"expected at least {MIN_DURATION_S:g} seconds, got {seconds}; ask for a longer song")
