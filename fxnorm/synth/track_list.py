"""Track list of a session: which microphones and lines are recorded, and what a studio calls their files."""

from dataclasses import dataclass, replace

import numpy as np

from fxnorm.corpus.roles import STEM_OF_ROLE
from fxnorm.synth.groove import GROOVES, WALTZES
from fxnorm.synth.recording import in_chorus
from fxnorm.synth.score import Score
from fxnorm.synth.seeding import SeedBranch, SeedTree, bernoulli
from fxnorm.synth.tones import draw_tone

MAX_TRACKS = 16
GUITAR_TIMBRES = ("plucked string", "distorted guitar")
STEREO_TIMBRES = ("piano", "pad")
# Role and file names of each part.
NAMES: dict[str, tuple[str, tuple[str, ...]]] = {
    "kick in": ("kick", ("Kick In", "Kik In", "BD In", "Kick")),
    "kick out": ("kick", ("Kick Out", "Kik Out", "BD Out")),
    "snare top": ("snare", ("Snare Top", "Snr Top", "SN Top", "Snare")),
    "snare bottom": ("snare", ("Snare Btm", "Snr Bottom", "SN Bot")),
    "hats": ("hats", ("HiHat", "Hi-Hat", "HH", "Hat")),
    "high tom": ("toms", ("Rack Tom", "Tom 1", "Tom Hi")),
    "low tom": ("toms", ("Floor Tom", "Tom 2", "Tom Lo")),
    "overheads": ("overheads", ("OH", "Overhead", "OHs")),
    "room": ("kit", ("Room", "Drum Room", "Room Mics")),
    "clap": ("percussion", ("Clap", "Claps", "Hand Claps")),
    "shaker": ("percussion", ("Shaker", "Perc Shaker")),
    "bass di": ("bass", ("Bass DI", "BassDI", "Bass Line")),
    "bass amp": ("bass", ("Bass Amp", "Bass Mic")),
    "lead vocal": ("lead_vocal", ("Lead Vox", "Vox", "Lead Vocal", "Main Voc")),
    "vocal double": ("backing_vocals", ("Vox Dbl", "Lead Vox Double", "Vocal Dbl")),
    "backing": ("backing_vocals", ("BV", "BGV", "Backing Vox", "Harmony Vox")),
}
TIMBRE_NAMES: dict[str, tuple[str, tuple[str, ...]]] = {
    "plucked string": ("guitars", ("Ac Gtr", "Acoustic Guitar", "AcGtr")),
    "distorted guitar": ("guitars", ("E Gtr", "El Gtr", "Gtr Dist")),
    "piano": ("keys", ("Piano", "Pno")),
    "electric piano": ("keys", ("Rhodes", "E Piano", "Wurli")),
    "organ": ("keys", ("Organ", "Hammond")),
    "saw stab": ("synth", ("Synth", "Syn Stab")),
    "synth lead": ("synth", ("Lead Synth", "Syn Lead")),
    "flute": ("winds", ("Flute", "Flutes")),
    "pad": ("synth", ("Pad", "Synth Pad", "Syn Pad")),
}
PAIR_ENDINGS = ((" L", " R"), (" Left", " Right"), ("_L", "_R"))
NUMBERINGS = ("", "{:02d}_", "{:02d} ", "{:02d}-")
# What is left out first of a session that is too large.
EXPENDABLE = ("vocal double", "snare bottom", "room", "kick out", "bass amp", "high tom", "low tom")


@dataclass(frozen=True)
class SessionTrack:
    """A track of a session.

    Attributes
    ----------
    name : str
        Name of its file, without the format.
    part : str
        Key of `NAMES`, or "chords", "lead", "pad". The tracks of a pair share it.
    source : str
        What is heard: several microphones can pick up one instrument.
    role : str
        One of `corpus.roles.ALL_ROLES`.
    side : int
        -1 for the left and 1 for the right track of a pair, or where the instrument stands; 0 otherwise.
    channels : int
        1 or 2.
    """

    name: str
    part: str
    source: str
    role: str
    side: int = 0
    channels: int = 1

    @property
    def stem(self) -> str:
        """Stem that the track belongs to."""
        return STEM_OF_ROLE[self.role]


def list_tracks(seeds: SeedTree, score: Score) -> tuple[SessionTrack, ...]:
    """Draw the track list of a session, in the order of its files: 6 to `MAX_TRACKS` tracks with different names."""
    rng = seeds.generator(SeedBranch.SESSION)
    tracks = [*_list_drums(rng, score), *_list_bass(rng), *_list_other(rng, seeds, score), *_list_vocals(rng, score)]
    for part in EXPENDABLE:
        if len(tracks) > MAX_TRACKS:
            tracks = [track for track in tracks if track.part != part]
    return _name_files(rng, tracks)


def _list_drums(rng: np.random.Generator, score: Score) -> list[SessionTrack]:
    grooves = GROOVES if score.form.beats_per_bar == 4 else WALTZES
    drums = {hit.drum for hit in score.drums} | set(grooves[score.drummer.groove])
    tracks = [_track(rng, "kick in", "kick")]
    if bernoulli(rng, 0.4):
        tracks.append(_track(rng, "kick out", "kick"))
    if drums & {"snare", "rim"}:
        tracks.append(_track(rng, "snare top", "snare"))
        if bernoulli(rng, 0.35):
            tracks.append(_track(rng, "snare bottom", "snare"))
    if drums & {"hat", "open hat"}:
        tracks.append(_track(rng, "hats", side=1))
    tracks += [_track(rng, tom, side=side) for tom, side in (("high tom", 1), ("low tom", -1)) if tom in drums]
    tracks += _pair(rng, "overheads") if bernoulli(rng, 0.6) else [_track(rng, "overheads", channels=2)]
    if bernoulli(rng, 0.4):
        tracks.append(_track(rng, "room", channels=2))
    return tracks + [_track(rng, part, side=int(rng.choice((-1, 1)))) for part in ("clap", "shaker") if part in drums]


def _list_bass(rng: np.random.Generator) -> list[SessionTrack]:
    parts = ["bass di", "bass amp"] if bernoulli(rng, 0.4) else ["bass di"]
    return [_track(rng, part, "bass") for part in parts]


def _list_other(rng: np.random.Generator, seeds: SeedTree, score: Score) -> list[SessionTrack]:
    tracks = []
    for part, notes in (("chords", score.chords), ("lead", score.lead), ("pad", score.pad)):
        tone = draw_tone(seeds, part)
        is_doubled = bernoulli(rng, 0.7) and part == "chords" and tone.timbre in GUITAR_TIMBRES
        if not notes:
            continue
        role, names = TIMBRE_NAMES[tone.timbre]
        name = names[int(rng.integers(len(names)))]
        is_lead_guitar = part == "lead" and role == "guitars"
        channels = 2 if tone.timbre in STEREO_TIMBRES else 1
        side = 0 if channels == 2 else (-1 if tone.position < 0.0 else 1)
        track = SessionTrack(f"Lead {name}" if is_lead_guitar else name, part, part, role, side, channels)
        tracks += _split(rng, track) if is_doubled else [track]
    return tracks


def _list_vocals(rng: np.random.Generator, score: Score) -> list[SessionTrack]:
    if score.singer is None or not score.syllables:
        return []
    tracks = [_track(rng, "lead vocal")]
    if bernoulli(rng, 0.3):
        tracks.append(_track(rng, "vocal double", "lead vocal"))
    if score.singer.harmony and any(in_chorus(score, syllable) for syllable in score.syllables):
        track = _track(rng, "backing")
        tracks += [replace(track, name=f"{track.name} {number}", side=side) for number, side in ((1, -1), (2, 1))]
    return tracks


def _track(rng: np.random.Generator, part: str, source: str = "", *, side: int = 0, channels: int = 1) -> SessionTrack:
    role, names = NAMES[part]
    return SessionTrack(names[int(rng.integers(len(names)))], part, source or part, role, side, channels)


def _pair(rng: np.random.Generator, part: str) -> list[SessionTrack]:
    return _split(rng, _track(rng, part))


def _split(rng: np.random.Generator, track: SessionTrack) -> list[SessionTrack]:
    """Return the left and the right track of a pair."""
    endings = PAIR_ENDINGS[int(rng.integers(len(PAIR_ENDINGS)))]
    return [replace(track, name=track.name + end, side=side) for end, side in zip(endings, (-1, 1), strict=True)]


def _name_files(rng: np.random.Generator, tracks: list[SessionTrack]) -> tuple[SessionTrack, ...]:
    """Tell equal names apart, and number the files as some studios do."""
    numbering = NUMBERINGS[int(rng.integers(len(NUMBERINGS)))]
    named: list[SessionTrack] = []
    for number, track in enumerate(tracks, start=1):
        is_taken = track.name in [other.name for other in tracks[: number - 1]]
        name = f"{track.name} 2" if is_taken else track.name
        named.append(replace(track, name=numbering.format(number) + name))
    return tuple(named)
