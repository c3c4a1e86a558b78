"""Strips of a console for a page: fader, pan, processors with their numbers, sends, and the reason of each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from fxnorm import audio, pages, plots
from fxnorm.audio import Audio
from fxnorm.console import Bus, Compressor, Console, Eq, EqBand, Pan, Processor, TrackStrip
from fxnorm.console.render import render
from fxnorm.corpus.stems import STEMS
from fxnorm.dsp.biquads import biquad
from fxnorm.models.base import MixResult
from fxnorm.units import amplitude_to_db, db_to_amplitude

EXCERPTS_S = 200.0  # of all players of strips together
EXCERPT_RANGE_S = 4.0, 20.0
CURVE_HZ = np.geomspace(20.0, 20_000.0, 256)
CURVE_FLOOR_DB = -18.0
COLOUR = "#8a8d93"  # of buses and the master

Facts = list[tuple[str, str | None]]
Section = dict[str, Any]


def strips(
    console: Console, result: MixResult, recordings: Mapping[str, Audio], files: Mapping[str, str], gain_db: float
) -> list[Section]:
    """Describe tracks, buses and the master.

    Parameters
    ----------
    console : Console
    result : MixResult
    recordings : mapping of str to ndarray, shape (1 or 2, samples)
        Tracks as recorded.
    files : mapping of str to str
        Files of each track, as text.
    gain_db : float
        Gain of the players of the processed tracks: that of the master.

    Returns
    -------
    list of dict
        Values of the template.
    """
    seconds = min(max(EXCERPTS_S / (2 * len(recordings)), EXCERPT_RANGE_S[0]), EXCERPT_RANGE_S[1])
    reasons: Mapping[str, Mapping[str, Sequence[str]]] = console.notes.get("reasons", {})
    described = [
        _strip(track, files[track.name], reasons.get(track.name, {}), result.sample_rate)
        | _players(track, recordings[track.name], result.sample_rate, seconds, gain_db)
        for track in console.tracks
    ]
    described += [_strip(bus, "bus", reasons.get(bus.name, {}), result.sample_rate) for bus in console.buses]
    described.append(_master(console, reasons.get("master", {}), result.sample_rate))
    return described


def _strip(strip: TrackStrip | Bus, subtitle: str, reasons: Mapping[str, Sequence[str]], sample_rate: int) -> Section:
    stem = strip.stem if isinstance(strip, TrackStrip) else ""
    colour = plots.COLOURS[stem] if stem in STEMS else COLOUR
    role = strip.role.replace("_", " ") if isinstance(strip, TrackStrip) else ""
    used = {"fader", "pan", "sends", "role"}
    channel = [
        {"title": "Fader", "value": f"{strip.fader_db:+.1f} dB", "reasons": reasons.get("fader", ())},
        {"title": "Pan", "value": Pan(strip.pan).describe(), "reasons": reasons.get("pan", ())},
    ]
    sends = ", ".join(f"{send.level_db:+.1f} dB to {send.bus}" for send in strip.sends) or "none"
    if isinstance(strip, TrackStrip):
        channel.append({"title": "Sends", "value": sends, "reasons": reasons.get("sends", ())})
    sections = list(_processors(strip.processors, reasons, colour, sample_rate, used))
    return {
        "name": strip.name,
        "role": role or ("role unknown" if isinstance(strip, TrackStrip) else ""),
        "subtitle": subtitle,
        "colour": colour,
        "channel": channel,
        "processors": sections,
        "absent": [line for key, lines in reasons.items() if key not in used for line in lines],
        "before": None,
        "after": None,
        "has_players": False,
    }


def _master(console: Console, reasons: Mapping[str, Sequence[str]], sample_rate: int) -> Section:
    master = console.master
    fader = {"title": "Fader", "value": f"{master.fader_db:+.1f} dB", "reasons": ()}
    used: set[str] = set()
    sections = list(_processors(master.processors, reasons, COLOUR, sample_rate, used))
    absent = [line for key, lines in reasons.items() if key not in used for line in lines]
    return {
        "name": "master", "role": "", "subtitle": "", "colour": COLOUR, "channel": [fader], "processors": sections,
        "absent": absent, "before": None, "after": None, "has_players": False,
    }  # fmt: skip


def _processors(
    processors: Sequence[Processor],
    reasons: Mapping[str, Sequence[str]],
    colour: str,
    sample_rate: int,
    used: set[str],
) -> Iterator[Section]:
    for processor in processors:
        key = getattr(processor, "KIND", "")
        lines = () if key in used else reasons.get(key, ())
        used.add(key)
        yield {
            "title": processor.title,
            "facts": list(_facts(processor)),
            "picture": plots.draw_gains({"": eq_response(processor, sample_rate)}, colour)
            if isinstance(processor, Eq)
            else None,
            "reasons": lines,
        }


def _facts(processor: Processor) -> Iterator[tuple[str, str]]:
    if isinstance(processor, Eq):
        yield from (_band_facts(band) for band in processor.bands)
    elif isinstance(processor, Compressor):
        yield "Threshold", f"{processor.threshold_db:.1f} dB"
        yield "Ratio", f"{processor.ratio:.3g} : 1"
        yield "Attack", f"{processor.attack_ms:.3g} ms"
        yield "Release", f"{processor.release_ms:.3g} ms"
        yield "Knee", f"{processor.knee_db:.3g} dB"
        yield "Makeup", f"{processor.makeup_db:+.1f} dB"
    else:
        yield "Settings", processor.describe()


def _band_facts(band: EqBand) -> tuple[str, str]:
    name = band.kind.replace("_", " ").capitalize()
    frequency = band.parameters()["frequency_hz"].format(band.frequency_hz)
    if band.is_pass:
        return name, frequency
    q = f", Q {band.q:.2g}" if band.kind == "peak" else ""
    return name, f"{band.gain_db:+.1f} dB at {frequency}{q}"


def eq_response(eq: Eq, sample_rate: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return frequencies in Hz and the gain of an equaliser in dB."""
    frequency_hz = CURVE_HZ[: int(np.searchsorted(CURVE_HZ, 0.49 * sample_rate))]
    z = np.exp(-2j * np.pi * frequency_hz / sample_rate)
    response = np.ones_like(z)
    for band in eq.bands:
        b0, b1, b2, a0, a1, a2 = biquad(band.band, sample_rate)
        response *= (b0 + b1 * z + b2 * z**2) / (a0 + a1 * z + a2 * z**2)
    return frequency_hz, amplitude_to_db(np.abs(response), floor_db=CURVE_FLOOR_DB)


def _players(
    track: TrackStrip, recording: Audio, sample_rate: int, seconds: float, gain_db: float
) -> dict[str, str | bool | None]:
    """Encode the loudest excerpt of a track as recorded and at its output."""
    excerpt = np.ascontiguousarray(recording[:, audio.loudest(recording, sample_rate, seconds)])
    alone = Console(tracks=(replace(track, output="master", sends=(), processors=_without_keys(track)),))
    processed = render(alone, {track.name: excerpt}, sample_rate).mix * np.float32(db_to_amplitude(gain_db))
    players = {"before": excerpt, "after": processed}
    return {"has_players": True} | {
        key: None if audio.is_silent(samples) else pages.audio_uri(samples, sample_rate)
        for key, samples in players.items()
    }


def _without_keys(track: TrackStrip) -> tuple[Processor, ...]:
    """Return the processors that need no other track."""
    return tuple(processor for processor in track.processors if not getattr(processor, "key", ""))
