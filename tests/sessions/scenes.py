"""Consoles and recordings for tests of sessions."""

from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fxnorm.console import (
    Bus,
    Compressor,
    Console,
    Eq,
    EqBand,
    Limiter,
    Master,
    Reverb,
    Saturation,
    Send,
    TrackStrip,
    Width,
)

FX = Path(str(resources.files("fxnorm.sessions"))) / "fx"
SAMPLE_RATE = 44_100


def bursts(seconds: float, *, seed: int, channels: int = 2) -> npt.NDArray[np.float32]:
    """Noise whose level rises and falls."""
    count = round(seconds * SAMPLE_RATE)
    envelope = np.sin(np.arange(count) * 2.0 * np.pi * (3.0 + seed) / SAMPLE_RATE) ** 2
    generator = np.random.default_rng(seed)
    return (0.25 * generator.standard_normal((channels, count)) * envelope).astype(np.float32)


def residual_db(expected: npt.NDArray[Any], other: npt.NDArray[Any]) -> float:
    """Energy of the difference relative to what is expected."""
    error = np.asarray(expected, dtype=np.float64) - other
    energy = np.sum(np.asarray(expected, dtype=np.float64) ** 2)
    return float(10.0 * np.log10(np.sum(error**2) / energy + 1e-30))


def desk(count: int = 16) -> Console:
    """Sixteen tracks with an equaliser, a compressor, fader and pan, which every format has."""
    generator = np.random.default_rng(7)

    def draw(low: float, high: float) -> float:
        return round(float(generator.uniform(low, high)), 2)

    tracks = []
    for number in range(count):
        bands = (
            EqBand("high_pass", draw(30.0, 200.0), q=draw(0.5, 1.2)),
            EqBand("low_shelf", draw(60.0, 300.0), draw(-6.0, 6.0)),
            EqBand("peak", draw(300.0, 900.0), draw(-6.0, 6.0), draw(0.4, 4.0)),
            EqBand("peak", draw(2000.0, 18_000.0), draw(-6.0, 6.0), draw(0.4, 4.0)),
            EqBand("high_shelf", draw(5000.0, 12_000.0), draw(-6.0, 6.0)),
            EqBand("low_pass", draw(15_000.0, 20_000.0), q=draw(0.5, 1.2)),
        )
        compressor = Compressor(
            draw(-30.0, -10.0), draw(1.5, 8.0), draw(0.5, 50.0), draw(50.0, 400.0), draw(0.0, 12.0), draw(0.0, 6.0)
        )
        output = "drums" if number < 4 else "master"
        sends = (Send("hall", draw(-20.0, 0.0), number % 2 == 0),) if number % 3 == 0 else ()
        name = f"track {number + 1}" + (' "double"' if number == 5 else "")
        strip = TrackStrip(name, (Eq(bands), compressor), draw(-12.0, 6.0), draw(-1.0, 1.0), number == 9, output, sends)
        tracks.append(strip)
    buses = (
        Bus("drums", (Compressor(-18.0, 2.0),), -1.5, 0.1),
        Bus("hall", (Eq((EqBand("high_pass", 300.0),)),), -6.0),
    )
    master = Master((Eq((EqBand("peak", 4000.0, 1.5, 0.7),)), Compressor(-12.0, 1.5), Limiter(2.0)), -0.5)
    return Console("Desk & song", tuple(tracks), buses, master)


def studio() -> Console:
    """Processors that not every format has, on mono and stereo tracks."""
    eq = Eq((EqBand("high_pass", 80.0, q=0.7), EqBand("peak", 1000.0, 4.0, 1.2)))
    wide = Eq((EqBand("low_shelf", 120.0, 3.0, 1.5), EqBand("peak", 3000.0, -2.0, 0.15)))
    tracks = (
        TrackStrip("kick", (eq, Compressor(-20.0, 4.0)), -3.0),
        TrackStrip("bass: L/R", (wide, Compressor(-25.0, 3.0, wet=0.5)), -5.0, 0.4, sends=(Send("verb", -12.0),)),
        TrackStrip("gtr", (eq, Saturation(8.0), eq), -6.0, -0.5, output="band", sends=(Send("verb", -10.0, True),)),
        TrackStrip(
            "mono", (eq, Width(1.3, 120.0), Compressor(-30.0, 2.0)), 9.0, -0.5, sends=(Send("verb", -10.0, True),)
        ),
        TrackStrip("vox", (Compressor(-20.0, 3.0, key="kick"), eq), -6.0, 0.2, sends=(Send("verb", -10.0, True),)),
    )
    buses = (
        Bus("band", (Compressor(-18.0, 2.0), Saturation(3.0)), -1.0, 0.1),
        Bus("verb", (Reverb(dry=0.0, level_db=0.0), eq), -8.0),
    )
    return Console("Studio", tracks, buses, Master((eq, Compressor(-15.0, 1.5), Limiter(3.0)), -0.5))


def recordings(console: Console, seconds: float = 1.5) -> dict[str, npt.NDArray[np.float32]]:
    """Noise for every track, mono or stereo in turn, of different lengths."""
    return {
        track.name: bursts(seconds + 0.01 * number, seed=number, channels=1 + number % 2)
        for number, track in enumerate(console.tracks)
    }
