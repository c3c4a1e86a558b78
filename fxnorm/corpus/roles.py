"""Which stem a recording belongs to, by the words that studios put into file names."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from fxnorm.corpus.stems import STEMS

SKIP = "skip"  # beside the stems in a map: left out of the mix

# Strong words name an instrument; of two in one name the stem that stands first here wins: "SubKick" is a drum.
STRONG = {
    "drums": (
        "drum drumkit kick kik kck snare snr sn rimshot sidestick hat hihat hh tom cymbal cym crash ride "
        "china splash perc percussion overhead conga bongo tambourine tamb shaker clap snap stomp cowbell timbale "
        "timpani cajon djembe clave woodblock guiro cabasa maraca tabla udu beat brush brushes bd"
    ),
    "vocals": (
        "vocal vox voc voice choir chorale bgv bv lv ldv ooh aah ahh adlib rap rapper singer sing singing vocoder "
        "spoken scream soprano acapella acappella"
    ),
    "bass": "bass sub contrabass upright bassline",
    "other": (
        "guitar guit gtr gt piano pno keys keyboard key synth syn pad organ strings string violin vln viola vla cello "
        "clo brass horn sax saxophone trumpet tpt trombone tbn tuba flute clarinet oboe bassoon harp harmonica "
        "accordion banjo mandolin mando ukulele uke rhodes wurli wurlitzer clav clavinet marimba vibes vibraphone xylo "
        "xylophone glock glockenspiel bell chime fx sfx noise sample arp arpeggio orchestra theremin "
        "sitar dobro melodica mellotron moog pluck fiddle kalimba celesta celeste harpsichord accomp "
        "accompaniment other ambience hammond leslie acgtr elgtr egtr epiano"
    ),
}
# Weak words say what part something plays or where the microphone stood: they count where no strong one does.
WEAK = {"vocals": "lead ld backing back harmony harm double dbl main gang female male duet", "drums": "oh room loop"}
# Two words that together mean something else than the stronger of them does.
PHRASES = {
    ("bass", "drum"): "drums",
    ("bass", "vocal"): "vocals",
    ("steel", "drum"): "other",
    ("steel", "pan"): "other",
    ("talk", "box"): "vocals",
    ("backing", "track"): SKIP,
    ("guide", "vocal"): SKIP,
} | {("bass", wind): "other" for wind in ("clarinet", "sax", "saxophone", "trombone", "flute", "tuba", "bassoon")}
# The whole song, or nothing to be heard in it; only where no instrument is named: "DrumMix" is a stem.
NO_STEM = (
    "mix mixdown mixed master mastered premaster bounce reference ref rough demo instrumental karaoke click metronome "
    "clicktrack guide countin cue slate talkback smpte timecode"
)
ALWAYS_NO_STEM = "mixture"
_BESIDES = (  # other words that may be written together with one of these
    "in out top btm bot bottom di amp mic left right close far dry wet up down high low hi lo mid floor rack elec "
    "electric el ac acoustic clean dist drive stereo mono comp main take line low verse chorus steel talk box track"
)

_STEM_OF = {word: stem for stem, words in reversed(STRONG.items()) for word in words.split()}
_WEAK_STEM_OF = {word: stem for stem, words in WEAK.items() for word in words.split()}
_NO_STEM = frozenset(NO_STEM.split())
_KNOWN = frozenset([*_STEM_OF, *_WEAK_STEM_OF, *_NO_STEM, ALWAYS_NO_STEM, *_BESIDES.split()])
_SHORTEST_BEGINNING = 4  # letters of a known word that may begin an unknown one: "guitarra"


@dataclass
class Assignment:
    """Which files make which stem.

    Attributes
    ----------
    stems : dict of str to list of Path
        In the order of `STEMS`; those without a file are missing.
    skipped : list of Path
        No stems: a mix, a click.
    guessed : list of Path
        Names that say nothing: taken as other.
    """

    stems: dict[str, list[Path]] = field(default_factory=dict)
    skipped: list[Path] = field(default_factory=list)
    guessed: list[Path] = field(default_factory=list)


def assign(files: Sequence[Path], overrides: Mapping[str, Sequence[str]] | None = None) -> Assignment:
    """Tell from their names which stem files belong to.

    Parameters
    ----------
    files : sequence of Path
        The audio files of one song. What all their names begin with (artist, title) tells nothing and is passed over.
    overrides : mapping, optional
        Patterns of file names (`Kick*.wav`) by stem, or by `skip` for what is left out; they go before the words.

    Returns
    -------
    Assignment
    """
    found = Assignment()
    stems: dict[str, list[Path]] = {stem: [] for stem in STEMS}
    for path, words in zip(files, _without_common_start([split(path.stem) for path in files]), strict=True):
        stem = _override(path, overrides or {}) or recognize(words)
        if stem == SKIP:
            found.skipped.append(path)
            continue
        if stem is None:
            found.guessed.append(path)
        stems[stem or "other"].append(path)
    found.stems = {stem: paths for stem, paths in stems.items() if paths}
    return found


def unmatched(files: Iterable[Path], overrides: Mapping[str, Sequence[str]]) -> list[str]:
    """Patterns that no file fits."""
    names = [path.name for path in files]
    patterns = [pattern for several in overrides.values() for pattern in several]
    return [pattern for pattern in patterns if not any(_fits(name, pattern) for name in names)]


def recognize(words: Sequence[str]) -> str | None:
    """The stem that words of a file name mean; `SKIP` for what is none, None if they say nothing."""
    singular = [_singular(word) for word in words]
    if ALWAYS_NO_STEM in singular:
        return SKIP
    for phrase, stem in PHRASES.items():
        if set(phrase) <= {"vocal" if _STEM_OF.get(word) == "vocals" else word for word in singular}:
            return stem
    named = {_STEM_OF[word] for word in singular if word in _STEM_OF}
    for stem in STRONG:
        if stem in named:
            return stem
    if _NO_STEM & set(singular):
        return SKIP
    return next((_WEAK_STEM_OF[word] for word in singular if word in _WEAK_STEM_OF), None)


def split(name: str) -> list[str]:
    """The words of a file name: at signs, digits and changes of case, and within, where known ones are put together."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z](?:[a-rt-z]|s[a-z]))", " ", name)
    words = re.findall(r"[^\W\d_]+", spaced)
    return [part for word in words for part in _take_apart(word.lower())]


def _take_apart(word: str) -> list[str]:
    if _singular(word) in _KNOWN:
        return [word]
    if whole := _segments(word):
        return whole
    for end in range(len(word) - 1, _SHORTEST_BEGINNING - 1, -1):
        if word[:end] in _KNOWN:
            return [word[:end], word[end:]]
    return [word]


def _segments(word: str) -> list[str]:
    """Known words, the longest first, that make up the whole of one; a letter may remain: "kickl", "ohr"."""
    if len(word) == 1 or _singular(word) in _KNOWN:
        return [word]
    for end in range(len(word) - 1, 1, -1):
        if word[:end] in _KNOWN and (rest := _segments(word[end:])):
            return [word[:end], *rest]
    return []


def _singular(word: str) -> str:
    return word[:-1] if word.endswith("s") and word[:-1] in _KNOWN else word


def _without_common_start(names: list[list[str]]) -> list[list[str]]:
    if len(names) < 2:
        return names
    common = 0
    while all(len(words) > common + 1 for words in names) and len({words[common] for words in names}) == 1:
        common += 1
    return [words[common:] for words in names]


def _override(path: Path, overrides: Mapping[str, Sequence[str]]) -> str | None:
    return next(
        (stem for stem, patterns in overrides.items() if any(_fits(path.name, pattern) for pattern in patterns)), None
    )


def _fits(name: str, pattern: str) -> bool:
    return name == pattern or fnmatchcase(name.lower(), pattern.lower())
