"""Mix models: preparation of stems, and their mix."""

from pathlib import Path

import numpy as np
import pytest

from fxnorm import audio, models, open_model
from fxnorm.corpus.stems import STEMS
from fxnorm.dsp import loudness
from fxnorm.errors import AudioError, FxnormError, InputError
from fxnorm.mixing import OutputLevel
from fxnorm.models.base import MixResult, ModelInput
from fxnorm.models.baselines import sum_stems
from fxnorm.models.stem_model import StemModel
from fxnorm.normalization.chain import Chain
from fxnorm.normalization.impulse_responses import ImpulseResponses
from fxnorm.normalization.normalizer import Normalizer
from fxnorm.normalization.settings import ChainSettings
from fxnorm.normalization.statistics import FxStats
from tests.mixing.conftest import lag, stems
from tests.signals import noise, sine


def set_level(level: OutputLevel, mix: audio.Audio) -> tuple[audio.Audio, dict[str, object]]:
    """A mix with a level, and what was applied."""
    result = level.apply(MixResult(mix, audio.SAMPLE_RATE, ModelInput(np.stack(4 * [mix]), audio.SAMPLE_RATE)))
    return result.audio, result.level


def test_sum_adds_the_stems_as_they_are():
    tracks = stems()
    mix = open_model("sum").mix(tracks, 96_000)
    assert np.array_equal(mix.audio, sum_stems(np.stack([tracks[stem] for stem in STEMS])))
    assert mix.sample_rate == mix.prepared.sample_rate == 96_000
    assert mix.prepared.effects == {}


def test_normalized_sum_adds_what_the_normaliser_gives():
    tracks = stems()
    model = open_model("normalized-sum")
    mix = model.mix(tracks, audio.SAMPLE_RATE)
    alone = Normalizer(FxStats.shipped("musdb18"), ChainSettings.preset())
    expected = sum(alone(tracks[stem], audio.SAMPLE_RATE, stem)[0] for stem in STEMS)
    np.testing.assert_allclose(mix.audio, expected, atol=1e-6)
    assert model.chain is not None
    assert [step.effect for step in mix.prepared.effects["bass"]] == ["eq", "compression", "panning", "loudness"]


def test_stems_of_any_length_are_brought_to_the_longest():
    tracks = {"vocals": noise(0.5, seed=1), "drums": noise(1.0, seed=2)[:1]}
    mix = open_model("sum").mix(tracks, audio.SAMPLE_RATE)
    expected = np.repeat(tracks["drums"], 2, axis=0)
    expected[:, : tracks["vocals"].shape[1]] += tracks["vocals"]
    assert np.array_equal(mix.audio, expected)


@pytest.mark.parametrize("rate", [22_050, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("extra", [0, 1, 7])
def test_a_network_mixes_at_the_rate_of_the_stems_in_their_place(checkpoint, rate, extra):
    samples = rate + extra
    tracks = {"drums": np.zeros((2, samples), dtype=np.float32), "bass": sine(110.0, 0.1, rate=rate)}
    tracks["drums"][:, samples // 2] = 0.9
    model = open_model(checkpoint, device="cpu")
    assert model.name == "tiny"
    mix = model.mix(tracks, rate)
    assert mix.audio.shape == (2, samples)
    assert mix.audio.dtype == np.float32
    assert np.isfinite(mix.audio).all()
    assert mix.prepared.sample_rate == audio.SAMPLE_RATE


def test_resampling_to_the_network_and_back_moves_nothing(monkeypatch, checkpoint):
    model = open_model(checkpoint, device="cpu")
    monkeypatch.setattr(type(model.predictor), "predict", lambda self, stems, progress=None: stems.sum(axis=0))
    tracks = {"drums": noise(1.0, rate=48_000)}
    assert lag(tracks["drums"], model.mix(tracks, 48_000).audio) == 0


def test_mixing_what_was_prepared_is_mixing(checkpoint):
    tracks, model = stems(), open_model(checkpoint, device="cpu")
    prepared = model.prepare(tracks, audio.SAMPLE_RATE)
    assert prepared.audio.shape == (4, 2, tracks["bass"].shape[1])
    assert np.array_equal(model.predictor.predict(prepared.audio), model.mix(tracks, audio.SAMPLE_RATE).audio)


def test_a_model_of_a_loaded_checkpoint_is_the_same(checkpoint):
    tracks, loaded = stems(), models.load(checkpoint)
    model = StemModel.from_checkpoint(loaded)
    assert model.name == "tdcn"
    assert model.chain is loaded.chain
    mix, reopened_mix = (
        model.mix(tracks, audio.SAMPLE_RATE),
        open_model(checkpoint, device="cpu").mix(tracks, audio.SAMPLE_RATE),
    )
    assert np.array_equal(mix.audio, reopened_mix.audio)


def test_a_missing_stem_is_silence():
    mix = open_model("normalized-sum").mix({"bass": stems()["bass"]}, audio.SAMPLE_RATE)
    assert not mix.prepared.audio[[0, 2, 3]].any()
    assert mix.prepared.audio[1].any()


def test_each_stem_is_asked_for_once_where_the_length_is_known():
    asked = []

    class Asking(dict):
        def __getitem__(self, stem):
            asked.append(stem)
            return super().__getitem__(stem)

    tracks = Asking(stems())
    open_model("sum").mix(tracks, audio.SAMPLE_RATE, samples=next(iter(tracks.values())).shape[1])
    assert asked == list(STEMS)


def test_rooms_come_first_and_are_drawn_by_the_seed():
    tracks, rooms = stems(0.8), ImpulseResponses(decay_s=(0.3, 1.5), count=2).load()
    mixes = [open_model("normalized-sum", rooms=rooms, seed=seed).mix(tracks, audio.SAMPLE_RATE) for seed in (3, 3)]
    assert np.array_equal(mixes[0].audio, mixes[1].audio)
    assert mixes[0].prepared.effects["vocals"][0].effect == "room"
    assert mixes[0].prepared.effects["drums"][0].skipped


def test_progress_rises_to_one(checkpoint):
    shares = []
    open_model(checkpoint, device="cpu").mix(
        stems(), audio.SAMPLE_RATE, progress=lambda share, label: shares.append(share)
    )
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("tracks", "rate", "message"),
    [
        ({}, audio.SAMPLE_RATE, "expected at least one of the stems"),
        ({"voclas": noise(0.1)}, audio.SAMPLE_RATE, "did you mean 'vocals'"),
        ({"bass": noise(0.1)}, 0, "above 0 Hz"),
        ({"bass": np.zeros((3, 10), dtype=np.float32)}, audio.SAMPLE_RATE, "expected 1 or 2 channels"),
        ({"bass": np.zeros((2, 0), dtype=np.float32)}, audio.SAMPLE_RATE, "has no samples"),
        ({"bass": np.full((2, 9), np.nan, dtype=np.float32)}, audio.SAMPLE_RATE, "NaN or infinite"),
    ],
)
def test_wrong_stems_are_refused(tracks, rate, message):
    with pytest.raises((InputError, AudioError), match=message):
        open_model("normalized-sum").mix(tracks, rate)


def test_other_statistics_and_settings_are_refused(checkpoint, chain):
    with pytest.raises(InputError, match="leave --stats out"):
        open_model(checkpoint, device="cpu", stats=FxStats.shipped("synthetic"))
    with pytest.raises(InputError, match="leave --preset out"):
        open_model(checkpoint, device="cpu", settings=ChainSettings.preset("published"))
    same = open_model(checkpoint, device="cpu", stats=chain.stats, settings=chain.settings)
    assert same.chain.signature == chain.signature
    with pytest.raises(InputError, match="take normalized-sum"):
        open_model("sum", settings=ChainSettings.preset())


def test_what_is_no_model_is_refused(tmp_path, checkpoint):
    with pytest.raises(InputError, match="unknown model 'tcdn'"):
        open_model("tcdn")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FxnormError, match="name the folder of a checkpoint"):
        open_model(tmp_path / "empty")
    with pytest.raises(InputError, match="expected one of auto"):
        open_model(checkpoint, device="tpu")


def test_a_network_that_no_corpus_has_trained_is_refused(tmp_path):
    pytest.importorskip("torch", reason="needs PyTorch")
    from fxnorm.models.checkpoint import Checkpoint

    Checkpoint(models.build("waveunet", "small")).save(tmp_path / "fresh")
    with pytest.raises(InputError, match="does not say how they are normalised"):
        open_model(tmp_path / "fresh", device="cpu")


def test_a_mix_that_is_not_finite_is_an_error(checkpoint, monkeypatch):
    model = open_model(checkpoint, device="cpu")
    monkeypatch.setattr(
        type(model.predictor), "predict", lambda self, stems, progress=None: stems[0] * np.float32(np.nan)
    )
    with pytest.raises(FxnormError, match="not finite"):
        model.mix(stems(), audio.SAMPLE_RATE)


def test_naive_and_chain_of_baselines():
    mix = open_model("naive").mix(stems(), audio.SAMPLE_RATE)
    assert audio.peak(mix.audio) == pytest.approx(0.9)
    assert open_model("sum").chain is None
    chain = Chain(FxStats.shipped("synthetic"), ChainSettings.preset("published"))
    assert open_model("normalized-sum", stats=chain.stats, settings=chain.settings).chain.signature == chain.signature


@pytest.mark.parametrize("target", [-14.0, -30.0])
def test_the_level_brings_a_mix_to_a_loudness(target):
    mix, level = set_level(OutputLevel(lufs=target, clip_mode="none"), noise(1.0))
    assert loudness.measure(mix, audio.SAMPLE_RATE) == pytest.approx(target, abs=1e-3)
    assert level.keys() == {"gain_db"}


def test_the_level_keeps_full_scale():
    loud = 30.0 * noise(0.5)
    rescaled, level = set_level(OutputLevel(), loud)
    assert audio.peak(rescaled) == pytest.approx(1.0)
    assert level["scaled_db"] == pytest.approx(-20.0 * np.log10(audio.peak(loud)), abs=0.01)
    clamped, level = set_level(OutputLevel(clip_mode="clamp"), loud)
    assert audio.peak(clamped) == 1.0
    assert level["clamped_samples"] == np.count_nonzero(np.abs(loud) > 1.0)
    same, level = set_level(OutputLevel(clip_mode="none"), loud)
    assert same is loud
    assert level == {}
    assert set_level(OutputLevel(), noise(0.1))[1] == {}


def test_an_unreachable_loudness_is_a_notice():
    silence = np.zeros((2, audio.SAMPLE_RATE), dtype=np.float32)
    prepared = ModelInput(np.zeros((4, 2, audio.SAMPLE_RATE), dtype=np.float32), audio.SAMPLE_RATE)
    result = OutputLevel(lufs=-14.0).apply(MixResult(silence, audio.SAMPLE_RATE, prepared, notices=("first",)))
    assert not result.audio.any()
    assert result.notices[0] == "first"
    assert "too quiet" in result.notices[1]
    with pytest.raises(InputError, match="clip mode"):
        OutputLevel(clip_mode="soft")
    with pytest.raises(InputError, match="LUFS"):
        OutputLevel(lufs=3.0)


def test_opening_a_baseline_loads_no_torch():
    import subprocess
    import sys

    code = "import sys; from fxnorm import open_model; open_model('normalized-sum'); print('torch' in sys.modules)"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert process.stdout.strip() == "False"


def test_the_last_sample_is_within_what_the_model_hears(checkpoint):
    """48,001 samples at 48 kHz are 44,100.9 at 44.1 kHz."""
    prepared = open_model(checkpoint, device="cpu").prepare({"bass": sine(110.0, 1.0, rate=48_001)}, 48_000)
    assert prepared.audio.shape[2] == 44_101


def test_every_stem_draws_its_own_room():
    rooms, stem = ImpulseResponses(decay_s=(0.3, 0.4), count=8).load(), noise(0.1)
    same = 0
    for seed in range(8):
        model = open_model("normalized-sum", rooms=rooms, seed=seed)
        effects = model.prepare({"vocals": stem, "other": stem}, audio.SAMPLE_RATE).effects
        vocals_room, other_room = (effects[name][0].processor.response.identity for name in ("vocals", "other"))
        same += vocals_room == other_room
    assert same <= 4
