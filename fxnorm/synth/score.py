"""The score: the form of a song and every part that is played to it."""

from dataclasses import dataclass
from typing import Any

from fxnorm.synth.form import KEYS, KINDS, Form, draw_form
from fxnorm.synth.groove import Drummer, Hit, draw_drummer, play_drums
from fxnorm.synth.melody import Singer, Syllable, draw_singer, sing_melody
from fxnorm.synth.players import Note, play_bass, play_bed, play_chords, play_lead
from fxnorm.synth.seeding import Purpose, Streams, chance

LEAD_CHANCE = 0.75
BED_CHANCE = 0.45


@dataclass(frozen=True)
class Score:
    """Form and parts; an instrumental has no singer and no syllables."""

    form: Form
    drummer: Drummer
    singer: Singer | None
    bass_line: str
    comping: str
    drums: tuple[Hit, ...]
    bass: tuple[Note, ...]
    chords: tuple[Note, ...]
    lead: tuple[Note, ...]
    bed: tuple[Note, ...]
    syllables: tuple[Syllable, ...]

    def summary(self) -> dict[str, Any]:
        """What a musician would write at the top of the page, ready for JSON."""
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
                "other": len(self.chords) + len(self.lead) + len(self.bed),
            },
        }


def draw_score(streams: Streams, seconds: float) -> Score:
    """Draw the score of a song of a given length."""
    form = draw_form(streams, seconds)
    drummer = draw_drummer(streams, form)
    singer = draw_singer(streams)
    bass_line, bass = play_bass(streams, form)
    comping, chords = play_chords(streams, form)
    has_lead = singer is None or chance(streams(Purpose.LEAD, len(KINDS)), LEAD_CHANCE)
    has_bed = chance(streams(Purpose.BED, len(KINDS)), BED_CHANCE)
    return Score(
        form=form,
        drummer=drummer,
        singer=singer,
        bass_line=bass_line,
        comping=comping,
        drums=play_drums(streams, form, drummer),
        bass=bass,
        chords=chords,
        lead=play_lead(streams, form, always=singer is None) if has_lead else (),
        bed=play_bed(streams, form) if has_bed else (),
        syllables=sing_melody(streams, form, singer) if singer else (),
    )
