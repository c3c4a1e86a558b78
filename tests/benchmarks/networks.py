"""Time a training step of every network by precision, and compare it with the peak of the hardware.

    python -m tests.benchmarks.networks [--device cuda] [--limit 360] [--small]

prints a Markdown table: steps and samples per second, peak memory, operations per second, and their share of the
device's peak at that precision. Operations are counted by PyTorch on a CPU (forward and backward of one second, scaled
to the length): the counter omits recurrent layers and counts convolutions in their CPU form, which makes the share of
the TDCN about a third too low. A step is forward, loss in 32 bits, backward and optimizer. Cases that have not started
after `--limit` seconds are skipped and listed.

The smallest run uses small presets and one second of audio: --device cpu --small
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

# From data sheets: dense arithmetic in 10^12 operations per second (float32, TF32, bfloat16), and memory bandwidth in
# 10^12 bytes per second. A T4 supports neither TF32 nor bfloat16 in hardware.
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
WARMUP_STEPS = 3
STEPS = 20
MAX_SECONDS = 8.0  # per case


@dataclass(frozen=True)
class Case:
    """A network with its preset and batch."""

    network: str
    preset: str
    batch: int
    seconds: float

    @property
    def name(self) -> str:
        """Label in the table."""
        return f"{self.network} {self.preset}, {self.batch} x {self.seconds:g} s"


CASES = (
    Case("tdcn", "published", 4, 10.0),
    Case("waveunet", "published", 1, 10.0),
    Case("waveunet", "default", 1, 10.0),
    Case("hdemucs", "published", 1, 10.0),
)
SMALL = (Case("tdcn", "small", 1, 1.0), Case("waveunet", "small", 1, 1.0), Case("hdemucs", "small", 1, 1.0))


class Traffic(TorchDispatchMode):
    """Count the bytes that operations read and write; views are free."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        inputs, outputs = (
            [leaf for leaf in tree_leaves(tree) if isinstance(leaf, torch.Tensor)] for tree in ((args, kwargs), result)
        )
        if not function.is_view:
            self.bytes += sum(tensor.nbytes for tensor in inputs + outputs)
        return result


def count(case: Case) -> tuple[float, float]:
    """Count the operations, and the bytes moved in float32, of forward and backward of the whole batch."""
    network = models.build(case.network, case.preset).train()
    stems = 0.1 * torch.randn(1, 4, 2, SAMPLE_RATE)
    with FlopCounterMode(display=False) as counter, Traffic() as traffic:
        network(stems).square().mean().backward()
    return tuple(total * case.batch * case.seconds for total in (counter.get_total_flops(), traffic.bytes))


def time_case(case: Case, precision: str, device: torch.device) -> tuple[float, float]:
    """Measure steps per second and peak memory in bytes (0 on a CPU)."""
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

    def reduced_precision() -> AbstractContextManager[Any]:
        return torch.autocast(device.type, torch.bfloat16) if precision == "bfloat16" else nullcontext()

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        with reduced_precision():
            mix = network(stems)
        loss(mix.float(), target).backward()
        optimizer.step()

    def wait() -> None:
        if device.type == "cuda":
            torch.cuda.synchronize()

    for _ in range(WARMUP_STEPS):
        step()
    wait()
    start = time.perf_counter()
    steps = 0
    while steps < STEPS and (steps == 0 or time.perf_counter() - start < MAX_SECONDS):
        step()
        wait()
        steps += 1
    steps_per_s = steps / (time.perf_counter() - start)
    return steps_per_s, float(torch.cuda.max_memory_allocated()) if device.type == "cuda" else 0.0


def limits_of(device: torch.device, precision: str) -> tuple[float, float]:
    """Return the peak operations and bytes per second of a device at a precision; NaN if unknown."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else ""
    for key, limits in LIMITS.items():
        if re.search(rf"\b{key}\b", name):
            return 1e12 * limits[PRECISIONS.index(precision)], 1e12 * limits[-1]
    return math.nan, math.nan


def percentage(share: float) -> str:
    """Format a share for the table."""
    return "unknown" if math.isnan(share) else f"{100.0 * share:.0f} %"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    parser.add_argument("--limit", type=float, default=360.0)
    parser.add_argument("--small", action="store_true")
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        raise SystemExit("expected an NVIDIA GPU, found none; try --device cpu --small")
    device = torch.device(options.device)
    start = time.monotonic()
    print(torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU, {torch.get_num_threads()} threads")
    print(f"PyTorch {torch.__version__}\n")
    print("| training step | precision | steps/s | samples/s | peak GB | 10^12 operations/s | of the peak", end="")
    print(" | 10^12 bytes/s | of the peak |\n| --- | --- | --: | --: | --: | --: | --: | --: | --: |")
    skipped = []
    for case in SMALL if options.small else CASES:
        try:
            operations, moved = count(case)
        except InputError as error:
            skipped.append(f"{case.name}: {error}")
            continue
        for precision in PRECISIONS if device.type == "cuda" else ("float32", "bfloat16"):
            if time.monotonic() - start > options.limit:
                skipped.append(f"{case.name}, {precision}: over the time limit")
                continue
            try:
                steps, memory = time_case(case, precision, device)
            except torch.OutOfMemoryError:
                skipped.append(f"{case.name}, {precision}: out of memory")
                continue
            arithmetic, bandwidth = limits_of(device, precision)
            bytes_moved = moved / 2.0 if precision == "bfloat16" else moved
            figures = (
                f"{steps:.2f}",
                f"{steps * case.batch * case.seconds * SAMPLE_RATE:.3g}",
                f"{memory / 1e9:.2f}" if memory else "–",
                f"{steps * operations / 1e12:.3g}",
                percentage(steps * operations / arithmetic),
                f"{steps * bytes_moved / 1e12:.3g}",
                percentage(steps * bytes_moved / bandwidth),
            )
            print(f"| {case.name} | {precision} | {' | '.join(figures)} |", flush=True)
    for line in skipped:
        print(f"\nnot measured: {line}")


if __name__ == "__main__":
    main()
