"""Play a REAPER project as REAPER does: by the numbers in the file and formulas of its own, not by fxnorm's processors.

Biquads are those of R. Bristow-Johnson's cookbook, given by bandwidth and by shelf slope. JSFX files are run.
"""

import base64
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile
from scipy.signal import lfilter

from fxnorm.sessions.reaper import _Block, _tree
from tests.sessions.jsfx import Effect

Float64 = npt.NDArray[np.float64]


@dataclass
class Played:
    """Outputs of a project."""

    mix: Float64
    tracks: dict[str, Float64]


def play(path: Path, samples: int) -> Played:
    """Render a project and the effects in `fx` beside it."""
    root = _tree(iter(path.read_text(encoding="utf-8").splitlines()[1:]))
    sample_rate = int(root.line("SAMPLERATE")[0])
    assert root.line("PANLAW") == ["1"], "sends and the master are at full level in the middle"
    tracks = root.all("TRACK")
    mix = np.zeros((2, samples))
    waiting = {index: np.zeros((2, samples)) for index in range(len(tracks))}
    outputs: dict[str, Float64] = {}
    for index, track in enumerate(tracks):
        audio = waiting[index]
        for item in track.all("ITEM"):
            assert item.line("POSITION") == ["0"]
            audio = audio + _read(path.parent / item.all("SOURCE")[0].line("FILE")[0], samples)
        processed = _chain(track.all("FXCHAIN"), audio, path.parent, sample_rate)
        volume, pan, law = map(float, track.line("VOLPAN")[:3])
        if track.line("MUTESOLO")[0] == "1":
            volume, processed = 0.0, 0.0 * processed
        assert track.line("PANLAWFLAGS") == ["0"], "a sine taper"
        placed = volume * _pan(pan, law) * processed
        outputs[track.line("NAME")[0]] = placed
        if track.line("MAINSEND")[0] == "1":
            mix += placed
        for target, receiver in enumerate(tracks):
            for line in receiver.lines:
                if line[0] == "AUXRECV" and int(line[1]) == index:
                    assert target > index or not receiver.all("ITEM")
                    source = {"0": placed, "3": processed}[line[2]]
                    waiting[target] += float(line[3]) * source
    mix = _chain(root.all("MASTERFXLIST"), mix, path.parent, sample_rate) * float(root.line("MASTER_VOLUME")[0])
    return Played(mix, outputs)


def _read(path: Path, samples: int) -> Float64:
    audio, _ = soundfile.read(path, dtype="float64", always_2d=True)
    both = np.broadcast_to(audio.T, (2, len(audio)))  # a mono file plays in both channels
    return np.pad(both, ((0, 0), (0, samples - both.shape[1])))


def _pan(pan: float, law: float) -> Float64:
    """Gains of -3 dB in the middle with a sine taper; above 1 the law is compensated, with 0 dB there."""
    assert min(abs(law - np.sqrt(0.5)), abs(law - np.sqrt(2.0))) < 1e-12
    angle = np.pi / 4.0 * (1.0 + pan)
    return np.array([[np.cos(angle)], [np.sin(angle)]]) * (np.sqrt(2.0) if law > 1.0 else 1.0)


def _chain(chains: list[_Block], audio: Float64, folder: Path, sample_rate: int) -> Float64:
    for device in (block for chain in chains for block in chain.blocks):
        if device.words[0] == "VST":
            assert "1919247729<56535472656571726561657100000000>" in device.words
            audio = reaeq(b"".join(base64.b64decode(line[0]) for line in device.lines), audio, sample_rate)
        else:
            assert len(device.lines[0]) == 64
            effects, _, file = device.words[1].partition("/")
            assert (device.words[0], effects) == ("JS", "fxnorm")
            values = {n: float(word) for n, word in enumerate(device.lines[0], 1) if word != "-"}
            audio = Effect(folder / "fx" / file, values, sample_rate).process(audio)
    return audio


def reaeq(state: bytes, audio: Float64, sample_rate: int) -> Float64:
    """Filter audio by the bands of a state: 60 bytes, two integers, bands of 33 bytes."""
    size, count = struct.unpack_from("<ii", state, 60)
    assert size == 33
    assert len(state) == 60 + 8 + 33 * count + 8 + 8 + 16 + 6
    assert struct.unpack_from("<i", state, 48)[0] == len(state) - 66
    for index in range(count):
        kind, enabled, hz, gain, octaves, _ = struct.unpack_from("<iidddb", state, 68 + 33 * index)
        assert enabled == 1
        assert 0.01 <= octaves <= 4.0
        audio = lfilter(*_biquad(kind, hz, gain, octaves, sample_rate), audio)
    return audio


def _biquad(kind: int, hz: float, gain: float, octaves: float, sample_rate: int) -> tuple[Any, Any]:
    w0 = 2.0 * np.pi * hz / sample_rate
    cos = np.cos(w0)
    bent = w0 / np.sin(w0) if w0 < np.pi / 2.0 else np.pi / 2.0
    alpha = np.sin(w0) * np.sinh(np.log(2.0) / 2.0 * octaves * bent)
    a = np.sqrt(gain)
    if kind == 8:
        return [1 + alpha * a, -2 * cos, 1 - alpha * a], [1 + alpha / a, -2 * cos, 1 - alpha / a]
    if kind == 3:
        return [(1 - cos) / 2, 1 - cos, (1 - cos) / 2], [1 + alpha, -2 * cos, 1 - alpha]
    if kind == 4:
        return [(1 + cos) / 2, -1 - cos, (1 + cos) / 2], [1 + alpha, -2 * cos, 1 - alpha]
    assert octaves == 1.0, "other slopes of shelves are not known"
    root = np.sqrt(2.0) * np.sin(w0) * np.sqrt(a)  # 2 sqrt(A) alpha with the slope 1
    if kind == 0:
        return (
            [a * (a + 1 - (a - 1) * cos + root), 2 * a * (a - 1 - (a + 1) * cos), a * (a + 1 - (a - 1) * cos - root)],
            [a + 1 + (a - 1) * cos + root, -2 * (a - 1 + (a + 1) * cos), a + 1 + (a - 1) * cos - root],
        )
    assert kind == 1
    return (
        [a * (a + 1 + (a - 1) * cos + root), -2 * a * (a - 1 + (a + 1) * cos), a * (a + 1 + (a - 1) * cos - root)],
        [a + 1 - (a - 1) * cos + root, 2 * (a - 1 - (a + 1) * cos), a + 1 - (a - 1) * cos - root],
    )
