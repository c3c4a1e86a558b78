"""Write the console of a song by rules."""

import itertools
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fxnorm.audio import Audio, loudest
from fxnorm.console import (
    Bus,
    Compressor,
    Console,
    Decorrelation,
    Gain,
    Master,
    Processor,
    Reverb,
    Send,
    TrackStrip,
    render_blocks,
)
from fxnorm.console.render import CHUNK, cut, require_tracks
from fxnorm.corpus.roles import SKIP, STEM_OF_ROLE, classify_role, split_words
from fxnorm.errors import InputError
from fxnorm.mixing.mastering import GLUE_EXCERPT_S
from fxnorm.mixing.rules.balance import measure_outputs, solve
from fxnorm.mixing.rules.dynamics import choose_compressor
from fxnorm.mixing.rules.equalisation import choose_eq
from fxnorm.mixing.rules.measurement import Measurement, measure
from fxnorm.mixing.rules.panning import Position, choose_positions
from fxnorm.mixing.rules.table import MEASURED_LU, RULES
from fxnorm.models.base import SongProgress

VERSION = 1  # raise it when the same tracks get another mix
WORKING_LUFS = -20.0  # of tracks at the input of their processors, and of the mix at the input of the master
UNKNOWN_ROLE = "other"
REVERB = "reverb"
ROOM = Reverb(
    level_db=0.0, dry=0.0, low_cut_hz=200.0, high_cut_hz=7000.0, decay_s=1.4, pre_delay_ms=20.0, size_ms=25.0,
    treble=0.55,
)  # fmt: skip
NARROW_DB = -12.0  # of the side signal of a stereo track relative to its mid signal
GAIN_RANGE_DB = -60.0, 24.0
PROGRESS_MEASURE, PROGRESS_BALANCE = 0.25, 0.55

Reasons = dict[str, dict[str, list[str]]]


@dataclass(frozen=True)
class Draft:
    """Console of a song without a master.

    Attributes
    ----------
    console : Console
        Its notes hold the reasons by strip and processor.
    loudness_lu : dict of str to (float, float)
        Loudness of each role against the mix, and its target.
    notices : tuple of str
    """

    console: Console
    loudness_lu: Mapping[str, tuple[float, float]]
    notices: tuple[str, ...]


def write_console(
    tracks: Mapping[str, Audio],
    sample_rate: int,
    *,
    song: Console | None = None,
    seed: int = 0,
    progress: SongProgress = lambda share, label: None,
) -> Draft:
    """Write the console of a song: gain, EQ, compressor, position, fader and send of every track.

    Parameters
    ----------
    tracks : mapping of str to ndarray, shape (1 or 2, samples), float32
        Recordings by name.
    sample_rate : int
        In Hz.
    song : Console, optional
        A neutral console whose strips have the roles and files of the tracks. By default, roles follow from the names.
    seed : int
        Seed of the reverb and of decorrelation.
    progress : callable
        Called with a share of 0 to 1.

    Returns
    -------
    Draft
        The mix at the input of the master has -20 LUFS, measured as the balance is.

    Raises
    ------
    InputError
        If there is no track, or the song has other tracks.
    """
    if not tracks:
        raise InputError("expected at least one track, got none; record something")
    base = song if song is not None else _by_names(tracks)
    require_tracks(base, tracks)
    strips: dict[str, TrackStrip] = {}
    measured: dict[str, tuple[str, Measurement]] = {}
    reasons: Reasons = {}
    notices: list[str] = []
    for number, strip in enumerate(base.tracks, start=1):
        role = strip.role or UNKNOWN_ROLE
        measurement = measure(tracks[strip.name], sample_rate)
        if measurement is None:
            strips[strip.name] = replace(strip, processors=())
            reasons[strip.name] = {"fader": ["silent: left as it is"]}
            notices.append(f"{strip.name} is silent: left as it is")
        else:
            measured[strip.name] = role, measurement
            processors, why = _process(tracks[strip.name], sample_rate, role, measurement)
            strips[strip.name] = replace(strip, processors=processors)
            reasons[strip.name] = {"role": [_role_reason(strip)]} | why
        progress(PROGRESS_MEASURE * number / len(tracks), strip.name)
    for name, position in choose_positions(measured).items():
        strips[name] = _place(strips[name], position, measured[name], reasons[name], seed)
    console = replace(base, tracks=tuple(strips[strip.name] for strip in base.tracks))
    reached: dict[str, tuple[float, float]] = {}
    bus_name = _bus_name([strip.name for strip in base.tracks])
    if measured:
        roles = [measured[name][0] for name in measured]
        outputs = _outputs(console, tracks, sample_rate, list(measured), progress)
        faders_db, reached = solve(measure_outputs(outputs, list(measured), sample_rate), roles, WORKING_LUFS)
        for name, role, fader_db in zip(measured, roles, faders_db, strict=True):
            strips[name] = replace(strips[name], fader_db=_fader(float(fader_db)))
            reasons[name]["fader"] = [_fader_reason(role, roles.count(role), *reached[role])]
            strips[name] = _send(strips[name], role, bus_name, reasons[name])
    reasons[bus_name] = {
        "reverb": ["one room for all, so that the tracks stand in one place; filtered against mud and hiss"]
    }
    notes: dict[str, Any] = {"made_by": f"rules {VERSION}", "seed": seed, "reasons": reasons}
    needs_room = any(strip.sends for strip in strips.values())
    bus = Bus(bus_name, (replace(ROOM, seed=seed),))
    console = replace(
        base,
        tracks=tuple(strips[strip.name] for strip in base.tracks),
        buses=(bus,) if needs_room else (),
        master=Master(),
        notes=notes,
    )
    return Draft(console, reached, tuple(notices))


def _by_names(tracks: Mapping[str, Audio]) -> Console:
    strips = []
    for name in tracks:
        role = classify_role(split_words(name))
        role = None if role == SKIP else role
        strips.append(TrackStrip(name, role=role or "", stem=STEM_OF_ROLE[role] if role else "other"))
    return Console(tracks=tuple(strips))


def _process(
    audio: Audio, sample_rate: int, role: str, measurement: Measurement
) -> tuple[tuple[Processor, ...], dict[str, list[str]]]:
    """Choose gain, EQ and compressor of a track."""
    rule = RULES[role]
    gains = _gains(WORKING_LUFS - measurement.loudness_lufs)
    eq, eq_reasons = choose_eq(measurement, rule)
    processors: list[Processor] = [*gains, eq] if eq.bands else [*gains]
    excerpt = audio[:, loudest(audio, sample_rate, GLUE_EXCERPT_S)]
    for processor in processors:
        excerpt = processor.process(excerpt, sample_rate)
    compressor, reason = choose_compressor(excerpt, sample_rate, measurement, rule)
    if isinstance(compressor, Compressor):
        processors.append(compressor)
    level = f"{measurement.loudness_lufs:.1f} LUFS, brought to the working level of {WORKING_LUFS:g} LUFS"
    return tuple(processors), {"gain": [level], "eq": eq_reasons, "compressor": [reason]}


def _gains(gain_db: float) -> list[Processor]:
    """Return a gain, or several for a recording that is further from the working level than one reaches."""
    gains: list[Processor] = []
    remaining = round(gain_db, 1)
    while remaining:
        gains.append(Gain(round(min(max(remaining, GAIN_RANGE_DB[0]), GAIN_RANGE_DB[1]), 1)))
        remaining = round(remaining - gains[-1].gain_db, 1)  # type: ignore[attr-defined]
    return gains


def _place(
    strip: TrackStrip, position: Position, track: tuple[str, Measurement], reasons: dict[str, list[str]], seed: int
) -> TrackStrip:
    """Pan a track; widen one in the middle that may be wide but is mono or narrow."""
    reasons["pan"] = [position.reason]
    role, measurement = track
    amount = RULES[role].decorrelation
    is_narrow = not measurement.is_mono and measurement.side_db < NARROW_DB
    if not amount or not (position.is_alone or is_narrow):
        return replace(strip, pan=position.pan)
    own_seed = (zlib.crc32(strip.name.encode()) + seed) % 2**31  # the same wherever the track stands in the list
    noun = f"stereo, but narrow (side {measurement.side_db:.0f} dB)" if is_narrow else "mono and alone in the middle"
    reasons["decorrelation"] = [f"{noun}: widened, its mono sum unchanged"]
    return replace(strip, pan=position.pan, processors=(*strip.processors, Decorrelation(amount, seed=own_seed)))


def _send(strip: TrackStrip, role: str, bus: str, reasons: dict[str, list[str]]) -> TrackStrip:
    level_db = RULES[role].send_db
    if level_db is None:
        reasons["sends"] = [f"no reverb, as {_words(role)}"]
        return strip
    reasons["sends"] = [f"{level_db:g} dB to the reverb, as {_words(role)}"]
    return replace(strip, sends=(Send(bus, level_db),))


def _bus_name(tracks: Sequence[str]) -> str:
    """Return a name for the reverb that no track has."""
    names = itertools.chain([REVERB], (f"{REVERB} {number}" for number in itertools.count(2)))
    return next(name for name in names if name not in tracks)


def _fader(fader_db: float) -> float:
    return round(min(max(fader_db, GAIN_RANGE_DB[0]), GAIN_RANGE_DB[1]), 1)


def _fader_reason(role: str, count: int, level_lu: float, target_lu: float) -> str:
    tolerance = f" ± {MEASURED_LU[role][1]:g}" if role in MEASURED_LU else ""
    subject = _words(role) if count == 1 else f"{count} tracks of {_words(role)}, equally loud, together"
    return f"{subject}: {level_lu:.1f} LU against the mix, wanted {target_lu:.1f}{tolerance} LU"


def _role_reason(strip: TrackStrip) -> str:
    return _words(strip.role) if strip.role else f"the name says no instrument: treated as {UNKNOWN_ROLE}"


def _words(role: str) -> str:
    return role.replace("_", " ")


def _outputs(
    console: Console, tracks: Mapping[str, Audio], sample_rate: int, names: Sequence[str], progress: SongProgress
) -> Iterator[dict[str, Any]]:
    """Render the outputs of the tracks with faders at 0 dB, without buses and master."""
    own = replace(console, tracks=tuple(console.track(name) for name in names), buses=())
    samples = max(tracks[name].shape[1] for name in names)
    channels = {name: len(tracks[name]) for name in names}
    for part in render_blocks(own, blocks(tracks, names, samples), sample_rate, channels):
        progress(PROGRESS_MEASURE, "balance")
        yield part.tracks
    progress(PROGRESS_BALANCE, "balance")


def blocks(tracks: Mapping[str, Audio], names: Sequence[str], samples: int) -> Iterator[dict[str, Audio]]:
    """Cut tracks into blocks of one length."""
    for start in range(0, samples, CHUNK):
        count = min(CHUNK, samples - start)
        yield {name: cut(tracks[name], start, count) for name in names}
