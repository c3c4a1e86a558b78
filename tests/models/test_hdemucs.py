"""HDemucs: a stereo network adapted to four stems, and safe reading of weights."""

import sys
from pathlib import Path
from typing import Any

import pytest

from fxnorm import models
from fxnorm.errors import InputError

torch = pytest.importorskip("torch", reason="needs PyTorch")
safetensors = pytest.importorskip("safetensors.torch", reason="needs safetensors")
hdemucs = pytest.importorskip("fxnorm.models.hdemucs")


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def separator() -> Any:
    """A separation network for four sources."""
    package = pytest.importorskip("demucs.hdemucs", reason="hdemucs needs the package demucs")
    network = package.HDemucs(sources=["drums", "bass", "other", "vocals"], channels=8).eval()
    with torch.no_grad():  # untrained weights give very quiet output
        for last in (network.decoder[-1].conv_tr, network.tdecoder[-1].conv_tr):
            last.weight *= 100.0
            last.bias *= 100.0
    return network


def as_torchaudio(state: dict[str, Any]) -> dict[str, Any]:
    """Rename weights as torchaudio saves them."""
    prefixes = {prefix: torchaudio_prefix for torchaudio_prefix, prefix in hdemucs.TORCHAUDIO_PREFIXES.items()}
    renamed = {}
    for name, tensor in state.items():
        branch, rest = name.split(".", 1)
        renamed[prefixes.get(f"{branch}.", f"{branch}.") + rest] = tensor
    return renamed | {f"time_encoder.4.norm1.{kind}": torch.randn(128) for kind in ("weight", "bias")}


def test_a_missing_package_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "demucs", None)
    monkeypatch.setitem(sys.modules, "demucs.hdemucs", None)
    with pytest.raises(InputError, match=r"hdemucs needs demucs.*not installed: pip install demucs"):
        models.build("hdemucs", "small")


@pytest.mark.parametrize("kind", [torch.nn.Conv1d, torch.nn.Conv2d])
def test_a_widened_layer_takes_the_mean_of_the_stems(kind: type) -> None:
    size, extra = (8, (50,)) if kind is torch.nn.Conv1d else ((8, 1), (50, 3))
    narrow = kind(4, 6, size, stride=2, padding=0)
    wide = hdemucs.widen(narrow)
    stems = torch.randn(2, 4, 4, *extra)
    torch.testing.assert_close(wide(stems.flatten(1, 2)), narrow(stems.mean(dim=1)))


@pytest.mark.parametrize("torchaudio", [False, True], ids=["demucs", "torchaudio"])
@pytest.mark.parametrize("suffix", [".safetensors", ".th"])
def test_separation_weights_start_a_network_that_mixes(
    separator: Any, tmp_path: Path, suffix: str, torchaudio: bool
) -> None:
    path = tmp_path / f"weights{suffix}"
    state = as_torchaudio(separator.state_dict()) if torchaudio else separator.state_dict()
    assert any(name.startswith("freq_encoder.") for name in state) == torchaudio
    if suffix == ".th":
        torch.save({"state": state}, path)
    else:
        safetensors.save_file(state, path)
    network = models.build("hdemucs", "small", weights=path, sum_share=0.0).eval()
    stereo = 0.1 * torch.randn(1, 2, 5000)
    same = stereo[:, None].expand(-1, 4, -1, -1)  # four times the same: the mean of the stems is that signal
    with torch.no_grad():
        mix, sources = network(same), separator(stereo)
    # only the mean of the input differs, which the network adds to each output
    assert (mix - sources.sum(dim=1)).std() < 0.02 * mix.std()
    assert network.settings.weights is None


def test_torchaudio_itself_names_its_weights_so(separator: Any) -> None:
    package = pytest.importorskip("torchaudio.models", reason="compares with torchaudio")
    torchaudio_weights = package.HDemucs(sources=separator.sources, channels=8, nfft=4096, depth=6).state_dict()
    assert {name: tensor.shape for name, tensor in torchaudio_weights.items()} == {
        name: tensor.shape for name, tensor in as_torchaudio(separator.state_dict()).items()
    }


def test_the_sum_of_the_stems_is_blended_in() -> None:
    pytest.importorskip("demucs", reason="hdemucs needs the package demucs")
    networks = {share: models.build("hdemucs", "small", sum_share=share).eval() for share in (0.0, 0.25, 0.5)}
    stems = 0.1 * torch.randn(1, 4, 2, 5000)
    mixes = {}
    for share, network in networks.items():
        network.load_state_dict(networks[0.0].state_dict())
        with torch.no_grad():
            mixes[share] = network(stems)
    for share in (0.25, 0.5):
        torch.testing.assert_close(mixes[share], (1.0 - share) * mixes[0.0] + share * stems.sum(dim=1))


def test_a_file_that_holds_code_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.th"
    torch.save({"klass": Harmless, "state": {}}, path)
    with pytest.raises(InputError, match="damaged or holds code"):
        hdemucs.read_weights(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.th", None, "cannot be read"),
        ("missing.safetensors", None, "cannot be read"),
        ("weights.pt", b"", r"expected weights in a \.safetensors or \.th file, got '\.pt'"),
        ("damaged.th", b"nothing", "damaged or holds code"),
        ("damaged.safetensors", b"nothing", "damaged or holds code"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        hdemucs.read_weights(tmp_path / name)


def test_tensors_alone_count_as_weights(tmp_path: Path) -> None:
    torch.save({"epoch": 3, "loss": 0.5}, tmp_path / "log.th")
    with pytest.raises(InputError, match="expected named tensors, got other content"):
        hdemucs.read_weights(tmp_path / "log.th")


def test_weights_of_another_size_are_refused() -> None:
    wanted = {"encoder.0.conv.weight": torch.zeros(8, 4, 8, 1)}
    with pytest.raises(InputError, match=r"file: expected encoder.0.conv.weight of shape \(8, .*'channels'"):
        hdemucs.adapt({"encoder.0.conv.weight": torch.zeros(48, 4, 8, 1)}, wanted, label="file")
    with pytest.raises(InputError, match="file: expected the tensors of HDemucs, got another set"):
        hdemucs.adapt({"lstm.weight": torch.zeros(1)}, wanted, label="file")


def test_channels_come_in_groups() -> None:
    with pytest.raises(InputError, match="channels: expected a multiple of 4, got 10"):
        models.build("hdemucs", channels=10)


class Harmless:
    """A class whose unpickling would run code."""
