"""The optimiser: Adam on the logits of a console's parameters, held near the start by a prior."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import torch
from torch import Tensor

from fxnorm.console.document import Console
from fxnorm.console.parameter import Parameter
from fxnorm.console.settings import nearest
from fxnorm.console.torch import logits_from_values, values_from_logits
from fxnorm.console.torch_render import render
from fxnorm.errors import InputError

Progress = Callable[[int, int, float], None]

MARGIN = 1e-3  # of 0..1 that a start keeps from the ends of a range, where logits are infinite
BOUND = 0.02  # of 0..1: nearer to an end of its range, a parameter is said to be at it
IMPROVEMENT = 1e-3  # relative; less does not count against patience


@dataclass(frozen=True)
class FitSettings:
    """Settings of the optimiser.

    Attributes
    ----------
    steps : int
        At most.
    lr : float
        Learning rate of Adam at the start; it falls along a cosine to a tenth.
    prior : float
        Weight of the squared distance of the logits from the start, the precision of a Gaussian prior.
    patience : int
        Steps without improvement that end the fit.
    time_limit_s : float
    target_loss : float
        Loss without the prior that ends the fit.
    """

    steps: int = 100
    lr: float = 0.08
    prior: float = 1e-2
    patience: int = 25
    time_limit_s: float = 60.0
    target_loss: float = -math.inf


@dataclass(frozen=True)
class FitResult:
    """What a fit found.

    Attributes
    ----------
    console : Console
        With the values of the lowest loss.
    values : dict of str to float
        The free parameters.
    losses : tuple of float
        Loss of every step, prior included.
    stopped : str
        "steps", "patience", "time" or "target".
    at_bounds : tuple of str
        Free parameters at an end of their range.
    """

    console: Console
    values: dict[str, float]
    losses: tuple[float, ...]
    stopped: str
    at_bounds: tuple[str, ...]


def select(console: Console, patterns: Sequence[str]) -> list[str]:
    """Return the names of a console's parameters that match any of several patterns.

    Parameters
    ----------
    console : Console
    patterns : sequence of str
        Names of `console.parameters()`, with * for anything: "master.*", "tracks.*.fader_db".

    Raises
    ------
    InputError
        If a pattern matches nothing.
    """
    names = list(console.parameters())
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise InputError(f"expected a parameter of the console, got {pattern!r}; {nearest(pattern, names)}")
    return [name for name in names if any(fnmatchcase(name, pattern) for pattern in patterns)]


def with_values(console: Console, values: Mapping[str, float]) -> Console:
    """Return a console with parameters changed, by the names of `console.parameters()`."""
    own = zip(console.parameters(), console.values(), strict=True)
    return console.with_values([values.get(name, value) for name, value in own])


def fit(
    console: Console,
    tracks: Mapping[str, Tensor],
    sample_rate: int,
    objective: Callable[[Tensor], Tensor],
    *,
    free: Sequence[str],
    lead: int = 0,
    prior: Mapping[str, float] | None = None,
    settings: FitSettings | None = None,
    progress: Progress | None = None,
) -> FitResult:
    """Fit parameters of a console so that its mix minimises an objective.

    Parameters
    ----------
    console : Console
        Start.
    tracks : mapping of str to Tensor, shape (excerpts, channels, samples)
        As from `Excerpts.cut`.
    sample_rate : int
        In Hz.
    objective : callable
        Takes the mix, shape (excerpts, 2, samples), and returns a loss; such as `Objective`.
    free : sequence of str
        Names or patterns of the parameters to change, as for `select`.
    lead : int
        Samples at the start of each excerpt that the objective does not hear.
    prior : mapping of str to float, optional
        Values that the prior holds on to, by name; by default those of the console.
    settings : FitSettings, optional
    progress : callable, optional
        Called with the step, the number of steps, and the loss.

    Returns
    -------
    FitResult

    Raises
    ------
    InputError
        If a pattern matches nothing, or a gradient is wanted through a processor without one.
    """
    settings = settings or FitSettings()
    names = select(console, free)
    declared = [console.parameters()[name] for name in names]
    own = dict(zip(console.parameters(), console.values(), strict=True))
    start = _logits(declared, [own[name] for name in names])
    centre = _logits(declared, [(prior or {}).get(name, own[name]) for name in names])
    logits = start.clone().requires_grad_()
    adam = torch.optim.Adam([logits], lr=settings.lr, betas=(0.8, 0.95))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, settings.steps, eta_min=0.1 * settings.lr)
    best, best_logits, waited = float("inf"), start, 0
    losses: list[float] = []
    stopped = "steps"
    began = time.monotonic()
    for step in range(settings.steps):
        values = values_from_logits(declared, logits)
        mix = render(console, tracks, sample_rate, values=dict(zip(names, values, strict=True))).mix
        data_loss = objective(mix[..., lead:])
        loss = data_loss + settings.prior * (logits - centre).square().sum().to(data_loss)
        losses.append(float(loss.detach()))
        if losses[-1] < best:
            waited = 0 if losses[-1] < best * (1.0 - IMPROVEMENT) else waited + 1
            best, best_logits = losses[-1], logits.detach().clone()
        else:
            waited += 1
        if progress is not None:
            progress(step + 1, settings.steps, losses[-1])
        if float(data_loss.detach()) <= settings.target_loss:
            stopped, best_logits = "target", logits.detach().clone()
            break
        if waited >= settings.patience:
            stopped = "patience"
            break
        if time.monotonic() - began > settings.time_limit_s:
            stopped = "time"
            break
        adam.zero_grad()
        loss.backward()
        adam.step()
        schedule.step()
    return _result(console, names, declared, best_logits, start, losses, stopped)


def _result(
    console: Console,
    names: list[str],
    declared: list[Parameter],
    logits: Tensor,
    start: Tensor,
    losses: list[float],
    stopped: str,
) -> FitResult:
    own = dict(zip(console.parameters(), console.values(), strict=True))
    found = values_from_logits(declared, logits).tolist()
    moved = (logits != start).tolist()
    # a value that has not moved stays what it was, also at an end of its range
    values = {
        name: item.clip(value) if has_moved else own[name]
        for name, item, value, has_moved in zip(names, declared, found, moved, strict=True)
    }
    at_bounds = tuple(
        name
        for name, item in zip(names, declared, strict=True)
        if not BOUND <= item.normalize(values[name]) <= 1.0 - BOUND
    )
    return FitResult(with_values(console, values), values, tuple(losses), stopped, at_bounds)


def _logits(declared: list[Parameter], values: list[float]) -> Tensor:
    return logits_from_values(declared, torch.tensor(values, dtype=torch.float64), margin=MARGIN)
