"""Models that nobody has trained, behind the same three names as those that somebody has."""

from dataclasses import dataclass

from fxnorm.audio import Audio
from fxnorm.models import sums
from fxnorm.normalization.chain import Chain
from fxnorm.normalization.settings import ChainSettings
from fxnorm.normalization.statistics import FxStats

NORMALIZES = {"sum": False, "normalized-sum": True, "naive": False}


@dataclass(frozen=True)
class Baseline:
    """A mix without learning.

    Attributes
    ----------
    name : str
        One of `fxnorm.models.sums.BASELINES`.
    chain : Chain or None
        How stems are normalised first; None where they are not.
    """

    name: str
    chain: Chain | None

    @classmethod
    def open(cls, name: str, *, stats: FxStats | None, settings: ChainSettings | None) -> "Baseline":
        """A baseline; what normalises gets the averages of MUSDB18 and the default preset where nothing is given."""
        if not NORMALIZES[name]:
            return cls(name, None)
        return cls(name, Chain(stats or FxStats.shipped("musdb18"), settings or ChainSettings.preset()))

    def mix(self, stems: Audio) -> Audio:
        """Mix (4, 2, samples) -> (2, samples)."""
        return sums.BASELINES[self.name](stems)
