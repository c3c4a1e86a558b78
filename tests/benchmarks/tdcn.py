"""Time the TDCN against the same network in PyTorch's own layers, on one CPU thread.

    python -m tests.benchmarks.tdcn [--samples 441000] [--runs 2]

prints a Markdown table of the fastest forward and backward pass, and the largest difference of the outputs.

The smallest run: --samples 44100 --runs 1
"""

import argparse
import time
import warnings

import torch
from torch import Tensor, nn

from fxnorm import models
from tests.models.plain_tdcn import PlainTDCN


def time_passes(network: nn.Module, stems: Tensor, runs: int) -> tuple[float, float]:
    """Return the seconds of the fastest forward and of the fastest backward pass, after one of each to warm up."""
    forward, backward = [], []
    for _ in range(runs + 1):
        network.zero_grad()
        start = time.perf_counter()
        loss = network(stems).square().mean()
        middle = time.perf_counter()
        loss.backward()
        forward.append(middle - start)
        backward.append(time.perf_counter() - middle)
    return min(forward[1:]), min(backward[1:])


def largest_difference(network: nn.Module, plain: nn.Module, stems: Tensor) -> float:
    """Return the largest absolute difference between the outputs."""
    with torch.no_grad():
        return (network(stems) - plain(stems)).abs().max().item()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=441_000)
    parser.add_argument("--runs", type=int, default=2)
    options = parser.parse_args()
    warnings.filterwarnings("ignore", message="Using padding='same'")
    torch.set_num_threads(1)
    torch.manual_seed(0)
    network, plain = models.build("tdcn").eval(), PlainTDCN().eval()
    plain.load_state_dict(network.state_dict())
    stems = 0.1 * torch.randn(1, 4, 2, options.samples)
    rows = {name: time_passes(net, stems, options.runs) for name, net in (("plain", plain), ("fxnorm", network))}
    print(f"TDCN, 1 x 8 x {options.samples:,} samples, one thread, torch {torch.__version__}\n")
    print("| network | forward s | backward s | both s | ratio |")
    print("|---|---|---|---|---|")
    plain_s = sum(rows["plain"])
    for name, (forward, backward) in rows.items():
        both = forward + backward
        print(f"| {name} | {forward:.2f} | {backward:.2f} | {both:.2f} | {both / plain_s:.2f} |")
    print(f"\nLargest difference of the outputs: {largest_difference(network, plain, stems):.1e}")


if __name__ == "__main__":
    main()
