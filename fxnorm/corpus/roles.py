"""Classify recordings into stems by the words that studios put into file and folder names."""

import re
from collections.abc import Sequence

SKIP = "skip"  # stands beside the stems: a recording that belongs to none of them

# Strong words name an instrument. If a name has several, the first stem of this table wins: "SubKick" is a drum.
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
# Weak words name a part or a microphone position; they count only without a strong word.
WEAK = {"vocals": "lead ld backing back harmony harm double dbl main gang female male duet", "drums": "oh room loop"}
# Pairs of words whose meaning is not that of the stronger word.
PHRASES = {
    ("bass", "drum"): "drums",
    ("bass", "vocal"): "vocals",
    ("steel", "drum"): "other",
    ("steel", "pan"): "other",
    ("talk", "box"): "vocals",
    ("backing", "track"): SKIP,
    ("guide", "vocal"): SKIP,
} | {("bass", wind): "other" for wind in ("clarinet", "sax", "saxophone", "trombone", "flute", "tuba", "bassoon")}
# A mix of the whole song or a helper track, unless an instrument is named: "DrumMix" is a stem.
NO_STEM = (
    "mix mixdown mixed master mastered premaster bounce reference ref rough demo instrumental karaoke click metronome "
    "clicktrack guide countin cue slate talkback smpte timecode"
)
ALWAYS_NO_STEM = "mixture"
_BESIDES = (  # further words that occur in compounds with the words above
    "in out top btm bot bottom di amp mic left right close far dry wet up down high low hi lo mid floor rack elec "
    "electric el ac acoustic clean dist drive stereo mono comp main take line low verse chorus steel talk box track"
)

_STEM_OF = {word: stem for stem, words in reversed(STRONG.items()) for word in words.split()}
_WEAK_STEM_OF = {word: stem for stem, words in WEAK.items() for word in words.split()}
_NO_STEM = frozenset(NO_STEM.split())
_KNOWN = frozenset([*_STEM_OF, *_WEAK_STEM_OF, *_NO_STEM, ALWAYS_NO_STEM, *_BESIDES.split()])
# Further words of the names of folders.
_GROUPING = frozenset({"group", "bus", "buses", "stem", "track", "audio", "file", "mic", "and"})
_SHORTEST_PREFIX = 4  # letters of a known word at the start of an unknown one: "guitarra"


def classify(words: Sequence[str]) -> str | None:
    """Classify the words of a file or folder name.

    Parameters
    ----------
    words : sequence of str
        As `split_words` returns them.

    Returns
    -------
    str or None
        A stem; `SKIP` for a mix of the whole song or a helper track (click, guide); None if no word is known.
    """
    singular = [_singular(word) for word in words]
    if ALWAYS_NO_STEM in singular:
        return SKIP
    for phrase, stem in PHRASES.items():
        if set(phrase) <= {"vocal" if _STEM_OF.get(word) == "vocals" else word for word in singular}:
            return stem
    stems = {_STEM_OF[word] for word in singular if word in _STEM_OF}
    for stem in STRONG:
        if stem in stems:
            return stem
    if _NO_STEM & set(singular):
        return SKIP
    return next((_WEAK_STEM_OF[word] for word in singular if word in _WEAK_STEM_OF), None)


def is_group(folder_name: str) -> bool:
    """Whether a folder name has known words only and names a stem or `SKIP`: "Drums", "02 Lead Vox", "Mixes"."""
    words = split_words(folder_name)
    return classify(words) is not None and all(_singular(word) in _KNOWN or _is_grouping(word) for word in words)


def split_words(name: str) -> list[str]:
    """Split a name into lower-case words: at punctuation, digits and changes of case, and compounds of known words."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z](?:[a-rt-z]|s[a-z]))", " ", name)
    words = re.findall(r"[^\W\d_]+", spaced)
    return [part for word in words for part in _split_compound(word.lower())]


def _split_compound(word: str) -> list[str]:
    if _singular(word) in _KNOWN:
        return [word]
    if words := _known_parts(word):
        return words
    for end in range(len(word) - 1, _SHORTEST_PREFIX - 1, -1):
        if word[:end] in _KNOWN:
            return [word[:end], word[end:]]
    return [word]


def _known_parts(word: str) -> list[str]:
    """Split a word into known words, longest first; a single letter may remain: "kickl", "ohr"."""
    if len(word) == 1 or _singular(word) in _KNOWN:
        return [word]
    for end in range(len(word) - 1, 1, -1):
        if word[:end] in _KNOWN and (remaining := _known_parts(word[end:])):
            return [word[:end], *remaining]
    return []


def _singular(word: str) -> str:
    return next((word.removesuffix(end) for end in ("s", "es") if word.removesuffix(end) in _KNOWN), word)


def _is_grouping(word: str) -> bool:
    return word in _GROUPING or word.removesuffix("s") in _GROUPING
