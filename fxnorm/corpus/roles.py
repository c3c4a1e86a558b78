"""Classify recordings into stems by the words that studios put into file and folder names."""

import re
from collections.abc import Sequence

SKIP = "skip"  # stands beside the stems: a recording that belongs to none of them

# Strong words name an instrument. If a name has several, the stem that comes first in this table wins ("SubKick" is a
# drum), and among the words of that stem the role that comes first ("Snare OH" is a snare). The last role of a stem is
# that of any other name: "Drum Room" is the kit.
ROLES: dict[str, dict[str, str]] = {
    "drums": {
        "kick": "kick kik kck bd",
        "snare": "snare snr sn rimshot sidestick",
        "hats": "hat hihat hh",
        "toms": "tom",
        "overheads": "overhead cymbal cym crash ride china splash",
        "percussion": (
            "perc percussion conga bongo tambourine tamb shaker clap snap stomp cowbell timbale timpani cajon djembe "
            "clave woodblock guiro cabasa maraca tabla udu"
        ),
        "kit": "drum drumkit beat brush brushes",
    },
    "vocals": {
        "backing_vocals": "bgv bv choir chorale ooh aah ahh adlib",
        "lead_vocal": (
            "vocal vox voc voice lv ldv rap rapper singer sing singing vocoder spoken scream soprano acapella acappella"
        ),
    },
    "bass": {"bass": "bass sub contrabass upright bassline"},
    "other": {
        "guitars": (
            "guitar guit gtr gt acgtr elgtr egtr banjo mandolin mando ukulele uke sitar dobro leslie pluck kalimba"
        ),
        "keys": (
            "piano pno keys keyboard key organ rhodes wurli wurlitzer clav clavinet epiano hammond mellotron celesta "
            "celeste harpsichord accordion marimba vibes vibraphone xylo xylophone glock glockenspiel bell chime"
        ),
        "synth": "synth syn pad moog theremin arp arpeggio",
        "strings": "strings string violin vln viola vla cello clo harp fiddle orchestra",
        "brass": "brass horn trumpet tpt trombone tbn tuba",
        "winds": "sax saxophone flute clarinet oboe bassoon harmonica melodica",
        "other": "fx sfx noise sample other ambience accomp accompaniment",
    },
}
# Weak words of a stem that say more about it: "Backing Vox", "Harmony", and the overheads of a kit.
_REFINING = {
    "backing_vocals": "back backing harmony harm double dbl gang duet",
    "overheads": "oh",
}
_ROLE_PHRASES = {("bass", "drum"): "kick", ("b", "vox"): "backing_vocals"}
# Names of instruments in other languages, which count as whole words only.
_FOREIGN = {
    "kick": "bombo cassa",
    "snare": "rullante caja",
    "overheads": "becken piatti",
    "kit": "schlagzeug batterie bateria batteria",
    "percussion": "percussione perkussion",
    "backing_vocals": "chor choeur coro",
    "lead_vocal": "gesang stimme voix voz voces voce chant",
    "bass": "basse bajo baixo basso",
    "guitars": "gitarre guitare guitarra chitarra violao",
    "keys": "klavier clavier teclado tastiera orgel",
    "strings": "geige streicher cordes cuerdas archi violon",
    "brass": "trompete posaune cuivres blaeser bläser",
    "winds": "floete flöte fiati",
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

ALL_ROLES = tuple(role for roles in ROLES.values() for role in roles)
STEM_OF_ROLE = {role: stem for stem, roles in ROLES.items() for role in roles}
_ROLE_OF = {word: role for roles in ROLES.values() for role, words in roles.items() for word in words.split()}
_ROLE_OF_WHOLE = {word: role for role, words in _FOREIGN.items() for word in words.split()} | _ROLE_OF
_ROLE_OF_WEAK = {word: role for role, words in _REFINING.items() for word in words.split()}
_STEM_OF = {word: STEM_OF_ROLE[role] for word, role in _ROLE_OF_WHOLE.items()}
_WEAK_STEM_OF = {word: stem for stem, words in WEAK.items() for word in words.split()}
_NO_STEM = frozenset(NO_STEM.split())
_KNOWN = frozenset([*_ROLE_OF, *_WEAK_STEM_OF, *_NO_STEM, ALWAYS_NO_STEM, *_BESIDES.split()])
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
    singular = list(map(_singular, words))
    if ALWAYS_NO_STEM in singular:
        return SKIP
    for phrase, stem in PHRASES.items():
        if set(phrase) <= {"vocal" if _STEM_OF.get(word) == "vocals" else word for word in singular}:
            return stem
    stems = {_STEM_OF[word] for word in singular if word in _STEM_OF}
    for stem in ROLES:
        if stem in stems:
            return stem
    if _NO_STEM & set(singular):
        return SKIP
    return next((_WEAK_STEM_OF[word] for word in singular if word in _WEAK_STEM_OF), None)


def classify_role(words: Sequence[str]) -> str | None:
    """Classify the words of a file or folder name more closely than `classify`.

    Parameters
    ----------
    words : sequence of str
        As `split_words` returns them.

    Returns
    -------
    str or None
        One of `ALL_ROLES`; `SKIP` or None as for `classify`.
    """
    stem = classify(words)
    if stem is None or stem == SKIP:
        return stem
    singular = list(map(_singular, words))
    for phrase, role in _ROLE_PHRASES.items():
        if set(phrase) <= set(singular):
            return role
    named = {_ROLE_OF_WHOLE.get(word) or _ROLE_OF_WEAK.get(word) for word in singular}
    *others, last = ROLES[stem]
    return next((role for role in others if role in named), last)


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
