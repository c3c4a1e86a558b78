"""Losses: recordings of the reference implementation, and laws."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fxnorm.errors import InputError

torch = pytest.importorskip("torch", reason="needs PyTorch")
losses = pytest.importorskip("fxnorm.losses")

GOLDEN = Path(__file__).resolve().parents[2] / "shared" / "golden" / "losses.npz"
recorded = pytest.mark.skipif(
    not GOLDEN.is_file(), reason="the recordings of the reference implementation are not beside the project"
)
KINDS = ("La", "Lb")


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def pair() -> Any:
    """A mix and its target, (2, 2, 12288) each."""
    return 0.1 * torch.randn(2, 2, 2, 12_288, generator=torch.Generator().manual_seed(0))


@pytest.fixture(params=["La", "Lb", "mrstft"])
def loss(request: pytest.FixtureRequest) -> Any:
    if request.param == "mrstft":
        pytest.importorskip("auraloss", reason="this loss needs auraloss")
    return losses.build(request.param)


@recorded
@pytest.mark.parametrize("guard", [0, 30])
@pytest.mark.parametrize(("filters", "bound"), [("nofilter", 3e-4), ("aw_lp", 5e-3)])
@pytest.mark.parametrize("kind", KINDS)
def test_values_are_the_recorded_ones(kind: str, filters: str, bound: float, guard: int) -> None:
    golden = np.load(GOLDEN)
    output = torch.tensor(golden["output"], requires_grad=True)
    loss = losses.StereoLoss(kind, weighted=filters == "aw_lp", context_frames=guard, eps=1e-30)
    value = loss(output, torch.tensor(golden["target"]))
    value.backward()
    key = f"{kind}/{filters}/guard{guard}"
    assert value.item() == pytest.approx(golden[key].item(), rel=bound)
    # Without a floor, inaudible bins dominate the gradient of the logarithms, so La's with filters cannot be compared.
    if filters == "nofilter" or kind == "Lb":
        assert output.grad.norm().item() == pytest.approx(golden[f"{key}/grad_norm"].item(), rel=bound)


@recorded
def test_the_a_weighting_is_the_recorded_one() -> None:
    taps = losses.design_a_weighting(44_100).astype(np.float32)
    np.testing.assert_array_equal(taps, np.load(GOLDEN)["taps_a_weighting"])


def test_the_a_weighting_has_the_curve_of_the_standard() -> None:
    taps = losses.design_a_weighting(44_100)
    frequencies = np.array([500.0, 1000.0, 2000.0, 4000.0])  # the bilinear transform attenuates higher frequencies
    n = np.arange(taps.size)
    response = np.abs(np.exp(-2j * np.pi * frequencies[:, None] * n / 44_100) @ taps)
    gains_db = 20.0 * np.log10(response)
    np.testing.assert_allclose(gains_db, [-3.2, 0.0, 1.2, 1.0], atol=0.2)
    np.testing.assert_allclose(taps, taps[::-1])


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_swapped_channels_cost_nothing(kind: str, weighted: bool, pair: Any) -> None:
    loss = losses.StereoLoss(kind, weighted=weighted)
    output, target = pair
    plain = loss(output, target)
    torch.testing.assert_close(loss(output.flip(1), target), plain)
    torch.testing.assert_close(loss(output.flip(1), target.flip(1)), plain)
    assert loss(output * torch.tensor([1.0, 0.5])[:, None], target) != pytest.approx(plain.item(), rel=1e-3)


def test_equal_signals_have_no_loss(loss: Any, pair: Any) -> None:
    output = pair[0].clone().requires_grad_()
    value = loss(output, pair[0])
    value.backward()
    assert value.item() == pytest.approx(0.0, abs=1e-6)
    assert output.grad.isfinite().all()


def test_worse_costs_more(loss: Any, pair: Any) -> None:
    target, noise = pair
    values = [loss(target + share * noise, target).item() for share in (0.0, 0.1, 0.3, 1.0)]
    assert values == sorted(values)
    assert values[-1] > values[1] > 1e-3


@pytest.mark.parametrize("kind", KINDS)
def test_the_formula_by_hand(kind: str, pair: Any) -> None:
    output, target = pair.numpy().astype(np.float64)
    window = np.sqrt(0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(4096) / 4096))
    total = 0.0
    for sign in (1.0, -1.0):
        x, y = (
            np.array(
                [
                    np.abs(np.fft.rfft(window * signal[start : start + 4096]))
                    for signal in stereo[:, 0] + sign * stereo[:, 1]
                    for start in range(0, signal.size - 4095, 1024)
                ]
            )
            for stereo in (output, target)
        )
        first = np.linalg.norm(x - y) / np.linalg.norm(y) if kind == "La" else np.mean((x - y) ** 2)
        total += first + np.mean(np.abs(np.log(x + 1e-2) - np.log(y + 1e-2)))
    assert losses.StereoLoss(kind, weighted=False)(*pair).item() == pytest.approx(total, rel=1e-5)


def test_the_filters_together_are_the_filters_one_after_the_other(pair: Any) -> None:
    taps = losses.design_a_weighting(44_100)
    filtered = np.stack(
        [
            [np.convolve(np.convolve(channel, taps), [1.0, 0.85])[50:-51] for channel in stereo]
            for stereo in pair.flatten(0, 1).double().numpy()
        ]
    ).reshape(pair.shape)
    by_hand = losses.StereoLoss("La", weighted=False)(*torch.tensor(filtered))
    torch.testing.assert_close(losses.StereoLoss("La")(*pair), by_hand, rtol=1e-4, atol=0.0)


def test_context_frames_leave_the_edges_out(pair: Any) -> None:
    output, target = pair
    loss = losses.StereoLoss("La", context_frames=2)
    edges = output.clone()
    edges[..., :1900] = 0.5  # two frames begin before sample 2,048, less the reach of the filters
    edges[..., -1900:] = -0.5
    torch.testing.assert_close(loss(edges, target), loss(output, target))
    assert losses.StereoLoss("La")(edges, target) > losses.StereoLoss("La")(output, target)
    assert losses.context_frames(32_446) == 32
    assert losses.context_frames(0) == 0


def test_inputs_are_not_touched(loss: Any, pair: Any) -> None:
    before = pair.clone()
    loss(pair[0], pair[1])
    assert torch.equal(pair, before)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize(("output_gain", "target_gain"), [(1.0, 1.0), (0.0, 1.0), (1.0, 0.0), (0.0, 0.0), (1e-6, 1.0)])
def test_gradients_are_finite(loss: Any, pair: Any, dtype: Any, output_gain: float, target_gain: float) -> None:
    output = (output_gain * pair[0]).to(dtype).requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = loss(output, (target_gain * pair[1]).to(dtype))
    value.backward()
    assert value.dtype == torch.float32
    assert value.isfinite()
    assert output.grad.isfinite().all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("output_gain", "target_gain"), [(1e-6, 1.0), (1e-3, 1.0), (1.0, 0.0)])
def test_the_floor_leaves_room_for_the_loss_scale_of_half_precision(
    kind: str, output_gain: float, target_gain: float
) -> None:
    seconds = 0.1 * torch.randn(2, 2, 2, 132_300, generator=torch.Generator().manual_seed(0))
    output = (output_gain * seconds[0]).half().requires_grad_()
    (2.0**16 * losses.StereoLoss(kind)(output, target_gain * seconds[1])).backward()
    assert output.grad.isfinite().all()
    assert output.grad.abs().max() > 0.0


def test_loss_and_gradient_do_not_depend_on_autocast(loss: Any, pair: Any) -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = loss(*pair)
    assert torch.equal(inside, loss(*pair))


def test_the_multi_resolution_loss_is_auraloss_on_sum_and_difference(pair: Any) -> None:
    freq = pytest.importorskip("auraloss.freq", reason="this loss needs auraloss")
    sizes = [512, 2048, 8192]
    oracle = freq.MultiResolutionSTFTLoss(sizes, [size // 4 for size in sizes], sizes)
    output, target = pair
    parts = [
        oracle((output[:, :1] + sign * output[:, 1:]), (target[:, :1] + sign * target[:, 1:])) for sign in (1.0, -1.0)
    ]
    torch.testing.assert_close(losses.MultiResolutionLoss(sizes)(output, target), sum(parts) / 2.0)


def test_a_missing_auraloss_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "auraloss", None)
    monkeypatch.setitem(sys.modules, "auraloss.freq", None)
    with pytest.raises(InputError, match=r"needs auraloss.*not installed: pip install auraloss"):
        losses.build("mrstft")


@pytest.mark.parametrize(
    ("output", "target"),
    [((2, 2, 9000), (2, 2, 9001)), ((2, 9000), (2, 9000)), ((2, 1, 9000), (2, 1, 9000)), ((1, 2, 9000), (2, 2, 9000))],
)
def test_other_shapes_are_refused(loss: Any, output: tuple[int, ...], target: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"expected output and target of shape \(batch, 2, samples\)"):
        loss(torch.zeros(output), torch.zeros(target))


def test_too_short_is_refused(loss: Any) -> None:
    with pytest.raises(InputError, match=r"samples.*got 4000"):
        loss(torch.zeros(1, 2, 4000), torch.zeros(1, 2, 4000))
    with pytest.raises(InputError, match="expected at least 65536 samples"):
        losses.StereoLoss(context_frames=30)(torch.zeros(1, 2, 65_535), torch.zeros(1, 2, 65_535))


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("Lc", {}, "unknown loss 'Lc': expected one of La, Lb, mrstft"),
        ("La", {"guard": 3}, "loss La: .*guard"),
        ("La", {"eps": 0.0}, "eps above 0"),
        ("Lb", {"context_frames": -1}, "context_frames of 0 or more"),
    ],
)
def test_wrong_settings_are_named(name: str, settings: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        losses.build(name, **settings)
