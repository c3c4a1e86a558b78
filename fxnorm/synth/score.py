"""Score of a song: its form and the notes of every part."""

from dataclasses import dataclass
from typing import Any

from fxnorm.synth.form import KEYS, KINDS, Form, draw_form
from fxnorm.synth.groove import Drummer, Hit, draw_drummer, play_drums
from fxnorm.synth.melody import Singer, Syllable, draw_singer, sing_melody
from fxnorm.synth.players import Note, play_bass, play_chords, play_lead, play_pad
from fxnorm.synth.seeding import SeedBranch, SeedTree, bernoulli

LEAD_PROBABILITY = 0.75
PAD_PROBABILITY = 0.45


@dataclass(frozen=True)
class Score:
    """Form and parts of a song; an instrumental has no singer and no syllables."""

    form: Form
    drummer: Drummer
    singer: Singer | None
    bass_line: str
    comping: str
    drums: tuple[Hit, ...]
    bass: tuple[Note, ...]
    chords: tuple[Note, ...]
    lead: tuple[Note, ...]
    pad: tuple[Note, ...]
    syllables: tuple[Syllable, ...]

    def summary(self) -> dict[str, Any]:
        """Return tempo, key, chords, sections, patterns and numbers of notes, ready for JSON."""
        form = self.form
        return {
            "tempo_bpm": form.tempo_bpm,
            "beats_per_bar": form.beats_per_bar,
            "swing": form.swing,
            "key": KEYS[form.key],
            "mode": form.mode,
            "progression": {kind: list(numerals) for kind, numerals in form.progressions.items()},
            "sections": [
                {"kind": section.kind, "bars": section.bars, "start_s": round(form.time_s(section.first_bar, 0), 3)}
                for section in form.sections
            ],
            "groove": self.drummer.groove,
            "bass_line": self.bass_line,
            "comping": self.comping,
            "voice": self.singer.voice if self.singer else None,
            "notes": {
                "vocals": len(self.syllables),
                "bass": len(self.bass),
                "drums": len(self.drums),
                "other": len(self.chords) + len(self.lead) + len(self.pad),
            },
        }


def draw_score(seeds: SeedTree, seconds: float) -> Score:
    """Draw the score of a song of a duration in seconds."""
    form = draw_form(seeds, seconds)
    drummer = draw_drummer(seeds, form)
    singer = draw_singer(seeds)
    bass_line, bass = play_bass(seeds, form)
    comping, chords = play_chords(seeds, form)
    has_lead = singer is None or bernoulli(seeds.generator(SeedBranch.LEAD, len(KINDS)), LEAD_PROBABILITY)
    has_pad = bernoulli(seeds.generator(SeedBranch.PAD, len(KINDS)), PAD_PROBABILITY)
    return Score(
        form=form,
        drummer=drummer,
        singer=singer,
        bass_line=bass_line,
        comping=comping,
        drums=play_drums(seeds, form, drummer),
        bass=bass,
        chords=chords,
        lead=play_lead(seeds, form, instrumental=singer is None) if has_lead else (),
        pad=play_pad(seeds, form) if has_pad else (),
        syllables=sing_melody(seeds, form, singer) if singer else (),
    )
