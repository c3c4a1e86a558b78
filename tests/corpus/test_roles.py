"""Roles and stems of file names as studios write them."""

import pytest

from fxnorm.corpus.roles import SKIP, classify, is_group, split_words

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
    assert classify(split_words(name)) == stem


@pytest.mark.parametrize(
    "name",
    ["Drums", "drum bus", "02 Lead Vox", "BGVs", "Keys & Synths", "Synths and Keys", "Gtr Stems", "Mixes"],
)
def test_folders_named_after_instruments_are_groups(name):
    assert is_group(name)


@pytest.mark.parametrize("name", ["Bass Song", "Drum Thing", "train", "Audio Files", "Misc", "2021", ""])
def test_other_folders_are_not(name):
    assert not is_group(name)
