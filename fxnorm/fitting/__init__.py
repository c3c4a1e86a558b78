"""Fit parameters of a console by gradient: excerpts, objectives, and one optimiser."""

from fxnorm.fitting.excerpts import Excerpts, choose_excerpts
from fxnorm.fitting.freezing import Frozen, freeze
from fxnorm.fitting.objectives import Objective, Target
from fxnorm.fitting.optimize import FitResult, FitSettings, fit, select

__all__ = [
    "Excerpts",
    "FitResult",
    "FitSettings",
    "Frozen",
    "Objective",
    "Target",
    "choose_excerpts",
    "fit",
    "freeze",
    "select",
]
