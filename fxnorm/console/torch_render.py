"""Render a console on tensors: strips, buses and master, differentiable with respect to tracks and parameters."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fxnorm.console import torch_laws
from fxnorm.console.document import MASTER, Console, Master, Send, Strip
from fxnorm.console.processor import Processor
from fxnorm.console.processors import Gain, Pan
from fxnorm.console.render import require_tracks
from fxnorm.console.settings import nearest
from fxnorm.console.torch import process
from fxnorm.errors import InputError


@dataclass(frozen=True)
class TensorRendering:
    """A batch of rendered mixes.

    Attributes
    ----------
    mix : Tensor, shape (batch, 2, samples)
        Output of the master.
    tracks, buses : dict of str to Tensor, shape (batch, 2, samples)
        Outputs of the strips, after fader and pan; silent where they are muted.
    """

    mix: Tensor
    tracks: dict[str, Tensor]
    buses: dict[str, Tensor]


def render(
    console: Console,
    tracks: Mapping[str, Tensor],
    sample_rate: int,
    *,
    values: Mapping[str, Tensor] | None = None,
    exact: bool | None = None,
) -> TensorRendering:
    """Render a batch of excerpts of a song with one console, differentiable with respect to tracks and values.

    Parameters
    ----------
    console : Console
    tracks : mapping of str to Tensor, shape (batch, channels, samples), float32 or float64
        Recording of each track, mono or stereo, all of one batch and length. Their offsets have been applied: each
        starts with the song, or with the excerpt.
    sample_rate : int
        In Hz.
    values : mapping of str to Tensor, shape (), optional
        Parameters by the names of `console.parameters()`, such as "tracks.0.fader_db", instead of the console's own.
    exact : bool, optional
        As for `console.torch.process`.

    Returns
    -------
    TensorRendering
        What `console.render` gives, to rounding.

    Raises
    ------
    InputError
        If tracks are missing or differ in length, a name is no parameter, a value is out of range, or a gradient is
        wanted through a processor without one.
    """
    require_tracks(console, tracks)
    shapes = {(len(track), track.shape[-1]) for track in tracks.values() if track.ndim == 3}
    if len(shapes) != 1 or any(track.ndim != 3 for track in tracks.values()):
        given = ", ".join(f"{name} {tuple(track.shape)}" for name, track in tracks.items())
        raise InputError(f"expected tracks of shape (batch, channels, samples), all of one length, got {given}")
    return _Desk(console, tracks, sample_rate, values or {}, exact).render()


class _Desk:
    def __init__(
        self,
        console: Console,
        tracks: Mapping[str, Tensor],
        sample_rate: int,
        values: Mapping[str, Tensor],
        exact: bool | None,
    ) -> None:
        self._console = console
        self._tracks = tracks
        self._sample_rate = sample_rate
        self._exact = exact
        self._given = values
        self._own = dict(zip(console.parameters(), console.values(), strict=True))
        for name in values:
            if name not in self._own:
                raise InputError(f"expected a parameter of the console, got {name!r}; {nearest(name, self._own)}")

    def render(self) -> TensorRendering:
        console = self._console
        like = next(iter(self._tracks.values()))
        silence = like.new_zeros((len(like), 2, like.shape[-1]))
        inputs: dict[str, list[Tensor]] = {name: [] for name in (*(bus.name for bus in console.buses), MASTER)}
        tracks = {
            strip.name: self._strip(strip, f"tracks.{index}.", self._tracks[strip.name], inputs)
            for index, strip in enumerate(console.tracks)
        }
        buses = {
            strip.name: self._strip(strip, f"buses.{index}.", _sum(inputs[strip.name], silence), inputs)
            for index, strip in enumerate(console.buses)
        }
        mix = self._process(console.master, "master.", _sum(inputs[MASTER], silence))
        return TensorRendering(self._fade(mix, "master.fader_db"), tracks, buses)

    def _strip(self, strip: Strip, prefix: str, audio: Tensor, inputs: dict[str, list[Tensor]]) -> Tensor:
        """Process a strip, place it, and hand it to where it goes."""
        processed = self._process(strip, prefix, audio)
        if strip.mute:
            processed = torch.zeros_like(processed)
        placed = self._fade(processed, f"{prefix}fader_db")
        if self._is_in_use(f"{prefix}pan"):
            pan = self._values([f"{prefix}pan"], placed).to(placed.dtype)
            placed = torch_laws.pan(Pan(), placed, pan, self._sample_rate, None)
        inputs[strip.output].append(placed)
        for index, send in enumerate(strip.sends):
            inputs[send.bus].append(self._send(send, processed, placed, f"{prefix}sends.{index}.level_db"))
        return placed

    def _send(self, send: Send, processed: Tensor, placed: Tensor, name: str) -> Tensor:
        return self._fade(processed if send.pre_fader else placed, name)

    def _process(self, strip: Strip | Master, prefix: str, audio: Tensor) -> Tensor:
        for index, processor in enumerate(strip.processors):
            names = [f"{prefix}processors.{index}.{name}" for name in processor.parameters()]
            if processor.is_neutral and not any(name in self._given for name in names):
                continue
            values = self._values(names, audio)
            key = self._key(processor)
            audio = process(processor, audio, values, self._sample_rate, key=key, exact=self._exact)
        return _spread(audio)

    def _key(self, processor: Processor) -> Tensor | None:
        """Return the side-chain of a processor: the recording of a track."""
        name = getattr(processor, "key", "")
        return self._tracks[name] if name else None

    def _fade(self, audio: Tensor, name: str) -> Tensor:
        if not self._is_in_use(name):
            return audio
        level_db = self._values([name], audio).to(audio.dtype)
        return torch_laws.gain(Gain(), audio, level_db, self._sample_rate, None)

    def _is_in_use(self, name: str) -> bool:
        return name in self._given or self._own[name] != 0.0

    def _values(self, names: Sequence[str], audio: Tensor) -> Tensor:
        """Return values of parameters in double precision, shape (batch, parameters)."""
        values = [
            self._given[name].to(audio.device, torch.float64)
            if name in self._given
            else torch.tensor(self._own[name], dtype=torch.float64, device=audio.device)
            for name in names
        ]
        row = torch.stack(values) if values else audio.new_zeros(0, dtype=torch.float64)
        return row.expand(len(audio), -1)


def _sum(signals: list[Tensor], silence: Tensor) -> Tensor:
    total = signals[0] if signals else silence
    for signal in signals[1:]:
        total = total + signal
    return total


def _spread(audio: Tensor) -> Tensor:
    """Spread mono to two channels, as `processor.spread`."""
    return (audio * math.sqrt(0.5)).expand(-1, 2, -1) if audio.shape[1] == 1 else audio
