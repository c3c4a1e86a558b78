"""An engineer without strong habits: the priors as they are."""

from fxnorm.synth.engineers.habits import Habits

BALANCED = Habits(number=0)
