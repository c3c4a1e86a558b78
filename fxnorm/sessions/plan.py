"""Fit a console to a DAW format: what stays editable, what is printed into audio, and what is left out."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from fxnorm.console import Bus, Console, Gain, Processor, Send, TrackStrip


@dataclass(frozen=True)
class Format:
    """What a session format can express.

    Attributes
    ----------
    name : str
        File name of the session.
    supports : callable
        Whether a processor can be written as a device.
    most_db : float
        Highest level of faders and sends.
    """

    name: str
    supports: Callable[[Processor], bool]
    most_db: float


@dataclass(frozen=True)
class StripPlan:
    """What becomes of the processors of a track, a bus or the master.

    Attributes
    ----------
    name : str
    live : tuple of Processor
        Devices of the session, after what is printed.
    printed : tuple of Processor
        The first processors, up to the last one that the format lacks; their result is an audio file of the session.
    missing : tuple of Processor
        Processors of a group bus or of the master that the format lacks. These cannot be printed.
    is_return : bool
        Whether the strip is an effect bus whose output is printed.
    """

    name: str
    live: tuple[Processor, ...]
    printed: tuple[Processor, ...] = ()
    missing: tuple[Processor, ...] = ()
    is_return: bool = False


@dataclass(frozen=True)
class Plan:
    """A console as a format can express it.

    Attributes
    ----------
    console : Console
        With the live processors. A printed effect bus is one of its tracks.
    strips : tuple of StripPlan
        Tracks, buses, then the master.
    notices : tuple of str
        Levels that the format cannot express.
    """

    console: Console
    strips: tuple[StripPlan, ...]
    notices: tuple[str, ...]

    def strip(self, name: str) -> StripPlan:
        """Return the plan of a track or bus."""
        return next(strip for strip in self.strips if strip.name == name)


def plan_console(console: Console, form: Format) -> Plan:
    """Decide for every processor whether it is a device of the session, printed, or missing.

    A track is printed up to its last processor that the format lacks. So is a bus that only receives sends, such as a
    reverb: it becomes a track with its own audio, and the sends to it are dropped. A bus that is the output of a strip
    stays a bus, and lacks that processor.
    """
    outputs = {strip.output for strip in (*console.tracks, *console.buses)}
    notices: list[str] = []
    strips: list[StripPlan] = []
    tracks: list[TrackStrip] = []
    buses: list[Bus] = []
    for track in console.tracks:
        plan = _print(track.name, track.processors, track.fader_db - form.most_db, form)
        strips.append(plan)
        tracks.append(replace(track, processors=plan.live, fader_db=min(track.fader_db, form.most_db)))
    for bus in console.buses:
        excess_db = bus.fader_db - form.most_db
        fader_db = min(bus.fader_db, form.most_db)
        if bus.name in outputs:
            plan = _leave_out(bus.name, bus.processors, excess_db, form)
        else:
            plan = replace(_print(bus.name, bus.processors, excess_db, form), is_return=True)
            plan = plan if plan.printed else replace(plan, is_return=False)
        strips.append(plan)
        if plan.is_return:
            tracks.append(TrackStrip(bus.name, plan.live, fader_db, bus.pan, bus.mute, bus.output, bus.sends))
        else:
            buses.append(replace(bus, processors=plan.live, fader_db=fader_db))
    master = console.master
    plan = _leave_out("master", master.processors, master.fader_db - form.most_db, form)
    strips.append(plan)
    returns = {strip.name for strip in strips if strip.is_return}

    def sends(strip: TrackStrip | Bus) -> tuple[Send, ...]:
        kept = []
        for send in strip.sends:
            if send.bus in returns:
                continue
            if send.level_db > form.most_db:
                notices.append(
                    f"{form.name}: the send of {strip.name} to {send.bus} is {form.most_db:.2f} dB instead of "
                    f"{send.level_db:.2f} dB, the most that the format allows"
                )
            kept.append(replace(send, level_db=min(send.level_db, form.most_db)))
        return tuple(kept)

    fitted = Console(
        console.name,
        tuple([replace(track, sends=sends(track)) for track in tracks]),
        tuple([replace(bus, sends=sends(bus)) for bus in buses]),
        replace(master, processors=plan.live, fader_db=min(master.fader_db, form.most_db)),
    )
    return Plan(fitted, tuple(strips), tuple(notices))


def _print(name: str, processors: tuple[Processor, ...], excess_db: float, form: Format) -> StripPlan:
    """Print everything up to the last processor that the format lacks, or all if the fader cannot reach its level."""
    audible = tuple(processor for processor in processors if form.supports(processor) or not processor.is_neutral)
    if excess_db > 0.0:
        return StripPlan(name, (), (*audible, Gain(excess_db)))
    last = max((index + 1 for index, processor in enumerate(audible) if not form.supports(processor)), default=0)
    return StripPlan(name, audible[last:], audible[:last])


def _leave_out(name: str, processors: tuple[Processor, ...], excess_db: float, form: Format) -> StripPlan:
    live = tuple(processor for processor in processors if form.supports(processor))
    missing = tuple(processor for processor in processors if not form.supports(processor) and not processor.is_neutral)
    missing += (Gain(excess_db),) if excess_db > 0.0 else ()
    return StripPlan(name, live, missing=missing)
