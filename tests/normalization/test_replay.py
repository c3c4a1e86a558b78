"""Replaying the card of a stem gives the same samples."""

import json
from pathlib import Path

import numpy as np
import pytest

from fxnorm import audio_files, corpus
from fxnorm.audio import SAMPLE_RATE
from fxnorm.cli import cli
from fxnorm.errors import FxnormError, InputError
from fxnorm.normalization.chain import Chain
from fxnorm.normalization.corpus_normalization import normalize_corpus
from fxnorm.normalization.effects import applied_from_dict
from fxnorm.normalization.impulse_responses import ImpulseResponses
from fxnorm.normalization.normalizer import Normalizer, replay
from fxnorm.normalization.output_layout import OutputLayout
from fxnorm.normalization.plan import NormalizationPlan
from fxnorm.normalization.record import load_record
from fxnorm.normalization.reverb import ReverbSettings
from fxnorm.normalization.settings import ChainSettings
from fxnorm.normalization.statistics import FxStats
from fxnorm.normalization.stem_normalization import replay_stem
from tests.signals import noise, plucks

MUSDB = FxStats.shipped()
SHORT = ImpulseResponses(count=2, decay_s=(0.2, 0.3))
HALF = {"eq": 0.4, "compression": 0.7, "panning": 0.5, "loudness": 0.3}
STEMS = {
    "plucks": (plucks(2.0, seed=1), SAMPLE_RATE),
    "48 kHz": (plucks(2.0, seed=2), 48_000),
    "22 kHz": (noise(1.0, rate=22_050), 22_050),
    "mono": (plucks(1.5, seed=3, channels=1), SAMPLE_RATE),
    "left": (plucks(1.5, seed=4) * np.array([[1.0], [0.0]], np.float32), SAMPLE_RATE),
    "silent": (np.full((2, 9000), 1e-3, np.float32), 48_000),
    "short": (noise(0.05), SAMPLE_RATE),
    "loud": (40.0 * plucks(1.0, seed=5), 48_000),
}
SETTINGS = {
    "all": {},
    "weaker": {"strength": HALF},
    "some": {"effects": ("eq", "panning"), "strength": {"eq": 0.0}},
    "reverb": {"reverb": ReverbSettings(strength=0.6)},
}


def through_json(applied, responses=()):
    known = {response.identity: response for response in responses}
    return [applied_from_dict(json.loads(json.dumps(step.to_dict())), known) for step in applied]


@pytest.mark.parametrize("stem", ["vocals", "bass"])
@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("preset", ["default", "published"])
def test_a_record_gives_the_same_samples(preset, settings, stem):
    responses = SHORT.load()
    chain = Normalizer(MUSDB, ChainSettings.preset(preset, **SETTINGS[settings]), responses=responses, rooms=responses)
    for name, (samples, sample_rate) in STEMS.items():
        expected, applied = chain(samples, sample_rate, stem, rng=np.random.default_rng(7))
        read = through_json(applied, responses)
        assert read == applied, name
        np.testing.assert_array_equal(replay(read, samples, sample_rate), expected, err_msg=name)


@pytest.fixture
def song(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus" / "song"
    folder.mkdir(parents=True)
    audio_files.write(folder / "vocals.wav", 4.0 * plucks(1.5), 48_000)
    return folder.parent


@pytest.fixture
def hall(tmp_path: Path) -> Path:
    folder = tmp_path / "hall"
    folder.mkdir()
    audio_files.write(folder / "hall.wav", SHORT.load()[0].audio, SAMPLE_RATE)
    return folder


@pytest.mark.parametrize("subtype", ["FLOAT", "PCM_16"])
def test_a_card_is_replayed_on_the_command_line(song, hall, tmp_path, subtype):
    out, options = tmp_path / "out", ["--reverb", "--impulse-responses", str(hall), "--room", "-j", "1", "-q"]
    cli.main(["normalize", str(song), "-o", str(out), "--subtype", subtype, *options], standalone_mode=False)
    card, stem, target = out / "song" / "vocals.json", song / "song" / "vocals.wav", tmp_path / "again.wav"
    words = ["normalize", "--replay", str(card), str(stem), "-o", str(target), "--subtype", subtype]
    cli.main(words, standalone_mode=False)
    np.testing.assert_array_equal(audio_files.read(target)[0], audio_files.read(out / "song" / "vocals.wav")[0])
    with pytest.raises(InputError, match="exists already; choose another name"):
        replay_stem(card, stem, target)


def normalized(song: Path, hall: Path, out: Path) -> Path:
    settings = ChainSettings.preset(reverb=ReverbSettings())
    plan = NormalizationPlan(MUSDB, settings, OutputLayout(out), responses=ImpulseResponses(hall))
    assert normalize_corpus(corpus.scan(song), plan).failures == ()
    return out / "song" / "vocals.json"


def test_moved_impulse_responses_are_found_and_others_refused(song, hall, tmp_path):
    card = normalized(song, hall, tmp_path / "out")
    moved = hall.rename(tmp_path / "moved")
    with pytest.raises(InputError, match="expected a folder of impulse responses"):
        load_record(card)
    assert load_record(card, folder=moved)[0].effect == "reverb"
    audio_files.write(moved / "hall.wav", SHORT.load()[1].audio, SAMPLE_RATE)
    with pytest.raises(InputError, match="expected the impulse response 'hall"):
        load_record(card, folder=moved)


def test_a_chain_refuses_other_impulse_responses(song, hall, tmp_path):
    normalized(song, hall, tmp_path / "out")
    chain = Chain.load(tmp_path / "out" / "chain.json")
    assert chain.responses.folder == hall
    assert chain.normalizer().responses == ImpulseResponses(hall).load()
    made_up = Chain(MUSDB, chain.settings)
    assert made_up.responses.identities
    assert made_up.signature != chain.signature
    content = chain.to_dict()
    content["impulse_responses"]["identities"] = ["hall.wav 0123456789abcdef"]
    with pytest.raises(InputError, match="expected the 1 impulse responses that the stems were normalised with"):
        Chain.from_dict(content).normalizer()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "fxnorm-mix"}, "expected the record of a stem"),
        ({"version": 1}, "expected the record of a stem of version 2, got 1"),
        ({"steps": [{"effect": "eq", "processor": {"kind": "chorus"}}]}, "damaged .the processor 'chorus'"),
        ({"steps": [{"effect": "loudness", "processor": {"kind": "gain", "gain": "loud"}}]}, "damaged .gain: "),
    ],
)
def test_other_cards_are_refused(song, hall, tmp_path, change, message):
    card = normalized(song, hall, tmp_path / "out")
    card.write_text(json.dumps(json.loads(card.read_text()) | change))
    with pytest.raises(FxnormError, match=message) as caught:
        load_record(card)
    assert "\n" not in str(caught.value)
