"""The chain: averages, settings and impulse responses, kept with a normalised corpus and in checkpoints."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from fxnorm import documents
from fxnorm.errors import InputError
from fxnorm.normalization.impulse_responses import ImpulseResponses
from fxnorm.normalization.normalizer import Normalizer
from fxnorm.normalization.reverb import ImpulseResponse
from fxnorm.normalization.settings import ChainSettings, first_line
from fxnorm.normalization.statistics import FxStats

DOCUMENT = documents.DocumentType("fxnorm-chain", 2, noun="a chain", remedy="normalise again with 'fxnorm normalize'")

CHAIN_FILE = "chain.json"  # in the folder of a normalised corpus


@dataclass(frozen=True, eq=False)
class Chain:
    """Averages, settings and impulse responses: everything that normalises further stems in the same way.

    A normalised corpus holds it in a file, and a network that was trained on the corpus in its checkpoint.

    Attributes
    ----------
    stats : FxStats
    settings : ChainSettings
    responses : ImpulseResponses or None
        Source of the responses of the reverb, with their identities; synthesised rooms if a reverb has no source.
    """

    stats: FxStats
    settings: ChainSettings
    responses: ImpulseResponses | None = None

    def __post_init__(self) -> None:
        source = (self.responses or ImpulseResponses()) if self.settings.reverb is not None else None
        if source is not None and not source.identities:
            source = source.pinned()
        object.__setattr__(self, "responses", source)

    def normalizer(self, *, rooms: Sequence[ImpulseResponse] = ()) -> Normalizer:
        """Return the normaliser of this chain.

        Parameters
        ----------
        rooms : sequence of ImpulseResponse
            As for `Normalizer`.

        Raises
        ------
        InputError
            If the impulse responses are not those of the chain.
        """
        responses = self.responses.load() if self.responses is not None else ()
        return Normalizer(self.stats, self.settings, responses=responses, rooms=rooms)

    @property
    def signature(self) -> str:
        """Hash that is equal for chains with the same results."""
        content: list[Any] = [self.stats.signature, self.settings.model_dump(mode="json")]
        if self.responses is not None:
            content.append(list(self.responses.identities))
        return documents.signature(content)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values, the content of the file."""
        content = {
            "stats": self.stats.to_dict(),
            "settings": self.settings.model_dump(mode="json"),
            "impulse_responses": self.responses.to_dict() if self.responses is not None else None,
        }
        return DOCUMENT.wrap(content)

    @classmethod
    def from_dict(cls, content: Any, label: str = "chain") -> Self:
        """Create a chain from `to_dict`; `label` names it in errors.

        Raises
        ------
        InputError
            If the content is something else or of another version.
        StatsError
            If its statistics are damaged.
        """
        DOCUMENT.check(content, label)
        try:
            settings = ChainSettings(**content["settings"])
            source = content["impulse_responses"]
            responses = ImpulseResponses.from_dict(source) if source is not None else None
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            reason = first_line(error) if isinstance(error, ValueError) else error
            raise InputError(f"{label}: its settings are damaged ({reason}); normalise again") from error
        return cls(FxStats.from_dict(content.get("stats"), f"{label}: its statistics"), settings, responses)

    def save(self, path: Path) -> None:
        """Write the file atomically.

        Raises
        ------
        InputError
            If it cannot be written.
        """
        DOCUMENT.write(path, self.to_dict())

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the file.

        Raises
        ------
        InputError
            If it is missing, or no chain.
        StatsError
            If its statistics are damaged.
        """
        return cls.from_dict(DOCUMENT.read(path), str(path))
