"""Faders: the loudness of the groups of a mix, brought to that of professional mixes.

Loudness is that of BS.1770 over blocks of 280 ms, with both gates and 10 dB of gain before them (B. De Man et al.,
2014), of the output of a track against the sum of all outputs. The weighted mean products of all pairs of tracks in
every block give the loudness of any sum of them for any faders, so that the balance is found without rendering again.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from fxnorm.console.processor import Samples
from fxnorm.dsp.loudness import OFFSET_LU, Weighting, gated
from fxnorm.mixing.rules.table import (
    ACCOMPANIMENT,
    BASS,
    DRUMS,
    KICK,
    LEAD,
    MEASURED_LU,
    OTHER_DRUMS,
    RULES,
    SNARE,
)
from fxnorm.units import db_to_amplitude, db_to_power, power_to_db

BLOCK_S, HOPS = 0.28, 4
GAIN_DB = 10.0  # before the gates
STEPS = 40
CLOSE_LU = 1e-3
MOST_STEP_DB = 6.0
# How firmly a target is held where all of them together cannot be: the lead vocal first.
FIRMNESS_LU = {LEAD: 0.4, BASS: 2.0}
OTHER_FIRMNESS_LU = 4.0

Float64 = npt.NDArray[np.float64]


class GramMeter:
    """Weighted mean products of all pairs of tracks in hops of 70 ms, from outputs that come block by block."""

    def __init__(self, names: Sequence[str], sample_rate: int) -> None:
        self._names = list(names)
        self._weightings = [Weighting(sample_rate, 2) for _ in self._names]
        self._waiting = [np.zeros((2, 0)) for _ in self._names]
        self._hop = sample_rate * BLOCK_S / HOPS
        self._position = 0  # of the first waiting sample
        self._hops: list[Float64] = []

    def push(self, outputs: Mapping[str, Samples]) -> None:
        """Add the next samples of every track, which may differ in number."""
        for number, name in enumerate(self._names):
            weighted = self._weightings[number].push(outputs[name])
            self._waiting[number] = np.concatenate((self._waiting[number], weighted), axis=1)
        count = min((waiting.shape[1] for waiting in self._waiting), default=0)
        stacked = np.stack([waiting[:, :count] for waiting in self._waiting]) if self._waiting else np.zeros((0, 2, 0))
        start = 0
        while (end := int((len(self._hops) + 1) * self._hop) - self._position) <= count:
            span = stacked[:, :, start:end].reshape(len(self._names), -1)
            self._hops.append(span @ span.T / self._hop)
            start = end
        self._position += start
        self._waiting = [waiting[:, start:] for waiting in self._waiting]

    def blocks(self) -> Float64:
        """Return the mean products in blocks of 280 ms, shape (blocks, tracks, tracks); at least one block."""
        hops = np.array(self._hops) if self._hops else np.zeros((0, len(self._names), len(self._names)))
        if len(hops) < HOPS:
            hops = np.concatenate((hops, np.zeros((HOPS - len(hops), *hops.shape[1:]))))
        total = np.cumsum(np.concatenate((np.zeros((1, *hops.shape[1:])), hops)), axis=0)
        return (total[HOPS:] - total[:-HOPS]) / HOPS


def measure_outputs(parts: Iterable[Mapping[str, Samples]], names: Sequence[str], sample_rate: int) -> Float64:
    """Measure the outputs of tracks that come in parts; see `GramMeter.blocks`."""
    meter = GramMeter(names, sample_rate)
    for part in parts:
        meter.push(part)
    return meter.blocks()


def loudness_lu(blocks: Float64, gains: Float64) -> float:
    """Return the loudness of a weighted sum of tracks.

    Parameters
    ----------
    blocks : ndarray, shape (blocks, tracks, tracks)
    gains : ndarray, shape (tracks,)
        Amplitudes.
    """
    return _loudness(np.einsum("bij,i,j->b", blocks, gains, gains))


def targets_lu(roles: Iterable[str]) -> dict[str, float]:
    """Return the loudness against the mix of every role that is there.

    Groups that are not there leave their share to the others. The shares of drums without measured practice and of
    the accompaniment follow from the levels in the table.
    """
    present = set(roles)
    energy = {group: float(db_to_power(level)) for group, (level, _) in MEASURED_LU.items()}
    accompaniment = 1.0 - sum(energy.values())
    shares = {role: energy[role] for role in (LEAD, BASS, KICK, SNARE) if role in present}
    drums = energy[DRUMS]
    if "kit" in present:  # it holds the drums that have no track
        drums += sum(energy[role] for role in (KICK, SNARE) if role not in present)
    shares |= _shared(drums, [role for role in OTHER_DRUMS if role in present])
    shares |= _shared(accompaniment, [role for role in ACCOMPANIMENT if role in present])
    total = sum(shares.values())
    return {role: float(power_to_db(share / total)) for role, share in shares.items()}


def solve(blocks: Float64, roles: Sequence[str], mix_lufs: float) -> tuple[Float64, dict[str, tuple[float, float]]]:
    """Find the faders.

    Tracks of one role get equal loudness. The levels of the roles minimise the squared deviations from their targets,
    weighted by how firmly each is held, in Gauss-Newton steps.

    Parameters
    ----------
    blocks : ndarray, shape (blocks, tracks, tracks)
        As `GramMeter.blocks` gives them, of tracks that are not silent.
    roles : sequence of str
        Of each track.
    mix_lufs : float
        Loudness of the mix.

    Returns
    -------
    faders_db : ndarray, shape (tracks,)
    reached : dict of str to (float, float)
        Loudness of each role against the mix, and its target.
    """
    count = len(roles)
    single = np.array([_loudness(blocks[:, track, track]) for track in range(count)])
    groups = sorted(set(roles))
    membership = np.array([[role == group for group in groups] for role in roles], dtype=np.float64)
    amplitudes = membership * db_to_amplitude(-single)[:, None]
    grouped: Float64 = np.einsum("bij,ik,jl->bkl", blocks, amplitudes, amplitudes, optimize=True)
    wanted = targets_lu(roles)
    targets = np.array([wanted[group] for group in groups])
    weights = 1.0 / np.array([FIRMNESS_LU.get(group, OTHER_FIRMNESS_LU) for group in groups])
    levels = mix_lufs + targets
    for _ in range(STEPS):
        mix, shares = _mix_loudness(grouped, levels)
        levels = levels + mix_lufs - mix
        residual = _own_loudness(grouped, levels) - mix_lufs - targets
        # the loudness of the mix grows with a level by the share of the energy that goes with it
        jacobian = np.eye(len(groups)) - shares[None, :]
        step = np.linalg.lstsq(weights[:, None] * jacobian, -weights * residual, rcond=1e-9)[0]
        step = np.clip(step - step.mean(), -MOST_STEP_DB, MOST_STEP_DB)
        if np.abs(step).max() < CLOSE_LU:
            break
        levels = levels + step
    levels = levels + mix_lufs - _mix_loudness(grouped, levels)[0]
    own = _own_loudness(grouped, levels) - mix_lufs
    reached = {group: (float(level), wanted[group]) for group, level in zip(groups, own, strict=True)}
    return membership @ levels - single, reached


def _own_loudness(grouped: Float64, levels: Float64) -> Float64:
    """Return the loudness of each group; the absolute gate lets it depend on the level by more than the level."""
    gains = db_to_power(levels)
    return np.array([_loudness(grouped[:, group, group] * gain) for group, gain in enumerate(gains)])


def _mix_loudness(grouped: Float64, levels: Float64) -> tuple[float, Float64]:
    """Return the loudness of the mix and the share of each group in its energy."""
    gains = db_to_amplitude(levels)
    parts = np.einsum("bij,j->bi", grouped, gains) * gains
    energy = np.maximum(parts.sum(axis=1), 1e-15)
    chosen = _gated(energy)
    return _loudness(energy), parts[chosen].sum(axis=0) / energy[chosen].sum()


def _gated(blocks: Float64) -> npt.NDArray[np.bool_]:
    chosen = gated(blocks * db_to_power(GAIN_DB))
    return chosen if chosen.any() else np.ones(len(blocks), dtype=bool)


def _loudness(blocks: Float64) -> float:
    return float(OFFSET_LU + power_to_db(max(blocks[_gated(blocks)].mean(), 1e-15)))


def _shared(energy: float, roles: Sequence[str]) -> dict[str, float]:
    """Share an energy among roles by their levels in the table."""
    levels = np.array([db_to_power(RULES[role].fader_db) for role in roles])
    return {role: float(energy * level / levels.sum()) for role, level in zip(roles, levels, strict=True)}
