"""A network added by one class and one line is known to every verb."""

import json
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from pydantic import PositiveFloat

from fxnorm import audio, audio_files, models
from fxnorm.corpus.stems import STEMS
from fxnorm.models import registry
from fxnorm.models.settings import ModelSettings
from fxnorm.normalization.chain import Chain
from fxnorm.normalization.settings import ChainSettings
from fxnorm.normalization.statistics import FxStats
from tests.mixing.conftest import fxnorm, stems

torch = pytest.importorskip("torch", reason="needs PyTorch")

from fxnorm.models.network import CHANNELS, Network  # noqa: E402

__all__ = ["fxnorm"]  # a fixture


class OneGainSettings(ModelSettings):
    """Initial gain."""

    gain: PositiveFloat = 0.5


class OneGain(Network):
    """Sums the stems with one gain for each."""

    name = "one-gain"
    presets: ClassVar = {"published": OneGainSettings(), "loud": OneGainSettings(gain=2.0)}
    context = 0

    def __init__(self, settings: OneGainSettings) -> None:
        super().__init__(settings)
        self.gains = torch.nn.Parameter(torch.full((len(STEMS), 1, 1), settings.gain))

    def forward_flat(self, x: Any) -> Any:
        return (x.unflatten(1, (len(STEMS), CHANNELS)) * self.gains).sum(dim=1)


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.NETWORKS, "one-gain", registry.Entry(f"{__name__}:OneGain"))


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    """A run that holds a checkpoint of the network, with gains of 1, 2, 3 and 4."""
    network = models.build("one-gain", gain=0.25)
    with torch.no_grad():
        network.gains[:, 0, 0] = torch.arange(1.0, 5.0)
    chain = Chain(FxStats.shipped("musdb18"), ChainSettings.preset(effects=("loudness",)))
    models.Checkpoint(network, chain, {"loss": "La"}, [{"valid": 2.0}]).save(tmp_path / "run" / "checkpoint")
    return tmp_path / "run"


def test_it_is_listed_and_described(fxnorm: Any, run_folder: Path) -> None:
    listed = json.loads(fxnorm("models", "--json")[1])
    expected = {"model": "one-gain", "preset": "loud", "parameters": 4, "context_samples": 0}
    assert expected in listed
    code, printed, _ = fxnorm("models", run_folder)
    assert code == 0
    for words in ("one-gain, 4 parameters", "settings: gain 0.25", "trained for 1 epoch: train –, valid 2.000"):
        assert words in printed


def test_its_checkpoint_comes_back(run_folder: Path) -> None:
    checkpoint = models.load(run_folder)
    assert isinstance(checkpoint.model, OneGain)
    assert checkpoint.model.settings == OneGainSettings(gain=0.25)
    assert checkpoint.model.gains.flatten().tolist() == [1.0, 2.0, 3.0, 4.0]


def test_it_mixes_and_its_record_names_it(fxnorm: Any, run_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "song").mkdir()
    for stem, samples in stems().items():
        audio_files.write(tmp_path / "song" / f"{stem}.wav", samples, audio.SAMPLE_RATE)
    out = tmp_path / "mix.wav"
    code, _, complaint = fxnorm("mix", tmp_path / "song", "-o", out, "--model", run_folder, "--clip-mode", "none")
    assert code == 0, complaint
    model = models.open_model(run_folder, device="cpu")
    prepared = model.mix(stems(), audio.SAMPLE_RATE).prepared.audio
    expected = (prepared * np.arange(1.0, 5.0, dtype=np.float32)[:, np.newaxis, np.newaxis]).sum(axis=0)
    np.testing.assert_allclose(audio_files.read(out)[0], expected, atol=1e-6)
    record = json.loads((tmp_path / "mix.json").read_text())
    assert record["model"] == {"name": "run", "identity": model.identity, "description": OneGain.description}
    assert [effect["effect"] for effect in record["stems"]["bass"]["effects"]] == ["loudness"]
    assert OneGain.description in (tmp_path / "mix.html").read_text()


def test_a_wrong_name_is_answered_with_it() -> None:
    from fxnorm.errors import InputError

    with pytest.raises(InputError, match="did you mean 'one-gain'"):
        models.build("one-gian")
