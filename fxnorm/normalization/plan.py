"""The plan of a run: averages, settings, impulse responses and layout, without the songs."""

from dataclasses import dataclass, field
from typing import Any

from fxnorm.normalization.chain import Chain
from fxnorm.normalization.impulse_responses import ImpulseResponses
from fxnorm.normalization.normalizer import Normalizer
from fxnorm.normalization.output_layout import OutputLayout
from fxnorm.normalization.reverb import STEMS_WITH_REVERB
from fxnorm.normalization.settings import ChainSettings
from fxnorm.normalization.statistics import FxStats


@dataclass(frozen=True)
class NormalizationPlan:
    """Everything that decides a run, apart from the songs.

    Attributes
    ----------
    stats : FxStats
    settings : ChainSettings
    layout : OutputLayout
    responses : ImpulseResponses
        Impulse responses of the reverb, used if the settings have one.
    rooms : ImpulseResponses or None
        Rooms that dry stems are put into before the chain.
    seed : int
        Random seed; a stem's own generator is seeded by (seed, track, stem).
    force : bool
        Overwrite results that are up to date.
    """

    stats: FxStats
    settings: ChainSettings
    layout: OutputLayout
    responses: ImpulseResponses = field(default_factory=ImpulseResponses)
    rooms: ImpulseResponses | None = None
    seed: int = 0
    force: bool = False

    @property
    def sources(self) -> dict[str, ImpulseResponses]:
        """Sources of the impulse responses that are used, by processor."""
        sources = {"reverb": self.responses if self.settings.reverb is not None else None, "room": self.rooms}
        return {name: source.pinned() for name, source in sources.items() if source is not None}

    def random_parts(self, stem: str) -> dict[str, Any]:
        """Return seed and impulse responses of the draws for a stem; empty if nothing is drawn for it."""
        if not (sources := self.sources) or stem not in STEMS_WITH_REVERB:
            return {}
        return {"seed": self.seed} | {name: list(source.identities) for name, source in sources.items()}

    def chain(self) -> Chain:
        """Return the chain, with the identities of its impulse responses."""
        return Chain(self.stats, self.settings, self.responses if self.settings.reverb is not None else None)

    def normalizer(self) -> Normalizer:
        """Return the normaliser; loads impulse responses if it needs them."""
        return self.chain().normalizer(rooms=self.rooms.load() if self.rooms else ())
