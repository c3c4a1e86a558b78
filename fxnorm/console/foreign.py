"""Adapt foreign processors, which have `process(x)` on arrays (samples, channels), such as those of pymixconsole."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from fxnorm.console.processor import Processor, Samples, Stream
from fxnorm.errors import InputError


@dataclass(frozen=True)
class ForeignProcessor(Processor):
    """Processor that calls `process(x)` of a foreign object once, on the whole recording.

    The object knows its own sample rate. It has no gradient, and a document that names it cannot be read back.

    Attributes
    ----------
    foreign : object
        Object with a method `process(x)` that takes and returns an array of shape (samples, channels), float64.
    """

    foreign: Any

    @property
    def title(self) -> str:
        """Module and class of the object."""
        kind = type(self.foreign)
        return f"{kind.__module__}.{kind.__qualname__}"

    def stream(self, sample_rate: int, channels: int) -> Stream:
        """Begin a recording, which is collected and processed at its end."""
        del sample_rate
        return _Collector(self, channels)

    def describe(self) -> str:
        """Describe the parameters of the object, where it lists them."""
        return ", ".join(f"{name} {value}" for name, value in self._listed().items()) or "foreign"

    def to_dict(self) -> dict[str, Any]:
        """Return the class of the object and its parameters, where it lists them as pymixconsole does."""
        return {"processor": self.title, **self._listed()}

    def apply(self, audio: Samples) -> Samples:
        """Process a whole recording (channels, samples).

        Raises
        ------
        InputError
            If the object returns another shape.
        """
        # Always a copy, because a foreign processor may write into its input.
        processed = np.asarray(self.foreign.process(np.array(audio.T, dtype=np.float64, order="C")))
        if processed.shape != audio.T.shape:
            raise InputError(
                f"expected an array of shape {audio.T.shape} from {self.title}, got {processed.shape}; "
                "return as many samples and channels as process received"
            )
        return np.ascontiguousarray(processed.T, dtype=audio.dtype)

    def _listed(self) -> dict[str, Any]:
        serialize = getattr(getattr(self.foreign, "parameters", None), "serialize", None)
        values = serialize() if callable(serialize) else {}
        return {name: value.item() if isinstance(value, np.generic) else value for name, value in values.items()}


class _Collector(Stream):
    def __init__(self, settings: ForeignProcessor, channels: int) -> None:
        super().__init__(channels)
        self._settings = settings
        self._blocks: list[Samples] = []

    def push(self, block: Samples, key: Samples | None = None) -> Samples:
        del key
        self._blocks.append(block.copy())
        return block[:, :0]

    def finish(self) -> Samples:
        if not self._blocks:
            return super().finish()
        return self._settings.apply(np.concatenate(self._blocks, axis=1))


def adapt(processor: Any) -> Processor:
    """Return a processor of the console as it is, and wrap any other object with `process(x)`.

    Raises
    ------
    InputError
        If the object has no method `process`.
    """
    if isinstance(processor, Processor):
        return processor
    if not callable(getattr(processor, "process", None)):
        raise InputError(f"expected a processor with process(x), got {type(processor).__name__}; add this method")
    return ForeignProcessor(processor)
