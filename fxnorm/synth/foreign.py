"""Adapt foreign processors, which have `process(x)` on arrays (samples, channels), such as those of pymixconsole."""

from typing import Any

import numpy as np

from fxnorm.errors import InputError
from fxnorm.synth.processor import Float64, Processor


class ForeignProcessor:
    """Processor that calls `process(x)` of a foreign object on a transposed copy of the audio.

    Parameters
    ----------
    processor : object
        Object with a method `process(x)` that takes and returns an array of shape (samples, channels).
    """

    def __init__(self, processor: Any) -> None:
        self.processor = processor

    def process(self, audio: Float64, sample_rate: int) -> Float64:
        """Process audio of shape (2, samples); the foreign object knows its own sample rate."""
        # Always a copy, because a foreign processor may write into its input.
        processed = self.processor.process(np.array(audio.T, order="C"))
        return np.ascontiguousarray(np.asarray(processed, dtype=np.float64).T)

    def to_dict(self) -> dict[str, Any]:
        """Return the class of the object and its parameters, where it lists them as pymixconsole does."""
        kind = type(self.processor)
        serialize = getattr(getattr(self.processor, "parameters", None), "serialize", None)
        values = serialize() if callable(serialize) else {}
        plain = {name: value.item() if isinstance(value, np.generic) else value for name, value in values.items()}
        return {"insert": f"{kind.__module__}.{kind.__qualname__}", **plain}


def adapt(processor: Any) -> Processor:
    """Return a `Processor` as it is and wrap any other object with `process(x)`.

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
