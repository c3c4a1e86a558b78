"""The benchmark `tests.benchmarks.networks` runs, and counts operations and memory correctly."""

import math
import sys

import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch")
pytest.importorskip("auraloss", reason="needs auraloss")

from tests.benchmarks import networks  # noqa: E402


@pytest.mark.parametrize(
    ("name", "limits"),
    [
        ("NVIDIA H200", (989e12, 4.8e12)),
        ("NVIDIA H100 80GB HBM3", (989e12, 3.35e12)),
        ("NVIDIA H100 PCIe", (756e12, 2.0e12)),
        ("NVIDIA A100-SXM4-40GB", (312e12, 1.555e12)),
        ("NVIDIA L40S", (362e12, 0.864e12)),
        ("NVIDIA GeForce RTX 4090", (165.2e12, 1.008e12)),
        ("Tesla T4", (8.1e12, 0.32e12)),
    ],
)
def test_a_device_has_its_limits(monkeypatch, name, limits):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: name)
    assert networks.limits_of(torch.device("cuda"), "bfloat16") == pytest.approx(limits)


@pytest.mark.parametrize("name", ["NVIDIA L40", "NVIDIA A10G", "NVIDIA T400", "something else"])
def test_a_device_like_a_known_one_is_unknown(monkeypatch, name):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: name)
    assert all(math.isnan(limit) for limit in networks.limits_of(torch.device("cuda"), "TF32"))
    assert networks.percentage(math.nan) == "unknown"


def test_a_convolution_is_counted(monkeypatch):
    """Forward, and backward by the weights: two operations for each product; the input needs no gradient."""
    layer = torch.nn.Conv1d(8, 2, 3, padding=1, bias=False)

    class Network(torch.nn.Module):
        def forward(self, stems):
            return layer(stems.flatten(1, 2))

    monkeypatch.setattr(networks.models, "build", lambda *_: Network())
    operations, moved = networks.count(networks.Case("one", "layer", batch=3, seconds=2.0))
    assert operations == 6 * 2 * (2 * 8 * 2 * 3 * networks.SAMPLE_RATE)
    assert moved > 6 * 4 * 3 * (8 + 2) * networks.SAMPLE_RATE / 2  # at least the signals, in 4 bytes, there and back


def test_the_table_has_every_network_and_precision(monkeypatch, capsys):
    monkeypatch.setattr(networks, "WARMUP_STEPS", 1)
    monkeypatch.setattr(networks, "STEPS", 1)
    monkeypatch.setattr(networks, "SMALL", networks.SMALL[:2])
    monkeypatch.setattr(sys, "argv", ["networks", "--device", "cpu", "--small"])
    networks.main()
    rows = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert {len(row) for row in rows} == {9}
    assert [row[:2] for row in rows[2:]] == [
        [f"{case.name}", precision] for case in networks.SMALL for precision in ("float32", "bfloat16")
    ]
    assert all(float(row[2]) > 0.0 for row in rows[2:])


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["networks"])
    with pytest.raises(SystemExit, match="expected an NVIDIA GPU, found none"):
        networks.main()
