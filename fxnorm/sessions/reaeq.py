"""State of ReaEQ, REAPER's equaliser, whose bands are biquads after R. Bristow-Johnson's cookbook.

A state is three base64 texts: the pins of the plug-in and the size of what follows; the bands; the program. Peaks and
passes are given by their bandwidth in octaves, which the cookbook turns into
alpha = sin(w0) sinh(ln(2) / 2 * bandwidth * w0 / sin(w0)). A shelf of bandwidth 1 has the slope S = 1.
"""

import base64
import math
import struct
from collections.abc import Sequence

from fxnorm.console import Eq, EqBand
from fxnorm.console.filtering import HIGHEST
from fxnorm.errors import InputError
from fxnorm.units import amplitude_to_db, db_to_amplitude

ID = 1919247729
TITLE = f'"VST: ReaEQ (Cockos)" reaeq.dll 0 "" {ID}<56535472656571726561657100000000> ""'
TYPES = {"low_shelf": 0, "high_shelf": 1, "low_pass": 3, "high_pass": 4, "peak": 8}
BANDWIDTHS = (0.01, 4.0)  # octaves
SHELF_Q = math.sqrt(0.5)  # of the slope S = 1
SHELF_BANDWIDTH = 1.0

_BAND = struct.Struct("<iidddb")  # type, enabled, Hz, linear gain, octaves, logarithmic scale
_LINE = 96  # bytes per line
_PINS = struct.pack("<4siiqqiqq", b"qeer", -17998098, 2, 1, 2, 2, 1, 2)
_WINDOW = struct.pack("<iiii", 644, 406, 2, 0)  # width, height, and what ReaEQ keeps beside them
_PROGRAM = b"\x00\x00\x10\x00\x00\x00"


def can_encode(eq: Eq, sample_rate: int) -> bool:
    """Whether ReaEQ has all bands: shelves of slope 1, and bandwidths of 0.01 to 4 octaves."""
    low, high = BANDWIDTHS
    for band in eq.bands:
        if band.kind in ("low_shelf", "high_shelf"):
            if abs(band.q - SHELF_Q) > 1e-4:
                return False
        elif not low <= bandwidth(_frequency(band, sample_rate), band.q, sample_rate) <= high:
            return False
    return bool(eq.bands)


def encode(eq: Eq, sample_rate: int) -> list[str]:
    """Return the base64 lines of a ReaEQ with the bands of an equaliser."""
    state = struct.pack("<ii", _BAND.size, len(eq.bands))
    for band in eq.bands:
        frequency_hz = _frequency(band, sample_rate)
        is_shelf = band.kind in ("low_shelf", "high_shelf")
        octaves = SHELF_BANDWIDTH if is_shelf else bandwidth(frequency_hz, band.q, sample_rate)
        gain = 1.0 if band.is_pass else db_to_amplitude(band.gain_db)
        state += _BAND.pack(TYPES[band.kind], 1, frequency_hz, gain, octaves, 1)
    state += struct.pack("<iid", 1, 1, 1.0) + _WINDOW
    header = _PINS + struct.pack("<iii", len(state), 1, 1048576)
    return [_encode(part) for block in (header, state, _PROGRAM) for part in _cut(block)]


def decode(lines: Sequence[str], sample_rate: int) -> Eq:
    """Return the equaliser that base64 lines of a ReaEQ stand for; bands that are off are left out.

    Raises
    ------
    InputError
        If a band has a type that a console lacks, or is a shelf whose slope is not 1.
    """
    data = b"".join(base64.b64decode(line) for line in lines)
    start = len(_PINS) + 12
    size, count = struct.unpack_from("<ii", data, start)
    kinds = {number: kind for kind, number in TYPES.items()}
    bands = []
    for index in range(count):
        number, enabled, frequency_hz, gain, octaves, _ = _BAND.unpack_from(data, start + 8 + index * size)
        if number not in kinds:
            raise InputError(f"ReaEQ: expected shelves, bands and passes, got type {number}; remove the band")
        kind = kinds[number]
        if kind in ("low_shelf", "high_shelf"):
            if octaves != SHELF_BANDWIDTH:
                raise InputError(f"ReaEQ: expected shelves of 1 octave, got {octaves:g}; choose 1")
            q = SHELF_Q
        else:
            q = quality(frequency_hz, octaves, sample_rate)
        level_db = 0.0 if kind in ("low_pass", "high_pass") else float(amplitude_to_db(gain))
        if enabled:
            bands.append(EqBand(kind, round(frequency_hz, 9), round(level_db, 9), round(q, 9)))
    return Eq(tuple(bands))


def bandwidth(frequency_hz: float, q: float, sample_rate: int) -> float:
    """Convert the Q of a peak or a pass to ReaEQ's bandwidth in octaves."""
    return 2.0 * math.asinh(0.5 / q) / (math.log(2.0) * _warp(frequency_hz, sample_rate))


def quality(frequency_hz: float, octaves: float, sample_rate: int) -> float:
    """Convert ReaEQ's bandwidth in octaves to the Q of a peak or a pass."""
    return 0.5 / math.sinh(0.5 * math.log(2.0) * octaves * _warp(frequency_hz, sample_rate))


def _warp(frequency_hz: float, sample_rate: int) -> float:
    """Return w0 / sin(w0), which stays at pi / 2 from a quarter of the sample rate."""
    omega = min(2.0 * math.pi * frequency_hz / sample_rate, 0.5 * math.pi)
    return omega / math.sin(omega)


def _frequency(band: EqBand, sample_rate: int) -> float:
    """Return the frequency at which the band is designed."""
    return min(band.frequency_hz, HIGHEST * sample_rate)


def _cut(block: bytes) -> list[bytes]:
    return [block[start : start + _LINE] for start in range(0, len(block), _LINE)]


def _encode(block: bytes) -> str:
    return base64.b64encode(block).decode("ascii")
