"""Render in advance what a fit does not change, so that a step renders only the rest."""

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from fxnorm.audio import Audio
from fxnorm.console.document import Bus, Console, Master, TrackStrip
from fxnorm.console.processors import Gain
from fxnorm.console.render import offset_samples, render

MIX = "mix"
REST = "rest"


@dataclass(frozen=True)
class Frozen:
    """A console whose free parameters have their old names, and its tracks.

    Attributes
    ----------
    console : Console
    tracks : dict of str to ndarray, shape (channels, samples), float32
        From the start of the song.
    """

    console: Console
    tracks: dict[str, Audio]


def freeze(
    console: Console, tracks: Mapping[str, Audio], sample_rate: int, free: Collection[str], *, jobs: int = 1
) -> Frozen:
    """Render in advance what comes before the free parameters.

    With only the master free, the tracks become one, their sum. With only the master and buses that feed it free, they
    become one per free bus, and the rest. Otherwise each track is taken up to its first free processor.

    Parameters
    ----------
    console : Console
    tracks : mapping of str to ndarray, shape (channels, samples), float32
    sample_rate : int
        In Hz.
    free : collection of str
        Names of `console.parameters()` that will change.
    jobs : int
        Threads.

    Returns
    -------
    Frozen
        With values for the free parameters it gives the same mix as the console.
    """
    buses = {int(name.split(".")[1]) for name in free if name.startswith("buses.")}
    is_simple = all(
        console.buses[index].output == "master" and not console.buses[index].sends and not _keys(console.buses[index])
        for index in buses
    ) and not _keys(console.master)
    if is_simple and not any(name.startswith("tracks.") for name in free):
        return _freeze_buses(console, tracks, sample_rate, sorted(buses), jobs)
    return _freeze_strips(console, tracks, sample_rate, free, jobs)


def _freeze_buses(
    console: Console, tracks: Mapping[str, Audio], sample_rate: int, free: list[int], jobs: int
) -> Frozen:
    """Replace the tracks by the inputs of the free buses, and the sum of everything else."""
    names = [console.buses[index].name for index in free]
    open_buses = tuple(Bus(bus.name) if bus.name in names else bus for bus in console.buses)
    # a neutral bus adds its input to the mix; it is taken out again, because the strip of the bus comes later
    rendering = render(replace(console, buses=open_buses, master=Master()), tracks, sample_rate, jobs=jobs)
    inputs = {name: rendering.buses[name] for name in names}
    rest = rendering.mix - sum(inputs.values(), np.float32(0.0)) if inputs else rendering.mix
    name = REST if inputs else MIX
    strips = [TrackStrip(_unique(f"{bus} tracks", names), output=bus) for bus in names]
    strips.append(TrackStrip(_unique(name, names)))
    kept = tuple(bus if bus.name in names else Bus(bus.name) for bus in console.buses)
    audio = dict(zip((strip.name for strip in strips), (*inputs.values(), rest), strict=True))
    return Frozen(Console(console.name, tuple(strips), kept if names else (), console.master), audio)


def _freeze_strips(
    console: Console, tracks: Mapping[str, Audio], sample_rate: int, free: Collection[str], jobs: int
) -> Frozen:
    """Take every track through the processors before its first free one."""
    strips: tuple[TrackStrip | Bus | Master, ...] = (*console.tracks, *console.buses, console.master)
    keys = {key for strip in strips for key in _keys(strip)}

    def run(index: int) -> tuple[TrackStrip, Audio]:
        strip = console.tracks[index]
        audio = tracks[strip.name]
        lead = offset_samples(strip.offset_ms, sample_rate)
        audio = np.pad(audio, ((0, 0), (lead, 0))) if lead else audio
        strip = replace(strip, offset_ms=0.0)
        count = next(
            (
                number
                for number, processor in enumerate(strip.processors)
                if getattr(processor, "key", "")
                or any(name.startswith(f"tracks.{index}.processors.{number}.") for name in free)
            ),
            len(strip.processors),
        )
        if strip.name in keys or not count:  # a side-chain is the recording itself
            return strip, audio
        for processor in strip.processors[:count]:
            audio = audio if processor.is_neutral else processor.process(audio, sample_rate)
        placeholders = (Gain(),) * count  # so that parameters keep their names
        return replace(strip, processors=(*placeholders, *strip.processors[count:])), np.asarray(audio, np.float32)

    with ThreadPoolExecutor(max(1, jobs)) as pool:
        frozen = list(pool.map(run, range(len(console.tracks))))
    total = max((audio.shape[1] for _, audio in frozen), default=0)
    audio = {strip.name: np.pad(each, ((0, 0), (0, total - each.shape[1]))) for strip, each in frozen}
    return Frozen(replace(console, tracks=tuple(strip for strip, _ in frozen)), audio)


def _keys(strip: TrackStrip | Bus | Master) -> set[str]:
    """Return the side-chains of a strip."""
    return {key for processor in strip.processors if (key := getattr(processor, "key", ""))}


def _unique(name: str, names: list[str]) -> str:
    return name if name not in names else _unique(f"{name}_", names)
