"""Interface of the processors of a console, and the base class of the built-in ones.

A processor is frozen settings. It can be used in three ways, which follow the same law:

- `process` takes a whole recording;
- `stream` takes a recording block by block, in bounded memory; the blocks joined equal the whole bit for bit;
- `vjp` returns the result and a function that carries a gradient back (vector-Jacobian product).

Audio has the shape (channels, samples), with one or two channels, in float32 or float64; the result has the same dtype.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from fxnorm.console.settings import Settings, nearest, own_parameters, read_item
from fxnorm.errors import InputError

Samples: TypeAlias = npt.NDArray[np.floating[Any]]
Float64: TypeAlias = npt.NDArray[np.float64]

BLOCK = 8192  # samples processed at a time: a stereo block and its temporaries stay in the cache


@dataclass(frozen=True)
class Gradients:
    """Gradients of a scalar with respect to what went into a processor.

    Attributes
    ----------
    audio : ndarray, shape (channels, samples)
    values : ndarray, shape (parameters,), float64
        In the order of `Processor.parameters`.
    key : ndarray, shape (channels, samples), or None
        With respect to the side-chain, where there is one.
    """

    audio: Samples
    values: Float64
    key: Samples | None = None


Pullback: TypeAlias = Callable[[Samples], Gradients]


class Stream:
    """A recording on its way through a processor, with the states that are carried from block to block."""

    def __init__(self, channels: int) -> None:
        self.channels = channels

    def push(self, block: Samples, key: Samples | None = None) -> Samples:
        """Process the next samples and return those that are ready, perhaps none.

        Parameters
        ----------
        block : ndarray, shape (channels, samples)
        key : ndarray, shape (channels, samples), optional
            Same span of the side-chain.
        """
        raise NotImplementedError

    def finish(self) -> Samples:
        """Return the samples that are still missing; all together are as many as went in."""
        return np.empty((self.channels, 0), dtype=np.float32)


class Memoryless(Stream):
    """Stream of a processor without states."""

    def __init__(self, channels: int, law: Callable[[Samples], Samples]) -> None:
        super().__init__(channels)
        self._law = law

    def push(self, block: Samples, key: Samples | None = None) -> Samples:
        """Process the next samples."""
        del key
        return self._law(block)


@dataclass(frozen=True)
class Processor(Settings):
    """Base class of the built-in processors. A subclass with a `KIND` can be read from documents.

    Attributes
    ----------
    KIND : str
        Name in documents.
    NEEDS_STEREO : bool
        Whether mono audio is spread to two channels before it.
    """

    KIND: ClassVar[str]
    NEEDS_STEREO: ClassVar[bool] = False

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "KIND" in vars(cls):
            PROCESSORS[cls.KIND] = cls

    @property
    def title(self) -> str:
        """Name in tables and on pages."""
        return self.KIND.replace("_", " ")

    @property
    def is_neutral(self) -> bool:
        """Whether the processor returns its input bit for bit."""
        return False

    def process(self, audio: Samples, sample_rate: int, *, key: Samples | None = None) -> Samples:
        """Process a whole recording.

        Parameters
        ----------
        audio : ndarray, shape (channels, samples), float32 or float64
        sample_rate : int
            In Hz.
        key : ndarray, shape (channels, samples), optional
            Side-chain, as long as the audio.

        Returns
        -------
        ndarray, shape (channels, samples)
            Same dtype; two channels if the processor needs stereo.
        """
        audio = spread(audio) if self.NEEDS_STEREO else audio
        return process_blocks(self.stream(sample_rate, len(audio)), audio, key)

    def stream(self, sample_rate: int, channels: int) -> Stream:
        """Begin a recording.

        Parameters
        ----------
        sample_rate : int
            In Hz.
        channels : int
            1 or 2; 2 if the processor needs stereo.
        """
        raise NotImplementedError

    def vjp(self, audio: Samples, sample_rate: int, *, key: Samples | None = None) -> tuple[Samples, Pullback]:
        """Process a whole recording, and return a function that carries a gradient back.

        Parameters
        ----------
        audio, sample_rate, key
            As for `process`.

        Returns
        -------
        out : ndarray, shape (channels, samples)
        pullback : callable
            Takes the gradient with respect to `out` and returns `Gradients`.

        Raises
        ------
        InputError
            If the processor has no gradient.
        """
        raise InputError(f"expected a processor with a gradient, got {self.title}; leave it out of the fit")

    def describe(self) -> str:
        """Describe the settings in one line, as a mixing engineer would write them."""
        texts = [
            f"{name.removesuffix('_' + item.unit.lower()).replace('_', ' ')} {item.format(getattr(self, name))}"
            for name, item in own_parameters(type(self)).items()
            if getattr(self, name) != item.off
        ]
        return ", ".join(texts)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values, the name of the processor first."""
        return {"processor": self.KIND, **super().to_dict()}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """Build a processor from `to_dict`; called on `Processor` itself, one of the class that the content names.

        Called on a class of its own, such as that of the bands of another processor, the name can be left out.

        Raises
        ------
        InputError
            If the processor or one of its settings is unknown, missing or out of range.
        """
        default = vars(cls).get("KIND")
        if not isinstance(content, Mapping) or ("processor" not in content and default is None):
            raise InputError(f"expected an object with the key 'processor', got {content!r}; name the processor")
        name = content.get("processor", default)
        if name not in PROCESSORS:
            advice = nearest(str(name), PROCESSORS)
            raise InputError(f"expected a processor among {', '.join(PROCESSORS)}, got {name!r}; {advice}")
        kind = PROCESSORS[name]
        if not issubclass(kind, cls):
            raise InputError(f"expected the processor {cls.KIND}, got {name}; build it from Processor")
        settings = {key: value for key, value in content.items() if key != "processor"}
        return read_item(super(Processor, kind).from_dict, settings, str(name))


PROCESSORS: dict[str, type[Processor]] = {}


def process_blocks(stream: Stream, audio: Samples, key: Samples | None = None) -> Samples:
    """Take a whole recording, shape (channels, samples), through a stream; the result has the same shape and dtype."""
    out = np.empty_like(audio)
    count = 0
    for start in range(0, audio.shape[1], BLOCK):
        span = slice(start, start + BLOCK)
        ready = stream.push(audio[:, span], None if key is None else key[:, span])
        out[:, count : count + ready.shape[1]] = ready
        count += ready.shape[1]
    out[:, count:] = stream.finish()
    return out


def spread(audio: Samples) -> Samples:
    """Spread mono audio to two channels at constant power, -3 dB each; return stereo unchanged."""
    if len(audio) == 2:
        return audio
    return np.repeat(audio * audio.dtype.type(np.sqrt(0.5)), 2, axis=0)
