"""Scores: harmony, vocal range, form, and reproducibility."""

import json

import pytest

from fxnorm.synth.form import SCALES
from fxnorm.synth.melody import TESSITURAS
from fxnorm.synth.players import LOWEST_BASS
from fxnorm.synth.score import Score, draw_score
from fxnorm.synth.seeding import SeedTree

SONGS = range(24)


@pytest.fixture(scope="module")
def scores() -> list[Score]:
    return [draw_score(SeedTree(0, index), 40.0) for index in SONGS]


def test_the_bass_plays_chord_tones_and_roots_on_the_downbeats(scores):
    for score in scores:
        form = score.form
        for note in score.bass:
            # Humanised timing may put a note a little before its bar.
            bars, step = divmod((note.start_s + 0.02) / form.step_s, form.steps)
            chord = form.chord(form.bars[int(bars)], step)
            assert note.pitch % 12 in chord.pitch_classes
            if step < 0.3:
                assert note.pitch % 12 == chord.root
            assert LOWEST_BASS <= note.pitch <= LOWEST_BASS + 30


def test_chords_lead_and_melody_stay_in_the_key(scores):
    for score in scores:
        assert len(score.form.scale) == len(SCALES[score.form.mode]) == 7
        for note in (*score.chords, *score.lead, *score.pad, *score.syllables):
            assert note.pitch % 12 in score.form.scale


def test_the_singer_stays_in_range_and_breathes(scores):
    for score in scores:
        if score.singer is None:
            assert score.syllables == ()
            continue
        low, high = TESSITURAS[score.singer.voice]
        assert all(low <= syllable.pitch <= high for syllable in score.syllables)
        ends = [syllable.start_s + syllable.duration_s for syllable in score.syllables]
        rests = [later.start_s - end for end, later in zip(ends, score.syllables[1:], strict=False)]
        assert max(rests) > 0.3
        assert min(rests) > -0.1


def test_sections_follow_one_another_without_a_gap(scores):
    for score in scores:
        bars = score.form.bars
        assert [bar.number for bar in bars] == list(range(len(bars)))
        assert [s.number for s in score.form.sections] == list(range(len(score.form.sections)))
        assert score.form.sections[-1].kind == "end"
        assert score.form.time_s(bars[-1].number, 0) < 40.0


def test_a_refrain_keeps_its_tune():
    score = next(s for s in (draw_score(SeedTree(0, i), 90.0) for i in SONGS) if s.singer)
    form = score.form
    tunes = []
    for section in (s for s in form.sections if s.kind == "chorus"):
        begin, end = (form.time_s(bar, 0) - 0.05 for bar in (section.first_bar, section.first_bar + section.bars))
        tunes.append([s.pitch for s in score.syllables if begin <= s.start_s < end])
    assert len(tunes) >= 2
    shortest = min(len(tune) for tune in tunes)
    assert all(tune[:shortest] == tunes[0][:shortest] for tune in tunes)


@pytest.mark.parametrize("index", [0, 3, 9])
def test_a_longer_song_begins_like_the_shorter_one(index):
    short, long = (draw_score(SeedTree(0, index), seconds) for seconds in (30.0, 60.0))
    outro_s = next(short.form.time_s(s.first_bar, 0) for s in short.form.sections if s.kind == "outro")
    for part in ("drums", "bass", "chords", "lead", "pad", "syllables"):
        # The bar before the outro may hold a fill, and a section may be cut short.
        until_s = outro_s - 1.1 * short.form.steps * short.form.step_s
        beginnings = [[note for note in getattr(s, part) if note.start_s < until_s] for s in (short, long)]
        assert beginnings[0] == beginnings[1]


def test_songs_differ_and_some_are_instrumental(scores):
    summaries = [score.summary() for score in scores]
    assert len({summary["tempo_bpm"] for summary in summaries}) > 20
    assert len({summary["groove"] for summary in summaries}) >= 8
    assert len({(summary["key"], summary["mode"]) for summary in summaries}) >= 12
    many = [draw_score(SeedTree(1, index), 4.0) for index in range(120)]
    assert 3 <= sum(score.singer is None for score in many) <= 20


def test_every_part_plays_in_a_short_song():
    for index in SONGS:
        score = draw_score(SeedTree(0, index), 8.0)
        assert score.drums
        assert score.bass
        assert score.chords
        assert score.syllables or score.singer is None


def test_the_summary_survives_json(scores):
    for score in scores:
        assert json.loads(json.dumps(score.summary())) == score.summary()
