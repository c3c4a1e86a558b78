"""What studios call their files."""

from pathlib import Path

import pytest

from fxnorm.corpus.roles import SKIP, assign, recognize, split, unmatched

NAMES = {
    "drums": [
        "01_KickIn", "KickOut", "kick", "Bass Drum", "bassdrum", "BD", "SubKick", "Snare_Top", "SN Btm", "HiHat",
        "hihat", "HH", "FloorTom", "RackToms", "Tom1", "OHR", "Overheads", "Room", "DrumRoom", "Ride Bell",
        "Cowbell", "Claves", "Tambourine", "Percs", "DrumMix", "Synth Drums", "crash 2", "drums",
    ],
    "vocals": [
        "Lead Vox", "LdVox", "leadvox", "BVox 2", "BV1", "BGVs", "Backing", "LeadDouble", "Harmony", "Choir", "VocalFX",
        "Bass Voice", "Rap", "Oohs", "vocals", "voice",
    ],
    "bass": ["BassDI", "bassdi", "Bass Gtr", "BassSynth", "Synth Bass", "DoubleBass", "Contrabass", "Sub 37", "bass"],
    "other": [
        "Lead Gtr", "ElecGtr1_L", "AcGtr", "El Piano", "GtrRoom", "Piano Room", "Lead Synth", "Bass Clarinet",
        "Steel Drums", "Strings", "Keys", "Organ", "Harmonica", "Brass", "FX Riser", "Bells", "guitarra", "other",
    ],
    SKIP: ["mixture", "drum mixture", "MyMix", "Song_mix", "Master", "Click", "Guide Vox", "Backing Track"],
    None: ["Track 07", "808", "Solo", ""],
}  # fmt: skip


@pytest.mark.parametrize(("name", "stem"), [(name, stem) for stem, names in NAMES.items() for name in names])
def test_a_name_says_which_stem_it_is(name, stem):
    assert recognize(split(name)) == stem


def paths(*names):
    return [Path("song") / f"{name}.wav" for name in names]


def names_of(found):
    return {stem: [path.stem for path in files] for stem, files in found.stems.items()}


def test_what_all_names_begin_with_is_passed_over():
    files = paths("Bass Brothers - Kick", "Bass Brothers - Vox", "Bass Brothers - Organ")
    assert names_of(assign(files)) == {
        "vocals": ["Bass Brothers - Vox"],
        "drums": ["Bass Brothers - Kick"],
        "other": ["Bass Brothers - Organ"],
    }


def test_several_files_of_one_stem_and_files_that_are_none():
    found = assign(paths("kick", "snare", "mixture", "thing"))
    assert names_of(found) == {"drums": ["kick", "snare"], "other": ["thing"]}
    assert [path.stem for path in found.skipped] == ["mixture"]
    assert [path.stem for path in found.guessed] == ["thing"]


def test_overrides_go_before_words():
    files = paths("kick", "snare", "sub drop")
    overrides = {"other": ["SUB*.wav"], "skip": ["snare.wav"]}
    found = assign(files, overrides)
    assert names_of(found) == {"drums": ["kick"], "other": ["sub drop"]}
    assert [path.stem for path in found.skipped] == ["snare"]
    assert unmatched(files, overrides) == []
    assert unmatched(files, {"bass": ["sub*.flac"]}) == ["sub*.flac"]
    assert assign(paths("take [1]"), {"bass": ["take [1].wav"]}).stems.keys() == {"bass"}
