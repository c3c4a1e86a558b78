"""Divide a mix into its stems, shared buses and the master included."""

from collections.abc import Iterable, Mapping

import numpy as np

from fxnorm.console.document import MASTER, Console, Master, Strip, TrackStrip
from fxnorm.console.processor import Processor, Samples
from fxnorm.console.processors import Compressor, Decorrelation, Eq, Gain, Limiter, Pan, Reverb, Width
from fxnorm.console.render import Rendering
from fxnorm.errors import InputError

LINEAR = (Decorrelation, Eq, Gain, Pan, Reverb, Width)

Parts = dict[str, Samples]  # share of each stem in a signal


def divide(console: Console, rendering: Rendering, sample_rate: int) -> dict[str, Samples]:
    """Divide a rendered mix into the shares of its stems, which add up to the mix.

    A bus fed by one stem belongs to that stem. A bus fed by several stems, and the master, are divided by what each
    stem feeds them: linear processors (EQ, gain, pan, width, decorrelation, reverb) process every share alone; a
    compressor or limiter applies the gain that the whole signal has to every share.

    Parameters
    ----------
    console : Console
    rendering : Rendering
        All of the mix, as `render` returns it.
    sample_rate : int
        In Hz.

    Returns
    -------
    dict of str to ndarray, shape (2, samples)
        By stem, in the order of the tracks; tracks without a stem under an empty name.

    Raises
    ------
    InputError
        If stems share a processor that cannot be divided (saturation, multiband compression, a foreign one, or one
        with a side-chain), or a send leaves its strip before the fader.
    """
    feeds: dict[str, Parts] = {name: {} for name in (*(bus.name for bus in console.buses), MASTER)}
    for strip in (*console.tracks, *console.buses):
        if isinstance(strip, TrackStrip):
            parts = {strip.stem: rendering.tracks[strip.name]}
        elif len(feeds[strip.name]) == 1:
            parts = dict.fromkeys(feeds[strip.name], rendering.buses[strip.name])
        else:
            parts = _process_strip(strip, feeds[strip.name], sample_rate)
        _feed(feeds[strip.output], parts, 0.0)
        for send in strip.sends:
            if send.pre_fader:
                raise InputError(f"{strip.name}: expected sends after the fader, got one before it; change pre_fader")
            _feed(feeds[send.bus], parts, send.level_db)
    shares = _process_strip(console.master, feeds[MASTER], sample_rate)
    return {stem: shares[stem] for stem in dict.fromkeys(track.stem for track in console.tracks) if stem in shares}


def _feed(feed: Parts, parts: Parts, level_db: float) -> None:
    """Add parts at a level to what a strip receives."""
    gain = Gain(level_db)
    for stem, part in parts.items():
        scaled = gain.apply(part)
        feed[stem] = feed[stem] + scaled if stem in feed else scaled


def _process_strip(strip: Strip | Master, parts: Parts, sample_rate: int) -> Parts:
    for processor in strip.processors:
        if not processor.is_neutral:
            parts = _process(processor, parts, sample_rate)
    outputs: list[Processor] = [Gain(strip.fader_db)]
    if isinstance(strip, Strip):
        outputs.append(Pan(strip.pan))
        if strip.mute:
            return {stem: np.zeros_like(part) for stem, part in parts.items()}
    for processor in outputs:
        parts = _each(processor, parts, sample_rate)
    return parts


def _process(processor: Processor, parts: Mapping[str, Samples], sample_rate: int) -> Parts:
    if isinstance(processor, LINEAR) or (len(parts) == 1 and not getattr(processor, "key", "")):
        return _each(processor, parts, sample_rate)
    if isinstance(processor, Compressor) and not processor.key:
        whole = add_up(parts.values())
        return {stem: processor.process(part, sample_rate, key=whole) for stem, part in parts.items()}
    if isinstance(processor, Limiter):
        gain = processor.gain_curve(add_up(parts.values()), sample_rate)
        return {stem: part * gain for stem, part in parts.items()}
    names = ", ".join(parts)
    raise InputError(
        f"expected a processor that can be divided among {names}, got {processor.title}; use it on tracks, or on a "
        "bus of one stem"
    )


def _each(processor: Processor, parts: Mapping[str, Samples], sample_rate: int) -> Parts:
    return {stem: processor.process(part, sample_rate) for stem, part in parts.items()}


def add_up(parts: Iterable[Samples]) -> Samples:
    """Add up signals of one shape, in order."""
    first, *others = parts
    total = first.copy()
    for part in others:
        total += part
    return total
