"""Sorting the files of a song by name."""

from pathlib import Path

import pytest

from fxnorm.corpus.sorting import sort_files, unmatched_patterns
from fxnorm.corpus.stems import STEMS

SONG = Path("song")


def paths(*names):
    return [SONG / f"{name}.wav" for name in names]


def sort(*names, **options):
    return sort_files(SONG, paths(*names), **options)


def names_of(result):
    return {stem: [track.name for track in result.tracks if track.stem == stem] for stem in STEMS} | {
        "skipped": [path.stem for path in result.skipped],
        "unused": [path.stem for path in result.unused],
    }


def expect(**names):
    return {**{stem: [] for stem in (*STEMS, "skipped", "unused")}, **names}


def test_words_that_all_names_begin_with_are_ignored():
    assert names_of(sort("Bass Brothers - Kick", "Bass Brothers - Vox", "Bass Brothers - Organ")) == expect(
        vocals=["Bass Brothers - Vox"], drums=["Bass Brothers - Kick"], other=["Bass Brothers - Organ"]
    )


def test_files_of_a_stem_mixes_and_names_that_say_nothing():
    result = sort("kick", "snare", "mixdown", "thing", "mixture")
    assert names_of(result) == expect(drums=["kick", "snare"], other=["thing"], skipped=["mixdown"])
    assert [track.role for track in result.tracks] == ["drums", "drums", None]
    assert result.mixture == SONG / "mixture.wav"


def test_overrides_outrank_names():
    files = paths("kick", "snare", "sub drop", "vocals", "Room/far")
    overrides = {"other": ["SUB*.wav", "vocals.wav"], "skip": ["snare.wav"], "vocals": ["Room/*"]}
    result = sort_files(SONG, files, overrides=overrides)
    assert names_of(result) == expect(
        drums=["kick"], other=["sub drop", "vocals"], vocals=["Room/far"], skipped=["snare"]
    )
    pairs = [(SONG, path) for path in files]
    assert unmatched_patterns(pairs, overrides) == []
    assert unmatched_patterns(pairs, {"bass": ["sub*.flac"]}) == ["sub*.flac"]
    assert names_of(sort("take [1]", overrides={"bass": ["take [1].wav"]})) == expect(bass=["take [1]"])


def test_a_song_with_all_four_stems_is_these_four():
    result = sort(*STEMS, "kick", "lead vox", "thing", "click", "Drums/room")
    assert names_of(result) == expect(
        **{stem: [stem] for stem in STEMS}, skipped=["click"], unused=["room", "kick", "lead vox", "thing"]
    )


def test_a_stem_is_whole_and_the_others_are_made_of_words():
    result = sort("bass", "Bass DI", "kick", "snare", "gtr", "thing")
    stems = {"bass": ["bass"], "drums": ["kick", "snare"], "other": ["gtr", "thing"]}
    assert names_of(result) == expect(**stems, unused=["Bass DI"])


@pytest.mark.parametrize(
    ("path", "stem"),
    [
        ("Drums/01", "drums"),
        ("Drums/Bell", "drums"),
        ("drum bus/left", "drums"),
        ("Guitars/Lead", "other"),
        ("Basses/01", "bass"),
        ("Vocals/FX", "vocals"),
        ("Other/Choir", "other"),
        ("Lead Vox/Takes/take 2", "vocals"),
        ("Misc/Kick", "drums"),
        ("Misc/thing", "other"),
        ("Drums/mix", "skipped"),
        ("Mixes/Song vocal up", "skipped"),
    ],
)
def test_names_of_folders_count(path, stem):
    result = sort(path)
    assert [name for name, files in names_of(result).items() if files] == [stem]


def test_results_are_not_taken_for_recordings():
    records = frozenset({SONG / "drums_dry.json", SONG / "out.json"})
    result = sort("kick", "drums_dry", "out", "drums_normalized", "kick_normalized", records=records)
    assert names_of(result) == expect(
        drums=["kick", "kick_normalized"], skipped=["drums_dry", "drums_normalized", "out"]
    )


def test_with_a_suffix_only_results_count():
    result = sort("vocals_dry", "kick", "bass", "mixture", suffix="dry")
    assert names_of(result) == expect(vocals=["vocals_dry"], unused=["bass", "kick"])
    assert result.mixture == SONG / "mixture.wav"


def test_of_two_formats_the_first_is_used():
    result = sort_files(SONG, [SONG / "Kick.wav", SONG / "kick.flac", SONG / "Drums/kick.flac"])
    assert [path for track in result.tracks for path in track.files] == [SONG / "Drums/kick.flac", SONG / "Kick.wav"]
    assert result.unused == (SONG / "kick.flac",)
