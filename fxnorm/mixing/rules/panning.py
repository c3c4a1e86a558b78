"""Positions of the tracks: mono tracks in symmetric pairs, low content near the middle, stereo tracks in balance."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fxnorm.mixing.rules.measurement import Measurement
from fxnorm.mixing.rules.table import RULES, RoleRule
from fxnorm.units import db_to_amplitude

MIDDLE_HZ, WIDE_HZ = 100.0, 400.0  # half of the power below: in the middle; as wide as the role allows
LEAST = 0.05  # what is nearer to the middle is in the middle
BALANCE_DB = 0.5, 9.0  # smaller differences of the channels are left, larger ones are meant


@dataclass(frozen=True)
class Position:
    """Pan and its reason; whether a mono track has been left alone in the middle for want of a partner."""

    pan: float
    reason: str
    is_alone: bool = False


def choose_positions(tracks: Mapping[str, tuple[str, Measurement]]) -> dict[str, Position]:
    """Choose the position of every track.

    Tracks of one role are paired in the order of their names, and the pairs spread evenly up to the width of the role.
    The last of an odd number is paired with one of another role that would stand as far out, or stays in the middle.

    Parameters
    ----------
    tracks : mapping of str to (str, Measurement)
        Role and measurement by name.

    Returns
    -------
    dict of str to Position
        Those of mono tracks add up to 0.
    """
    positions: dict[str, Position] = {}
    movable: dict[str, list[tuple[str, float]]] = {}
    for name, (role, measurement) in sorted(tracks.items()):
        rule = RULES[role]
        width = rule.width * _freedom(measurement.median_hz)
        if not measurement.is_mono:
            positions[name] = _balance(measurement.balance_db)
        elif width < LEAST:
            positions[name] = _middle(rule, role, measurement)
        else:
            movable.setdefault(role, []).append((name, width))
    leftovers: list[tuple[float, str, str]] = []
    for role, members in sorted(movable.items()):
        pairs = list(zip(members[::2], members[1::2], strict=False))
        for number, ((left, left_width), (right, right_width)) in enumerate(pairs, start=1):
            pan = round(min(left_width, right_width) * number / len(pairs), 2)
            positions |= _pair(left, right, pan, f"pair {number} of {len(pairs)} of the {_words(role)}")
        if len(members) % 2:
            name, width = members[-1]
            leftovers.append((width, name, role))
    leftovers.sort(reverse=True)
    for (left_width, left, left_role), (right_width, right, right_role) in zip(
        leftovers[::2], leftovers[1::2], strict=False
    ):
        pan = round(min(left_width, right_width), 2)
        positions |= _pair(left, right, pan, f"{_words(left_role)} opposite {_words(right_role)}")
    if len(leftovers) % 2:
        _, name, role = leftovers[-1]
        positions[name] = Position(0.0, "in the middle: no track to place opposite", is_alone=True)
    return positions


def _freedom(median_hz: float) -> float:
    """Return how far from the middle a track may stand, 0 to 1, by the frequency below which half of its power lies."""
    return float(np.clip(np.log(max(median_hz, 1.0) / MIDDLE_HZ) / np.log(WIDE_HZ / MIDDLE_HZ), 0.0, 1.0))


def _middle(rule: RoleRule, role: str, measurement: Measurement) -> Position:
    if rule.width == 0.0:
        return Position(0.0, f"in the middle, as {_words(role)}")
    return Position(0.0, f"in the middle: half of its power lies below {measurement.median_hz:.0f} Hz")


def _pair(left: str, right: str, pan: float, reason: str) -> dict[str, Position]:
    return {left: Position(-pan, reason), right: Position(pan, reason)}


def _balance(balance_db: float) -> Position:
    """Even out the channels of a stereo track."""
    if abs(balance_db) < BALANCE_DB[0]:
        return Position(0.0, "stereo, its channels are even")
    side = "left" if balance_db > 0.0 else "right"
    if abs(balance_db) > BALANCE_DB[1]:
        return Position(0.0, f"stereo, {side} by {abs(balance_db):.1f} dB: taken as meant")
    # gains cos(a) and sin(a), a = (1 + pan) pi / 4, with the inverse ratio of the channels
    angle = np.arctan(float(db_to_amplitude(balance_db)))
    pan = round(4.0 * float(angle) / np.pi - 1.0, 2)
    return Position(pan, f"stereo, {side} louder by {abs(balance_db):.1f} dB: evened out")


def _words(role: str) -> str:
    return role.replace("_", " ")
