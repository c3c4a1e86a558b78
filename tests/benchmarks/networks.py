"""Times a training step of every network at its published batch, by precision, and how near the hardware's limit it is.

    python -m tests.benchmarks.networks [--device cuda] [--limit 360] [--small]

prints a Markdown table: steps and samples a second, peak memory, arithmetic done, and its share of what the device can
do at that precision. The arithmetic is what PyTorch's counter finds on a CPU (forward and backward of a second, times
the seconds): recurrent layers escape it, and convolutions count in the form that a CPU takes, so that the TDCN's share
comes out about a third too low. A step is forward, loss in 32 bits, backward and optimizer. What has not begun after
`--limit` seconds is left out and named. `--small` takes small presets and a second, to see that all of it runs.
"""

import argparse
import math
import re
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from fxnorm import losses, models
from fxnorm.audio import SAMPLE_RATE
from fxnorm.errors import InputError

# As the makers' data sheets say: dense arithmetic in 10^12 operations a second (float32, TF32, bfloat16), and the
# memory's bandwidth in 10^12 bytes a second. A T4 has no TF32 and no bfloat16 of its own.
LIMITS = {
    "H200": (67.0, 494.0, 989.0, 4.8),
    "H100 PCIe": (51.0, 378.0, 756.0, 2.0),
    "H100": (67.0, 494.0, 989.0, 3.35),
    "A100-SXM4-40GB": (19.5, 156.0, 312.0, 1.555),
    "A100-PCIE-40GB": (19.5, 156.0, 312.0, 1.555),
    "A100": (19.5, 156.0, 312.0, 1.935),
    "L40S": (91.6, 183.0, 362.0, 0.864),
    "L4": (30.3, 60.0, 121.0, 0.3),
    "A10": (31.2, 62.5, 125.0, 0.6),
    "RTX 4090": (82.6, 82.6, 165.2, 1.008),
    "RTX 3090": (35.6, 35.6, 71.0, 0.936),
    "T4": (8.1, 8.1, 8.1, 0.32),
}
PRECISIONS = ("float32", "TF32", "bfloat16")
WARM = 3
STEPS = 20
SECONDS = 8.0  # after which a case has run long enough


@dataclass(frozen=True)
class Case:
    """A network at its batch."""

    network: str
    preset: str
    batch: int
    seconds: float

    @property
    def name(self) -> str:
        """For the table."""
        return f"{self.network} {self.preset}, {self.batch} x {self.seconds:g} s"


CASES = (
    Case("tdcn", "published", 4, 10.0),
    Case("waveunet", "published", 1, 10.0),
    Case("waveunet", "default", 1, 10.0),
    Case("hdemucs", "published", 1, 10.0),
)
SMALL = (Case("tdcn", "small", 1, 1.0), Case("waveunet", "small", 1, 1.0), Case("hdemucs", "small", 1, 1.0))


class Traffic(TorchDispatchMode):
    """Counts the bytes that operations read and write; a view costs nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        given, made = (
            [leaf for leaf in tree_leaves(tree) if isinstance(leaf, torch.Tensor)] for tree in ((args, kwargs), result)
        )
        if not function.is_view:
            self.bytes += sum(tensor.nbytes for tensor in given + made)
        return result


def count(case: Case) -> tuple[float, float]:
    """Additions and multiplications, and bytes moved in float32, of forward and backward of the whole batch."""
    network = models.build(case.network, case.preset).train()
    stems = 0.1 * torch.randn(1, 4, 2, SAMPLE_RATE)
    with FlopCounterMode(display=False) as counter, Traffic() as traffic:
        network(stems).square().mean().backward()
    return tuple(one * case.batch * case.seconds for one in (counter.get_total_flops(), traffic.bytes))


def time_case(case: Case, precision: str, device: torch.device) -> tuple[float, float]:
    """Steps a second, and the most memory held, in bytes (0 on a CPU)."""
    torch.manual_seed(0)
    torch.set_float32_matmul_precision("highest" if precision == "float32" else "high")
    torch.backends.cudnn.allow_tf32 = precision != "float32"
    network = models.build(case.network, case.preset).train().to(device)
    loss = losses.build("La").to(device)
    optimizer = torch.optim.Adam(network.parameters(), fused=device.type == "cuda")
    stems = 0.1 * torch.randn(case.batch, 4, 2, round(case.seconds * SAMPLE_RATE), device=device)
    target = stems.sum(dim=1)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()

    def lowered() -> AbstractContextManager[Any]:
        return torch.autocast(device.type, torch.bfloat16) if precision == "bfloat16" else nullcontext()

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        with lowered():
            mix = network(stems)
        loss(mix.float(), target).backward()
        optimizer.step()

    def wait() -> None:
        if device.type == "cuda":
            torch.cuda.synchronize()

    for _ in range(WARM):
        step()
    wait()
    start = time.perf_counter()
    done = 0
    while done < STEPS and (done == 0 or time.perf_counter() - start < SECONDS):
        step()
        wait()
        done += 1
    rate = done / (time.perf_counter() - start)
    return rate, float(torch.cuda.max_memory_allocated()) if device.type == "cuda" else 0.0


def limits_of(device: torch.device, precision: str) -> tuple[float, float]:
    """Operations and bytes a second that the device can do at a precision; not a number if that is not known."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else ""
    for key, limits in LIMITS.items():
        if re.search(rf"\b{key}\b", name):
            return 1e12 * limits[PRECISIONS.index(precision)], 1e12 * limits[-1]
    return math.nan, math.nan


def percentage(share: float) -> str:
    """For the table."""
    return "unknown" if math.isnan(share) else f"{100.0 * share:.0f} %"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    parser.add_argument("--limit", type=float, default=360.0)
    parser.add_argument("--small", action="store_true")
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        raise SystemExit("expected an NVIDIA GPU, found none: nothing was measured; see --device cpu --small")
    device = torch.device(options.device)
    began = time.monotonic()
    print(torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU, {torch.get_num_threads()} threads")
    print(f"PyTorch {torch.__version__}\n")
    print("| training step | precision | steps/s | samples/s | peak GB | 10^12 operations/s | of the limit", end="")
    print(" | 10^12 bytes/s | of the limit |\n| --- | --- | --: | --: | --: | --: | --: | --: | --: |")
    left_out = []
    for case in SMALL if options.small else CASES:
        try:
            operations, moved = count(case)
        except InputError as error:
            left_out.append(f"{case.name}: {error}")
            continue
        for precision in PRECISIONS if device.type == "cuda" else ("float32", "bfloat16"):
            if time.monotonic() - began > options.limit:
                left_out.append(f"{case.name}, {precision}: no time left")
                continue
            try:
                steps, memory = time_case(case, precision, device)
            except torch.OutOfMemoryError:
                left_out.append(f"{case.name}, {precision}: out of memory")
                continue
            arithmetic, bandwidth = limits_of(device, precision)
            moved_now = moved / 2.0 if precision == "bfloat16" else moved
            figures = (
                f"{steps:.2f}",
                f"{steps * case.batch * case.seconds * SAMPLE_RATE:.3g}",
                f"{memory / 1e9:.2f}" if memory else "–",
                f"{steps * operations / 1e12:.3g}",
                percentage(steps * operations / arithmetic),
                f"{steps * moved_now / 1e12:.3g}",
                percentage(steps * moved_now / bandwidth),
            )
            print(f"| {case.name} | {precision} | {' | '.join(figures)} |", flush=True)
    for line in left_out:
        print(f"\nnot measured: {line}")


if __name__ == "__main__":
    main()
