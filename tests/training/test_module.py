"""The training module: averaged weights, the random stream of a batch, and what the loss leaves out."""

import copy
import math
from typing import Any

import pytest
import torch

from fxnorm import losses
from fxnorm.models.network import Network
from fxnorm.training.module import TrainingModule
from fxnorm.training.tasks import build_network, build_task
from tests.training.corpora import make


class Trainer:
    """The little of a trainer that a batch begins with."""

    global_rank = 0
    strategy = None

    def __init__(self, parameters: Any) -> None:
        self.optimizers = [torch.optim.SGD(parameters, lr=1.0)]


def make_module(root: Any, **changes: Any) -> TrainingModule:
    recipe = make(root, **changes)
    return TrainingModule(recipe, build_network(recipe))


@pytest.mark.parametrize("steps", [1, 3, 20])
def test_the_average_forgets_its_start_as_a_ratio_of_factorials(root: Any, steps: int) -> None:
    """The n-th step keeps (1 + n) / (10 + n); the product over n is (n + 1)! 10! / (n + 10)!."""
    module = make_module(root, optimizer={"ema_decay": 0.999999}, data={"batches_per_epoch": 100})
    start = copy.deepcopy(module.network)
    with torch.no_grad():
        for weight in module.network.parameters():
            weight += 1.0
    for _ in range(steps):
        module.advance()
    kept = math.factorial(steps + 1) * math.factorial(10) / math.factorial(steps + 10)
    for average, first in zip(module.ema.parameters(), start.parameters(), strict=True):
        torch.testing.assert_close(average - first, torch.full_like(first, 1.0 - kept), atol=1e-5, rtol=0.0)


def test_the_average_forgets_at_most_by_its_decay(root: Any) -> None:
    module = make_module(root, optimizer={"ema_decay": 0.25}, data={"batches_per_epoch": 100})
    start = next(module.network.parameters()).detach().clone()
    with torch.no_grad():
        for weight in module.network.parameters():
            weight += 1.0
    for _ in range(3):  # (1 + n) / (10 + n) is 0.18, 0.25 and 0.31
        module.advance()
    kept = 2.0 / 11.0 * 0.25 * 0.25
    torch.testing.assert_close(next(module.ema.parameters()) - start, torch.full_like(start, 1.0 - kept))


def test_every_batch_draws_its_own_dropout(root: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    module = make_module(root)
    monkeypatch.setattr(TrainingModule, "trainer", Trainer(module.network.parameters()), raising=False)
    monkeypatch.setattr(TrainingModule, "global_rank", 0, raising=False)
    draws = {}
    for epoch in range(2):
        for batch in range(3):
            module.position.epoch, module.position.batch = epoch, batch
            module.on_train_batch_start(None, batch)
            draws[epoch, batch] = float(torch.rand(()))
    assert len(set(draws.values())) == 6
    module.position.epoch, module.position.batch = 1, 1
    module.on_train_batch_start(None, 1)
    assert float(torch.rand(())) == draws[1, 1]


def test_the_loss_leaves_out_what_the_network_has_no_context_for(root: Any) -> None:
    recipe = make(root, data={"segment_s": 2.0})
    network: Network = build_network(recipe)
    left_out = losses.HOP * build_task(recipe, network).criterion.context_frames
    assert network.context <= left_out < network.context + losses.HOP
